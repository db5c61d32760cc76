"""A patch's hunks and the lines somebody speaks about in, the few lines worth quoting out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct

from reviewbot.model.patch import FileChange, Hunk

CUT = None  # stands in an excerpt where lines were left out


class DiffPosition(Struct, frozen=True, order=True):
    """Where a line of the new file stands in a diff: indexes of file, hunk and line."""

    file: int
    hunk: int
    line: int


def places(files: Iterable[FileChange]) -> Mapping[tuple[str, int], DiffPosition]:
    """Every line of the new side by its path and number; of a file that comes twice, the first."""
    found: dict[tuple[str, int], DiffPosition] = {}
    for file_at, change in enumerate(files):
        for hunk_at, hunk in enumerate(change.hunks):
            for line_at, line in enumerate(hunk.lines):
                if line.new is not None:
                    found.setdefault((change.path, line.new), DiffPosition(file_at, hunk_at, line_at))
    return found


def excerpt(
    hunk: Hunk, marks: Iterable[int], *, before: int, after: int = 0, also: Iterable[int] = ()
) -> list[int | None]:
    """The indexes of a hunk's lines to show around `marks`, CUT where a stretch is left out.

    `also` are lines shown for themselves (evidence), without context. A single line is never cut: the
    mark would take as much room. What follows the last line shown is left out without a mark.
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
    """Where the context of a line begins: never in the midst of removed lines, which say nothing by halves."""
    first = at = max(mark - before, 0)
    if at > 0 and hunk.lines[at - 1].mark == "-":
        while at < mark and hunk.lines[at].mark == "-":
            at += 1
    return at if at < mark else first


def quoted(hunk: Hunk, at: int) -> str:
    """A hunk's line as a mail quotes it: unchanged, after the quote mark."""
    line = hunk.lines[at]
    return f"> {line.mark}{line.text}"
