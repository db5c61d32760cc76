"""Re-analyses a function with a gfp parameter once for each mask that a visible caller passes.

This is context-sensitive specialisation: with the caller's mask known, what the function tests or takes away counts. At
most _MOST different masks are tried for a function.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

from msgspec import Struct

from reviewbot.dataflow import mask_algebra
from reviewbot.dataflow.analysis import FunctionAnalysis
from reviewbot.dataflow.scope_table import ScopeTable
from reviewbot.frontend.instructions import Expr, Function
from reviewbot.model.kernel import Kernel, Mask
from reviewbot.program.unit import FunctionUnit

_MOST = 8  # different masks for one function


class Specialization(Struct, frozen=True):
    """A function analysed with one caller's mask.

    `unit`: the function, with the mask in `param`; `arg`: what `caller` wrote, at its instruction `at`.
    """

    unit: FunctionUnit
    param: str
    arg: Expr
    caller: FunctionUnit
    at: int


Calls = Mapping[str, Sequence[tuple[FunctionUnit, int]]]  # by the name of what is called, the function and the step


def calls_of(units: Sequence[FunctionUnit]) -> Calls:
    """All calls of some functions, by the name of the callee."""
    found: dict[str, list[tuple[FunctionUnit, int]]] = {}
    for unit in units:
        for at, step in enumerate(unit.steps if not unit.function.macro else ()):
            if step.kind == "call":
                found.setdefault(step.name, []).append((unit, at))
    return found


def specialized(unit: FunctionUnit, calls: Callable[[], Calls], lookup: ScopeTable) -> Iterator[Specialization]:
    """A specialisation for each mask that a call surely passes.

    `calls` is called only where the function has a gfp parameter.
    """
    place = _mask_param(unit.function, lookup.kernel)
    if place < 0 or unit.flow.lost:
        return
    name = unit.function.params[place][1]
    seen: set[Mask] = set()
    for caller, at in calls().get(unit.function.name, ()):
        step = caller.steps[at]
        if caller.function.name == unit.function.name or len(step.args) != len(unit.function.params):
            continue
        arg = step.args[place]
        if caller.flow.lost or len(seen) >= _MOST:
            continue
        mask = _passed(caller, at, arg, lookup)
        if mask is None or mask in seen:
            continue
        seen.add(mask)
        given = unit.function, lookup, {**unit.flow.given, name: mask}
        yield Specialization(
            FunctionUnit(unit.function, unit.text, partial(FunctionAnalysis, *given)), name, arg, caller, at
        )


def _mask_param(function: Function, kernel: Kernel) -> int:
    """The position of the only parameter that is a mask; -1 if there is none, or more than one."""
    if function.macro or not function.starts:
        return -1
    places = [at for at, (kind, name) in enumerate(function.params) if kind in kernel.words["mask_types"] and name]
    return places[0] if len(places) == 1 else -1


def _passed(caller: FunctionUnit, at: int, arg: Expr, lookup: ScopeTable) -> Mask | None:
    """The mask that an argument surely is, the same on each path; None if there are several, or it is not known."""
    masks = {mask_algebra.evaluate(arg, state.masks or {}, lookup.kernel, lookup.tools) for state in caller.flow.at[at]}
    mask = masks.pop() if len(masks) == 1 else None
    return mask if mask is not None and mask.must == mask.may and mask.must else None
