"""Runs `reviewbot check`: reviews a message from b4 on standard input and answers in one of its check protocols.

Whatever is wrong with the message is an answer, too, since b4 shows answers where its user looks. In the protocol of
`b4 prep` nothing goes to standard error, each line of which would be a failure.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from reviewbot.cli import streams
from reviewbot.cli.session import SessionOptions, for_series, program, session_options
from reviewbot.config import B4
from reviewbot.integrations.b4 import check_protocol
from reviewbot.integrations.b4.check_protocol import FAIL, WARN, CheckContext
from reviewbot.kernel import rules
from reviewbot.model.errors import InputError, ReviewbotError, UsageError
from reviewbot.model.review import PatchReview
from reviewbot.review import baseline
from reviewbot.support.ci_commands import JSON

if TYPE_CHECKING:
    from reviewbot.git.objects import Objects
    from reviewbot.integrations.b4.source import Source
    from reviewbot.mail.message import MailMessage

PREP = "prep"


def b4_check(options: argparse.Namespace) -> int:
    """Answer b4. Gives 1 if a remark is in the answer.

    Raises UsageError for options that exclude each other. All other errors of ours are answers.
    """
    if options.series and options.protocol == PREP:
        raise UsageError("--series: b4 prep checks its patches one by one")
    if options.protocol == PREP:
        options = argparse.Namespace(**{**vars(options), "quiet": True, "verbose": False})
    try:
        return _answer(options)
    except ReviewbotError as error:
        status = WARN if isinstance(error, InputError) else FAIL
        if options.protocol == PREP:
            _print_lines([check_protocol.line_of(f"could not look: {error}", fails=status == FAIL)])
        else:
            _print_rows([check_protocol.trouble(status, str(error), options.series)])
        return error.exit_code


def _answer(options: argparse.Namespace) -> int:
    setup = session_options(options)
    raw = _message(setup.config.limits.mail_bytes)
    until = time.monotonic() + setup.config.limits.seconds
    found, setup, how = _reviewed(raw, options.series, setup, until)
    patches = baseline.without_ignored(found, setup.config.ignore)
    told = CheckContext(
        kernel=setup.kernel_name,
        digest=rules.digest(setup.folders),
        how=how,
        url=setup.config.b4.url,
        min_severity=options.min_severity or setup.config.report.min_severity,
        min_confidence=options.min_confidence or setup.config.surface.of(B4),
    )
    if options.protocol == PREP:
        _print_lines([line for reviewed in patches for line in check_protocol.prep_lines(reviewed, told)])
    else:
        _print_rows(check_protocol.results(patches, told, options.series))
    return int(check_protocol.speaks(patches, told))


def _message(most: int) -> bytes:
    """The bytes of standard input. Raises InputError for more than `most` bytes."""
    raw = streams.stdin().read(most + 1)
    if len(raw) > most:
        raise InputError(f"the message is too large (limit {most} bytes, mail_bytes in config.toml)")
    return raw


def _reviewed(
    raw: bytes, whole: bool, given: SessionOptions, until: float
) -> tuple[Sequence[PatchReview], SessionOptions, str]:
    """The reviews of a message's patches, the session for their tree, and in words what was read."""
    from reviewbot.git.objects import Objects
    from reviewbot.integrations.b4 import message
    from reviewbot.integrations.b4.source import kernel_of_commit
    from reviewbot.support.timeout import TooSlow, bounded, slow

    seconds = given.config.limits.seconds
    letter = message.read_message(raw, seconds)
    with Objects(Path.cwd()) as objects:
        try:
            with bounded(until - time.monotonic()):
                found = _source(letter, whole, objects)
                if found is None:
                    return (), given, ""
                version, names = kernel_of_commit(found.commit, objects, given.config.tree.headers)
        except TooSlow:
            raise InputError(f"reading the repository was {slow(seconds)}") from None
        from reviewbot.review.patient_engine import PatientEngine  # takes as long as all of the above

        if version is None and program(given, found.series):  # no tree says that it is the kernel's all the same
            return (), given, ""
        setup = for_series(given, found.series, version, names)
        setup.tell(f"read: {found.how}")
        if found.at is None:
            engine = PatientEngine(setup.kernel, setup.rules, seconds, found.read)
            return engine.review(found.series).patches, setup, found.how
        engine = PatientEngine(setup.kernel, setup.rules, seconds, found.read, until=until)
        return (engine.one(found.series, found.at),), setup, found.how


def _source(letter: MailMessage, whole: bool, objects: Objects) -> Source | None:
    """What to review; None for a message without a patch, and for a series of which b4 knows no more."""
    from reviewbot.integrations.b4 import message, source

    why, tracking = "", None
    try:
        tracking = source.tracked(os.environ)
    except InputError as error:
        why = str(error)
    counted = message.part_of_total(letter.mail.subject)
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


def _print_rows(rows: Sequence[check_protocol.Result]) -> None:
    import json

    streams.put(json.dumps(rows, indent=1) + "\n", JSON)


def _print_lines(lines: Sequence[str]) -> None:
    streams.put("".join(f"{line}\n" for line in lines))
