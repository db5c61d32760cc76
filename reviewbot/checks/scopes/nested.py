"""Checks what stands inside a scope: a mask that repeats it, a request that it breaks, or a single call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from reviewbot.checks.declaration import Trigger, check, no_role
from reviewbot.dataflow import mask_algebra
from reviewbot.dataflow.state import OpenScope, State
from reviewbot.frontend.instructions import Instruction
from reviewbot.interproc.entry import Entries, entry_contexts, leads
from reviewbot.kernel.rows import Row, row_words, strings
from reviewbot.model.kernel import Kernel, Rule, ScopeKind
from reviewbot.program.context import Context, Hit
from reviewbot.program.file_version import FileVersion
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


@check(triggers=(Trigger.SCOPE_CALL,), keys=no_role("clears", "instead", "masks"))
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
                because = ((entered.lines[0], "the scope is entered here"),)
                here = any(part is term for part in mask.walk())
                replace = (term.text, str(row["instead"])) if row.get("instead") and here else None
                key = f"{step.name} {mask.text}"
                yield Hit((term.line, *step.lines), unit.function.name, key, values, because, replace=replace)


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


@check(triggers=(Trigger.FAR_REACHING, Trigger.MASK_CHANGED), keys=no_role("effect", "flags", "nofail", "reclaim"))
def nofail_in_scope(side: FileVersion, rule: Rule, context: Context) -> Iterator[Hit]:
    """A request with `nofail` inside a scope that takes `reclaim` away or has one of `flags` (all of a row).

    The row's `effect` ends "the allocator ...".
    """
    wanted = row_words(rule, "nofail")
    if not any(word in side.text for word in wanted):
        return
    entered: dict[int, Mapping[str, Entries]] = {}
    named = {one.name for one in side.defines if any(word in one.body for word in wanted)}
    for unit in (*side.units, *side.telling_below(wanted | named | context.kernel.words["mask_types"])):
        for index, step in enumerate(unit.steps):
            found = allocation(step, context.kernel)
            mask = mask_of(step, found) if found is not None else None
            masks = masks_at(unit, index, mask, context) if mask is not None and reached(unit, index) else ()
            for at, row in enumerate(rule.rows):
                if mask is None or not masks or not all(set(strings(row, "nofail")) <= one.must for one in masks):
                    continue
                around = _scope_around(unit, index, row, context)
                if around is None and _may_be_opened(side.text, row, context):
                    if at not in entered:
                        units = (*side.units, *side.around, *side.below)
                        entered[at] = entry_contexts(units, context.lookup, {}, partial(_breaks, row=row))
                    around = _scope_above(unit, index, entered[at], context)
                if around is not None:
                    call, because, sure = around
                    values = {
                        "callee": step.name,
                        "mask": expression_text(mask),
                        "call": call,
                        "effect": str(row["effect"]),
                    }
                    rows, key = (mask.line, *step.lines), f"{step.name} {mask.text}"
                    yield Hit(rows, unit.function.name, key, values, because, sure)
                    break


def _may_be_opened(text: str, row: Row, context: Context) -> bool:
    """Whether a text has a word by which a scope of a row is opened: else nothing further need be read."""
    kinds = (scope for scope in context.kernel.scopes.values() if _breaks(scope, row))
    return any(word in text for scope in kinds for word in context.lookup.openers[scope.name])


_Around = tuple[str, tuple[tuple[int, str], ...], str]  # the call that opened a scope, what shows it, how sure


def _scope_around(unit: FunctionUnit, index: int, row: Row, context: Context) -> _Around | None:
    """The scope of a row that the function itself has open at a step, on every path."""
    inside = [_broken(state, row, context.kernel) for state in reached(unit, index)]
    if not inside or inside[0] is None or None in inside:
        return None
    entered = unit.steps[inside[0].step]
    return entered.name, ((entered.lines[0], "the scope is entered here"),), ""


def _scope_above(unit: FunctionUnit, index: int, entered: Mapping[str, Entries], context: Context) -> _Around | None:
    """The scope that a caller has open, unless the function asks how it was called."""
    for entry in entered.get(unit.function.name, ()) if not unit.flow.lost else ():
        if leads(unit, index, context.lookup, entry):
            (first, _), *rest = entry.rows
            return entry.taken, ((first, "the scope is entered here"), *rest), "medium"
    return None


def _broken(state: State, row: Row, kernel: Kernel) -> OpenScope | None:
    opened = (one for one in state.open if one.scope in kernel.scopes)
    return next((one for one in opened if _breaks(kernel.scopes[one.scope], row)), None)


def _breaks(scope: ScopeKind, row: Row) -> bool:
    return bool(scope.clears & set(strings(row, "reclaim"))) or (
        scope.flag in strings(row, "flags") and scope.flag != ""
    )


@check(triggers=(Trigger.SCOPE_CALL,), keys=no_role("families"))
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
