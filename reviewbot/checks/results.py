"""Checks of what becomes of a request: is its result tested, need it be, is it asked for again without end."""

from __future__ import annotations

from collections.abc import Iterator

from reviewbot.checks.base import (
    Context,
    Hit,
    allocation,
    code,
    flag_rows,
    mask_argument,
    masks_at,
    origin_rows,
    reached,
    rows_of,
    strings,
    words,
)
from reviewbot.csource import Step
from reviewbot.model import Rule
from reviewbot.sides import Slice, Unit


def _nofail(unit: Unit, index: int, rule: Rule, context: Context) -> str:
    """ "must" if the request at a step surely cannot fail, "may" if it surely can on some path, "" if unknown."""
    step = unit.steps[index]
    found = allocation(step, context.kernel)
    mask = mask_argument(step, found) if found is not None else None
    if found is None or mask is None or found.returns not in ("pointer",):
        return ""
    nofail = strings(rule.rows[0], "nofail")[0]
    masks = masks_at(unit, index, mask, context)
    if masks and all(nofail in one.must for one in masks):
        return "must"
    known = len(mask.text) > 0 and all(one.may != context.kernel.bits for one in masks)
    return "may" if masks and known and all(nofail not in one.must for one in masks) else ""


def checked_nofail(side: Slice, rule: Rule, context: Context) -> Iterator[Hit]:
    """A result that cannot be NULL, tested for it."""
    for unit in side.units:
        for event in unit.flow.events:
            if event.kind != "tested" or event.other < 0:
                continue
            held = {
                at
                for world in reached(unit, event.step)
                for at in (world.holds or {}).get(event.token, frozenset({-1}))
            }
            if all(at >= 0 and _nofail(unit, at, rule, context) == "must" for at in held):
                made = unit.steps[event.other]
                values = {"callee": made.name, "result": event.token}
                test = unit.steps[event.step].lines[0]
                rows = (*_flag_rows(made, context), *rows_of(made), test)
                because = ((test, "tested here"),)
                yield Hit(rows, unit.function.name, f"{made.name} {event.token}", values, because)


def _flag_rows(step: Step, context: Context) -> tuple[int, ...]:
    found = allocation(step, context.kernel)
    mask = mask_argument(step, found) if found is not None else None
    return flag_rows(mask, context.kernel) if mask is not None else ()


def lost_nofail(side: Slice, rule: Rule, context: Context) -> Iterator[Hit]:
    """A request that could not fail before the patch and now can, whose result is still used untested."""
    if context.before is None:
        return
    sure = {
        (unit.function.name, step.name, step.target)
        for unit in context.before.units
        for index, step in enumerate(unit.steps)
        if step.kind == "call" and _nofail(unit, index, rule, context) == "must"
    }
    for unit in side.units:
        seen: set[int] = set()
        for event in unit.flow.events:
            made = unit.steps[event.other] if event.other >= 0 else None
            if event.kind != "used" or made is None or event.other in seen:
                continue
            if (unit.function.name, made.name, made.target) in sure and _nofail(
                unit, event.other, rule, context
            ) == "may":
                seen.add(event.other)
                found = allocation(made, context.kernel)
                mask = mask_argument(made, found) if found is not None else None
                if mask is None:
                    continue
                origins = _failing_origins(unit, mask.text, rule, context)
                values = {"callee": made.name, "result": event.token, "mask": code(mask)}
                use = unit.steps[event.step].lines[0]
                rows = (*_flag_rows(made, context), *origins, *rows_of(made), use)
                yield Hit(
                    rows, unit.function.name, f"{made.name} {event.token}", values, ((use, "used here untested"),)
                )


def _failing_origins(unit: Unit, variable: str, rule: Rule, context: Context) -> tuple[int, ...]:
    """Rows that give the mask's variable a value that may fail; all that give it one, if none does."""
    nofail = strings(rule.rows[0], "nofail")[0]
    rows = origin_rows(unit, variable, context.kernel)
    with_it = origin_rows(unit, variable, context.kernel, frozenset({nofail}))
    return tuple(row for row in rows if row not in with_it) or rows


def open_coded_nofail(side: Slice, rule: Rule, context: Context) -> Iterator[Hit]:
    """A failed allocation asked for again with nothing that could end the loop.

    Rows: `waits`, calls that only pass the time; `nofail`, the bit whose test on the way makes it plain.
    """
    waits = words(rule, "waits")
    for unit in side.units:
        for index, step in enumerate(unit.steps):
            if step.kind != "test" or not step.next or not reached(unit, index):
                continue
            again = _asks_again(unit, index, waits, context)
            if again is not None:
                values = {"callee": again.name}
                rows = (*rows_of(step), *rows_of(again))
                yield Hit(
                    rows,
                    unit.function.name,
                    f"{again.name} {again.target}",
                    values,
                    ((again.lines[0], "asked for here"),),
                )
                continue
            wait = _waits_for_nofail(unit, index, rule, context)
            if wait is not None:
                yield Hit((*rows_of(step), *rows_of(wait)), unit.function.name, f"{wait.name}", {"callee": wait.name})


def _asks_again(unit: Unit, index: int, waits: frozenset[str], context: Context) -> Step | None:
    """The allocation that a test of its own result leads straight back to when it failed."""
    step = unit.steps[index]
    tested = step.value.text if step.value is not None else ""
    at = step.next[1] if len(step.next) > 1 else -1
    for _ in range(len(unit.steps)):
        if at < 0:
            return None
        here = unit.steps[at]
        if here.kind == "call" and here.target == tested and allocation(here, context.kernel) is not None:
            return here if at < index else None
        if (here.kind == "call" and here.name not in waits) or here.kind in ("test", "return", "end", "lost"):
            return None
        at = here.next[0] if len(here.next) == 1 else -1
    return None


def _waits_for_nofail(unit: Unit, index: int, rule: Rule, context: Context) -> Step | None:
    """A wait on the branch where the mask must not fail, from where the path goes back: the flag by hand."""
    step = unit.steps[index]
    nofail = strings(rule.rows[0], "nofail")[0]
    value = step.value
    if value is None or value.op != "&" or nofail not in {arg.text for arg in value.args}:
        return None
    at, wait = step.next[0], None
    for _ in range(len(unit.steps)):
        if at < 0:
            return None
        here = unit.steps[at]
        if here.kind == "call":
            if here.name not in words(rule, "waits"):
                return None
            wait = here
        if wait is not None and at < index:
            return wait
        if here.kind in ("test", "return", "end", "lost"):
            return None
        at = here.next[0] if len(here.next) == 1 else -1
    return None
