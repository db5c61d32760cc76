"""Runs `drafts list` and `drafts show`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable

from reviewbot.cli import streams
from reviewbot.cli.session import SessionOptions, open_session
from reviewbot.drafts.listing import draft_rows, drafts_json
from reviewbot.drafts.named import named
from reviewbot.drafts.placed import see_maildirs
from reviewbot.drafts.shown import ShownDraft, draft_lines, version_of
from reviewbot.memory import drafts
from reviewbot.memory.drafts import OPEN, PLACED, STATES
from reviewbot.memory.evidence import unpacked
from reviewbot.memory.memory import Memory
from reviewbot.model.errors import ConfigError
from reviewbot.model.kernel import Kernel
from reviewbot.model.review import Review
from reviewbot.report.terminal.text import Line, painted, without_styles
from reviewbot.support.ci_commands import JSON
from reviewbot.support.escape import visible


def list_drafts(options: argparse.Namespace, setup: SessionOptions, memory: Memory, now: Callable[[], float]) -> int:
    """List what waits and what is approved; with --all the others as well."""
    see_maildirs(memory, now())
    found = drafts.kept(memory, STATES if options.all else OPEN)
    if options.format == "json":
        streams.put(drafts_json([(one, drafts.points(memory, one.number)) for one in found]), JSON)
        return 0
    if found:
        width = streams.width()
        streams.put(_text(draft_rows(found, now(), width), options.color, width))
    else:
        streams.put("there is no draft\n" if options.all else "no draft is waiting\n")
    placed = 0 if options.all else len(drafts.kept(memory, (PLACED,)))
    if placed:
        lie = "1 more lies in a maildir" if placed == 1 else f"{placed} more lie in maildirs"
        setup.say(f"{lie}, for your mail program (--all lists {'it' if placed == 1 else 'them'})")
    return 0


def show_draft(options: argparse.Namespace, setup: SessionOptions, memory: Memory, now: Callable[[], float]) -> int:
    """Show a draft and all that it rests on, in a pager on a terminal; with --raw only the mail."""
    one = named(memory, options.draft)
    if options.raw:
        _put_raw(one.mail)
        return 0
    review = unpacked(drafts.draft_evidence(memory, one.number))
    shown = ShownDraft(one, drafts.points(memory, one.number), review, version_of(memory, one))
    kernel = _kernel(options, setup, review)
    width = streams.width()
    text = _text(draft_lines(shown, kernel, now(), width), options.color, width)
    if streams.is_terminal(sys.stdout):
        from reviewbot.integrations.pager import paged

        if paged(text.encode("utf-8", "backslashreplace")):
            return 0
    streams.put(text)
    return 0


def _put_raw(mail: bytes) -> None:
    """The mail, byte by byte; on a terminal nothing in it is an order."""
    if streams.is_terminal(sys.stdout):
        lines = mail.decode("utf-8", "surrogateescape").split("\n")
        streams.put("\n".join(map(visible, lines)))
    else:
        streams.put_report(mail)


def _kernel(options: argparse.Namespace, setup: SessionOptions, review: Review | None) -> Kernel | None:
    """The facts that the review was made with, None where they cannot be had: the draft is shown all the same."""
    if review is None:
        return None
    version = options.kernel or f"{review.kernel[0]}.{review.kernel[1]}"
    try:
        return open_session(argparse.Namespace(**{**vars(options), "kernel": version})).kernel
    except ConfigError as error:
        setup.say(f"the matrix is not shown: {error}")
        return None


def _text(lines: Iterable[Line], color: str, width: int) -> str:
    return painted(lines, width) if streams.coloured(color) else without_styles(lines)
