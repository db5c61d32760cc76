"""Runs `reviewbot thread`: reviews the series in a thread, by message id, URL or mailbox; writes reports and drafts."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from msgspec.structs import replace

from reviewbot.cli import streams
from reviewbot.cli.arguments.patchwork import FAILED, chosen
from reviewbot.cli.output import Output
from reviewbot.cli.progress import PatientEngine, counting, waiting
from reviewbot.cli.session import Session, for_series, open_session
from reviewbot.cli.verdict import ExitPolicy
from reviewbot.kernel import rules
from reviewbot.mail import lore, mailbox, series
from reviewbot.model.errors import InputError, UsageError
from reviewbot.model.patch import Series, Unread
from reviewbot.model.review import Review
from reviewbot.web.download import Bounds

if TYPE_CHECKING:
    from reviewbot.git.repository import Repository


def thread(options: argparse.Namespace) -> int:
    """Review a thread. Gives the exit code; raises InputError if nothing could be read.

    Configuration and output folder are checked before anything is fetched.
    """
    setup = open_session(options)
    output = Output(options, setup)
    gate = ExitPolicy(options, setup)
    post = chosen(options, setup, output)
    try:
        with _opened(options) as repository:
            found = _series(options.source, setup)
            if repository is None:
                setup = for_series(setup, found)
            else:
                setup, found = placed(repository, options.base, setup, found)
            output.setup = setup
            read = repository.read if repository is not None else None
            engine = PatientEngine(setup.kernel, setup.rules, setup.config.limits.seconds, read)
            with counting(len(found.patches), setup.quiet) as engine.done:
                review = engine.review(found)
    except InputError as error:
        # a program that reads the output gets its object even when there was nothing to read
        output.write_nothing(Review(Series("", 0, ()), (), setup.version, (Unread(None, str(error)),)))
        raise
    review = gate.passed(review)
    output.write(review)
    failed = post(review)
    if not review.looked:
        raise InputError("nothing was reviewed: no patch of this series could be read")
    code = gate.code(review, output)
    return FAILED if failed else code


@contextmanager
def _opened(options: argparse.Namespace) -> Iterator[Repository | None]:
    """The repository of --tree, None without it. Raises UsageError if there is none, or no commit --base in it."""
    if options.tree is None:
        if options.base is not None:
            raise UsageError("--base is a commit of a tree: it needs --tree PATH")
        yield None
        return
    from reviewbot.git.repository import Repository

    with Repository(options.tree) as repository:
        if options.base is not None and repository.commit(options.base) is None:
            raise UsageError(f"--base {options.base}: there is no such commit in {options.tree}")
        yield repository


def placed(repository: Repository, base: str | None, setup: Session, found: Series) -> tuple[Session, Series]:
    """The session for the tree, and the series with the trees of its patches as far as they apply."""
    from reviewbot.git import apply

    settings = setup.config.tree
    repository.allow(settings.seconds)
    with waiting("applying the patches", setup.quiet):
        there = apply.apply_series(repository, found, base, settings.branches)
        version, names = apply.kernel_of_base(repository, there, settings.headers)
    if there.base is not None:
        setup.tell(f"base {there.base.commit[:12]} ({there.base.how})")
    if there.reason:
        setup.say(f"{'not all of' if there.base else 'none of'} the series was applied to the tree: {there.reason}")
    return for_series(setup, there.series, version, names), there.series


def _series(source: str, setup: Session) -> Series:
    """The newest whole version of the series that `source` names, at most as many patches as configured."""
    settings, limits = setup.config.lore, setup.config.limits
    wanted = None
    unread: tuple[Unread, ...] = ()
    if lore.is_remote(source):
        with waiting("asking for the thread", setup.quiet):
            bounds = Bounds(settings.timeout, settings.seconds, limits.mailbox_bytes)
            fetched, wanted = lore.fetch_thread(source, settings.url, bounds, settings.hosts, setup.tell)
        mails, unread = mailbox.taken(fetched, "the thread", limits.mail_bytes, total=limits.mailbox_bytes)
    else:
        mails, unread = mailbox.read_mails(source, streams.stdin(), limits.mail_bytes, total=limits.mailbox_bytes)
    found = series.newest(mails, wanted, rules.projects(setup.folders), limits.seconds)
    return within(replace(found, unread=(*unread, *found.unread)), limits.patches)


def within(found: Series, most: int) -> Series:
    """The series with its first `most` patches; the others are unread."""
    if len(found.patches) <= most:
        return found
    reason = f"the last {len(found.patches) - most} patches (patches under [limits] in config.toml)"
    return replace(found, patches=found.patches[:most], unread=(*found.unread, Unread(None, reason)))
