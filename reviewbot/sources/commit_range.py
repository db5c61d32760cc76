"""Reviews the commits of a range, each by its own kernel.

Input: a repository, a range and the rules at its end. Output: the review and the rules of all of it. What merges change
themselves is not looked at, and named.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, NamedTuple

from reviewbot.git.commits import diffs, message, read_commits
from reviewbot.git.kernel_versions import kernel_in
from reviewbot.git.repository import Repository
from reviewbot.git.revisions import CommitRange
from reviewbot.model.kernel import Rule, Version
from reviewbot.model.patch import Series, Unread
from reviewbot.model.review import Review
from reviewbot.patch import parse
from reviewbot.sources.commit_review import Reviewer, outcome, review
from reviewbot.sources.kernel_eras import Eras, RuleSet
from reviewbot.sources.settings import Limits
from reviewbot.support import workers

if TYPE_CHECKING:
    from reviewbot.sources.progress import Progress

_FEW = 24  # commits that are read before other processes have begun
_MERGES = 50  # that are looked into
_FOLLOWED = 64  # commits up to which other files of their folders are read with them


class RangeEnd(NamedTuple):
    """What the tree at the end of a range says of its kernel, and when its commit was made."""

    stamp: int
    version: Version | None
    names: frozenset[str] | None


class ReviewedRange(NamedTuple):
    """`rules`: those of the end of the range, and of the other kernels in it."""

    review: Review
    rules: tuple[Rule, ...]


def range_end(repository: Repository, span: CommitRange, headers: tuple[str, ...]) -> RangeEnd:
    """`headers`: see git.kernel_versions.kernel_in()."""
    tip = message(repository, span.tip)
    return RangeEnd(tip.stamp, *kernel_in(repository, tip.tree, headers))


def tell_merges(span: CommitRange, progress: Progress) -> None:
    """Say that there are merges, if any are."""
    count = len(span.merges)
    if count:
        merges = "1 merge" if count == 1 else f"{count} merges"
        progress.say(f"{merges} skipped: what they bring in is in their commits")


def review_range(
    repository: Repository, span: CommitRange, ruleset: RuleSet, limits: Limits, progress: Progress
) -> ReviewedRange:
    """All commits of a range, each by its own kernel, and what merges among them change themselves as not looked at."""
    total = len(span.commits)
    tip = repository.tree(span.tip) or ""
    # what an index knows of the end holds for most of the commits before it
    followed = total <= _FOLLOWED or (ruleset.index is not None and ruleset.index.covers(tip, repository))
    eras = Eras(repository, ruleset, tip, limits.seconds, followed)
    reviewer = Reviewer(eras.engine, eras.end, repository.contents)

    def at_the_end(path: str) -> str:
        entry = repository.entry(tip, path)
        return entry.id if entry is not None else ""

    processes = workers.size(limits.processes) if total >= _FEW else 0
    commits = ((one, eras.of(one)) for one in read_commits(repository, span.commits, limits.mail_bytes))
    begin = span.base[:12] if span.base else "from the root"
    progress.tell(f"{total} commit{'' if total == 1 else 's'}, {begin}..{span.tip[:12]}")
    if not followed:
        progress.tell(f"of more than {_FOLLOWED} commits, calls are followed in the files alone that each touches")
    with progress.counting(total) as done:
        found = review(reviewer, commits, total, processes, repository.forked, done)
    remarks = total > 1 and any(one.findings for one in found.reviews)
    with progress.waiting("looking at what became of the remarks") if remarks else nullcontext():
        patches = outcome(reviewer, found, at_the_end, processes, repository.forked)
    with progress.waiting("looking into merges") if span.merges else nullcontext():
        unread = _merged(repository, span, limits.mail_bytes)
    subject = span.name if total != 1 else patches[0].patch.subject
    series = Series(subject, 1, tuple(one.patch for one in patches), base=span.base, unread=unread)
    return ReviewedRange(Review(series, patches, ruleset.kernel.version), eras.rules_of(patches))


def _merged(repository: Repository, span: CommitRange, largest: int) -> tuple[Unread, ...]:
    """What merges change themselves, to solve a conflict or in secret: nobody has looked at that."""
    if len(span.merges) > _MERGES:
        return (Unread(None, f"whether {len(span.merges)} merges change anything themselves"),)
    found: list[Unread] = []
    for merge, (sections, unread) in zip(span.merges, diffs(repository, span.merges, largest), strict=True):
        heads = (section.split(b"\n", 1)[0].decode("utf-8", "surrogateescape") for section in sections)
        why = f"merge {merge[:12]} changes it itself, and merges are not reviewed"
        found += (Unread(parse.head([head]).path, why) for head in heads)
        found += unread
    return tuple(found)
