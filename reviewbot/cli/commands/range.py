"""Runs `reviewbot range`: reviews a commit range of a git repository and writes reports."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec.structs import replace

from reviewbot.cli import review_command
from reviewbot.cli.commit_ranges import at_end, ruleset
from reviewbot.cli.review_command import OpenSource, SourceReview
from reviewbot.cli.session import Session
from reviewbot.git.repository import FOREVER, Repository
from reviewbot.git.revisions import CommitRange, commit_range
from reviewbot.model.review import Review
from reviewbot.report.registry import FORMATS
from reviewbot.sources.commit_range import review_range, tell_merges

NAMES = tuple(FORMATS)  # a commit is no mail that could be answered


def range_(options: argparse.Namespace) -> int:
    """Review commits; 1 if there are remarks at or above the bar. Raises InputError if none could be read."""
    return review_command.run(options, _commits, NAMES, "none of these commits").code


@contextmanager
def _commits(options: argparse.Namespace, session: Session) -> Iterator[OpenSource]:
    with Repository(options.tree or Path()) as repository:
        repository.allow(FOREVER)
        span = commit_range(repository, options.range, options.since_merge_base)
        there = at_end(repository, span, session)

        def reviewed() -> SourceReview:
            found = review_range(repository, span, ruleset(there), session.config.limits, session)
            tell_merges(span, session)
            return SourceReview(found.review, replace(there, rules=found.rules), nothing=_nothing(span, found.review))

        yield OpenSource(there, reviewed)


def _nothing(span: CommitRange, review: Review) -> str:
    """Why there is nothing to review, where that is so."""
    if any(one.files or one.patch.unread for one in review.patches):
        return ""
    why = "no commit changes a file that can be read (.c, .h, .inc, .S)"
    if not span.commits:
        why = "nothing but merges" if span.merges else "it holds no commit"
    return f"nothing to review in {span.name}: {why}"
