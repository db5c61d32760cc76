"""Runs a command that reviews: opens its source, prints the findings, posts checks, and gives the exit code.

Input: the options, and a source as a context manager. Output: the exit code, and for callers that go on, the review.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple

from msgspec.structs import replace

from reviewbot.cli.output import Output, Post, open_output
from reviewbot.cli.session import Session, open_session
from reviewbot.cli.verdict import FAILED, ExitPolicy
from reviewbot.model.errors import InputError, UsageError
from reviewbot.model.patch import Series, Unread
from reviewbot.model.review import Review
from reviewbot.report.terminal.local import Viewpoint


class SourceReview(NamedTuple):
    """A review, and by what it was made.

    `nothing`: what to say where there was nothing to review; `editor`: the command that opens files, if one is wanted.
    """

    review: Review
    session: Session
    desk: Viewpoint = Viewpoint()
    nothing: str = ""
    editor: str = ""


class OpenSource(NamedTuple):
    """A source that can be read: the session for what is known of it by now, and what reviews all of it."""

    session: Session
    review: Callable[[], SourceReview]


class CommandResult(NamedTuple):
    """A command that has printed its report."""

    code: int
    found: SourceReview
    output: Output


SourceOpener = Callable[[argparse.Namespace, Session], AbstractContextManager[OpenSource]]


def run(options: argparse.Namespace, source: SourceOpener, formats: Sequence[str], unread: str) -> CommandResult:
    """Review what a source holds; the code is 1 if there are remarks at or above the bar.

    What is wrong with the configuration, the outputs or the options is said before the source is opened. Raises
    InputError if nothing could be read; `unread`: of what.
    """
    session = open_session(options)
    output = open_output(options, session, formats)
    gate = ExitPolicy(options, session)
    post = _post(options, session)
    try:
        with source(options, session) as (session, read):
            found = read()
    except InputError as error:
        # a program that reads the output gets its object even when there was nothing to read
        nothing = Review(Series("", 0, ()), (), session.version, (Unread(None, str(error)),))
        replace(output, setup=session).write_nothing(nothing)
        raise
    output = replace(output, setup=found.session, desk=found.desk)
    if found.nothing:
        session.say(found.nothing)
    review = gate.passed(found.review)
    output.write(review)
    failed = post(review, output)
    if not review.looked:
        raise InputError(f"nothing was reviewed: {unread} could be read")
    code = gate.code(review, output)
    return CommandResult(FAILED if failed else code, found._replace(review=review), output)


def _post(options: argparse.Namespace, session: Session) -> Post:
    """What posts the checks of a review, and is true where one could not be; without --patchwork it does nothing.

    Raises UsageError for invalid options.
    """
    if getattr(options, "patchwork", None) is not None:
        from reviewbot.cli.posting import posting

        return posting(options, session)
    if getattr(options, "patchwork_project", None) is not None or getattr(options, "dry_run", False):
        raise UsageError("--patchwork-project and --dry-run are about posting: they need --patchwork URL")
    return lambda _review, _output: False
