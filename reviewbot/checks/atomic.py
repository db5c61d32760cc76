"""Checks of where a request stands: may the code around it sleep, must it not wait."""

from __future__ import annotations

import re
from collections.abc import Iterator

from reviewbot.checks.base import (
    Context,
    Hit,
    allocation,
    code,
    flag_rows,
    mask_argument,
    masks_at,
    reached,
    strings,
    words,
    written,
)
from reviewbot.csource import Expr, Step
from reviewbot.flow import Open
from reviewbot.model import Rule
from reviewbot.sides import Slice, Unit

_WORD = re.compile(r"\w+")


def sleep_in_atomic(side: Slice, rule: Rule, context: Context) -> Iterator[Hit]:
    """A request that may sleep where on every path to it something forbids that.

    Rows: `reclaim`, the bit that lets a request sleep; `self_unlocking` families drop the lock kinds
    in `own` themselves.
    """
    for unit in side.units:
        if unit.function.macro:
            continue
        for index, step in enumerate(unit.steps):
            mask = _sleeping_mask(unit, index, step, rule, context)
            if mask is None:
                continue
            text, rows, sure = mask
            locks = _locks(unit, index, step, rule, context)
            if locks:
                entered = unit.steps[locks[0].step]
                said = _said(entered)
                values = {"callee": step.name, "mask": text, "lock": said}
                because = ((entered.lines[0], "taken here"),)
                yield Hit((*rows, *step.lines), unit.function.name, f"{step.name} {text} {said}", values, because, sure)


def _said(step: Step) -> str:
    value = step.value if step.kind == "test" else None
    args = step.args or (value.args if value is not None else ())
    name = step.name or (value.text if value is not None else "")
    return f"{name}({', '.join(arg.text for arg in args[:2])})"


def _sleeping_mask(
    unit: Unit, index: int, step: Step, rule: Rule, context: Context
) -> tuple[str, tuple[int, ...], str] | None:
    """The mask of a call that surely may sleep, its rows, and how sure that is."""
    reclaim = strings(rule.rows[0], "reclaim")[0]
    if step.kind != "call" or step.op or not reached(unit, index):
        return None
    found = allocation(step, context.kernel)
    if found is not None:
        mask = mask_argument(step, found)
        if mask is None:
            blocking = found.sleeps == "always" or reclaim in _implicit(found.implicit, context)
            return (found.implicit, (), "") if found.implicit and blocking and found.gfp is None else None
        masks = masks_at(unit, index, mask, context)
        if (
            masks
            and (found.sleeps == "always" or all(reclaim in one.must for one in masks))
            and found.sleeps != "never"
        ):
            return code(mask), flag_rows(mask, context.kernel), ""
        return None
    if step.name in context.kernel.allocators or step.name in words(rule, "harmless"):
        return None
    for chain, under in written(step, context.kernel):
        bits = {bit for term in chain if (flag := context.kernel.flags.get(term.text)) for bit in flag.bits}
        if not under and reclaim in bits:
            return " | ".join(term.text for term in chain), tuple(term.line for term in chain), "medium"
    return None


def _implicit(text: str, context: Context) -> frozenset[str]:
    names = _WORD.findall(text)
    return frozenset(bit for name in names if name in context.kernel.flags for bit in context.kernel.flags[name].bits)


def _locks(unit: Unit, index: int, step: Step, rule: Rule, context: Context) -> list[Open]:
    """What forbids sleeping at a step on every path; [] if on one nothing does."""
    found = context.kernel.allocators.get(step.name)
    own = words(rule, "own") if found is not None and found.family in words(rule, "self_unlocking") else frozenset()
    out = []
    for world in reached(unit, index):
        held = [one for one in world.open if (kind := context.kernel.scopes.get(one.scope)) is not None and kind.atomic]
        held = [one for one in held if one.scope not in own]
        if not held:
            return []
        out.append(held[-1])
    return out


def blocking_in_nowait(side: Slice, rule: Rule, context: Context) -> Iterator[Hit]:
    """Flags written on the branch of a request that must not wait, which let it wait (`reclaim` of the row)."""
    reclaim = strings(rule.rows[0], "reclaim")[0]
    wanted = context.kernel.words["nowait"]
    for unit in side.units:
        for index, step in enumerate(unit.steps):
            worlds = reached(unit, index)
            facts = [_nowait(world.facts, wanted) for world in worlds]
            if not facts or not all(facts) or (step.kind == "call" and allocation(step, context.kernel) is None):
                continue
            for expr in _masks(step, context):
                masks = masks_at(unit, index, expr, context)
                rows = flag_rows(expr, context.kernel)
                if rows and masks and all(reclaim in one.must for one in masks):
                    values = {"mask": code(expr), "test": facts[0] or ""}
                    yield Hit((*rows, *step.lines), unit.function.name, f"{step.name}{step.target} {expr.text}", values)


def _nowait(facts: frozenset[tuple[str, bool]], wanted: frozenset[str]) -> str:
    """The condition that says the request must not wait, "" if none that holds does."""
    for text, true in sorted(facts):
        if true and not wanted.isdisjoint(_WORD.findall(text)):
            return text
    return ""


def _masks(step: Step, context: Context) -> Iterator[Expr]:
    found = allocation(step, context.kernel)
    mask = mask_argument(step, found) if found is not None else None
    if mask is not None:
        yield mask
    elif step.kind == "assign" and step.op == "=" and step.value is not None:
        yield step.value


def unneeded_atomic(side: Slice, rule: Rule, context: Context) -> Iterator[Hit]:
    """A mask of the row's `masks` where code just before or after sleeps, with no lock taken or dropped between."""
    wanted = words(rule, "masks")
    for unit in side.units:
        if unit.flow.lost or unit.function.macro:
            continue
        for index, step in enumerate(unit.steps):
            worlds = reached(unit, index)
            if not worlds or any(_atomic(one, context) for world in worlds for one in world.open):
                continue
            named = [part for arg in step.args for part in arg.walk() if part.op == "name" and part.text in wanted]
            if step.kind != "call" or not named or step.name in words(rule, "except"):
                continue
            sleeper = _sleeps_near(unit, index, rule, context)
            if sleeper is not None:
                values = {"callee": step.name, "flag": named[0].text, "sleeper": sleeper.name}
                because = ((sleeper.lines[0], "may sleep, in the same context"),)
                key = f"{step.name} {named[0].text} {step.target}"
                yield Hit((named[0].line, *step.lines), unit.function.name, key, values, because)


def _atomic(one: Open, context: Context) -> bool:
    kind = context.kernel.scopes.get(one.scope)
    return kind is not None and kind.atomic


def _sleeps_near(unit: Unit, index: int, rule: Rule, context: Context) -> Step | None:
    """A call that surely sleeps, reached from the step or before it without passing what may change the context."""
    back: dict[int, list[int]] = {}
    for at, step in enumerate(unit.steps):
        for target in step.next:
            back.setdefault(target, []).append(at)
    ahead = {at: [target for target in step.next if target >= 0] for at, step in enumerate(unit.steps)}
    for ways in (ahead, back):
        todo, seen = list(ways.get(index, ())), {index}
        while todo:
            at = todo.pop()
            if at in seen or not unit.flow.at[at]:
                continue
            seen.add(at)
            step = unit.steps[at]
            if step.kind == "call":
                if _sleeps(unit, at, step, rule, context):
                    return step
                if _changes_context(step, context):
                    continue
            elif step.kind == "leave" or (step.kind == "test" and _conditional_context(step)):
                continue
            todo.extend(ways.get(at, ()))
    return None


def _conditional_context(step: Step) -> bool:
    """A test of a call may be a trylock or ask for the context itself."""
    return step.value is not None and step.value.op == "call" and "lock" in step.value.text


def _changes_context(step: Step, context: Context) -> bool:
    words_ = context.kernel.words
    if step.op or step.name in context.lookup.enter or step.name in context.lookup.leave:
        return True
    return any(word in step.name for word in (*words_["may_lock"], *words_["may_unlock"]))


def _sleeps(unit: Unit, index: int, step: Step, rule: Rule, context: Context) -> bool:
    if step.name in context.kernel.words["sleepers"]:
        return True
    found = allocation(step, context.kernel)
    mask = mask_argument(step, found) if found is not None else None
    if found is None or mask is None or found.sleeps == "never":
        return False
    reclaim = strings(rule.rows[0], "reclaim")[0]
    masks = masks_at(unit, index, mask, context)
    return bool(flag_rows(mask, context.kernel)) and bool(masks) and all(reclaim in one.must for one in masks)
