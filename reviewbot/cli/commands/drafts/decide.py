"""Runs `drafts edit`, `drafts approve` and `drafts drop`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from reviewbot.cli import streams
from reviewbot.cli.session import SessionOptions
from reviewbot.drafts.named import all_named, named
from reviewbot.memory import drafts
from reviewbot.memory.drafts import DROPPED, OPEN, WAITING, WRONG, KeptDraft
from reviewbot.memory.memory import Memory
from reviewbot.model.errors import InputError, UsageError
from reviewbot.support.escape import visible

_MOST_TRIES = 100  # of one draft, in one run

Clock = Callable[[], float]


def approve_drafts(options: argparse.Namespace, setup: SessionOptions, memory: Memory, now: Clock) -> int:
    """Approve drafts, or take that back: all that are named, or none of them where one cannot be."""
    found = all_named(memory, options.names)
    for one in found:
        _require(one, OPEN)
    for one in found:
        if options.undo:
            drafts.hold(memory, one.number, now())
            setup.say(f"draft {one.number} waits{' as before' if one.state == WAITING else ' again'}")
        else:
            drafts.approve(memory, one.number, now())
            setup.say(f"draft {one.number} is approved: {visible(one.subject)}")
    if not options.undo:
        setup.say("reviewbot drafts send sends what is approved")
    return 0


def drop_drafts(options: argparse.Namespace, setup: SessionOptions, memory: Memory, now: Clock) -> int:
    """Drop drafts for a reason, or take that back: all that are named, or none of them where one cannot be."""
    found = all_named(memory, options.names)
    for one in found:
        _require(one, (DROPPED,) if options.undo else OPEN)
    if options.undo:
        drafts.restore(memory, [one.number for one in found], now())
        for one in found:
            setup.say(f"draft {one.number} waits again: {visible(one.subject)}")
        return 0
    for one in found:
        drafts.drop(memory, one.number, options.reason, now())
        setup.say(f"draft {one.number} is dropped as {options.reason}: {visible(one.subject)}")
    if options.reason == WRONG:
        setup.say("the same is never raised again for this code")
    return 0


def edit_draft(options: argparse.Namespace, setup: SessionOptions, memory: Memory, now: Clock) -> int:
    """Open a draft in an editor and keep what it is then. Raises UsageError where it is no mail any more."""
    from reviewbot.drafts import editing
    from reviewbot.drafts.mail_text import BrokenMail
    from reviewbot.integrations import editor

    one = named(memory, options.draft)
    _require(one, OPEN)
    file = editing.edit_file(memory, one)
    if file.resumed:
        setup.say(f"going on with what is left from last time in {file.path}")
    for _ in range(_MOST_TRIES):
        try:
            editor.open_editor(file.path)
        except InputError:
            if file.unchanged:
                file.remove()
            raise
        if file.unchanged:
            file.remove()
            setup.say(f"draft {one.number} is as it was")
            return 0
        try:
            mail = file.taken()
        except BrokenMail as error:
            streams.say(f"reviewbot: this cannot be sent: {error}")
            if not _again():
                break
            continue
        editing.keep_edited(memory, file, mail, now)
        for note in mail.notes:
            setup.say(note)
        setup.say(f"draft {one.number} is changed")
        return 0
    raise UsageError(f"draft {one.number} is as it was; your text is in {file.path}, and the next edit goes on there")


def _again() -> bool:
    """Whether somebody at a terminal wants to edit it again."""
    if not (streams.is_terminal(sys.stdin) and streams.is_terminal(sys.stderr)):
        return False
    return streams.ask_terminal("Edit it again? [Y/n] ") not in ("n", "no", None)


def _require(one: KeptDraft, states: Sequence[str]) -> None:
    if one.state not in states:
        raise UsageError(f"draft {one.number} is {one.state}{f' ({one.note})' if one.note else ''}")
