"""Finds where a function holds what reclaim may wait for: a handle that it is given, or that it takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from reviewbot.dataflow.solver import Abstained, solve
from reviewbot.interproc.entry import shown_as
from reviewbot.kernel.rows import Row, strings
from reviewbot.program.unit import FunctionUnit


class OpenHandle(Struct, frozen=True):
    """A handle of a function.

    `said`: a clause that tells a reader of it; `shown`: the row that shows it, from 0, with a note; `held`: by
    instruction, whether it is held on every way there; `taken`: the function takes it itself.
    """

    said: str
    shown: tuple[int, str]
    held: Sequence[bool]
    taken: bool


def may_hold(unit: FunctionUnit, row: Row) -> bool:
    """Whether a function is given a handle of a row, or may take one, by its words."""
    given = any(kind in strings(row, "params") for kind, _ in unit.function.params)
    return given or not unit.words.isdisjoint(strings(row, "enters"))


def open_handle(unit: FunctionUnit, row: Row) -> OpenHandle | None:
    """The handle of a row that a function is given, else the one that it takes; None for neither."""
    kinds, enters = strings(row, "params"), strings(row, "enters")
    given = [name for kind, name in unit.function.params if name and kind in kinds]
    taken = [step for step in unit.steps if step.kind == "call" and not step.op and step.name in enters]
    if not given and not taken:
        return None
    held = _held(unit, row, bool(given))
    if not given:
        said = f"{row['as']} (after {shown_as(taken[0])})"
        return OpenHandle(said, (taken[0].lines[0], "restriction begins here"), held, True)
    there = [not any((given[0], False) in state.facts for state in states) for states in unit.flow.at]
    held = [one and two for one, two in zip(held, there, strict=True)]
    return OpenHandle(f"{row['as']} ({given[0]})", (unit.function.head[0], "function argument"), held, False)


def ends(name: str, row: Row) -> bool:
    """Whether a call of this name ends a handle of a row."""
    return any(word in name for word in strings(row, "leaves"))


def _held(unit: FunctionUnit, row: Row, first: bool) -> Sequence[bool]:
    """At which steps a handle is held on every way to them. `first`: whether it is on entry."""
    values = solve(unit.cfg, _Handle(unit, row, first))
    return [False] * len(unit.steps) if isinstance(values, Abstained) else values


class _Handle:
    """Whether a handle is held on every way to an instruction."""

    backward = False

    def __init__(self, unit: FunctionUnit, row: Row, first: bool) -> None:
        self._steps, self._row, self._entry = unit.steps, row, first
        self._enters = strings(row, "enters")

    def first(self, _at: int) -> bool:
        return True

    def join(self, at: int, now: bool, ways: Mapping[int, bool]) -> bool:
        return now and (self._entry if at == 0 else bool(ways) and all(ways.values()))

    def transfer(self, at: int, value: bool) -> bool:
        name = self._steps[at].name if self._steps[at].kind == "call" else ""
        return name in self._enters or (value and not ends(name, self._row))
