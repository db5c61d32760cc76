"""Finds where a patch makes a hit though it changes none of its rows: by what leads there, and what holds there.

Input: the files of the patch, and rows of a hit, from 0, that show how it is reached. Output: a row of the same
function, or of one that it calls, at which a condition, a jump, an unlock, a restore, or the value of a variable was
changed that has to do with it. Limits: a condition that the patch puts in the place of another and that calls something
is not seen through; then there is no such row.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from reviewbot.dataflow.scope_table import ScopeTable
from reviewbot.frontend.cut_functions import byte_words, called_in
from reviewbot.kernel.rows import row_words
from reviewbot.model.kernel import Rule
from reviewbot.model.patch import FileChange
from reviewbot.program.file_version import FileVersion
from reviewbot.review.patched_file import PatchedFile
from reviewbot.support.branch_words import asks_others, decides, has_condition, names_set, turns

Place = tuple[FileVersion, int]
_Words = frozenset[bytes]

_LONGEST = 500  # rows of a function above a hit that are looked at for what they call


class _Mark(Struct, frozen=True):
    """A run of changed lines. `row`: the one that was added there, or that now stands where something was removed.

    `leads`: it has a condition, a jump or the end of a scope; `turns`: a jump, which may lead upwards; `asked`: a
    condition was removed; `ends`: a call that ends a scope was; `names`: variables that were given a value there.
    `removed`: all of it was; `takes`: a call that takes a lock was added.
    """

    row: int
    removed: bool
    leads: bool
    turns: bool
    asked: bool
    ends: bool
    names: _Words
    takes: bool = False


class ScopeEnds(NamedTuple):
    """The calls that end a scope or give back a lock. `parts`: of the names of some more."""

    names: _Words
    parts: Sequence[bytes] = ()

    def are_in(self, text: bytes) -> bool:
        """Whether one of them stands in a text."""
        words = byte_words(text)
        return not self.names.isdisjoint(words) or any(part in word for part in self.parts for word in words)


def scope_ends(lookup: ScopeTable, rules: Iterable[Rule]) -> ScopeEnds:
    """Those that the tables of a kernel list, or some rules: `unblocks`, "call position", and parts by `leaves`."""
    names, parts = set(lookup.leave), set[str]()
    for rule in rules:
        names.update(said.split()[0] for said in row_words(rule, "unblocks"))
        parts |= row_words(rule, "leaves")
    return ScopeEnds(frozenset(map(_bytes, names)), sorted(map(_bytes, parts)))


class ChangedWays:
    """What a patch changes of the ways through its functions. `files`: those of it that were read."""

    def __init__(self, files: Iterable[PatchedFile], ends: ScopeEnds) -> None:
        self._ends = ends
        self._files = {file.change.path: file for file in files}
        self._found: dict[str, Sequence[_Mark]] = {}

    def leading_to(self, places: Sequence[Place]) -> Place | None:
        """The nearest change that leads to one of some places, in its function or else in one that is called there.

        The places that are asked first come first.
        """
        for side, row in places:
            marks = self._marks(side)
            function = side.function_at(row) if marks else ""
            mine = [one for one in marks if self._counts(one, side, row)] if function else []
            mine = [one for one in mine if side.function_at(one.row) == function]
            if mine:
                above = [one for one in mine if one.row <= row] or mine[::-1]
                shown = [one for one in above if one.removed] or above
                return (side, shown[-1].row) if self._is_news(side, function, mine, row) else None
        return next((found for side, row in places if (found := self._in_callee(side, row)) is not None), None)

    def _counts(self, mark: _Mark, side: FileVersion, row: int) -> bool:
        """Whether a change may have to do with what stands at a row."""
        if mark.row > row:
            return mark.turns
        if mark.leads:
            return True
        below = (_bytes(one) for one in side.rows[mark.row : row + 1]) if mark.names else ()
        return any(
            not mark.names.isdisjoint(byte_words(one))
            for at, one in enumerate(below, mark.row)
            if at == row or has_condition(one)
        )

    def _marks(self, side: FileVersion) -> Sequence[_Mark]:
        """The changes in a file after the patch, in the order of its rows."""
        file = self._files.get(side.path)
        if file is None or side is not file.after:
            return ()
        if side.path not in self._found:
            rows = {number: row for row, number in enumerate(side.numbers) if number}
            locks = side.lookup.locks if side.lookup is not None else frozenset[str]()
            marks = _marks_of(file.change, self._all_ends(file), frozenset(map(_bytes, locks)))
            self._found[side.path] = [_at(one, rows[one.row]) for one in marks if one.row in rows]
        return self._found[side.path]

    def _all_ends(self, file: PatchedFile) -> ScopeEnds:
        """The calls that end a scope, with the functions that the file had for it."""
        old = file.before(frozenset())
        if old is None:
            return self._ends
        texts = [(name, one.text) for name, some in old.named.items() for one in some]
        for unit in old.units:
            first, last = unit.function.lines
            texts.append((unit.function.name, "\n".join(old.rows[max(first, 0) : last + 1])))
        helpers = (name for name, text in texts if name and self._ends.are_in(_bytes(text)))
        return self._ends._replace(names=self._ends.names.union(map(_bytes, helpers)))

    def _is_news(self, side: FileVersion, function: str, marks: Sequence[_Mark], last: int) -> bool:
        """Whether nothing there may ask the same as before, and all of the function was known before."""
        first = min(one.row for one in marks)
        added = (side.rows[row] for row in range(first, last + 1) if side.changed[row])
        if any(one.asked for one in marks) and asks_others("\n".join(added)):
            return False
        return self._was_read(self._files[side.path], function)

    def _was_read(self, file: PatchedFile, function: str) -> bool:
        """Whether a function was there before by that name: of one that was renamed or moved all may seem new."""
        old = file.before(frozenset()) if function not in file.old_names else None
        units = [unit for unit in old.units if unit.function.name == function] if old is not None else []
        if old is not None and not units:
            units = [unit for fragment in old.named.get(function, ()) for unit in old.read(fragment)]
        return bool(units) and not any(unit.function.broken or unit.flow.lost for unit in units)

    def _in_callee(self, side: FileVersion, row: int) -> Place | None:
        """Where an unlock was removed in a function that is called above a row in its function.

        Or where a lock was added, in one that is called in this row.
        """
        ended = [
            (file.after, one)
            for file in self._files.values()
            if file.after is not None
            for one in self._marks(file.after)
            if one.ends or one.takes
        ]
        function = side.function_at(row) if ended else ""
        if not function:
            return None
        first = row
        while first > max(0, row - _LONGEST) and side.function_at(first - 1) == function:
            first -= 1
        called: Collection[bytes] = called_in(_bytes("\n".join(side.rows[first : row + 1])))
        for other, one in ended:
            name = other.function_at(one.row)
            here = called if one.ends else called_in(_bytes(side.rows[row]))
            if name and name != function and _bytes(name) in here:
                return (other, one.row) if self._was_read(self._files[other.path], name) else None
        return None


def _at(mark: _Mark, row: int) -> _Mark:
    return _Mark(row, mark.removed, mark.leads, mark.turns, mark.asked, mark.ends, mark.names, mark.takes)


def _marks_of(change: FileChange, ends: ScopeEnds, locks: _Words) -> Iterator[_Mark]:
    """Those of a file, each with its line after the patch, 1-based, instead of its row. `locks`: who takes one."""
    for hunk in change.hunks:
        gone: list[str] = []
        for line in hunk.lines:
            if line.new is None:
                gone.append(line.text)
                continue
            if gone:
                yield _mark(line.new, _bytes("\n".join(_of_last(gone))), ends, removed=True)
                gone = []
            if line.old is None:
                mark = _mark(line.new, _bytes(line.text), ends, removed=False)
                yield replace(mark, takes=not locks.isdisjoint(byte_words(_bytes(line.text))))


def _of_last(rows: Sequence[str]) -> Sequence[str]:
    """Those of some rows that belong to the function which the last one is of: the next row is in that one."""
    bounds = [at for at, row in enumerate(rows) if row[:1] in ("{", "}")]
    return rows[bounds[-1] + 1 :] if bounds else rows


def _mark(number: int, text: bytes, ends: ScopeEnds, removed: bool) -> _Mark:
    ended = ends.are_in(text)
    leads = ended or decides(text)
    return _Mark(number, removed, leads, turns(text), removed and leads, removed and ended, names_set(text))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
