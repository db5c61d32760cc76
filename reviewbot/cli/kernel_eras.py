"""Finds the kernel version of each commit of a range, and makes an engine for it.

Takes the repository, and the session for the tree at the end of the range.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache, cached_property
from itertools import chain

from msgspec.structs import replace

from reviewbot.cli.progress import PatientEngine
from reviewbot.cli.session import Session, at_date
from reviewbot.git.commits import CommitDiff
from reviewbot.git.kernel_versions import Era, Kernels
from reviewbot.git.repository import Repository
from reviewbot.kernel import rules
from reviewbot.kernel.backports import fitted_kernel, fitted_names
from reviewbot.kernel.releases import Releases
from reviewbot.model.kernel import Kernel, Rule, Version
from reviewbot.model.review import PatchReview


class Eras:
    """The kernels of the commits of a range. `setup`: the session for its end, the tree `tip`.

    If the user names a version, it applies to all commits.
    """

    def __init__(self, repository: Repository, setup: Session, tip: str) -> None:
        self._repository, self._setup, self._tip = repository, setup, tip
        self.end = Era(setup.kernel.version, None, True)
        self._at = cache(self._kernel)

    def of(self, change: CommitDiff) -> Era:
        """The kernel of a commit: by the Makefile in its tree, else by the day on which it was committed."""
        if not self._setup.dated or change.after == self._tip:
            return self.end
        known = self._kernels.of(change.after)
        found = Era(known.version or at_date(self._setup, self._releases, change.stamp)[0], known.names)
        return self.end if found == self._like_the_end else found

    def engine(self, era: Era) -> PatientEngine:
        """A new engine for a kernel, which cannot read files yet."""
        kernel, heard = self._setup.kernel, self._setup.rules
        if era != self.end:
            kernel, heard = self._at(era.version), tuple(self._heard(era.version))
        if era.names is not None:
            kernel = fitted_kernel(kernel, era.names.intersection, self._at)
        return PatientEngine(kernel, heard, self._setup.config.limits.seconds)

    @cached_property
    def _kernels(self) -> Kernels:
        return Kernels(self._repository, self._setup.config.tree.headers, fitted_names(self._at))

    @cached_property
    def _releases(self) -> Releases:
        return rules.releases(self._setup.folders)

    @cached_property
    def _like_the_end(self) -> Era:
        return Era(self.end.version, self._kernels.of(self._tip).names)

    def _kernel(self, version: Version) -> Kernel:
        return rules.load(self._setup.folders, version)[0]

    def with_rules(self, patches: Iterable[PatchReview]) -> Session:
        """The session, with the rules added that apply to kernels of some patches and not to the end of the range."""
        versions = dict.fromkeys(one.kernel for one in patches if one.kernel is not None)
        every = {one.id: one for one in chain(*map(self._heard, versions), self._setup.rules)}
        return replace(self._setup, rules=tuple(every[name] for name in sorted(every)))

    def _heard(self, version: Version) -> Iterator[Rule]:
        disabled = self._setup.config.rules.disable
        return (one for one in rules.load(self._setup.folders, version)[1] if one.id not in disabled)
