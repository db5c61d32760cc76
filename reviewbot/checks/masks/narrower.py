"""Finds what says that the author of a request knew where it stands: a neighbour's mask, or its own before a patch."""

from __future__ import annotations

from reviewbot.checks.context.sleeping_calls import is_mask_argument
from reviewbot.frontend.instructions import UNUSED, Instruction
from reviewbot.interproc.entry import taker
from reviewbot.program.context import Context
from reviewbot.program.query import masks_at, reached, request_at, requests
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


def was_narrower(unit: FunctionUnit, index: int, bit: str, context: Context) -> bool:
    """Whether a call surely asked without a bit before the patch.

    The function made the same call, or one with the same result, and none of these with another mask. The function is
    one of the file that is checked. False where the text before the patch is not known.
    """
    step, name = unit.steps[index], unit.function.name
    before = context.before(frozenset((name,)))
    units = [one for one in (before.units if before is not None else ()) if one.function.name == name]
    same = [(one, at) for one in units for at in range(len(one.steps)) if _is_same(step, one.steps[at])]
    return bool(same) and all(_asks_without(one, at, bit, context) for one, at in same)


def _is_same(step: Instruction, other: Instruction) -> bool:
    named = step.target not in ("", UNUSED) and step.target == other.target
    return other.kind == "call" and not other.op and (other.name == step.name or named)


def _asks_without(unit: FunctionUnit, index: int, bit: str, context: Context) -> bool:
    request = request_at(unit, index, context)
    given = (arg for arg in unit.steps[index].args if is_mask_argument(unit, index, arg, context))
    masks = [
        mask
        for asked in ([request.mask] if request is not None else given)
        for mask in masks_at(unit, index, asked, context)
    ]
    return bool(masks) and all(bit not in one.may for one in masks)


def lock_between(unit: FunctionUnit, one: int, other: int, context: Context) -> bool:
    """Whether a call between two steps, in the order of the text, sounds like a lock of whatever kind."""
    between = (taker(step) for step in unit.steps[min(one, other) : max(one, other)] if step.kind == "call")
    listed = (*context.kernel.words["may_lock"], *context.kernel.words["may_unlock"])
    return any(word in name for name in between for word in listed)
