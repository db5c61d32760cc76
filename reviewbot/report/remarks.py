"""A Review in, its remarks as a CI shows them out: each once, and at the line where it stands after the last patch.

Mails are answered patch by patch, and a remark names the line of its own patch. A CI looks at the end of a series:
there, what later patches put above a line has moved it, and a remark that two patches share is one.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property

from msgspec import Struct
from msgspec.structs import replace

from reviewbot.model.kernel import Rule, Version
from reviewbot.model.patch import FileChange, Hunk, Patch, Unread
from reviewbot.model.review import CONFIDENCES, SEVERITIES, Evidence, Finding, Review
from reviewbot.report.select import ordered, select, unread_beside, unread_of
from reviewbot.report.unread import SAY
from reviewbot.review.resolved import is_copy
from reviewbot.support.escape import visible

FileLine = tuple[str, int]  # a path and a line of it, 1-based


class ReportContext(Struct, frozen=True):
    """What a report says besides the review: the version judged by, the rules and their digest, and the bars.

    `repository`: the URI of the repository whose commits the patches are, "" where that is not known; `unread`: what
    becomes of a run in which something was not looked at, a word of report.unread.UNREAD.
    """

    kernel: str
    digest: str
    rules: tuple[Rule, ...] = ()
    min_severity: str = "note"
    min_confidence: str = "low"
    repository: str = ""
    unread: str = SAY


class Remark(Struct, frozen=True):
    """A finding at the end of the series, with the evidence that is not on its own line.

    `nth`: 1 for the first of the remarks with its fingerprint, 2 for the next; `kernel`: as of PatchReview.
    """

    finding: Finding
    patch: Patch
    nth: int
    kernel: Version | None = None

    @property
    def name(self) -> str:
        """The fingerprint; of several remarks with the same one, each its own."""
        return self.finding.fingerprint if self.nth == 1 else f"{self.finding.fingerprint}:{self.nth}"


def remarks_of(review: Review, frame: ReportContext, later: Sequence[FileChange] = ()) -> tuple[Remark, ...]:
    """The remarks at or above the bars that no later patch settles; of equal ones of several patches the last.

    They stand at the lines they have after the last patch, or after what `later` changes without being reviewed.
    """
    found: dict[tuple[str, int], Remark] = {}
    moves = [*(_Moves(reviewed.files) for reviewed in review.patches), _Moves(later)]
    for at, reviewed in enumerate(review.patches):
        counts: Counter[str] = Counter()
        for one in select(ordered(reviewed), frame.min_severity, frame.min_confidence):
            if one.resolved_by is None:
                counts[one.fingerprint] += 1
                key = one.fingerprint, counts[one.fingerprint]
                found.pop(key, None)
                found[key] = Remark(_moved(one, moves[at + 1 :]), reviewed.patch, key[1], reviewed.kernel)
    return tuple(found.values())


def worst_first(found: Iterable[Remark]) -> list[Remark]:
    """By severity, then by confidence; equals stay in their order."""

    def key(remark: Remark) -> tuple[int, int]:
        return -SEVERITIES.index(remark.finding.severity), -CONFIDENCES.index(remark.finding.confidence)

    return sorted(found, key=key)


def unread(review: Review) -> tuple[Unread, ...]:
    """All that was not looked at, each once."""
    parts = (part for reviewed in review.patches for part in unread_of(reviewed))
    return tuple(dict.fromkeys((*unread_beside(review), *parts)))


def columns(text: str) -> tuple[str, str]:
    """A line of code as (what stands before the code, the code); both may be empty."""
    code = text.strip()
    return text[: len(text) - len(text.lstrip())] if code else "", code


def suggestion(finding: Finding) -> str | None:
    """The line as it would be, unless the line has characters that a program would not hand on as they are."""
    return finding.fix if visible(finding.line_text) == finding.line_text else None


# --- where a line of one patch is after the next ones ---


def _moved(finding: Finding, later: Sequence[_Moves]) -> Finding:
    path, line = _end((finding.path, finding.line), later)
    shown = (_moved_too(one, later) for one in finding.evidence)
    elsewhere = tuple(one for one in shown if (one.path, one.line) != (path, line))
    return replace(finding, path=path, line=line, evidence=elsewhere)


def _moved_too(shown: Evidence, later: Sequence[_Moves]) -> Evidence:
    path, line = _end((shown.path, shown.line), later)
    return replace(shown, path=path, line=line)


def _end(place: FileLine, later: Sequence[_Moves]) -> FileLine:
    for moves in later:
        place = moves.after(place)
    return place[0], max(place[1], 1)


class _Moves:
    """Where the lines of a patch's files are after it."""

    def __init__(self, files: Sequence[FileChange]) -> None:
        self.files = files

    def after(self, place: FileLine) -> FileLine:
        path, line = place
        shift = self._by_path.get(path)
        return place if shift is None else (shift.path, shift.line(line))

    @cached_property
    def _by_path(self) -> dict[str, _Shift]:
        changes = (change for change in self.files if not change.deleted and not is_copy(change))
        return {change.old_path or change.path: _Shift(change) for change in changes}


class _Shift:
    """Old lines of one file into new ones: those of its hunks one by one, the rest by what was added above them."""

    def __init__(self, change: FileChange) -> None:
        self.path = change.path
        self._inside: dict[int, int] = {}
        self._ends: list[int] = []  # the last old line of each hunk
        self._shifts = [0]  # of what stands above the first hunk, between it and the next, ...
        for hunk in change.hunks:
            olds = [line.old for line in hunk.lines if line.old is not None]
            news = [line.new for line in hunk.lines if line.new is not None]
            shift = self._shifts[-1]
            self._inside.update(_kept(hunk, olds[0] + shift if olds else 0))
            self._ends.append(olds[-1] if olds else news[0] - 1 - shift if news else 0)
            self._shifts.append(shift + len(news) - len(olds))

    def line(self, line: int) -> int:
        """Where an old line is, or what stands in its place."""
        return self._inside.get(line) or line + self._shifts[bisect_left(self._ends, line)]


def _kept(hunk: Hunk, behind: int) -> Iterator[tuple[int, int]]:
    """Old line numbers with the new ones; a removed line goes to where it was put back, else to the line behind it.

    `behind`: that line where the hunk has none.
    """
    added: dict[str, list[int]] = {}
    for line in reversed(hunk.lines):
        if line.old is None and line.new is not None:
            added.setdefault("".join(line.text.split()), []).append(line.new)
    gone: list[int] = []
    last = behind
    for line in hunk.lines:
        if line.new is None and line.old is not None:
            again = added.get("".join(line.text.split()))
            if again:
                yield line.old, again.pop()
            else:
                gone.append(line.old)
        elif line.new is not None:
            yield from ((old, line.new) for old in gone)
            gone, last = [], line.new
            if line.old is not None:
                yield line.old, line.new
    yield from ((old, last) for old in gone)
