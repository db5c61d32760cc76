"""Finds the unlock that proves which lock must be held at an instruction.

For functions whose beginning is not shown: a lock that is given back on every path on, and was not taken in sight, was
taken above.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from reviewbot.dataflow.scope_table import argument
from reviewbot.dataflow.state import OpenScope, State
from reviewbot.frontend.fragments import OPEN
from reviewbot.frontend.instructions import Instruction
from reviewbot.program.context import Context
from reviewbot.program.unit import FunctionUnit

_NEAR = 4  # steps from a call to the test of its result


def released(unit: FunctionUnit, index: int, own: frozenset[str], context: Context) -> int:
    """The step of an unlock that proves what must be held at a step, -1 if there is none.

    Every way on from the step meets one before anything may lock, or every way on from where its result is found to
    be NULL does. What is unlocked there was locked above, out of sight. Kinds of lock in `own`, and those that the
    step itself takes, prove nothing; nor does an unlock below a step that stands behind another one.
    """
    if unit.function.seen_from_start or unit.function.macro:
        return -1
    if _just_unlocked(unit, index, context):
        return -1
    own = own.union(name for name, _ in context.lookup.opened(unit.steps[index], ""))
    found = _met(unit, index, unit.cfg.succ[index], own, context)
    on_null = failed(unit, index) if found < 0 else -1
    return _met(unit, index, (on_null,), own, context) if on_null >= 0 else found


def _just_unlocked(unit: FunctionUnit, index: int, context: Context) -> bool:
    """Whether a way to a step comes from what may unlock, with nothing since that may lock."""
    above = unit.cfg.reachable(
        unit.cfg.pred[index], lambda at: not may_lock(unit.steps[at], context), without=(index,), backward=True
    )
    return any(_unlocks(unit.steps[at], frozenset(), context) or may_unlock(unit.steps[at], context) for at in above)


def _met(unit: FunctionUnit, index: int, ways: Sequence[int], own: frozenset[str], context: Context) -> int:
    """The first unlock of those that all ways on meet.

    A way that leaves the text is passed over; one that returns without an unlock, or meets a call that may take a
    lock, ends the proof.
    """

    def unlocks(at: int) -> bool:
        return _unlocks(unit.steps[at], own, context)

    def ends(at: int) -> bool:
        return unit.steps[at].kind in ("return", "end") or may_lock(unit.steps[at], context)

    return min(unit.cfg.on_all_ways(ways, unlocks, ends, without=(index,)) or (), default=-1)


def given_back_below(unit: FunctionUnit, index: int, taken: OpenScope, context: Context) -> bool:
    """Whether a way on from a step comes to where a lock is given back, and to nothing that takes it again before.

    Of a lock that is taken on one of several paths this shows that the author has it in mind at the step.
    """
    return any(
        _leaves(unit.steps[at], taken, context) and any(state_has(state, taken) for state in unit.flow.at[at])
        for at in unit.cfg.nearest(unit.cfg.succ[index], lambda at: at != taken.step, without=(index,))
    )


def left_locked(
    unit: FunctionUnit, index: int, taken: OpenScope, unlocks: Callable[[int], bool], context: Context
) -> bool:
    """Whether all ways to a step take a lock, some give it back, and one comes there and returns without.

    On that one it was left behind: nobody returns with a lock that he gives back as often. `unlocks`: whether a step
    calls something else that may give it back.
    """
    cfg, steps, first = unit.cfg, unit.steps, taken.step

    def gives_back(at: int) -> bool:
        return _unlocks(steps[at], frozenset(), context) or may_unlock(steps[at], context) or unlocks(at)

    if taken.guard or index in cfg.reachable((0,), lambda at: at != first):
        return False
    if index not in cfg.reachable(cfg.succ[first], lambda at: not gives_back(at)):
        return False
    ends = (at for at, step in enumerate(steps) if _leaves(step, taken, context))
    if not any(index in cfg.reachable(cfg.succ[at], lambda one: one != first) for at in ends):
        return False
    after = [*cfg.reachable((index,), lambda at: at != first)]
    return any(steps[at].kind in ("return", "end") for at in after) and not any(map(gives_back, after))


def state_has(state: State, taken: OpenScope) -> bool:
    """Whether a scope that was entered at some step is still open."""
    return any(one.step == taken.step and one.scope == taken.scope for one in state.open)


def _leaves(step: Instruction, taken: OpenScope, context: Context) -> bool:
    """Whether a step ends a scope: a call that gives the lock back, or the end of a guard."""
    if step.kind == "leave":
        return step.target == taken.guard
    if step.kind != "call" or step.op:
        return False
    return any(
        scope.name == taken.scope and (gate.key < 0 or not taken.key or argument(step, gate.key) == taken.key)
        for scope, gate in context.lookup.closed(step)
    )


def failed(unit: FunctionUnit, index: int) -> int:
    """The step that follows where the result of a call turned out to be NULL; -1 if that is not asked at once."""
    target, at = unit.steps[index].target, index
    for _ in range(_NEAR):
        at = unit.cfg.only(at) if target else -1
        if at < 0:
            return -1
        step = unit.steps[at]
        if step.kind == "test":
            return unit.cfg.branch(at, False) if step.value is not None and step.value.text == target else -1
        if step.kind not in ("assign", "join"):
            return -1
    return -1


def _unlocks(step: Instruction, own: frozenset[str], context: Context) -> bool:
    kinds = [scope for scope, _ in context.lookup.closed(step)] if step.kind == "call" and not step.op else []
    return any(kind.atomic and kind.name not in own for kind in kinds)


def may_unlock(step: Instruction, context: Context) -> bool:
    """Whether a call may give back what is held."""
    listed = context.kernel.words
    named = step.kind == "call" and not step.op and step.name not in listed["neutral"]
    return named and any(word in step.name for word in listed["may_unlock"])


def may_lock(step: Instruction, context: Context) -> bool:
    """Whether a step may take a lock, or stands for what is not shown."""
    value = step.value if step.kind == "test" else None
    name = step.name if step.kind == "call" else value.text if value is not None and value.op == "call" else ""
    if step.kind not in ("call", "test") or not name:
        return False
    if name == OPEN or step.op or name in context.lookup.enter or name in context.lookup.leave:
        return True
    listed = context.kernel.words
    words = () if name in listed["neutral"] else (*listed["may_lock"], *listed["may_unlock"])
    return any(word in name for word in words)
