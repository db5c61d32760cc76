"""Runs `reviewbot thread`: reviews the series in a thread, by message id, URL or mailbox; writes reports and drafts."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from reviewbot.cli import review_command, streams
from reviewbot.cli.review_command import OpenSource, SourceReview
from reviewbot.cli.session import Session, for_series
from reviewbot.model.errors import UsageError
from reviewbot.report.registry import NAMES
from reviewbot.sources.series import apply_to_tree, review_series
from reviewbot.sources.thread import read_thread

if TYPE_CHECKING:
    from reviewbot.git.repository import Repository


def thread(options: argparse.Namespace) -> int:
    """Review a thread; 1 if there are remarks at or above the bar. Raises InputError if nothing could be read."""
    return review_command.run(options, _series, NAMES, "no patch of this series").code


@contextmanager
def _series(options: argparse.Namespace, session: Session) -> Iterator[OpenSource]:
    with _opened(options) as repository:
        settings, limits = session.config, session.config.limits
        asked = (options.source, streams.stdin(), settings.lore, limits, session.folders, session)
        found = read_thread(*asked, of_mail=options.of_mail)
        if repository is None:
            there = for_series(session, found)
        else:
            placed = apply_to_tree(repository, options.base, found, settings.tree, session)
            found, there = placed.series, for_series(session, *placed)
        index = session.index() if repository is not None else None

        def reviewed() -> SourceReview:
            return SourceReview(
                review_series(found, there.kernel, there.rules, limits.seconds, repository, session, index), there
            )

        yield OpenSource(there, reviewed)


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
