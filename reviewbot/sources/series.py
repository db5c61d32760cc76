"""Reviews a series of patches, applied to a git tree where there is one.

Input: a series from mails or patch files. Output: its review. What of it is not looked at is named in the series.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from reviewbot.model.kernel import Kernel, Rule, Version
from reviewbot.model.patch import Series, Unread
from reviewbot.model.review import Review
from reviewbot.review.neighbourhood.tree_source import KnownTrees, TreeSource
from reviewbot.review.patient_engine import PatientEngine
from reviewbot.sources.settings import TreeOptions

if TYPE_CHECKING:
    from reviewbot.git.bases.fetching import Fetching
    from reviewbot.git.repository import Repository
    from reviewbot.patch.placement import MovedHunk
    from reviewbot.sources.progress import Progress


_TOLD = 3  # hunks that are told one by one


class TreeSeries(NamedTuple):
    """A series on its base. `version` and `names`: of the kernel there, see git.kernel_versions.kernel_in()."""

    series: Series
    version: Version | None
    names: frozenset[str] | None


def apply_to_tree(
    repository: Repository,
    base: str | None,
    found: Series,
    settings: TreeOptions,
    progress: Progress,
    fetching: Fetching | None = None,
) -> TreeSeries:
    """The series applied to the tree as far as it goes, to the commit `base` if that is given.

    `fetching`: what was fetched in this run; None for a run of one series.
    """
    from reviewbot.git import apply

    if settings.fetch and fetching is None:
        fetching = fetching_of(settings, progress)
    repository.allow(settings.seconds)
    with progress.waiting("applying the patches"):
        there = apply.apply_series(repository, found, base, settings.branches, fetching if settings.fetch else None)
        version, names = apply.kernel_of_base(repository, there, settings.headers)
    if there.base is not None:
        progress.tell(f"base {there.base.commit[:12]} ({there.base.how})")
    if there.moved:
        progress.say(_moved(there.moved))
    if there.reason:
        what = "not all of" if there.base else "none of"
        progress.say(f"{what} the series was applied to the tree: {there.reason}")
    return TreeSeries(there.series, version, names)


def fetching_of(settings: TreeOptions, progress: Progress) -> Fetching:
    """What fetches remotes in one run over many series, each of them once."""
    from reviewbot.git.bases.fetching import Fetching, FetchLimits

    return Fetching(FetchLimits(settings.fetch_seconds, settings.fetch_minutes), progress.say, progress.tell)


def _moved(hunks: Sequence[MovedHunk]) -> str:
    """That hunks stand on other lines than the mails say, in a line."""
    more = len(hunks) - _TOLD
    rest = f"; and {more} more" if more > 0 else ""
    return f"on other lines in the tree than in the mail: {'; '.join(map(str, hunks[:_TOLD]))}{rest}"


def first_patches(found: Series, most: int) -> Series:
    """The first so many patches of a series."""
    if len(found.patches) <= most:
        return found
    reason = f"the last {len(found.patches) - most} patches (patches under [limits] in config.toml)"
    return replace(found, patches=found.patches[:most], unread=(*found.unread, Unread(None, reason)))


def review_series(
    found: Series,
    kernel: Kernel,
    rules: Sequence[Rule],
    seconds: int,
    repository: Repository | None,
    progress: Progress,
    index: KnownTrees | None = None,
) -> Review:
    """Each patch in at most so many seconds; whole files are read where it was applied to a repository."""
    tree = TreeSource(repository, index) if repository is not None else None
    read = repository.read if repository is not None else None
    with progress.counting(len(found.patches)) as done:
        return PatientEngine(kernel, rules, seconds, read, tree, done=done).review(found)
