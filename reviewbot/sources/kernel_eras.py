"""Says by which kernel each commit of a range is judged, and makes what reviews by it.

Input: a repository, and the rules that hold at the end of the range. Output: the era of a commit, an engine for an era.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache, cached_property
from itertools import chain
from pathlib import Path

from msgspec import Struct

from reviewbot.git.commits import CommitDiff
from reviewbot.git.kernel_versions import Era, Kernels
from reviewbot.git.repository import Repository
from reviewbot.kernel import rules
from reviewbot.kernel.backports import fitted_kernel, fitted_names
from reviewbot.kernel.releases import Releases, day_of
from reviewbot.model.kernel import Kernel, Rule, Version
from reviewbot.model.patch import ReadFile
from reviewbot.model.review import PatchReview
from reviewbot.review.neighbourhood.tree_source import KnownTrees, TreeSource
from reviewbot.review.patient_engine import PatientEngine


class RuleSet(Struct, frozen=True):
    """The kernel and the rules at the end of a range, and where those of other versions are read from.

    `dated`: no version was asked for, so that each commit is judged by its own. `headers`: the files of a tree whose
    names say which kernel it is. `index`: what is known of whole trees.
    """

    kernel: Kernel
    rules: tuple[Rule, ...]
    folders: tuple[Path, ...]
    disabled: tuple[str, ...]
    dated: bool
    headers: tuple[str, ...]
    index: KnownTrees | None = None

    def rules_at(self, version: Version) -> Iterator[Rule]:
        """The rules that hold at another version and are not switched off."""
        return (one for one in rules.load(self.folders, version)[1] if one.id not in self.disabled)


class Eras:
    """`end`: that of the end of the range, whose tree is `tip`. A patch gets so many seconds.

    `beside`: whether calls are followed into files that a commit does not touch.
    """

    def __init__(self, repository: Repository, ruleset: RuleSet, tip: str, seconds: int, beside: bool) -> None:
        self._repository, self._ruleset, self._tip, self._seconds = repository, ruleset, tip, seconds
        self._tree = TreeSource(repository, ruleset.index) if beside else None
        self.end = Era(ruleset.kernel.version, None, True)
        self._at = cache(self._kernel)

    def of(self, change: CommitDiff) -> Era:
        """That of the Makefile in the commit's own tree, else of the day on which it was committed."""
        if not self._ruleset.dated or change.after == self._tip:
            return self.end
        known = self._kernels.of(change.after)
        found = Era(known.version or self._at_date(change.stamp), known.names)
        return self.end if found == self._like_the_end else found

    def engine(self, era: Era, read: ReadFile) -> PatientEngine:
        """What reviews by a kernel; see Engine for `read`."""
        kernel, heard = self._ruleset.kernel, self._ruleset.rules
        if era != self.end:
            kernel, heard = self._at(era.version), tuple(self._ruleset.rules_at(era.version))
        if era.names is not None:
            kernel = fitted_kernel(kernel, era.names.intersection, self._at)
        return PatientEngine(kernel, heard, self._seconds, read, self._tree)

    def rules_of(self, patches: Iterable[PatchReview]) -> tuple[Rule, ...]:
        """The rules of the end, and those that hold at the kernels of some patches and not there."""
        versions = dict.fromkeys(one.kernel for one in patches if one.kernel is not None)
        every = {one.id: one for one in chain(*map(self._ruleset.rules_at, versions), self._ruleset.rules)}
        return tuple(every[name] for name in sorted(every))

    def _at_date(self, stamp: int) -> Version:
        return self._releases.at(day_of(stamp)) if stamp else self.end.version

    @cached_property
    def _kernels(self) -> Kernels:
        return Kernels(self._repository, self._ruleset.headers, fitted_names(self._at))

    @cached_property
    def _releases(self) -> Releases:
        return rules.releases(self._ruleset.folders)

    @cached_property
    def _like_the_end(self) -> Era:
        return Era(self.end.version, self._kernels.of(self._tip).names)

    def _kernel(self, version: Version) -> Kernel:
        return rules.load(self._ruleset.folders, version)[0]
