"""Finds lines in a diff and chooses the few around them that are worth quoting."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct

from reviewbot.model.patch import FileChange, Hunk
from reviewbot.support.patterns import pattern

CUT = None  # stands in an excerpt where lines were left out
_MOST_ROWS = 12  # of a statement above or below a line; what is longer is none, or no C
# literals, comments up to the end of the line, directives, rows of a comment, and the mark of a macro's next row
_NO_CODE = pattern(r'"(?:[^"\\]|\\.)*+"?|\'(?:[^\'\\]|\\.)*+\'?|/\*(?:(?!\*/).)*+(?:\*/)?|//.*|\A\s*[#*].*|\\\s*\Z')
_GOES_ON = pattern(r"[=+\-|&?*/<>!^%]\s*\Z")  # an operator, so its operand is on the next row


class DiffPosition(Struct, frozen=True, order=True):
    """The position of a line in a diff: the 0-based indexes of its file, of the hunk in it and of the line in that."""

    file: int
    hunk: int
    line: int


def places(files: Iterable[FileChange]) -> Mapping[tuple[str, int], DiffPosition]:
    """The positions of all lines of the new side, by path and 1-based number; in a file that comes twice, the first."""
    positions: dict[tuple[str, int], DiffPosition] = {}
    for file_at, change in enumerate(files):
        for hunk_at, hunk in enumerate(change.hunks):
            for line_at, line in enumerate(hunk.lines):
                if line.new is not None:
                    positions.setdefault((change.path, line.new), DiffPosition(file_at, hunk_at, line_at))
    return positions


def statement(hunk: Hunk, at: int) -> tuple[int, int]:
    """The 0-based indexes of the first and last line of the statement that the line `at` is of; `at` twice if unsure.

    By parentheses and what a line ends with: a hunk may begin and end anywhere. Removed lines do not count.
    """
    rows = [index for index, line in enumerate(hunk.lines) if line.mark != "-"]
    if at not in rows:
        return at, at
    here = rows.index(at)
    depth, begin = 0, None
    for index in rows[max(here - _MOST_ROWS, 0) : here + _MOST_ROWS]:
        code = _NO_CODE.sub("", hunk.lines[index].text)
        begin = index if begin is None else begin
        depth = max(depth + code.count("(") - code.count(")"), 0)
        if depth == 0 and not _GOES_ON.search(code):
            if index >= at:
                return begin, index
            begin = None
    return at, at


def excerpt(
    hunk: Hunk, marks: Iterable[int], *, before: int, after: int = 0, also: Iterable[int] = ()
) -> list[int | None]:
    """The 0-based indexes of the lines of a hunk to show around `marks`, with CUT where lines are left out.

    `before`, `after`: lines of context of each mark; `also`: lines shown without context (evidence). A single line is
    never left out: CUT would take as much room. What follows the last line shown is left out without CUT.
    """
    wanted = {at for mark in marks for at in range(_first(hunk, mark, before), mark + after + 1)}
    shown: list[int | None] = []
    last = -1
    for at in sorted(at for at in wanted | set(also) if 0 <= at < len(hunk.lines)):
        if at - last == 2:
            shown.append(at - 1)
        elif at - last > 2:
            shown.append(CUT)
        shown.append(at)
        last = at
    return shown


def _first(hunk: Hunk, mark: int, before: int) -> int:
    """The index at which the context of a line begins. Removed lines that it would cut in two are left out."""
    first = at = max(mark - before, 0)
    if at > 0 and hunk.lines[at - 1].mark == "-":
        while at < mark and hunk.lines[at].mark == "-":
            at += 1
    return at if at < mark else first


def quoted(hunk: Hunk, at: int) -> str:
    """A line of a hunk as a reply quotes it: unchanged, after "> "."""
    line = hunk.lines[at]
    return f"> {line.mark}{line.text}"
