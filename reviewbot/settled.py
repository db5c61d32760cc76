"""Patches as they were reviewed in, one by one, the same with what a later one settles named as resolved by it out.

Only findings that are open are kept in mind, and of a patch only what is told about it: a history may be long.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Generic, TypeVar

from reviewbot.csource import squeeze
from reviewbot.model import FileChange, Finding, Patch, PatchReview
from reviewbot.records import dataclass, replace

Key = tuple[str, str, str]  # rule, function, cause
By = TypeVar("By")  # what a patch was judged by


@dataclass(frozen=True, slots=True)
class End:
    """What a patch leaves of a whole file: the functions it touches, and what is wrong in them then."""

    functions: frozenset[str]
    keys: frozenset[Key]


@dataclass(slots=True)
class _Open(Generic[By]):
    """A finding that nothing has settled: which one it is, what by, and whether its file was seen as a whole."""

    patch: int
    at: int
    finding: Finding
    whole: bool
    by: By

    @property
    def key(self) -> Key:
        return self.finding.rule, self.finding.function, self.finding.key


class Settling(Generic[By]):
    """`end(patch, change, by)` tells what a patch leaves of a file that was seen as a whole.

    It is judged by what the finding was: a rule that holds no longer has not mended anything.
    """

    def __init__(self, end: Callable[[Patch, FileChange, By], End | None]) -> None:
        self._end = end
        self._reviews: list[PatchReview] = []
        self._open: dict[str, list[_Open[By]]] = {}  # by the path that the file has by now

    def concerns(self, files: Iterable[FileChange]) -> bool:
        """Whether a patch to these files may settle something: then it has to be added with their hunks."""
        return any(path in self._open for change in files for path in (change.path, change.old_path))

    def add(self, reviewed: PatchReview, by: By, kept: PatchReview | None = None) -> None:
        """The next patch of the series; `kept`: as much of it as is to stay in memory, None for all."""
        followed: list[tuple[str, _Open[By]]] = []
        for change in reviewed.files:
            for path in dict.fromkeys((change.old_path, change.path)):
                if path is not None and path in self._open and not (path == change.old_path and is_copy(change)):
                    followed += self._after(self._open.pop(path), change, reviewed)
        followed += (
            (one.path, _Open(len(self._reviews), at, one, one.path in reviewed.whole, by))
            for at, one in enumerate(reviewed.findings)
        )
        for path, one in followed:
            self._open.setdefault(path, []).append(one)
        self._reviews.append(kept or reviewed)

    def reviews(self) -> tuple[PatchReview, ...]:
        """All that were added, in order."""
        return tuple(self._reviews)

    def _after(
        self, here: list[_Open[By]], change: FileChange, reviewed: PatchReview
    ) -> Iterator[tuple[str, _Open[By]]]:
        """The findings that are still open after a patch to their file, and where they are then."""
        end = cache(lambda by: self._end(reviewed.patch, change, by))
        for one in here:
            if not one.whole:
                gone = _removes(change, one.finding.line_text)
                again = gone and any(other.fingerprint == one.finding.fingerprint for other in reviewed.findings)
            elif change.path in reviewed.whole and (left := end(one.by)) is not None:
                gone = one.finding.function in left.functions and one.key not in left.keys
                again = False
                if gone and (moved := self._moved(one, change, reviewed)) is not None:
                    yield moved, one
                    continue
            else:
                gone = again = False
            if not gone:
                yield change.path, one
            elif not again:
                self._settle(one, reviewed.patch)

    def _moved(self, one: _Open[By], away: FileChange, reviewed: PatchReview) -> str | None:
        """The other file of a patch that has the same trouble in a function of the same name after it."""
        for change in reviewed.files:
            if change.path in reviewed.whole and change.path != away.path:
                left = self._end(reviewed.patch, change, one.by)
                if left is not None and one.key in left.keys:
                    return change.path
        return None

    def _settle(self, one: _Open[By], patch: Patch) -> None:
        reviewed = self._reviews[one.patch]
        findings = list(reviewed.findings)
        findings[one.at] = replace(findings[one.at], resolved_by=name_of(patch))
        self._reviews[one.patch] = replace(reviewed, findings=tuple(findings))


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
