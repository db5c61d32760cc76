"""Finds where a patch takes away what kept a hit from being one, though it changes none of its rows.

Input: the files of the patch, and rows of a hit, from 0, that show how it is reached. Output: a row of the same
function above one of these, where a condition, what left early, or an unlock was removed or changed. Limits: a
condition that the patch puts there instead and that calls something is not seen through; then there is no such row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from reviewbot.model.patch import FileChange, Hunk
from reviewbot.program.file_version import FileVersion
from reviewbot.review.patched_file import PatchedFile
from reviewbot.support.branch_words import asks_others, is_loosened

Place = tuple[FileVersion, int]


class LoosenedConditions:
    """The conditions and unlocks that a patch takes away. `files`: those of it that were read; `ends`: the unlocks."""

    def __init__(self, files: Iterable[PatchedFile], ends: Iterable[str]) -> None:
        self._ends = frozenset(name.encode() for name in ends)
        self._files = {file.change.path: file for file in files}
        self._found: dict[str, list[int]] = {}

    def above(self, places: Iterable[Place]) -> Place | None:
        """The place of the nearest one above one of some places, in its function; those asked first come first."""
        for side, row in places:
            function = side.function_at(row) if (rows := self._rows(side)) and rows[0] <= row else ""
            if function and (found := [at for at in rows if at <= row and side.function_at(at) == function]):
                return (side, found[-1]) if self._is_gone(side, function, found[0], row) else None
        return None

    def _rows(self, side: FileVersion) -> list[int]:
        """The rows of a file after the patch at which something was taken away."""
        file = self._files.get(side.path)
        if file is None or side is not file.after:
            return []
        if side.path not in self._found:
            lines = frozenset(_lines(file.change, self._ends))
            self._found[side.path] = [row for row, number in enumerate(side.numbers) if number in lines]
        return self._found[side.path]

    def _is_gone(self, side: FileVersion, function: str, first: int, last: int) -> bool:
        """Whether nothing there may ask the same instead, and all of the function was known before."""
        added = [side.rows[row] for row in range(first, last + 1) if side.changed[row]]
        if asks_others("\n".join(added)):
            return False
        file = self._files[side.path]
        old = file.before(frozenset())
        name = file.old_names.get(function, function)
        units = [unit for unit in old.units if unit.function.name == name] if old is not None else []
        if old is not None and not units:
            units = [unit for fragment in old.named.get(name, ()) for unit in old.read(fragment)]
        return bool(units) and not any(unit.function.broken or unit.flow.lost for unit in units)


def _lines(change: FileChange, ends: frozenset[bytes]) -> Iterator[int]:
    """The line after the patch that stands where each of them stood, or is the next one; 1-based."""
    for hunk in change.hunks:
        yield from _lines_of(hunk, ends)


def _lines_of(hunk: Hunk, ends: frozenset[bytes]) -> Iterator[int]:
    gone: list[str] = []
    for line in hunk.lines:
        if line.new is None:
            gone.append(line.text)
        elif gone:
            if is_loosened("\n".join(gone).encode("utf-8", "surrogateescape"), ends):
                yield line.new
            gone = []
