"""Finds the shared list that proves which lock must be held at an instruction.

For functions whose beginning is not shown. A list that the rest of the text only touches below a spinlock, and that is
changed after the instruction with no lock taken in between, must be changed below that lock: so it is held at the
instruction already.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from msgspec import Struct

from reviewbot.checks.context.implied_lock import may_lock, may_unlock
from reviewbot.dataflow.state import OpenScope
from reviewbot.frontend.instructions import Instruction
from reviewbot.interproc.entry import shown_as, taker
from reviewbot.program.context import Context
from reviewbot.program.query import reached
from reviewbot.program.unit import FunctionUnit
from reviewbot.support.patterns import pattern

_LIST = pattern(r"&([A-Za-z_]\w*)((?:->|\.)[\w.>-]+)\Z")
_FURTHEST = 60  # steps from a request to where its list is changed


class Guard(Struct, frozen=True):
    """The list, the lock as it is taken elsewhere, by which call and where; rows: changed here, taken there."""

    name: str
    lock: str
    call: str
    function: str
    rows: tuple[int, int]


class TextRows(NamedTuple):
    """The rows of a text, and the functions that were read in it."""

    rows: Sequence[str]
    units: Sequence[FunctionUnit]


def guarded(
    unit: FunctionUnit, index: int, text: TextRows, changes: frozenset[str], sets_up: frozenset[str], context: Context
) -> Guard | None:
    """The guard of a list that is changed below a step; None where none is, or it may be changed without a lock.

    `changes`: calls whose last argument is a list that they change; `sets_up`: those by which it, or what it is in,
    is still the function's own.
    """
    if unit.function.seen_from_start or unit.function.macro:
        return None
    for at, name in _changed_below(unit, index, changes, context):
        if any(_touches(step, name) and step.name in sets_up for step in unit.steps) or _own(unit, name):
            continue
        found = list(_elsewhere(unit, name, text.units, context))
        locks = [(other, one) for other, one in found if one is not None]
        if locks and len(locks) == len(found) and not _unread(unit, name, text):
            other, one = locks[0]
            taken = other.steps[one.step]
            rows = unit.steps[at].lines[0], taken.lines[0]
            return Guard(name.lstrip("&"), shown_as(taken), taker(taken), other.function.name, rows)
    return None


def _changed_below(
    unit: FunctionUnit, index: int, changes: frozenset[str], context: Context
) -> Iterator[tuple[int, str]]:
    """Steps that change a list and that a way from a step leads to with nothing in between that may lock or unlock."""

    def stays(at: int) -> bool:
        return not may_lock(unit.steps[at], context) and not may_unlock(unit.steps[at], context)

    for at in islice(unit.cfg.reachable(unit.cfg.succ[index], stays, without=(index,)), _FURTHEST - 1):
        step = unit.steps[at]
        if step.kind == "call" and step.name in changes and step.args and _LIST.match(step.args[-1].text):
            yield at, step.args[-1].text


def _elsewhere(
    mine: FunctionUnit, name: str, units: Sequence[FunctionUnit], context: Context
) -> Iterator[tuple[FunctionUnit, OpenScope | None]]:
    """Where other functions touch the list, and the lock of the same structure that they surely hold there."""
    for unit in units:
        if unit.function.name == mine.function.name or unit.flow.lost:
            continue
        for at, step in enumerate(unit.steps):
            if _touches(step, name) and (states := reached(unit, at)):
                held = [next((one for one in state.open if _guards(one, name, context)), None) for state in states]
                yield unit, held[0] if all(held) else None


def _unread(mine: FunctionUnit, name: str, text: TextRows) -> bool:
    """Whether the text speaks of the list where nothing was read."""
    known = {
        row
        for unit in (mine, *text.units)
        for step in unit.steps
        if _touches(step, name)
        for row in range(step.lines[0], step.lines[1] + 1)
    }
    said = re.compile(re.escape(name) + r"\b")
    return any(name in row and said.search(row) and at not in known for at, row in enumerate(text.rows))


def _guards(one: OpenScope, name: str, context: Context) -> bool:
    """Whether a lock spins and stands in the structure that the list is in."""
    kind = context.kernel.scopes.get(one.scope)
    match = _LIST.match(name)
    if kind is None or not kind.atomic or match is None:
        return False
    return one.key.startswith((f"{match[1]}->", f"{match[1]}."))


def _touches(step: Instruction, name: str) -> bool:
    value = step.value if step.kind == "test" else None
    args = step.args or (value.args if value is not None and value.op == "call" else ())
    return any(arg.text == name for arg in args)


def _own(unit: FunctionUnit, name: str) -> bool:
    """Whether the function itself made what the list is in."""
    match = _LIST.match(name)
    root = match[1] if match else ""
    return any(
        step.kind == "assign" and step.target == root and step.value is not None and step.value.op == "call"
        for step in unit.steps
    )
