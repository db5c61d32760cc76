"""Says whether a call that may sleep could not before the patch: then somebody thought that it must not."""

from __future__ import annotations

from reviewbot.checks.context.held_above import HeldAbove
from reviewbot.frontend.instructions import UNUSED, Instruction
from reviewbot.program.unit import FunctionUnit


def was_quiet(unit: FunctionUnit, index: int, above: HeldAbove) -> bool:
    """Whether the function made the same call before the patch, or one with the same result, and none that may sleep.

    False for a function of another file, and where the text before the patch is not known.
    """
    step, name = unit.steps[index], unit.function.name
    before = above.context.before(frozenset((name,))) if above.side_of(unit) is None else None
    same = [
        (one, at)
        for one in (before.units if before is not None else ())
        if one.function.name == name
        for at in range(len(one.steps))
        if _is_same(step, one.steps[at])
    ]
    return bool(same) and not any(above.sleeps(one, at) for one, at in same)


def _is_same(step: Instruction, other: Instruction) -> bool:
    named = step.target not in ("", UNUSED) and step.target == other.target
    return other.kind == "call" and not other.op and (other.name == step.name or named)
