"""One file of a diff in, what its two sides say out: slices of text with their functions, followed.

With a tree a slice is the whole file, seen from one side; of its functions those that the change
touches are read, and those that call them. Without a tree it is what the hunks show of that side,
with an empty row for what is not shown between them. Rows count a slice's lines from 0; `numbers`
maps them to lines of the file, 1-based, 0 where there is none.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property

from msgspec import Struct, field

from reviewbot.dataflow.scope_table import ScopeTable
from reviewbot.frontend import fragments
from reviewbot.frontend.fragments import Fragment
from reviewbot.frontend.instructions import Expr, Function, Instruction
from reviewbot.frontend.macros import Define, Defines, define_rows, is_asked
from reviewbot.frontend.preprocess import rewrite
from reviewbot.frontend.stitch import Stretch, heading
from reviewbot.model import Allocator, FileChange, Hunk, Kernel
from reviewbot.patch.renames import renamed
from reviewbot.program.unit import FunctionUnit, opener
from reviewbot.support.patterns import pattern

_MOST_LOST = 200_000  # characters that were no C: trying to read such text takes long
_MOST_FUNCTIONS = 10_000  # of one text; the largest file of the kernel has a tenth of it
_MOST_AROUND = 30  # functions that call those of the change, and as many that these call


class FileVersion(Struct, frozen=True):
    """All hunks of a file, or the whole of it, seen from one side.

    `changed[row]`: the row was added (after) or removed (before); `near[row]`: a line of the other side alone stood
    right above or below it. `units`: the functions that the change touches; `allocators`: macros of the text that are
    another name of one.
    """

    path: str
    rows: tuple[str, ...]
    numbers: tuple[int, ...]
    changed: tuple[bool, ...]
    near: tuple[bool, ...]
    units: tuple[FunctionUnit, ...]
    defines: Defines
    unread: tuple[str, ...] = ()
    beside: Neighbours | None = None
    whole: bool = False
    text: str = ""  # all rows
    allocators: Mapping[str, Allocator] = field(default_factory=dict)

    @property
    def around(self) -> tuple[FunctionUnit, ...]:
        """Other functions, which call one of the units; read when they are asked for."""
        return self.beside.around if self.beside is not None else ()

    @property
    def calling(self) -> Mapping[str, str]:
        """The texts of these functions by their names."""
        found = self.beside.callers if self.beside is not None else ()
        return {fragments.function_of(piece): piece.text for piece in found}

    @property
    def below(self) -> tuple[FunctionUnit, ...]:
        """Other functions, which a unit or a function around calls; read when they are asked for."""
        return self.beside.below if self.beside is not None else ()

    def telling_below(self, words: Collection[str], names: Collection[str] = ()) -> tuple[FunctionUnit, ...]:
        """Those of them that name anything that rules are about, and have one of some words or one of some names."""
        return self.beside.telling_below(frozenset(words), frozenset(names)) if self.beside is not None else ()

    def function_at(self, row: int) -> str:
        """The function that a row stands in; "" if it is in none."""
        return self.beside.function_at(row) if self.beside is not None else ""

    @property
    def others(self) -> frozenset[str]:
        """The names of all functions that the change does not touch."""
        return self.beside.names if self.beside is not None else frozenset()


class Neighbours:
    """The functions of a text that its change does not touch, as far as they have to do with those that it does."""

    def __init__(
        self,
        units: Sequence[FunctionUnit],
        far: list[Fragment],
        speaks: Callable[[Fragment], bool],
        read: Callable[[Fragment], tuple[FunctionUnit, ...]],
    ) -> None:
        self._units, self._far, self._speaks, self._read = units, far, speaks, read

    @cached_property
    def names(self) -> frozenset[str]:
        return frozenset(map(fragments.function_of, self._far)) - {""}

    @cached_property
    def around(self) -> tuple[FunctionUnit, ...]:
        return self._all(self.callers)

    @cached_property
    def _rows(self) -> Mapping[int, str]:
        """The rows of the units, by what these are called."""
        found: dict[int, str] = {}
        for one in (unit.function for unit in self._units if unit.function.name):
            for row in range(one.lines[0], one.lines[1] + 1):
                found.setdefault(row, one.name)
        return found

    def function_at(self, row: int) -> str:
        """The function that a row stands in; "" if it is in none."""
        if row in self._rows:
            return "" if self._rows[row] == fragments.OPEN else self._rows[row]
        for piece in (one for one in self._far if not one.macro):
            if any(part.line <= row <= part.line + part.text.count("\n") for part in piece.parts or (piece,)):
                return fragments.function_of(piece)
        return ""

    def telling_below(self, words: frozenset[str], names: frozenset[str]) -> tuple[FunctionUnit, ...]:
        return self._all(
            [
                one
                for one in self._callees[0]
                if fragments.function_of(one) in names or any(word in one.text for word in words)
            ]
        )

    @cached_property
    def below(self) -> tuple[FunctionUnit, ...]:
        return self._all([*self._callees[0], *self._callees[1]])

    def _all(self, found: Sequence[Fragment]) -> tuple[FunctionUnit, ...]:
        return tuple(unit for piece in found for unit in self._read(piece))

    @cached_property
    def callers(self) -> list[Fragment]:
        """The pieces that call one of the units, the first so many of them."""
        known = sorted({unit.function.name for unit in self._units} - {""})
        if not known or not self._far:
            return []
        calls = re.compile(rf"\b(?:{'|'.join(map(re.escape, known))})\s*\(")
        return [piece for piece in self._far if calls.search(piece.text)][:_MOST_AROUND]

    @cached_property
    def _callees(self) -> tuple[list[Fragment], list[Fragment]]:
        """The pieces that define what a unit or a caller calls: those that speak, and as many of the others."""
        names = {step.name for unit in self._units for step in unit.steps if step.kind == "call"}
        names.update(name for piece in self.callers for name in _CALL.findall(piece.text))
        callers = {id(piece) for piece in self.callers}
        rest = (piece for piece in self._far if piece.starts and id(piece) not in callers)
        found = [piece for piece in rest if fragments.function_of(piece) in names]
        telling = [piece for piece in found if self._speaks(piece)][:_MOST_AROUND]
        quiet = [piece for piece in found if not self._speaks(piece)]
        return telling, quiet[: _MOST_AROUND - len(telling)]


class ParsedText(Struct, frozen=True):
    """What was read of a text; see Slice."""

    units: tuple[FunctionUnit, ...] = ()
    defines: Defines = field(default_factory=Defines)
    unread: tuple[str, ...] = ()
    beside: Neighbours | None = None
    allocators: Mapping[str, Allocator] = field(default_factory=dict)


_NOTHING = ParsedText()
_WORD = pattern(r"\w+")
_AT_MARGIN = pattern(r"[A-Za-z_]")
_CALL = pattern(r"\b(\w+)\s*\(")
Rows = tuple[int, int]  # the first and the last, from 0
Touched = Callable[[int, int], bool]


class Reader:
    """Makes slices for one kernel; what it needs of the kernel is worked out once."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel, self.lookup = kernel, ScopeTable(kernel)
        self._open = opener(kernel, self.lookup)
        self._words = rewrite.sorted_words(kernel.words)
        silent = (name for name, one in kernel.allocators.items() if one.gfp is None or one.implicit)  # need no flag
        self._known = frozenset((*self.lookup.enter, *self.lookup.leave, *silent))
        stems = "|".join(map(re.escape, sorted(kernel.words["telling"])))
        self._stems = re.compile(stems)

    def telling(self, text: str) -> bool:
        """Whether a text names anything that rules are about; the rest need not be parsed."""
        return bool(self._stems.search(text)) or not self._known.isdisjoint(re.findall(r"\w+", text))

    def known_as(self, part: FileVersion, function: str) -> str:
        """The name by which hunks inside a function know it, "" where they have none: the same from mail and tree.

        Where an annotation stands below its head, at the margin, git puts that behind the @@.
        """
        one = _function(part.units, function) or _function(part.around, function)  # read only where it is needed
        if one is None or one.macro:
            return function
        first, last = max(0, one.head[0]), one.head[1]
        heads = [row for row in part.rows[first : last + 1] if _AT_MARGIN.match(row)]
        return function if not heads or fragments.function_name(heading(heads[-1], self._words)) else ""

    def hunks(self, change: FileChange, mark: str) -> FileVersion:
        """What the hunks show of one side: mark "+" for after, "-" for before."""
        rows: list[str] = []
        numbers: list[int] = []
        changed: list[bool] = []
        near: list[bool] = []
        stretches: list[Stretch] = []
        now = {old: new for new, old in renamed(change).items()} if mark == "+" else {}
        for hunk in change.hunks:
            if stretches:  # the gap
                rows.append("")
                numbers.append(0)
                changed.append(False)
                near.append(False)
            lines = [line for line in hunk.lines if line.mark in (" ", mark)]
            section = _WORD.sub(lambda word: now.get(word[0], word[0]), hunk.section) if now else hunk.section
            stretches.append(Stretch("\n".join(line.text for line in lines), section, len(rows)))
            rows += [line.text for line in lines]
            numbers += [(line.new if mark == "+" else line.old) or 0 for line in lines]
            changed += [line.mark == mark for line in lines]
            near += _near(hunk, mark)
        telling = any(self.telling(one.text) for one in stretches)
        read = self.read_all(stretches, change.created) if telling else _NOTHING
        return _slice(change.path, rows, numbers, (changed, near), read, whole=change.created)

    def file(
        self,
        change: FileChange,
        text: str,
        mark: str,
        only: Sequence[Rows] | None = None,
        names: frozenset[str] = frozenset(),
    ) -> FileVersion:
        """The whole file of one side; `change` has the numbers that its lines have in `text`.

        `only`: the rows among which what is touched is read, None for all; `names`: nothing is read that says none of
        them, unless there are none.
        """
        rows = tuple(text.split("\n"))
        changed, near = [False] * len(rows), [False] * len(rows)
        for hunk in change.hunks:
            lines = [line for line in hunk.lines if line.mark in (" ", mark)]
            for line, beside in zip(lines, _near(hunk, mark), strict=True):
                at = ((line.new if mark == "+" else line.old) or 0) - 1
                changed[at], near[at] = line.mark == mark, beside
        among = (range(len(rows)),) if only is None else (range(first, last + 1) for first, last in only)
        touched = [at for part in among for at in part if changed[at] or near[at]]
        read = self.read(text, "", True, _among(touched), names) if touched and self.telling(text) else _NOTHING
        return _slice(change.path, rows, range(1, len(rows) + 1), (changed, near), read, whole=True)

    def read(
        self, text: str, section: str, whole: bool, touched: Touched | None = None, wanted: frozenset[str] = frozenset()
    ) -> ParsedText:
        """read_all() for a text without gaps."""
        return self.read_all((Stretch(text, section, 0),), whole, touched, wanted)

    def read_all(
        self,
        stretches: Sequence[Stretch],
        whole: bool,
        touched: Touched | None = None,
        wanted: frozenset[str] = frozenset(),
    ) -> ParsedText:
        """The functions and macros of a text, and why some could not be read.

        `touched(first, last)`: whether a row of these was; None: all of them. `wanted`: see file().
        """
        opened = self._open(tuple(stretches), whole)
        names = [name.rstrip("()") for name in (*opened.masks, *opened.allocators)]
        near: list[Fragment] = []
        far: list[Fragment] = []
        for piece in opened.pieces:
            mine = touched is None or touched(piece.line, piece.line + piece.text.count("\n"))
            mine = mine and (not wanted or not wanted.isdisjoint(_WORD.findall(piece.text)))
            (near if mine and self._speaks(piece, names) else far).append(piece)
        units: list[FunctionUnit] = []
        unread: list[str] = []
        lost = 0
        for count, piece in enumerate(near):
            if count >= _MOST_FUNCTIONS or lost > _MOST_LOST:
                unread.append("too much of it was not understood, or it has too many functions; the rest was not read")
                break
            for unit in opened.units(piece):
                if unit.function.broken:
                    lost += len(piece.text)
                if unit.function.broken and (touched is None or touched(*unit.function.lines)):
                    unread.append(f"{unit.function.name}(): {unit.function.broken}")
                units.append(unit)
        touching = tuple(units)
        beside = Neighbours(touching, far, lambda piece: self._speaks(piece, names), opened.units)
        text = "\n".join(one.text for one in stretches)
        defines = []
        for macro in opened.macros:
            defines.append(Define(macro.name, macro.row, macro.body))
            mine = touched is None or touched(*define_rows(macro))
            asks = macro.name not in opened.masks or is_asked(macro.name, text)
            if mine and asks and len(units) < _MOST_FUNCTIONS and self.telling(macro.body):
                units += opened.macro(macro)
        return ParsedText(tuple(units), Defines(defines), tuple(unread), beside, opened.allocators)

    def _speaks(self, piece: Fragment, names: Sequence[str]) -> bool:
        return self.telling(piece.text) or any(name in piece.text for name in names)


def _slice(
    path: str,
    rows: Sequence[str],
    numbers: Sequence[int],
    marks: tuple[Sequence[bool], Sequence[bool]],
    read: ParsedText,
    whole: bool = False,
) -> FileVersion:
    """A slice of what was read; `marks`: its rows that are changed, and those that are near to a change."""
    return FileVersion(
        path,
        tuple(rows),
        tuple(numbers),
        tuple(marks[0]),
        tuple(marks[1]),
        read.units,
        read.defines,
        read.unread,
        read.beside,
        whole,
        "\n".join(rows),
        read.allocators,
    )


def _function(units: Sequence[FunctionUnit], name: str) -> Function | None:
    return next((unit.function for unit in units if unit.function.name == name), None)


def _among(rows: list[int]) -> Touched:
    """Whether any of these rows, in order, lies in a range."""

    def touched(first: int, last: int) -> bool:
        at = bisect_left(rows, first)
        return at < len(rows) and rows[at] <= last

    return touched


def _near(hunk: Hunk, mark: str) -> tuple[bool, ...]:
    """Beside which rows of a side a line of the other side alone stood; blank lines between them do not count."""
    rows: list[str] = []
    near: list[bool] = []
    above = False
    for line in hunk.lines:
        if line.mark in (" ", mark):
            rows.append(line.text)
            near.append(above)
            above = above and not line.text.strip()
        else:
            above = True
            for at in range(len(rows) - 1, -1, -1):
                near[at] = True
                if rows[at].strip():
                    break
    return tuple(near)


def expressions(step: Instruction) -> tuple[Expr, ...]:
    """The expressions of a step; what stands inside a call's arguments belongs to that call's own step."""
    if step.kind == "call":
        return step.args
    return (step.value,) if step.value is not None else ()
