"""One file of a diff in, what its two sides say out: slices of text with their functions, followed.

With a tree a slice is the whole file, seen from one side; of its functions those that the change
touches are read, and those that call them. Without a tree it is what the hunks show of that side,
with an empty row for what is not shown between them. Rows count a slice's lines from 0; `numbers`
maps them to lines of the file, 1-based, 0 where there is none.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from reviewbot import csource, dialect, pieces
from reviewbot.csource import Expr, Function, Step
from reviewbot.flow import Flow, Lookup, file_masks
from reviewbot.followed import Followed
from reviewbot.model import FileChange, Hunk, Kernel, Mask
from reviewbot.parts import Parts
from reviewbot.pieces import Piece
from reviewbot.shown import Shown, Stretch, connected, show

_MOST_LOST = 200_000  # characters that were no C: trying to read such text takes long
_MOST_FUNCTIONS = 10_000  # of one text; the largest file of the kernel has a tenth of it
_MOST_AROUND = 30  # functions that call those of the change, and as many that these call


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
    """All hunks of a file, or the whole of it, seen from one side.

    `changed[row]`: the row was added (after) or removed (before); `near[row]`: a line of the other side alone stood
    right above or below it. `units`: the functions that the change touches; `around`: others, which call one of them;
    `below`: others, which one of both calls.
    """

    path: str
    rows: tuple[str, ...]
    numbers: tuple[int, ...]
    changed: tuple[bool, ...]
    near: tuple[bool, ...]
    units: tuple[Unit, ...]
    defines: tuple[Define, ...]
    unread: tuple[str, ...] = ()
    around: tuple[Unit, ...] = ()
    below: tuple[Unit, ...] = ()
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Read:
    """What was read of a text; see Slice."""

    units: tuple[Unit, ...] = ()
    defines: tuple[Define, ...] = ()
    unread: tuple[str, ...] = ()
    around: tuple[Unit, ...] = ()
    below: tuple[Unit, ...] = ()


_NOTHING = Read()
Touched = Callable[[int, int], bool]


class Reader:
    """Makes slices for one kernel; what it needs of the kernel is worked out once."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel, self.lookup = kernel, Lookup(kernel)
        self.words = dialect.words_of(kernel.words)
        self._parts, self._followed = Parts(self.words), Followed(self.lookup)
        names = [*self.lookup.enter, *self.lookup.leave, *(n for n, a in kernel.allocators.items() if a.gfp is None)]
        self._known = frozenset(names)
        stems = "|".join(map(re.escape, sorted(kernel.words["telling"])))
        self._stems = re.compile(stems)

    def telling(self, text: str) -> bool:
        """Whether a text names anything that rules are about; the rest need not be parsed."""
        return bool(self._stems.search(text)) or not self._known.isdisjoint(re.findall(r"\w+", text))

    def hunks(self, change: FileChange, mark: str) -> Slice:
        """What the hunks show of one side: mark "+" for after, "-" for before."""
        rows: list[str] = []
        numbers: list[int] = []
        changed: list[bool] = []
        near: list[bool] = []
        stretches: list[Stretch] = []
        for hunk in change.hunks:
            if stretches:  # the gap
                rows.append("")
                numbers.append(0)
                changed.append(False)
                near.append(False)
            lines = [line for line in hunk.lines if line.mark in (" ", mark)]
            stretches.append(Stretch("\n".join(line.text for line in lines), hunk.section, len(rows)))
            rows += [line.text for line in lines]
            numbers += [(line.new if mark == "+" else line.old) or 0 for line in lines]
            changed += [line.mark == mark for line in lines]
            near += _near(hunk, mark)
        telling = any(self.telling(one.text) for one in stretches)
        read = self.read_all(stretches, change.created) if telling else _NOTHING
        return _slice(change.path, rows, numbers, (changed, near), read, whole=change.created)

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
        return _slice(change.path, rows, range(1, len(rows) + 1), (changed, near), read, whole=True)

    def read(self, text: str, section: str, whole: bool, touched: Touched | None = None) -> Read:
        """read_all() for a text without gaps."""
        return self.read_all((Stretch(text, section, 0),), whole, touched)

    def read_all(self, stretches: Sequence[Stretch], whole: bool, touched: Touched | None = None) -> Read:
        """The functions and macros of a text, and why some could not be read.

        `touched(first, last)`: whether a row of these was; None: all of them.
        """
        shown = tuple(show(stretches, whole, self._parts))
        marks = {at: word for one in shown for at, word in one.prepared.marks.items()}
        known = self._masks(shown, whole)
        self._followed.begin(marks, known)
        names = [name.rstrip("()") for name in known]
        near: list[Piece] = []
        far: list[Piece] = []
        for piece in connected(shown):
            last = piece.line + piece.text.count("\n")
            mine = touched(piece.line, last) if touched is not None else self._speaks(piece, names)
            (near if mine else far).append(piece)
        units: list[Unit] = []
        unread: list[str] = []
        lost = 0
        telling = (piece for piece in near if self._speaks(piece, names))
        for count, piece in enumerate(telling):
            if count >= _MOST_FUNCTIONS or lost > _MOST_LOST:
                unread.append("too much of it was not understood, or it has too many functions; the rest was not read")
                break
            for unit in self._units(piece):
                if unit.function.broken:
                    lost += len(piece.text)
                if unit.function.broken and (touched is None or touched(*unit.function.lines)):
                    unread.append(f"{unit.function.name}(): {unit.function.broken}")
                units.append(unit)
        callers = _calling(far, frozenset(unit.function.name for unit in units))
        around = [unit for piece in callers for unit in self._units(piece)]
        callees = sorted(_called(far, (*units, *around)), key=lambda piece: not self._speaks(piece, names))[
            :_MOST_AROUND
        ]
        below = [unit for piece in callees for unit in self._units(piece)]
        defines = []
        for macro in (macro for one in shown for macro in one.prepared.macros):
            defines.append(Define(macro.name, macro.row, macro.body))
            if len(units) < _MOST_FUNCTIONS and (touched is None or touched(*_rows_of(macro))):
                units += self._macro(macro)
        return Read(tuple(units), tuple(defines), tuple(unread), tuple(around), tuple(below))

    def _masks(self, shown: Sequence[Shown], whole: bool) -> Mapping[str, Mask]:
        """What the text's own names are worth; one that two stretches make something else of is not known."""
        found: dict[str, list[Mask]] = {}
        for one in shown:
            here = file_masks(one.stretch.text, whole, one.prepared, one.pieces, self.lookup)
            for name, mask in here.items():
                found.setdefault(name, []).append(mask)
        return {name: masks[0] for name, masks in found.items() if all(mask == masks[0] for mask in masks)}

    def _speaks(self, piece: Piece, names: Sequence[str]) -> bool:
        return self.telling(piece.text) or any(name in piece.text for name in names)

    def _units(self, piece: Piece) -> Iterator[Unit]:
        found = [Unit(*pair) for pair in self._followed.of(piece)]
        if piece.parts and any(unit.function.broken for unit in found):  # each part may still be understood
            for part in piece.parts:
                yield from self._units(part)
        else:
            yield from found

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


def _slice(
    path: str,
    rows: Sequence[str],
    numbers: Sequence[int],
    marks: tuple[Sequence[bool], Sequence[bool]],
    read: Read,
    whole: bool = False,
) -> Slice:
    """A slice of what was read; `marks`: its rows that are changed, and those that are near to a change."""
    return Slice(
        path,
        tuple(rows),
        tuple(numbers),
        tuple(marks[0]),
        tuple(marks[1]),
        read.units,
        read.defines,
        read.unread,
        read.around,
        read.below,
        whole,
    )


def _among(rows: list[int]) -> Touched:
    """Whether any of these rows, in order, lies in a range."""

    def touched(first: int, last: int) -> bool:
        at = bisect_left(rows, first)
        return at < len(rows) and rows[at] <= last

    return touched


def _rows_of(macro: dialect.Macro) -> tuple[int, int]:
    return macro.row, macro.body_row + macro.body.count("\n")


def _calling(far: list[Piece], names: frozenset[str]) -> list[Piece]:
    """The pieces that call one of the functions of these names, the first so many of them."""
    known = [name for name in sorted(names) if name]
    if not known or not far:
        return []
    calls = re.compile(rf"\b(?:{'|'.join(map(re.escape, known))})\s*\(")
    said = (piece for piece in far if any(name in piece.text for name in known))  # much faster than the pattern
    return [piece for piece in said if calls.search(piece.text)][:_MOST_AROUND]


def _called(far: list[Piece], units: Sequence[Unit]) -> Iterator[Piece]:
    """The pieces that define what one of the units calls."""
    names = {step.name for unit in units for step in unit.steps if step.kind == "call"}
    return (piece for piece in far if piece.starts and pieces.named(piece) in names)


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
