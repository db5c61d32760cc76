"""Checks what stands inside a scope: a mask that repeats it, a request that it breaks, or a single call."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import cached_property, partial

from msgspec.structs import replace

from reviewbot.checks.declaration import Trigger, check, no_role
from reviewbot.dataflow import mask_algebra
from reviewbot.dataflow.state import OpenScope, State
from reviewbot.frontend.instructions import Instruction
from reviewbot.interproc.between import Between
from reviewbot.interproc.chains import CallChains, as_hit_chain
from reviewbot.interproc.function_reading import FunctionReading
from reviewbot.interproc.settle import few
from reviewbot.interproc.summary import Effect
from reviewbot.kernel.rows import Row, row_words, strings
from reviewbot.model.kernel import Kernel, Rule, ScopeKind
from reviewbot.program.call_graph import FunctionKey
from reviewbot.program.context import Context, Hit, HitChain
from reviewbot.program.file_version import FileVersion
from reviewbot.program.operations.table_calls import table_calls
from reviewbot.program.provenance import meant_here, spelled_out
from reviewbot.program.query import (
    allocation,
    expression_text,
    instruction_rows,
    mask_of,
    masks_at,
    reached,
    written_mask,
)
from reviewbot.program.unit import FunctionUnit

_ENTERED = "scope entered here"  # a note about evidence


@check(triggers=(Trigger.SCOPE_CALL,), keys=no_role("clears", "instead", "masks"), values=("call", "callee", "flag"))
def redundant_scope_flag(side: FileVersion, rule: Rule, context: Context) -> Iterator[Hit]:
    """A written mask that says again what a scope around it surely says.

    Rows: bits that the scope clears (as `clears`), `masks` the names that say no more than that, `instead` the mask
    that does the same inside the scope.
    """
    for unit in side.units:
        for index, step in enumerate(unit.steps):
            found = allocation(step, context.kernel)
            mask = written_mask(step, found) if found is not None else None
            states = reached(unit, index)
            if mask is None or not states:
                continue
            for term in mask_algebra.terms(meant_here(unit, index, mask, side.defines, context)):
                inside = [_implied(state, term.text, rule, context.kernel) for state in states]
                if inside[0] is None or None in inside:
                    continue
                scope, row = inside[0]
                entered = unit.steps[scope.step]
                values = {"callee": step.name, "flag": term.text, "call": entered.name}
                because = ((entered.lines[0], _ENTERED),)
                here = any(part is term for part in mask.walk())
                better = (term.text, str(row["instead"])) if row.get("instead") and here else None
                key = f"{step.name} {mask.text}"
                yield Hit((term.line, *step.lines), unit.function.name, key, values, because, replace=better)


def _implied(state: State, name: str, rule: Rule, kernel: Kernel) -> tuple[OpenScope, Row] | None:
    """The memalloc scope that says what the mask `name` says, and the row that has it."""
    for one in state.open:
        scope = kernel.scopes.get(one.scope)
        if scope is None or scope.family != "memalloc":
            continue
        for row in rule.rows:
            if name in strings(row, "masks") and set(strings(row, "clears")) <= scope.clears:
                return one, row
    return None


@check(
    triggers=(Trigger.FAR_REACHING, Trigger.MASK_CHANGED),
    keys=no_role("effect", "flags", "nofail", "reclaim"),
    values=("call", "callee", "effect", "mask"),
)
def nofail_in_scope(side: FileVersion, rule: Rule, context: Context) -> Iterator[Hit]:
    """A request with `nofail` inside a scope that takes `reclaim` away or has one of `flags` (all of a row).

    The row's `effect` ends "the allocator ...".
    """
    wanted = row_words(rule, "nofail")
    if not any(word in side.text for word in wanted):
        return
    named = {one.name for one in side.defines if any(word in one.body for word in wanted)}
    telling = wanted | named | context.kernel.words["mask_types"]
    above = [_Above(row, telling, context) for row in rule.rows]
    for unit in (*side.units, *side.telling_below(telling)):
        for index, step in enumerate(unit.steps):
            found = allocation(step, context.kernel)
            mask = mask_of(step, found) if found is not None else None
            masks = masks_at(unit, index, mask, context) if mask is not None and reached(unit, index) else ()
            for at, row in enumerate(rule.rows):
                if mask is None or not masks or not all(set(strings(row, "nofail")) <= one.must for one in masks):
                    continue
                around = _scope_around(unit, index, row, context)
                if around is None and _may_be_opened(row, context):
                    around = above[at].around(unit, index)
                if around is not None:
                    call, because, sure, elsewhere, chain = around
                    values = {
                        "callee": step.name,
                        "mask": expression_text(mask),
                        "call": call,
                        "effect": str(row["effect"]),
                    }
                    rows, key = (mask.line, *step.lines), f"{step.name} {mask.text}"
                    name = unit.function.name
                    yield Hit(rows, name, key, values, because, sure, elsewhere=elsewhere, chain=chain)
                    break


def _may_be_opened(row: Row, context: Context) -> bool:
    """Whether a file has a word by which a scope of a row is opened: else nothing further need be read."""
    texts = [side.text for side in context.calls.sides.values()]
    kinds = (scope for scope in context.kernel.scopes.values() if _breaks(scope, row))
    words = {word for scope in kinds for word in context.lookup.openers[scope.name]}
    return any(word in text for text in texts for word in words)


# the call that opened a scope, what shows it, how sure, what shows it in other files, and the calls from there
_Around = tuple[str, tuple[tuple[int, str], ...], str, tuple[tuple[FileVersion, int, str], ...], HitChain | None]


def _scope_around(unit: FunctionUnit, index: int, row: Row, context: Context) -> _Around | None:
    """The scope of a row that the function itself has open at a step, on every path."""
    inside = [_broken(state, row, context.kernel) for state in reached(unit, index)]
    if not inside or inside[0] is None or None in inside:
        return None
    entered = unit.steps[inside[0].step]
    return entered.name, ((entered.lines[0], _ENTERED),), "", (), None


class _Above:
    """The scopes of a row that callers have open, worked out when the first is asked for."""

    def __init__(self, row: Row, wanted: Collection[str], context: Context) -> None:
        self._row, self._wanted, self._context = row, wanted, context

    def around(self, unit: FunctionUnit, index: int) -> _Around | None:
        """The scope that surely is open where an instruction is reached, unless somebody asks how it was called."""
        key = self._between.key(unit)
        found = self._chains.to(key, index) if key is not None else ()
        if not found or key is None:
            return None
        (path, first, _), *rest = found[0].shown
        chain = replace(found[0], shown=((path, first, _ENTERED), *rest))
        sides = self._context.calls.sides
        here = tuple((row, note) for path, row, note in chain.shown if path == key[0])
        others = tuple((sides[path], row, note) for path, row, note in chain.shown if path != key[0])
        request = sides[key[0]], unit.steps[index].lines[0], "requested here"
        shown = as_hit_chain([chain, *found[1:]], key[1], request, sides)
        return chain.entry.taken, here, "low" if chain.unsure else "medium", others, shown

    @cached_property
    def _between(self) -> Between:
        return Between(self._context.calls, self._holding, self._asking)

    def _holding(self, functions: Collection[FunctionKey]) -> Mapping[FunctionKey, Collection[FunctionKey]]:
        graph, lookup = table_calls(self._context.calls), self._context.lookup
        kinds = (scope for scope in self._context.kernel.scopes.values() if _breaks(scope, self._row))
        words = frozenset[str]().union(*(lookup.openers[scope.name] for scope in kinds))
        texts = ((one, self._context.calls.text(one)) for one in functions)
        return {one: graph.callees(one) for one, text in texts if any(word in text for word in words)}

    def _asking(self, functions: Collection[FunctionKey]) -> Collection[FunctionKey]:
        return [one for one in functions if any(word in self._context.calls.text(one) for word in self._wanted)]

    @cached_property
    def _chains(self) -> CallChains:
        readings = self._between.readings(partial(_breaks, row=self._row))
        return CallChains(readings, {one.key: [*self._effects(one)] for one in readings}, {})

    def _effects(self, reading: FunctionReading) -> Iterator[Effect]:
        for at, step in enumerate(reading.unit.steps):
            if allocation(step, self._context.kernel) is not None:
                ways = {reading.way(at, state.facts) for state in reading.reaches(at)}
                yield Effect((reading.key, at), at, few(ways))


def _broken(state: State, row: Row, kernel: Kernel) -> OpenScope | None:
    opened = (one for one in state.open if one.scope in kernel.scopes)
    return next((one for one in opened if _breaks(kernel.scopes[one.scope], row)), None)


def _breaks(scope: ScopeKind, row: Row) -> bool:
    return bool(scope.clears & set(strings(row, "reclaim"))) or (
        scope.flag in strings(row, "flags") and scope.flag != ""
    )


@check(triggers=(Trigger.SCOPE_CALL,), keys=no_role("families"), values=("call", "callee"))
def scope_around_one_allocation(side: FileVersion, rule: Rule, context: Context) -> Iterator[Hit]:
    """A scope with one call in it, an allocator of the row's `families` whose mask is written there."""
    families = row_words(rule, "families")
    for unit in side.units:
        for index, step in enumerate(unit.steps):
            if step.kind != "call" or not _narrows(step, context):
                continue
            at = _until_restore(unit, index, context)
            inside = unit.steps[at] if at >= 0 else None
            found = allocation(inside, context.kernel) if inside is not None else None
            if inside is None or found is None or found.family not in families:
                continue
            mask = mask_of(inside, found)
            mask = spelled_out(unit, at, mask, side.defines, context) if mask is not None else None
            if mask is not None and all(
                mask_algebra.is_flag_name(term.text, context.kernel) for term in mask_algebra.terms(mask)
            ):
                values = {"call": step.name, "callee": inside.name}
                yield Hit(
                    (inside.lines[0], *instruction_rows(step)), unit.function.name, f"{step.name} {inside.name}", values
                )


def _narrows(step: Instruction, context: Context) -> bool:
    opened = context.lookup.opened(step, "")
    scopes = (context.kernel.scopes.get(name) for name, _ in opened)
    return any(scope is not None and scope.family == "memalloc" and scope.clears for scope in scopes)


def _until_restore(unit: FunctionUnit, index: int, context: Context) -> int:
    """The step of the only call between a save and its restore, -1 if they do not stand in one straight line."""
    inside, at = -1, index
    while unit.cfg.only(at) >= 0 and unit.steps[at].kind in ("call", "assign"):
        at = unit.cfg.only(at)
        step = unit.steps[at]
        if step.kind == "call" and step.name in context.lookup.leave:
            return inside
        if step.kind == "call":
            if inside >= 0:
                return -1
            inside = at
    return -1
