"""`reviewbot check`: a message from b4 on standard input in; the answer of its check protocols on standard output out.

Whatever is wrong with the message is an answer too, since b4 shows answers where its user looks. In the protocol of
`b4 prep` nothing goes to standard error, of which each line would be a failure.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from reviewbot import gate, rules
from reviewbot.commands import streams
from reviewbot.commands.setup import Ground, for_series, ground, program
from reviewbot.model import InputError, PatchReview, ReviewbotError, UsageError
from reviewbot.report import b4check
from reviewbot.report.b4check import FAIL, WARN, Told
from reviewbot.report.runners import JSON

if TYPE_CHECKING:
    from reviewbot.b4.objects import Objects
    from reviewbot.b4.source import Source
    from reviewbot.mails import Letter

PREP = "prep"


def check(options: argparse.Namespace) -> int:
    """Answer b4; 1 if a remark is in the answer.

    Raises UsageError for options that cannot be meant together. All other errors of ours are answers.
    """
    if options.series and options.protocol == PREP:
        raise UsageError("--series: b4 prep checks its patches one by one")
    if options.protocol == PREP:
        options.quiet, options.verbose = True, False
    try:
        return _answer(options)
    except ReviewbotError as error:
        status = WARN if isinstance(error, InputError) else FAIL
        if options.protocol == PREP:
            _print_lines([b4check.line_of(f"could not look: {error}", fails=status == FAIL)])
        else:
            _print_rows([b4check.trouble(status, str(error), options.series)])
        return error.exit_code


def _answer(options: argparse.Namespace) -> int:
    setup = ground(options)
    letter = _letter(setup.config.limits.mail_bytes)
    found, setup, how = _reviewed(letter, options.series, setup)
    patches = gate.wanted(found, setup.config.ignore)
    told = Told(
        kernel=setup.kernel_name,
        digest=rules.digest(setup.folders),
        how=how,
        url=setup.config.b4.url,
        min_severity=options.min_severity or setup.config.report.min_severity,
        min_confidence=options.min_confidence or setup.config.surface.b4,
    )
    if options.protocol == PREP:
        _print_lines([line for reviewed in patches for line in b4check.lines(reviewed, told)])
    else:
        _print_rows(b4check.rows(patches, told, options.series))
    return int(b4check.speaks(patches, told))


def _letter(most: int) -> Letter:
    """The message on standard input."""
    from reviewbot.b4 import mail

    raw = streams.stdin().read(most + 1)
    if len(raw) > most:
        raise InputError(f"the message is larger than {most} bytes (mail_bytes in config.toml)")
    return mail.letter(raw)


def _reviewed(letter: Letter, whole: bool, given: Ground) -> tuple[Sequence[PatchReview], Ground, str]:
    """What there is to say of a message, the setup for the tree it is for, and what was read of it."""
    from reviewbot.b4.objects import Objects
    from reviewbot.b4.source import kernel_of
    from reviewbot.commands.patience import TooSlow, bounded, slow

    seconds = given.config.limits.seconds
    until = time.monotonic() + seconds
    with Objects(Path.cwd()) as objects:
        try:
            with bounded(seconds):
                found = _source(letter, whole, objects)
                if found is None:
                    return (), given, ""
                version, names = kernel_of(found.commit, objects, given.config.tree.headers)
        except TooSlow:
            raise InputError(f"reading the repository was {slow(seconds)}") from None
        from reviewbot.commands.progress import PatientEngine  # takes as long as all of the above

        if version is None and program(given, found.series):  # no tree says that it is the kernel's all the same
            return (), given, ""
        setup = for_series(given, found.series, version, names)
        setup.tell(f"read: {found.how}")
        engine = PatientEngine(setup.kernel, setup.rules, seconds, found.read)
        if found.at is None:
            return engine.review(found.series).patches, setup, found.how
        engine.until = until
        return (engine.one(found.series, found.at),), setup, found.how


def _source(letter: Letter, whole: bool, objects: Objects) -> Source | None:
    """What to review; None for a message that holds no patch, and for a series of which no more is known."""
    from reviewbot.b4 import mail, source

    why, tracking = "", None
    try:
        tracking = source.tracked(os.environ)
    except InputError as error:
        why = str(error)
    counted = mail.counted(letter.mail.subject)
    if whole and not (letter.diff and counted == (1, 1)):
        try:
            return source.of_series(tracking, objects) if tracking is not None else None
        except InputError:
            return None
    if letter.diff:
        return source.of_patch(letter, tracking, objects, why)
    if counted and counted[0] > 0:
        raise InputError("the message says that it is a patch, and no diff was found in it")
    return None


def _print_rows(rows: Sequence[b4check.Row]) -> None:
    import json

    streams.put(json.dumps(rows, indent=1) + "\n", JSON)


def _print_lines(lines: Sequence[str]) -> None:
    streams.put("".join(f"{line}\n" for line in lines))
