"""Patches as they were reviewed in, one by one, the same with what a later one settles named as resolved by it out.

A remark on a file that was seen as a whole is settled by the first patch that changes its function and leaves it
without what was wrong; else by one that takes the line of the remark away. Only findings that are open are kept in
mind, and of a patch only what is told about it: a history may be long.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from reviewbot.frontend.instructions import squeeze
from reviewbot.model.patch import FileChange, Patch
from reviewbot.model.review import Finding, PatchReview

FindingKey = tuple[str, str, str]  # rule, function, cause


class FindingOrigin(Struct, frozen=True):
    """Where a finding comes from: the patch that it is about, and what that does to its file."""

    patch: Patch
    change: FileChange
    finding: Finding


Left = Callable[[FindingOrigin, Patch, FileChange], bool | None]


class _Open(Struct):
    """A finding that nothing has settled: the place of its patch and its own, and whether its file was seen whole."""

    patch: int
    at: int
    finding: Finding
    origin: FindingOrigin | None


class Resolver:
    """`left(origin, patch, change)`: whether what was wrong is still there after a patch to its file; None where that
    patch has nothing to do with it, or it is not known.

    Without `left`, files that were seen as a whole are somebody else's matter.
    """

    def __init__(self, left: Left | None = None) -> None:
        self._left = left
        self._reviews: list[PatchReview] = []
        self._open: dict[str, list[_Open]] = {}  # by the path that the file has by now

    def concerns(self, files: Iterable[FileChange]) -> bool:
        """Whether a patch to these files may settle something: then it has to be added with their hunks."""
        return any(path in self._open for change in files for path in (change.path, change.old_path))

    def add(self, reviewed: PatchReview, kept: PatchReview | None = None) -> None:
        """The next patch of the series; `kept`: as much of it as is to stay in memory, None for all."""
        followed: list[tuple[str, _Open]] = []
        for change in reviewed.files:
            for path in dict.fromkeys((change.old_path, change.path)):
                if path is not None and path in self._open and not (path == change.old_path and is_copy(change)):
                    followed += self._after(self._open.pop(path), change, reviewed)
        changes = {change.path: change for change in reviewed.files}
        for at, finding in enumerate(reviewed.findings):
            whole = finding.path in reviewed.whole
            if not whole or self._left is not None:
                origin = FindingOrigin(reviewed.patch, changes[finding.path], finding) if whole else None
                followed.append((finding.path, _Open(len(self._reviews), at, finding, origin)))
        for path, one in followed:
            self._open.setdefault(path, []).append(one)
        self._reviews.append(kept or reviewed)

    def reviews(self) -> tuple[PatchReview, ...]:
        """All that were added, in order."""
        return tuple(self._reviews)

    def _after(self, here: list[_Open], change: FileChange, reviewed: PatchReview) -> Iterator[tuple[str, _Open]]:
        """The findings that are still open after a patch to their file, and where they are then."""
        for one in here:
            if one.origin is None or self._left is None:
                gone = _removes(change, one.finding.line_text)
                again = any(other.fingerprint == one.finding.fingerprint for other in reviewed.findings)
                if not gone:
                    yield change.path, one
                elif not again:
                    self._settle(one, reviewed.patch)
            elif change.path not in reviewed.whole or self._left(one.origin, reviewed.patch, change) is not False:
                yield change.path, one
            elif (moved := self._moved(one.origin, change, reviewed)) is not None:
                yield moved, one
            else:
                self._settle(one, reviewed.patch)

    def _moved(self, origin: FindingOrigin, away: FileChange, reviewed: PatchReview) -> str | None:
        """The other file of a patch that has the same trouble in a function of the same name after it."""
        others = (change for change in reviewed.files if change.path in reviewed.whole and change.path != away.path)
        assert self._left is not None
        return next((one.path for one in others if self._left(origin, reviewed.patch, one)), None)

    def _settle(self, one: _Open, patch: Patch) -> None:
        self._reviews[one.patch] = with_resolution(self._reviews[one.patch], one.at, patch)


def with_resolution(reviewed: PatchReview, at: int, by: Patch) -> PatchReview:
    """A patch with one of its findings resolved by another patch."""
    findings = list(reviewed.findings)
    findings[at] = replace(findings[at], resolved_by=name_of(by))
    return replace(reviewed, findings=tuple(findings))


def is_commit(patch: Patch) -> bool:
    """Whether a patch is a commit of a repository, and no mail."""
    return patch.commit is not None and patch.mail is None and not patch.label


def name_of(patch: Patch) -> str:
    """What a reader knows a patch by: a commit's id cut short, its label, else its number in the series."""
    if patch.label:
        return patch.label
    return patch.commit[:12] if patch.commit and is_commit(patch) else f"{patch.number}/{patch.total}"


def title_of(patch: Patch) -> str:
    """The line above all that is said of a patch."""
    return patch.label or f"{name_of(patch)} {patch.subject}"


def is_copy(change: FileChange) -> bool:
    """Whether the old file stays where it is."""
    return any(line.startswith("copy from ") for line in change.header)


def _removes(change: FileChange, text: str) -> bool:
    wanted = squeeze(text)
    lines = [(line.mark, squeeze(line.text)) for hunk in change.hunks for line in hunk.lines]
    return ("-", wanted) in lines and ("+", wanted) not in lines
