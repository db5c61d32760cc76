"""One file of a diff in, what its two sides say out: slices of text with their functions, followed.

Without a tree the two sides are those of the hunks themselves; a slice is one hunk seen from one
side. Rows count a slice's lines from 0; `numbers` maps them to lines of the file, 1-based.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from reviewbot import csource, dialect, pieces
from reviewbot.csource import Expr, Function, Step
from reviewbot.flow import Flow, Lookup
from reviewbot.model import FileChange, Hunk, Kernel

_MOST_LOST = 200_000  # characters that were no C: trying to read such text takes long
_MOST_FUNCTIONS = 10_000  # of one text; the largest file of the kernel has a tenth of it


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
    """One hunk seen from one side. `changed[row]`: the row was added (after) or removed (before).

    `near[row]`: a line of the other side alone stood right above or below the row.
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
        units, defines, unread = self.read(text, hunk.section, change.created) if self.telling(text) else ((), (), ())
        changed = tuple(line.mark == mark for line in lines)
        return Slice(change.path, rows, numbers, changed, _near(hunk, mark), hunk.section, units, defines, unread)

    def read(
        self, text: str, section: str, whole: bool
    ) -> tuple[tuple[Unit, ...], tuple[Define, ...], tuple[str, ...]]:
        """The functions and macros of a text, and why some could not be read."""
        prepared = dialect.prepare(text, self.words)
        units: list[Unit] = []
        unread: list[str] = []
        lost = 0
        found = (piece for piece in pieces.split(prepared.text, section, whole) if self.telling(piece.text))
        for count, piece in enumerate(found):
            if count >= _MOST_FUNCTIONS or lost > _MOST_LOST:
                unread.append("too much of it was not understood, or it has too many functions; the rest was not read")
                break
            for function in csource.functions(piece, self.kernel.words, prepared.marks):
                if function.broken:
                    lost += len(piece.text)
                    unread.append(f"{function.name}(): {function.broken}")
                units.append(Unit(function, Flow(function, self.lookup)))
        defines = []
        for macro in prepared.macros:
            defines.append(Define(macro.name, macro.row, macro.body))
            if len(units) < _MOST_FUNCTIONS:
                units += self._macro(macro)
        return tuple(units), tuple(defines), tuple(unread)

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


def _near(hunk: Hunk, mark: str) -> tuple[bool, ...]:
    out: list[bool] = []
    above = False
    for line in hunk.lines:
        if line.mark in (" ", mark):
            out.append(above)
            above = False
        else:
            if out:
                out[-1] = True
            above = True
    return tuple(out)


def expressions(step: Step) -> tuple[Expr, ...]:
    """The expressions of a step; what stands inside a call's arguments belongs to that call's own step."""
    if step.kind == "call":
        return step.args
    return (step.value,) if step.value is not None else ()
