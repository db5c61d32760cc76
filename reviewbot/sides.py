"""One file of a diff in, what its two sides say out: slices of text with their functions, followed.

With a tree a slice is the whole file, seen from one side; of its functions those that the change
touches are read, and those that call them. Without a tree the two sides are those of the hunks
themselves, a slice each. Rows count a slice's lines from 0; `numbers` maps them to lines of the
file, 1-based.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from reviewbot import csource, dialect, pieces
from reviewbot.csource import Expr, Function, Step
from reviewbot.flow import Flow, Lookup, file_masks
from reviewbot.model import FileChange, Hunk, Kernel, Mask

_MOST_LOST = 200_000  # characters that were no C: trying to read such text takes long
_MOST_FUNCTIONS = 10_000  # of one text; the largest file of the kernel has a tenth of it
_MOST_AROUND = 30  # functions that call those of the change


@dataclass(frozen=True, slots=True)
class Unit:
    """A function (or a macro's body) of a slice, and what holds at each of its steps."""

    function: Function
    flow: Flow

    @property
    def steps(self) -> tuple[Step, ...]:
        return self.function.steps


@dataclass(frozen=True, slots=True)
class Define:
    """A #define of a slice."""

    name: str
    row: int
    body: str


@dataclass(frozen=True, slots=True)
class Slice:
    """One hunk, or a whole file, seen from one side. `changed[row]`: the row was added (after) or removed (before).

    `near[row]`: a line of the other side alone stood right above or below the row. `units`: the functions that the
    change touches; `around`: others of the file, which call one of them.
    """

    path: str
    rows: tuple[str, ...]
    numbers: tuple[int, ...]
    changed: tuple[bool, ...]
    near: tuple[bool, ...]
    section: str
    units: tuple[Unit, ...]
    defines: tuple[Define, ...]
    unread: tuple[str, ...] = ()
    around: tuple[Unit, ...] = ()
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Read:
    """What was read of a text; see Slice."""

    units: tuple[Unit, ...] = ()
    defines: tuple[Define, ...] = ()
    unread: tuple[str, ...] = ()
    around: tuple[Unit, ...] = ()


_NOTHING = Read()
Touched = Callable[[int, int], bool]


class Reader:
    """Makes slices for one kernel; what it needs of the kernel is worked out once."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel, self.lookup = kernel, Lookup(kernel)
        self.words = dialect.words_of(kernel.words)
        names = [*self.lookup.enter, *self.lookup.leave, *(n for n, a in kernel.allocators.items() if a.gfp is None)]
        self._known = frozenset(names)
        stems = "|".join(map(re.escape, sorted(kernel.words["telling"])))
        self._stems = re.compile(stems)

    def telling(self, text: str) -> bool:
        """Whether a text names anything that rules are about; the rest need not be parsed."""
        return bool(self._stems.search(text)) or not self._known.isdisjoint(re.findall(r"\w+", text))

    def side(self, change: FileChange, mark: str) -> tuple[Slice, ...]:
        """The slices of one side: mark "+" for after, "-" for before."""
        return tuple(self.slice(change, hunk, mark) for hunk in change.hunks)

    def slice(self, change: FileChange, hunk: Hunk, mark: str) -> Slice:
        lines = [line for line in hunk.lines if line.mark in (" ", mark)]
        rows = tuple(line.text for line in lines)
        numbers = tuple((line.new if mark == "+" else line.old) or 0 for line in lines)
        text = "\n".join(rows)
        read = self.read(text, hunk.section, change.created) if self.telling(text) else _NOTHING
        changed = tuple(line.mark == mark for line in lines)
        near = _near(hunk, mark)
        return Slice(
            change.path, rows, numbers, changed, near, hunk.section, read.units, read.defines, read.unread, read.around
        )

    def file(self, change: FileChange, text: str, mark: str) -> Slice:
        """The whole file of one side; `change` has the numbers that its lines have in `text`."""
        rows = tuple(text.split("\n"))
        changed, near = [False] * len(rows), [False] * len(rows)
        for hunk in change.hunks:
            lines = [line for line in hunk.lines if line.mark in (" ", mark)]
            for line, beside in zip(lines, _near(hunk, mark), strict=True):
                at = ((line.new if mark == "+" else line.old) or 0) - 1
                changed[at], near[at] = line.mark == mark, beside
        touched = [at for at in range(len(rows)) if changed[at] or near[at]]
        read = self.read(text, "", True, _among(touched)) if touched and self.telling(text) else _NOTHING
        return Slice(
            change.path,
            rows,
            tuple(range(1, len(rows) + 1)),
            tuple(changed),
            tuple(near),
            "",
            read.units,
            read.defines,
            read.unread,
            read.around,
            True,
        )

    def read(self, text: str, section: str, whole: bool, touched: Touched | None = None) -> Read:
        """The functions and macros of a text, and why some could not be read.

        `touched(first, last)`: whether a row of these was; None: all of them.
        """
        prepared = dialect.prepare(text, self.words)
        near: list[pieces.Piece] = []
        far: list[pieces.Piece] = []
        for piece in pieces.split(prepared.text, section, whole):
            last = piece.line + piece.text.count("\n")
            (near if touched is None or touched(piece.line, last) else far).append(piece)
        known = file_masks(text, whole, prepared, (*near, *far), self.lookup)
        names = [name.rstrip("()") for name in known]
        units: list[Unit] = []
        unread: list[str] = []
        lost = 0
        telling = [piece for piece in near if self.telling(piece.text) or any(name in piece.text for name in names)]
        for count, piece in enumerate(telling):
            if count >= _MOST_FUNCTIONS or lost > _MOST_LOST:
                unread.append("too much of it was not understood, or it has too many functions; the rest was not read")
                break
            for unit in self._units(piece, prepared.marks, known):
                if unit.function.broken:
                    lost += len(piece.text)
                if unit.function.broken and (touched is None or touched(*unit.function.lines)):
                    unread.append(f"{unit.function.name}(): {unit.function.broken}")
                units.append(unit)
        mine = {piece.line for piece in telling}
        rest = [piece for piece in (*near, *far) if piece.line not in mine]
        callers = _calling(rest, frozenset(unit.function.name for unit in units))
        around = [unit for piece in callers for unit in self._units(piece, prepared.marks, known)]
        defines = []
        for macro in prepared.macros:
            defines.append(Define(macro.name, macro.row, macro.body))
            if len(units) < _MOST_FUNCTIONS and (touched is None or touched(*_rows_of(macro))):
                units += self._macro(macro)
        return Read(tuple(units), tuple(defines), tuple(unread), tuple(around))

    def _units(self, piece: pieces.Piece, marks: Mapping[int, str], known: Mapping[str, Mask]) -> Iterator[Unit]:
        for function in csource.functions(piece, self.kernel.words, marks):
            yield Unit(function, Flow(function, self.lookup, known))

    def _macro(self, macro: dialect.Macro) -> list[Unit]:
        if not self.telling(macro.body):
            return []
        prepared = dialect.prepare(macro.body, self.words)
        piece = pieces.macro_piece(macro, prepared.text)
        if piece is None:
            return []
        marks: Mapping[int, str] = {at + macro.body_offset: word for at, word in prepared.marks.items()}
        read = csource.functions(piece, self.kernel.words, marks)
        return [Unit(function, Flow(function, self.lookup)) for function in read]


def _among(rows: list[int]) -> Touched:
    """Whether any of these rows, in order, lies in a range."""

    def touched(first: int, last: int) -> bool:
        at = bisect_left(rows, first)
        return at < len(rows) and rows[at] <= last

    return touched


def _rows_of(macro: dialect.Macro) -> tuple[int, int]:
    return macro.row, macro.body_row + macro.body.count("\n")


def _calling(far: list[pieces.Piece], names: frozenset[str]) -> list[pieces.Piece]:
    """The pieces that call one of the functions of these names, the first so many of them."""
    known = [name for name in sorted(names) if name]
    if not known or not far:
        return []
    calls = re.compile(rf"\b(?:{'|'.join(map(re.escape, known))})\s*\(")
    return [piece for piece in far if calls.search(piece.text)][:_MOST_AROUND]


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


def expressions(step: Step) -> tuple[Expr, ...]:
    """The expressions of a step; what stands inside a call's arguments belongs to that call's own step."""
    if step.kind == "call":
        return step.args
    return (step.value,) if step.value is not None else ()
