"""Marks each finding that a later patch of the series fixes with `resolved_by`.

Takes the reviews of the patches in order. A finding in a file that was read as a whole is resolved by the first patch
that changes its function and leaves it without the cause; in other files, by one that removes the finding's line.
Only open findings are held in memory, and of a patch only what the report says: a commit range may be long.
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
    """A finding with its patch, and the change of that patch to the finding's file."""

    patch: Patch
    change: FileChange
    finding: Finding


Left = Callable[[FindingOrigin, Patch, FileChange], bool | None]


class _Open(Struct):
    """A finding that is not resolved: the 0-based indexes of its patch and of itself there.

    `origin`: None where its file was not read as a whole.
    """

    patch: int
    at: int
    finding: Finding
    origin: FindingOrigin | None


class Resolver:
    """Follows the open findings of a series from patch to patch.

    `left(origin, patch, change)`: whether a finding is left after a patch to its file; None where the patch does not
    touch its function, or that is not known. Without `left`, findings in files that were read as a whole are not
    followed here; sources.outcomes does that.
    """

    def __init__(self, left: Left | None = None) -> None:
        self._left = left
        self._reviews: list[PatchReview] = []
        self._open: dict[str, list[_Open]] = {}  # by the path that the file has by now

    def concerns(self, files: Iterable[FileChange]) -> bool:
        """Whether a patch to these files may resolve a finding: then it has to be added with their hunks."""
        return any(path in self._open for change in files for path in (change.path, change.old_path))

    def add(self, reviewed: PatchReview, kept: PatchReview | None = None) -> None:
        """Add the next patch of the series. `kept`: what of its review stays in memory, None for all of it."""
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
        for path, still_open in followed:
            self._open.setdefault(path, []).append(still_open)
        self._reviews.append(kept or reviewed)

    def reviews(self) -> tuple[PatchReview, ...]:
        """The reviews of all patches that were added, in order."""
        return tuple(self._reviews)

    def _after(self, here: list[_Open], change: FileChange, reviewed: PatchReview) -> Iterator[tuple[str, _Open]]:
        """The findings that are still open after a patch to their file, each with the path of its file then."""
        for old in here:
            if old.origin is None or self._left is None:
                gone = _removes(change, old.finding.line_text)
                again = any(other.fingerprint == old.finding.fingerprint for other in reviewed.findings)
                if not gone:
                    yield change.path, old
                elif not again:
                    self._resolve(old, reviewed.patch)
            elif change.path not in reviewed.whole or self._left(old.origin, reviewed.patch, change) is not False:
                yield change.path, old
            elif (moved := self._moved(old.origin, change, reviewed)) is not None:
                yield moved, old
            else:
                self._resolve(old, reviewed.patch)

    def _moved(self, origin: FindingOrigin, away: FileChange, reviewed: PatchReview) -> str | None:
        """The path of another file of a patch in which the finding's function now has the same cause."""
        others = (change for change in reviewed.files if change.path in reviewed.whole and change.path != away.path)
        assert self._left is not None
        return next((other.path for other in others if self._left(origin, reviewed.patch, other)), None)

    def _resolve(self, old: _Open, patch: Patch) -> None:
        self._reviews[old.patch] = with_resolution(self._reviews[old.patch], old.at, patch)


def with_resolution(reviewed: PatchReview, at: int, by: Patch) -> PatchReview:
    """The review with its finding at index `at` resolved by another patch."""
    findings = list(reviewed.findings)
    findings[at] = replace(findings[at], resolved_by=name_of(by))
    return replace(reviewed, findings=tuple(findings))


def is_commit(patch: Patch) -> bool:
    """Whether a patch is a commit of a repository, and neither a message nor a labelled change."""
    return patch.commit is not None and patch.mail is None and not patch.label


def name_of(patch: Patch) -> str:
    """The name of a patch in reports: its label, else 12 digits of a commit id, else its number as "2/5"."""
    if patch.label:
        return patch.label
    return patch.commit[:12] if patch.commit and is_commit(patch) else f"{patch.number}/{patch.total}"


def title_of(patch: Patch) -> str:
    """The heading of a patch in reports: its label, else its name and subject."""
    return patch.label or f"{name_of(patch)} {patch.subject}"


def is_copy(change: FileChange) -> bool:
    """Whether the change copies a file, so that the old one stays."""
    return any(line.startswith("copy from ") for line in change.header)


def _removes(change: FileChange, text: str) -> bool:
    """Whether a change removes a line, however it is spaced, and adds it nowhere."""
    wanted = squeeze(text)
    lines = [(line.mark, squeeze(line.text)) for hunk in change.hunks for line in hunk.lines]
    return ("-", wanted) in lines and ("+", wanted) not in lines
