"""A step of a function whose beginning is not shown in, the unlock out that proves what must be held at it."""

from __future__ import annotations

from reviewbot.checks.base import Context
from reviewbot.csource import Step
from reviewbot.sides import Unit


def released(unit: Unit, index: int, own: frozenset[str], context: Context) -> int:
    """The step of an unlock that every way on from a step meets before anything may lock; -1 if there is none.

    What is unlocked there was locked above, out of sight. Kinds of lock in `own` prove nothing. A way that leaves
    the text is passed over; one that returns without an unlock, or meets a call that may take a lock, ends the proof.
    """
    if unit.function.starts or unit.function.macro:
        return -1
    found: list[int] = []
    todo, seen = list(unit.steps[index].next), {index}
    while todo:
        at = todo.pop()
        if at < 0 or at in seen:
            continue
        seen.add(at)
        step = unit.steps[at]
        if _unlocks(step, own, context):
            found.append(at)
            continue
        if step.kind in ("return", "end") or _may_lock(step, context):
            return -1
        todo += step.next
    return min(found, default=-1)


def _unlocks(step: Step, own: frozenset[str], context: Context) -> bool:
    kinds = [scope for scope, _ in context.lookup.closed(step)] if step.kind == "call" and not step.op else []
    return any(kind.atomic and kind.name not in own for kind in kinds)


def _may_lock(step: Step, context: Context) -> bool:
    value = step.value if step.kind == "test" else None
    name = step.name if step.kind == "call" else value.text if value is not None and value.op == "call" else ""
    if step.kind not in ("call", "test") or not name:
        return False
    if step.op or name in context.lookup.enter or name in context.lookup.leave:
        return True
    listed = context.kernel.words
    words = () if name in listed["neutral"] else (*listed["may_lock"], *listed["may_unlock"])
    return any(word in name for word in words)
