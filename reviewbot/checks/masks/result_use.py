"""Checks what becomes of a request: whether its result is tested, needs to be, or it is repeated without end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reviewbot.checks.declaration import Trigger, check, no_role
from reviewbot.dataflow.state import Event
from reviewbot.frontend.instructions import Instruction
from reviewbot.kernel.rows import row_words, strings
from reviewbot.model.kernel import Allocator, Mask, Rule
from reviewbot.program.context import Context, Hit
from reviewbot.program.file_version import FileVersion
from reviewbot.program.query import (
    allocation,
    expression_text,
    flag_rows,
    instruction_rows,
    mask_of,
    masks_at,
    mentions,
    origin_rows,
    reached,
    request_at,
)
from reviewbot.program.unit import FunctionUnit

_OVERFLOW = ", except when the size calculation overflows"


def _nofail(unit: FunctionUnit, index: int, rule: Rule, context: Context) -> str:
    """ "must" if the request at a step surely cannot fail, "may" if it surely can, "" if unknown.

    Rows: `nofail`; `reclaim`, without which it promises nothing; `families` whose NULL means nothing but failure;
    `pools`, calls that wait for an element if their mask lets them; `habit`, those of them where many a driver tests;
    `needs`, "call position" of the pool where that may be NULL.
    """
    request = request_at(unit, index, context)
    if request is None or request.allocator.returns != "pointer":
        return ""
    found = request.allocator
    nofail, reclaim = strings(rule.rows[0], "nofail")[0], strings(rule.rows[0], "reclaim")[0]
    masks = masks_at(unit, index, request.mask, context)
    if _waits(request.step, masks, found, rule):
        return "must"
    if masks and all(nofail in one.must and reclaim in one.may for one in masks):
        kept = found.family in row_words(rule, "families") and not any(nofail in limit.has for limit in found.limits)
        return "must" if kept else ""
    known = all(one.may != context.kernel.bits for one in masks)
    return "may" if known and any(nofail not in one.must for one in masks) else ""


def _waits(step: Instruction, masks: Sequence[Mask], found: Allocator, rule: Rule) -> bool:
    """Whether a request goes to a pool and surely waits there until it has what it asked for."""
    sure = bool(found.nofail_when) and bool(masks) and all(found.nofail_when <= one.must for one in masks)
    return sure and step.name in row_words(rule, "pools") and not _without_pool(step, rule)


def _without_pool(step: Instruction, rule: Rule) -> bool:
    """Whether NULL stands where the call takes its pool."""
    places = dict(said.split(" ") for said in sorted(row_words(rule, "needs")))
    at = int(places.get(step.name, -1))
    return 0 <= at < len(step.args) and step.args[at].text == "NULL"


@check(
    triggers=(Trigger.NEVER_FAILS, Trigger.FAR_REACHING, Trigger.MASK_CHANGED),
    keys=no_role("families", "habit", "needs", "nofail", "pools", "reclaim"),
    values=("callee", "given", "result", "unless"),
)
def checked_nofail(side: FileVersion, rule: Rule, context: Context) -> Iterator[Hit]:
    """A result that cannot be NULL, tested for it."""
    nofail = strings(rule.rows[0], "nofail")[0]
    named = {name for name, flag in context.kernel.flags.items() if nofail in flag.bits} | row_words(rule, "pools")
    if not any(name in side.text for name in named):
        return  # nothing needs to be followed
    for unit in side.units:
        for event in unit.flow.events:
            if event.kind != "tested" or event.other < 0:
                continue
            held = {
                at
                for state in reached(unit, event.step)
                for at in (state.holds or {}).get(event.token, frozenset({-1}))
            }
            if all(at >= 0 and _nofail(unit, at, rule, context) == "must" for at in held):
                made = unit.steps[event.other]
                found = allocation(made, context.kernel)
                product = found is not None and len(found.size) > 1
                pool = made.name in row_words(rule, "pools")
                given = "a mask that may sleep" if pool else strings(rule.rows[0], "nofail")[0]
                values = {
                    "callee": made.name,
                    "result": event.token,
                    "given": given,
                    "unless": _OVERFLOW if product else "",
                }
                test = unit.steps[event.step].lines[0]
                rows = (*_flag_rows(made, context), *instruction_rows(made), test)
                because = ((test, "checked here"),)
                sure = "low" if made.name in row_words(rule, "habit") else "medium" if product or pool else ""
                key = f"{made.name} {event.token}"
                yield Hit(rows, unit.function.name, key, values, because, sure, spoken=test)


def _flag_rows(step: Instruction, context: Context) -> tuple[int, ...]:
    found = allocation(step, context.kernel)
    mask = mask_of(step, found) if found is not None else None
    return flag_rows(mask, context.kernel) if mask is not None else ()


@check(
    triggers=(Trigger.MASK_CHANGED,),
    keys=no_role("families", "needs", "nofail", "pools", "reclaim"),
    values=("callee", "mask", "result"),
)
def lost_nofail(side: FileVersion, rule: Rule, context: Context) -> Iterator[Hit]:
    """A request that could not fail before the patch and now can, whose result is still used untested."""
    found = list(_used_untested(side, rule, context))
    before = context.before(frozenset(unit.function.name for unit, _ in found)) if found else None
    if before is None:
        return
    sure = {
        (unit.function.name, step.target)
        for unit in before.units
        for index, step in enumerate(unit.steps)
        if step.kind == "call" and _nofail(unit, index, rule, context) == "must"
    }
    for unit, event in found:
        made = unit.steps[event.other]
        if (unit.function.name, made.target) in sure:
            yield _lost(unit, event, made, rule, context)


def _used_untested(side: FileVersion, rule: Rule, context: Context) -> Iterator[tuple[FunctionUnit, Event]]:
    """The first use of each result that may be NULL and is nowhere looked at."""
    for unit in side.units:
        asking = (one for one in unit.steps if allocation(one, context.kernel) or mentions(one, context.kernel))
        rows = (row for step in asking for row in instruction_rows(step))
        if not any(side.changed[row] or side.near[row] for row in rows if 0 <= row < len(side.rows)):
            continue  # no mask is another one now
        seen: set[int] = set()
        for event in unit.flow.events:
            if event.kind != "used" or event.other < 0 or event.other in seen:
                continue
            looked = _looked_at(unit, event.other, event.token)
            if not looked and _nofail(unit, event.other, rule, context) == "may":
                seen.add(event.other)
                yield unit, event


def _looked_at(unit: FunctionUnit, made: int, token: str) -> bool:
    """Whether a test after a request asks about its result in any way: it may be one for failure."""
    later = (step for step in unit.steps[made:] if step.kind == "test" and step.value is not None)
    return any(part.text == token for step in later if step.value is not None for part in step.value.walk())


def _lost(unit: FunctionUnit, event: Event, made: Instruction, rule: Rule, context: Context) -> Hit:
    found = allocation(made, context.kernel)
    mask = mask_of(made, found) if found is not None else None
    text = mask.text if mask is not None else ""
    said = expression_text(mask) if mask is not None else ""
    values = {"callee": made.name, "result": event.token, "mask": said}
    use = unit.steps[event.step].lines[0]
    rows = (*_flag_rows(made, context), *_failing_origins(unit, text, rule, context), *instruction_rows(made), use)
    return Hit(rows, unit.function.name, f"{made.name} {event.token}", values, ((use, "used here unchecked"),))


def _failing_origins(unit: FunctionUnit, variable: str, rule: Rule, context: Context) -> tuple[int, ...]:
    """Rows that give the mask's variable a value that may fail; all that give it one, if none does."""
    nofail = strings(rule.rows[0], "nofail")[0]
    rows = origin_rows(unit, variable, context.kernel)
    with_it = origin_rows(unit, variable, context.kernel, frozenset({nofail}))
    return tuple(row for row in rows if row not in with_it) or rows


@check(
    triggers=(Trigger.FAR_REACHING, Trigger.ASKED_AGAIN, Trigger.MASK_CHANGED),
    keys=no_role("nofail", "reclaim", "waits"),
    values=("callee",),
)
def open_coded_nofail(side: FileVersion, rule: Rule, context: Context) -> Iterator[Hit]:
    """A failed allocation asked for again with nothing that could end the loop.

    Rows: `waits`, calls that only pass the time; `reclaim`, the bit without which __GFP_NOFAIL is no way out;
    `nofail`, the bit whose test on the way makes it plain.
    """
    for unit in side.units:
        for index, step in enumerate(unit.steps):
            if step.kind != "test" or not reached(unit, index):
                continue
            again = _asks_again(unit, index, rule, context)
            wait = _waits_for_nofail(unit, index, rule, context) if again is None else None
            if again is not None:
                rows, because = (
                    (*instruction_rows(step), *instruction_rows(again)),
                    ((again.lines[0], "allocated here"),),
                )
                key = f"{again.name} {again.target}"
                yield Hit(rows, unit.function.name, key, {"callee": again.name}, because)
            elif wait is not None:
                rows = (*instruction_rows(step), *instruction_rows(wait))
                yield Hit(rows, unit.function.name, wait.name, {"callee": wait.name})


def _asks_again(unit: FunctionUnit, index: int, rule: Rule, context: Context) -> Instruction | None:
    """The allocation that a test of its own result leads straight back to when it failed."""
    step = unit.steps[index]
    value = step.value
    if value is None:
        return None
    null = value.op in ("==", "!=") and len(value.args) == 2 and value.args[1].text in ("NULL", "0")
    tested, first = value.args[0].text if null else value.text, unit.cfg.branch(index, null and value.op == "==")

    def tries(at: int) -> bool:
        here = unit.steps[at]
        return here.kind == "call" and here.target == tested and allocation(here, context.kernel) is not None

    def ends(at: int) -> bool:
        here = unit.steps[at]
        way_out = here.kind in ("return", "end", "lost", "leave") or unit.cfg.leaves(at)
        return way_out or (here.kind == "call" and here.name not in row_words(rule, "waits"))

    tried = unit.cfg.on_all_ways((first,), tries, ends) if first >= 0 else None
    if not tried or max(tried) >= index:  # another try after the loop
        return None
    again = tried[-1]
    found = allocation(unit.steps[again], context.kernel)
    if found is None or _way_out(unit, again, index) or not _may_wait(unit, again, found, rule, context):
        return None
    return unit.steps[again]


def _way_out(unit: FunctionUnit, first: int, last: int) -> bool:
    """Whether a step between two may lead elsewhere: a goto, a return or a break by which the loop ends."""
    between = range(first, last + 1)
    inside = unit.steps[first + 1 : last]
    return any(
        step.kind in ("return", "lost") or unit.cfg.leaves(at) or any(to not in between for to in unit.cfg.succ[at])
        for at, step in enumerate(inside, first + 1)
    )


def _may_wait(unit: FunctionUnit, index: int, found: Allocator, rule: Rule, context: Context) -> bool:
    """Whether a request is one that __GFP_NOFAIL could be added to: it may reclaim, and nothing atomic is open."""
    mask = mask_of(unit.steps[index], found)
    reclaim = strings(rule.rows[0], "reclaim")[0]
    held = (context.kernel.scopes.get(one.scope) for state in reached(unit, index) for one in state.open)
    if mask is None or found.returns != "pointer" or any(kind is not None and kind.atomic for kind in held):
        return False
    masks = masks_at(unit, index, mask, context)
    return bool(masks) and all(reclaim in one.may for one in masks)


def _waits_for_nofail(unit: FunctionUnit, index: int, rule: Rule, context: Context) -> Instruction | None:
    """A wait on the branch where the mask must not fail, from where the path goes back: the flag by hand."""
    step = unit.steps[index]
    nofail = strings(rule.rows[0], "nofail")[0]
    value = step.value
    if value is None or value.op != "&" or nofail not in {arg.text for arg in value.args}:
        return None
    at, wait = unit.cfg.branch(index, True), None
    for _ in range(len(unit.steps)):
        if at < 0:
            return None
        here = unit.steps[at]
        if here.kind == "call":
            if here.name not in row_words(rule, "waits"):
                return None
            wait = here
        if wait is not None and at < index:
            return wait
        if here.kind in ("test", "return", "end", "lost"):
            return None
        at = unit.cfg.only(at)
    return None
