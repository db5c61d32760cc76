"""Solves a dataflow analysis over a control-flow graph: one value for each instruction, at the fixed point.

Input: a Cfg and an Analysis, which says where it begins, how ways are joined, and what an instruction makes of a value.
Output: the values, or Abstained where the values do not settle within the bound. FunctionAnalysis, whose values are
sets of abstract states kept apart, has a worklist of its own: see analysis.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeVar

from msgspec import Struct

from reviewbot.dataflow.cfg import Cfg

Value = TypeVar("Value")
_MOST_SWEEPS = 200  # over a function; loops in each other need one each, and deeper ones than 120 are not read


class Analysis(Protocol[Value]):
    """A question that has an answer at each instruction: before it, or behind it where `backward`."""

    backward: bool

    def first(self, at: int) -> Value:
        """The value before anything is known."""

    def join(self, at: int, now: Value, ways: Mapping[int, Value]) -> Value:
        """The value at an instruction, of what its neighbours hand on, by neighbour; `now` is what it was so far."""

    def transfer(self, at: int, value: Value) -> Value:
        """What an instruction hands on."""


class Abstained(Struct, frozen=True):
    """The values did not settle."""

    why: str


def solve(cfg: Cfg, analysis: Analysis[Value]) -> Sequence[Value] | Abstained:
    """The values of all instructions, in sweeps along the way until none changes."""
    near, others = (cfg.succ, cfg.pred) if analysis.backward else (cfg.pred, cfg.succ)
    order = range(len(near) - 1, -1, -1) if analysis.backward else range(len(near))
    values = [analysis.first(at) for at in range(len(near))]
    handed: dict[int, Value] = {}  # what instructions hand on, by their values of now
    todo = set(order)  # only where something has changed another value can come out
    for _ in range(_MOST_SWEEPS):
        for at in order:
            if at not in todo:
                continue
            todo.discard(at)
            ways = {to: _handed(analysis, to, values, handed) for to in near[at]}
            found = analysis.join(at, values[at], ways)
            if found != values[at]:
                values[at] = found
                handed.pop(at, None)
                todo.add(at)
                todo.update(others[at])
        if not todo:
            return values
    return Abstained(f"its values were not settled after {_MOST_SWEEPS} sweeps")


def _handed(analysis: Analysis[Value], at: int, values: Sequence[Value], known: dict[int, Value]) -> Value:
    """What an instruction makes of its value, worked out once for each."""
    if at not in known:
        known[at] = analysis.transfer(at, values[at])
    return known[at]
