"""Runs `reviewbot range`: reviews a commit range of a git repository and writes reports."""

from __future__ import annotations

import argparse
from pathlib import Path

from reviewbot.cli.arguments.patchwork import FAILED, chosen
from reviewbot.cli.kernel_eras import Eras
from reviewbot.cli.output import Output
from reviewbot.cli.progress import counting, waiting
from reviewbot.cli.session import Session, for_tree, open_session
from reviewbot.cli.verdict import ExitPolicy
from reviewbot.git import apply, revisions
from reviewbot.git.commits import diffs, message, read_commits
from reviewbot.git.repository import Repository
from reviewbot.git.revisions import CommitRange
from reviewbot.model.errors import InputError
from reviewbot.model.patch import Series, Unread
from reviewbot.model.review import Review
from reviewbot.patch import parse
from reviewbot.report.registry import FORMATS
from reviewbot.sources.commit_review import Reviewer, outcome, review
from reviewbot.support import workers

NAMES = tuple(FORMATS)  # a commit is no mail that could be answered
_FOREVER = 86_400  # seconds: who asks for a long range may wait, or stop it
_FEW = 24  # commits that are read before other processes have begun
_MERGES = 50  # that are looked into


def range_(options: argparse.Namespace) -> int:
    """Review commits. Gives the exit code; raises InputError if none could be read."""
    setup = open_session(options)
    output = Output(options, setup, NAMES)
    gate = ExitPolicy(options, setup)
    post = chosen(options, setup, output)
    try:
        with Repository(options.tree or Path()) as repository:
            repository.allow(_FOREVER)
            span = revisions.commit_range(repository, options.range, options.since_merge_base)
            setup = session_at(repository, span, setup)
            gate.setup = output.setup = setup
            found, gate.setup = reviewed(repository, span, setup)
            output.setup = setup = gate.setup
    except InputError as error:
        # a program that reads the output gets its object even when there was nothing to read
        output.write_nothing(Review(Series("", 0, ()), (), setup.version, (Unread(None, str(error)),)))
        raise
    tell_merges(span, setup)
    if not any(one.files for one in found.patches) and not any(one.patch.unread for one in found.patches):
        setup.say(f"nothing to review in {span.name}: {_what_is_there(span)}")
    found = gate.passed(found)
    output.write(found)
    failed = post(found)
    if not found.looked:
        raise InputError("nothing was reviewed: none of these commits could be read")
    code = gate.code(found, output)
    return FAILED if failed else code


def tell_merges(span: CommitRange, setup: Session) -> None:
    """Print how many merges are skipped, if there are any."""
    count = len(span.merges)
    if count:
        setup.say(f"{'1 merge' if count == 1 else f'{count} merges'} skipped: what they bring in is in their commits")


def session_at(repository: Repository, span: CommitRange, setup: Session) -> Session:
    """The session for the tree at the end of the range."""
    tip = message(repository, span.tip)
    version, names = apply.kernel_in(repository, tip.tree, setup.config.tree.headers)
    return for_tree(setup, tip.stamp, version, names)


def reviewed(repository: Repository, span: CommitRange, setup: Session) -> tuple[Review, Session]:
    """Review all commits of a range, each by its own kernel; what merges among them change themselves is unread.

    The session is that of the end of the range, with the rules that apply to any commit.
    """
    limits, total = setup.config.limits, len(span.commits)
    tip = repository.tree(span.tip) or ""
    eras = Eras(repository, setup, tip)
    reviewer = Reviewer(eras.engine, eras.end, repository.contents)

    def at_the_end(path: str) -> str:
        entry = repository.entry(tip, path)
        return entry.id if entry is not None else ""

    processes = workers.size(limits.processes) if total >= _FEW else 0
    commits = ((one, eras.of(one)) for one in read_commits(repository, span.commits, limits.mail_bytes))
    begin = span.base[:12] if span.base else "from the root"
    setup.tell(f"{total} commit{'' if total == 1 else 's'}, {begin}..{span.tip[:12]}")
    with counting(total, setup.quiet) as done:
        found = review(reviewer, commits, total, processes, repository.forked, done)
    remarks = total > 1 and any(one.findings for one in found.reviews)
    with waiting("looking at what became of the remarks", setup.quiet or not remarks):
        patches = outcome(reviewer, found, at_the_end, processes, repository.forked)
    with waiting("looking into merges", setup.quiet or not span.merges):
        unread = _merged(repository, span, limits.mail_bytes)
    subject = span.name if total != 1 else patches[0].patch.subject
    series = Series(subject, 1, tuple(one.patch for one in patches), base=span.base, unread=unread)
    return Review(series, patches, setup.kernel.version), eras.with_rules(patches)


def _merged(repository: Repository, span: CommitRange, largest: int) -> tuple[Unread, ...]:
    """What merges change themselves, to solve a conflict or in secret: that is not reviewed."""
    if len(span.merges) > _MERGES:
        return (Unread(None, f"whether {len(span.merges)} merges change anything themselves"),)
    found: list[Unread] = []
    for merge, (sections, unread) in zip(span.merges, diffs(repository, span.merges, largest), strict=True):
        heads = (section.split(b"\n", 1)[0].decode("utf-8", "surrogateescape") for section in sections)
        why = f"merge {merge[:12]} changes it itself, and merges are not reviewed"
        found += (Unread(parse.head([head]).path, why) for head in heads)
        found += unread
    return tuple(found)


def _what_is_there(span: CommitRange) -> str:
    if not span.commits:
        return "nothing but merges" if span.merges else "it holds no commit"
    return "no commit changes a file that can be read (.c, .h, .inc, .S)"
