"""Re-analyses a function with a gfp parameter once for each mask that a visible caller passes.

This is context-sensitive specialisation: with the caller's mask known, what the function tests or takes away counts. At
most _MOST different masks are tried for a function.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from reviewbot.dataflow import mask_algebra
from reviewbot.dataflow.analysis import FunctionAnalysis
from reviewbot.dataflow.conditions import Facts
from reviewbot.dataflow.scope_table import ScopeTable
from reviewbot.frontend.instructions import Expr, Function, Instruction
from reviewbot.interproc.context_tests import is_constant, truth_under
from reviewbot.interproc.summary import DEEPEST
from reviewbot.model.kernel import Kernel, Mask
from reviewbot.program.call_graph import Call, FileCallGraph, FunctionKey
from reviewbot.program.context import Context, Hit, HitChain
from reviewbot.program.file_version import FileVersion
from reviewbot.program.unit import FunctionUnit

_MOST = 8  # different masks for one function
_HANDED = "mask passed here"


class Specialization(Struct, frozen=True):
    """A function analysed with one caller's mask.

    `unit`: the function, with the mask in `param`; `arg`: what the caller wrote; `calls`: the one in which it stands,
    and those that hand it on, the outermost first.
    """

    unit: FunctionUnit
    param: str
    arg: Expr
    calls: tuple[Call, ...]

    @property
    def call(self) -> Call:
        """The call in which the mask is written."""
        return self.calls[0]


def specialized(unit: FunctionUnit, path: str, graph: FileCallGraph, lookup: ScopeTable) -> Iterator[Specialization]:
    """A specialisation for each mask that a call surely passes, itself or by functions that hand on their own.

    `path`: that of the function's file.
    """
    place = mask_param(unit.function, lookup.kernel)
    if place < 0 or unit.flow.lost:
        return
    name = unit.function.params[place][1]
    seen: set[Mask] = set()
    for calls, arg, mask in _masks(unit, (path, unit.function.name), place, graph, lookup, DEEPEST):
        if len(seen) < _MOST and mask not in seen:
            seen.add(mask)
            given = unit.function, lookup, {**unit.flow.given, name: mask}
            made = FunctionUnit(unit.function, unit.text, partial(FunctionAnalysis, *given))
            yield Specialization(made, name, arg, calls)


def _masks(
    unit: FunctionUnit,
    key: FunctionKey,
    place: int,
    graph: FileCallGraph,
    lookup: ScopeTable,
    deepest: int,
    facts: Facts = (),
) -> Iterator[tuple[tuple[Call, ...], Expr, Mask]]:
    """The masks that calls of a function surely pass: from the call that names one on down, the argument, and the mask.

    `facts`: what holds in the function where it hands on the mask; a call whose constants exclude that passes none.
    """
    for call in graph.calls(key):
        caller, step = call.unit, call.unit.steps[call.at]
        if caller.function.name == key[1] or len(step.args) != len(unit.function.params) or caller.flow.lost:
            continue
        if _excludes(unit.function, step, facts):
            continue
        arg = step.args[place]
        mask = _passed(caller, call.at, arg, lookup)
        if mask is not None:
            yield (call,), arg, mask
        elif deepest > 1 and (own := mask_param(caller.function, lookup.kernel)) >= 0:
            handed = caller.function.params[own][1] == arg.text
            if handed and not any(one.target == arg.text for one in caller.steps):
                known = [state.facts for state in caller.flow.at[call.at]]
                common = frozenset.intersection(*known) if known else ()
                path = call.path, caller.function.name
                for above, named, passed in _masks(caller, path, own, graph, lookup, deepest - 1, common):
                    yield (*above, call), named, passed


def _excludes(function: Function, call: Instruction, facts: Facts) -> bool:
    """Whether the constants that a call passes to a function exclude one of some facts there."""
    given = zip(function.params, call.args, strict=False)
    constants = {name: arg.text for (_, name), arg in given if name and is_constant(arg.text)}
    settled = ((truth_under(text, constants), true) for text, true in facts) if constants else ()
    return any(known is not None and known != true for known, true in settled)


def mask_param(function: Function, kernel: Kernel) -> int:
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


def handed_over(hit: Hit, one: Specialization, side: FileVersion, context: Context) -> Hit:
    """A hit of a specialisation with the place where its mask is handed over, which may be in another file.

    `side`: the file version of the hit; a note about its first row is its `said`.
    """
    step = one.call.unit.steps[one.call.at]
    chain = _chain_of(hit, one, side, context)
    if one.call.path != side.path:
        elsewhere = (context.calls.sides[one.call.path], one.arg.line, _HANDED)
        return replace(hit, elsewhere=(*hit.elsewhere, elsewhere), chain=chain)
    rows = (*hit.rows, one.arg.line, *range(step.lines[0], step.lines[1] + 1))
    return replace(hit, rows=rows, because=(*hit.because, (one.arg.line, _HANDED)), chain=chain)


def _chain_of(hit: Hit, one: Specialization, side: FileVersion, context: Context) -> HitChain:
    """The calls from the one that names a mask down to a hit, and in the hit's function what shows it."""
    names = tuple(call.unit.function.name for call in one.calls)
    rows = [(one.arg.line, _HANDED)]
    rows += [(call.unit.steps[call.at].lines[0], "and handed on here") for call in one.calls[1:]]
    sides = (context.calls.sides[call.path] for call in one.calls)
    above = ((part, *row, level) for level, (part, row) in enumerate(zip(sides, rows, strict=True)))
    first, last = one.unit.function.lines
    here = {hit.rows[0]: hit.said or "requested here", **{at: note for at, note in hit.because if first <= at <= last}}
    below = ((side, at, here[at], len(names)) for at in sorted(here))
    return HitChain((*names, hit.function), (*above, *below))
