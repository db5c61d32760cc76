"""Applies a series to its base commit, so that each patch knows the trees before and after it.

Each patch is applied to an index in a temporary folder, as git-apply(1) does with --cached: no work tree, HEAD, index
or hook of the repository is used. Patches that do not apply have no trees, and say why.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from reviewbot.git.bases.base import Base, base_named
from reviewbot.git.bases.candidates import Candidates
from reviewbot.git.bases.fetching import Fetching
from reviewbot.git.bases.trial import Trial
from reviewbot.git.command import TOO_LONG, TooLong
from reviewbot.git.kernel_versions import kernel_in
from reviewbot.git.patching import DAMAGED, WHOLE, PatchFiles, apply_patches, changes_in, is_damaged, number_of
from reviewbot.git.repository import Repository
from reviewbot.model.errors import UsageError
from reviewbot.model.kernel import Version
from reviewbot.model.patch import Series, Unread
from reviewbot.patch.placement import MovedHunk
from reviewbot.support.timeout import TooSlow, bounded

_TOLD = 6  # reasons that are told


class AppliedSeries(Struct, frozen=True):
    """A series with the trees of its patches. `base`: None if it applies to no commit; `reason`: what did not apply.

    `moved`: the hunks that stand on other lines than the mails say.
    """

    series: Series
    base: Base | None
    reason: str = ""
    moved: tuple[MovedHunk, ...] = ()


def apply_series(
    repository: Repository,
    series: Series,
    asked: str | None,
    branches: Sequence[str],
    fetching: Fetching | None = None,
) -> AppliedSeries:
    """Find the base commit of a series and apply it there, patch by patch.

    `asked`: the base that the user names, None to search; `branches`: names to try; `fetching`: see Candidates. Of
    several candidates the first counts to which all patches apply, else the one to which most do. Patches that do not
    apply keep their hunks alone, and say why. Raises UsageError if `asked` is no commit here.
    """
    files = tuple(changes_in(patch) for patch in series.patches)
    # what was asked for stays the base, though nothing applies
    search = _Search(repository, series, files, most=0 if asked is None else -1)
    candidates = Candidates(repository, series, [one.changes for one in files], branches, fetching)
    try:
        for base in candidates if asked is None else [_asked(repository, asked)]:
            if isinstance(base, str):
                search.add_reason(base)
            elif search.fits(base) and search.apply(base):
                break
        else:
            search.apply_best()
    except TooLong as error:
        search.add_reason(str(error))
    return search.result(candidates.needs)


class _Search:
    """The best of the bases that were tried, with the patches as they are there: more of them apply than `most`."""

    def __init__(self, repository: Repository, series: Series, files: tuple[PatchFiles, ...], most: int) -> None:
        self._repository, self._series, self._files = repository, series, files
        self._best: AppliedSeries | None = None
        self._tried: set[str] = set()
        self._others: list[tuple[int, Base]] = []  # those to which not all patches apply, and how many do
        self._reasons: list[str] = []
        self._most = most

    def add_reason(self, why: str) -> None:
        """Note why a base is none; "" is no reason."""
        self._reasons += [why] if why else []

    def fits(self, base: Base) -> bool:
        """Whether all patches may apply to a base that was not tried yet; another one is kept for apply_best()."""
        if base.tree in self._tried:
            return False
        self._tried.add(base.tree)
        if base.sure:
            return True
        trial, fitting, first = Trial(self._repository, base.tree), 0, ""
        try:
            with bounded(self._repository.until - time.monotonic()):
                for patch, one in zip(self._series.patches, self._files, strict=True):
                    left = DAMAGED if is_damaged(patch, one.unread) else trial.patch(one.changes)
                    fitting += not left
                    first = first or (left and f"{number_of(patch)} {left}")
        except TooSlow:
            raise TooLong(TOO_LONG) from None
        if first:
            self._others.append((fitting, base))
            self._tell(base, first)
        return not first

    def apply(self, base: Base) -> bool:
        """Apply the patches to a base; whether all of them apply."""
        patches, failures, moved = apply_patches(self._repository, self._series.patches, self._files, base.tree)
        for one in failures[:1]:
            self._tell(base, one)
        if len(patches) - len(failures) > self._most:
            self._most = len(patches) - len(failures)
            self._best = AppliedSeries(replace(self._series, base=base.commit, patches=patches), base, moved=moved)
        return not failures

    def apply_best(self) -> None:
        """Apply the patches to the base to which most of them do, if that is more than what was seen, or none was."""
        fitting, base = max(self._others, key=lambda one: one[0], default=(0, None))
        if base is not None and (self._best is None or fitting > self._most):
            self.apply(base)

    def result(self, needs: str) -> AppliedSeries:
        """The best of all, else the series without trees. `needs`: what has to be applied first and is not here."""
        best = self._best
        if best is None:
            return _unplaced(self._repository, self._series, self._reasons)
        if needs:
            note = Unread(None, f"{needs}: what is changed there is not seen")
            best = replace(best, series=replace(best.series, unread=(*best.series.unread, note)))
        whole = all(patch.after is not None for patch in best.series.patches)
        return best if whole else replace(best, reason="; ".join(dict.fromkeys(self._reasons)))

    def _tell(self, base: Base, why: str) -> None:
        self.add_reason(f"on {base.commit[:12]} ({base.how}) patch {why}")


def _asked(repository: Repository, rev: str) -> Base:
    found = base_named(repository, rev)
    if not isinstance(found, Base):
        raise UsageError(f"--base {rev}: {found or f'there is no such commit in {repository.path}'}")
    return found


def _unplaced(repository: Repository, series: Series, reasons: Sequence[str]) -> AppliedSeries:
    told = list(dict.fromkeys(reasons)) or ["no branch to try ([tree] branches in config.toml)"]
    more = len(told) - _TOLD
    why = "; ".join(told[:_TOLD]) + (f"; and {more} more" if more > 0 else "")
    advice = "fetch what it is based on, or name a commit with --base"
    if repository.shallow:
        advice = "git fetch --unshallow, or name a commit with --base"
    note = Unread(None, f"{WHOLE}: {why} ({advice})")
    return AppliedSeries(replace(series, unread=(*series.unread, note)), None, f"{why}: {advice}")


def kernel_of_base(
    repository: Repository, placed: AppliedSeries, headers: Sequence[str]
) -> tuple[Version | None, frozenset[str] | None]:
    """The kernel version in the Makefile of the base, and the names in its headers; None for what is not known."""
    return (None, None) if placed.base is None else kernel_in(repository, placed.base.tree, headers)
