"""Says where the hunks of a file's change stand in a text of that file, and which of them fit nowhere.

Input: a change, and the rows of the file that it is to be made in. Output: the rows after it, the hunks that stand on
other lines than the diff says, and those that do not fit. A hunk is looked for as git-apply(1) does: each at the place
nearest to its line. Other than for git, a place in another function than the one that the hunk names is none.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import islice, takewhile

from msgspec import Struct

from reviewbot.model.patch import FileChange, Hunk
from reviewbot.patch.parse import is_source
from reviewbot.support.patterns import pattern

_HEADING = pattern(r"[A-Za-z_$]")  # how a row begins that git names in "@@ -1,2 +1,2 @@ row" (diff.c, xfuncname)
_LABEL = pattern(r"[ \t]*[A-Za-z_]\w*:[ \t]*(?:$|/[/*])", re.ASCII)  # but not of C
_CALLED = pattern(r"\b([A-Za-z_]\w*+)[ \t]*+\(", re.ASCII)
_NAMED = 60  # characters of a heading that is told
_PLACES = 100  # that are looked at for one hunk: generated files repeat themselves


class MovedHunk(Struct, frozen=True):
    """A hunk, counted from 1, that stands on another line than its diff says; `line` and `here`: both 1-based."""

    path: str
    number: int
    line: int
    here: int

    def __str__(self) -> str:
        return f"{self.path}: hunk {self.number} (line {self.line}) stands on line {self.here}"


class Misfit(Struct, frozen=True):
    """A hunk, counted from 1, that does not fit. `line`: 1-based, as its diff says; `why`: in words."""

    path: str
    number: int
    line: int
    why: str

    def __str__(self) -> str:
        return f"{self.path}: hunk {self.number} (line {self.line}) {self.why}"


class Placement(Struct, frozen=True):
    """The rows after a change, None where one of its hunks does not fit; then `misfits` has the first that does not."""

    rows: list[str] | None
    moved: tuple[MovedHunk, ...] = ()
    misfits: tuple[Misfit, ...] = ()


def rows_of(text: str | None) -> list[str]:
    """The lines of a text without their ends; [] for no text."""
    if not text:
        return []
    rows = text.split("\n")
    rows = rows[:-1] if rows[-1] == "" else rows
    return [row.rstrip("\r") for row in rows] if "\r" in text else rows


def side_of(hunk: Hunk, mark: str) -> list[str]:
    """The lines of one side ("-" or "+") of a hunk, without their ends."""
    return [line.text.rstrip("\r") for line in hunk.lines if line.mark in (" ", mark)]


def place_hunks(change: FileChange, rows: list[str]) -> Placement:
    """Find the hunks of a change in the rows of a file, in order."""
    index = _RowIndex(rows)
    moved: list[MovedHunk] = []
    parts: list[list[str]] = []
    done = grown = 0
    for number, hunk in enumerate(change.hunks, 1):
        removed, added = side_of(hunk, "-"), side_of(hunk, "+")
        line = _line(hunk)
        told = _function(hunk) if is_source(change) else ""  # other languages name other rows
        at = _place(index, hunk, removed, (line - 1 - grown, done), told)
        if isinstance(at, str):
            return Placement(None, tuple(moved), (Misfit(change.path, number, _told_line(hunk), at),))
        if at != line - 1 - grown:
            moved.append(MovedHunk(change.path, number, _told_line(hunk), at + 1))
        parts += [rows[done:at], added]
        done, grown = at + len(removed), grown + len(added) - len(removed)
    parts.append(rows[done:])
    return Placement([row for part in parts for row in part], tuple(moved))


def _line(hunk: Hunk) -> int:
    """The line of the new file, 1-based, that a hunk begins at."""
    return next((line.new for line in hunk.lines if line.new is not None), None) or _told_line(hunk)


def _told_line(hunk: Hunk) -> int:
    """The line that a reader of the diff finds in its @@ line: of the old file, else of the new one."""
    told = next((line.old for line in hunk.lines if line.old is not None), None)
    return told or next((line.new for line in hunk.lines if line.new is not None), None) or 1


# --- one hunk ---


class _RowIndex:
    """Finds rows by their text: a hunk is searched for at those offsets alone at which its rarest row stands."""

    def __init__(self, rows: list[str]) -> None:
        self.rows = rows
        self._offsets: dict[str, list[int]] = {}
        for at, row in enumerate(rows):
            self._offsets.setdefault(row, []).append(at)

    def places(self, wanted: Sequence[str], expected: int, lowest: int) -> Iterator[int]:
        """The offsets from `lowest` on at which rows stand, the nearest to `expected` first, below before above."""
        rarest = min(range(len(wanted)), key=lambda at: len(self._offsets.get(wanted[at], ())))
        known = self._offsets.get(wanted[rarest], [])
        above = bisect_left(known, expected + rarest)
        below = above - 1
        while above < len(known) or below >= 0:
            down = known[above] - rarest - expected if above < len(known) else None
            up = expected - known[below] + rarest if below >= 0 else None
            if up is None or (down is not None and down <= up):
                at, above = known[above] - rarest, above + 1
            else:
                at, below = known[below] - rarest, below - 1
            if at >= lowest and self.rows[at : at + len(wanted)] == wanted:
                yield at


def _place(index: _RowIndex, hunk: Hunk, removed: list[str], where: tuple[int, int], told: str) -> int | str:
    """The offset at which a hunk stands; as text why it stands nowhere.

    `removed`: its rows before; `where`: the expected offset and the lowest one; `told`: the function that it names.
    """
    expected, lowest = where
    rows = index.rows
    if not removed:
        return expected if lowest <= expected <= len(rows) else "fits nowhere"
    places = islice(index.places(removed, expected, lowest), _PLACES)
    found = [at for at in places if _may_stand(hunk, at, len(rows) - len(removed))]
    if not found:
        return "fits nowhere"
    at = found[0]
    told_here = _is_there(told, rows, at)
    if told_here is None and len(found) > 1 and at != expected:
        return "fits in several places"
    if told_here is not False:
        return at
    how = "would be put into" if any(_is_there(told, rows, one) for one in found) else "fits only in"
    return f"{how} another function: {_shown(rows[_heading(rows, at)])}"


def _may_stand(hunk: Hunk, at: int, last: int) -> bool:
    """Whether git puts a hunk there: one without rows above it or below it stands at that end of the file."""
    first = next((line.old for line in hunk.lines if line.old is not None), None)
    return (first not in (0, 1) or at == 0) and (hunk.lines[-1].mark == " " or at == last)


def _function(hunk: Hunk) -> str:
    """The row that a hunk names as the head of the function that it changes; "" for none.

    It is the head of what the hunk begins in, so it says nothing of a change behind the end of that.
    """
    told = hunk.section.rstrip()
    lead = (line.text for line in takewhile(lambda line: line.mark == " ", hunk.lines))
    if not _HEADING.match(told) or _LABEL.match(told) or any(_ends(row) for row in lead):
        return ""
    return told


def _is_there(told: str, rows: list[str], at: int) -> bool | None:
    """Whether an offset is in the function that is `told`; None where that does not tell: it is between functions.

    Its line may be another one than it was, but not its name.
    """
    first = _heading(rows, at) if told else -1
    if first < 0 or any(row[:1] == "}" for row in rows[first:at]):
        return None
    here = rows[first]
    return here.startswith(told) or (_name(here) == _name(told) and not here.rstrip().endswith(";"))


def _ends(row: str) -> bool:
    """Whether a row ends a function, or is the head of the next one."""
    return row[:1] == "}" or (_HEADING.match(row) is not None and not _LABEL.match(row))


def _heading(rows: list[str], at: int) -> int:
    """The offset of the row above another that git would name in a hunk that begins there; -1 for none."""
    above = range(at - 1, -1, -1)
    return next((one for one in above if rows[one][:1] != "}" and _ends(rows[one])), -1)


def _name(heading: str) -> str:
    called = _CALLED.search(heading)
    return called[1] if called is not None else heading.strip()


def _shown(heading: str) -> str:
    return f"{_name(heading)[:_NAMED]}()" if _CALLED.search(heading) else heading.strip()[:_NAMED]
