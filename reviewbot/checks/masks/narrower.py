"""Finds the neighbour of a request whose mask says that its author knew where both of them stand."""

from __future__ import annotations

from reviewbot.interproc.entry import taker
from reviewbot.program.context import Context
from reviewbot.program.query import masks_at, reached, requests
from reviewbot.program.unit import FunctionUnit


def narrower(unit: FunctionUnit, index: int, bit: str, reclaim: frozenset[str], context: Context) -> int | None:
    """The row of another request of a function that may reclaim, and surely does without a bit; None without one.

    None that stands in a scope, and none with a lock between the two: there it may be for that.
    """
    for one in requests((unit,), context):
        states = reached(unit, one.at)
        if one.at == index or not states or any(state.open for state in states):
            continue
        masks = masks_at(unit, one.at, one.mask, context)
        without = bool(masks) and all(reclaim <= mask.must and bit not in mask.may for mask in masks)
        if without and not lock_between(unit, one.at, index, context):
            return one.mask.line
    return None


def lock_between(unit: FunctionUnit, one: int, other: int, context: Context) -> bool:
    """Whether a call between two steps, in the order of the text, sounds like a lock of whatever kind."""
    between = (taker(step) for step in unit.steps[min(one, other) : max(one, other)] if step.kind == "call")
    listed = (*context.kernel.words["may_lock"], *context.kernel.words["may_unlock"])
    return any(word in name for name in between for word in listed)
