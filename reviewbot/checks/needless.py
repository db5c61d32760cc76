"""Check of a request that does not wait, where the code around it shows that it might: a slice in, hits out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from reviewbot import flags
from reviewbot.checks.base import Context, Hit, allocation, code, mask_argument, masks_at, reached, strings, words
from reviewbot.csource import Expr, Step
from reviewbot.csource.steps import UNUSED
from reviewbot.model import Rule
from reviewbot.pieces import OPEN
from reviewbot.sides import Slice, Unit

_WORD = re.compile(r"\w+")
_ORDER = ("<", ">", "<=", ">=")

Sleeper = tuple[int, str]  # the step of a call that surely may sleep, and how a reader calls it
_UNKNOWN: Sleeper = (-2, "")  # not worked out yet: a loop may still be without one


def unneeded_atomic(side: Slice, rule: Rule, context: Context) -> Iterator[Hit]:
    """A mask of the row's `masks` where code that is run with it sleeps, with no lock taken or dropped between.

    Rows: masks with a bit of `tries` are a first try, and so are those of the families in `unless`; a call in
    `except` has rules of its own.
    """
    for unit in side.units:
        if unit.flow.lost or unit.function.macro:
            continue
        asked = [(index, mask) for index in range(len(unit.steps)) if (mask := _mask(unit, index, rule, context))]
        if not asked:
            continue
        named = _sleepers(unit, rule, context)
        for index, mask in asked:
            step = unit.steps[index]
            mine = {at: text for at, text in named.items() if at != index and not _same_target(step, unit.steps[at])}
            if len(mine) < len(named) - (index in named):
                continue  # asked for again, or before, in another way
            found = _before(unit, mine, context)[index] or _after(unit, mine, context)[index]
            if found is not None and found[0] >= 0:
                values = {"callee": step.name, "flag": mask.text, "sleeper": found[1]}
                because = ((unit.steps[found[0]].lines[0], "may sleep, in the same context"),)
                key = f"{step.name} {mask.text} {step.target}"
                yield Hit((mask.line, *step.lines), unit.function.name, key, values, because)


def _same_target(one: Step, other: Step) -> bool:
    return one.target not in ("", UNUSED, "return") and one.target == other.target


def _mask(unit: Unit, index: int, rule: Rule, context: Context) -> Expr | None:
    """The flag of the row's `masks` that a call passes, if it is one that the rule is about."""
    step = unit.steps[index]
    worlds = reached(unit, index)
    if step.kind != "call" or step.op or step.name.isupper() or step.name in words(rule, "except") or not worlds:
        return None
    found = context.kernel.allocators.get(step.name)
    if found is not None and found.family in words(rule, "unless"):
        return None
    if any(_atomic(one.scope, context) for world in worlds for one in world.open):
        return None
    for arg in step.args:
        chain = flags.terms(arg)
        named = [term for term in chain if term.text in words(rule, "masks")]
        if named and not any(term.text in words(rule, "tries") for term in chain):
            return named[0]
    return None


def _atomic(scope: str, context: Context) -> bool:
    kind = context.kernel.scopes.get(scope)
    return kind is not None and kind.atomic


def _sleepers(unit: Unit, rule: Rule, context: Context) -> dict[int, str]:
    """All calls of a function that surely may sleep."""
    out: dict[int, str] = {}
    listed = context.kernel.words
    for index, step in enumerate(unit.steps):
        if step.kind != "call" or not reached(unit, index):
            continue
        if step.op:
            if step.args and step.args[0].text in listed["sleeping_guards"]:
                out[index] = f"{step.name}({step.args[0].text})"
        elif step.name in listed["sleepers"]:
            out[index] = f"{step.name}()"
        elif (mask := _waiting(unit, index, rule, context)) is not None:
            out[index] = f"{step.name}() with {code(mask)}"
    return out


def _waiting(unit: Unit, index: int, rule: Rule, context: Context) -> Expr | None:
    """The mask of a request that names flags which let it wait."""
    step = unit.steps[index]
    found = allocation(step, context.kernel)
    mask = mask_argument(step, found) if found is not None else None
    if found is None or mask is None or found.sleeps == "never" or any(part.op == "?:" for part in mask.walk()):
        return None
    reclaim = strings(rule.rows[0], "reclaim")[0]
    masks = masks_at(unit, index, mask, context)
    named = any(part.text in context.kernel.flags for part in mask.walk())
    return mask if named and masks and all(reclaim in one.must for one in masks) else None


# -- where the context is the same --


def _changes(step: Step, context: Context) -> bool:
    """Whether what a step does may change whether sleeping is allowed."""
    listed = context.kernel.words
    if step.kind == "leave":
        return step.target.split("(")[0] not in listed["sleeping_guards"]
    if step.kind != "call":
        return False
    if step.op or step.name == OPEN:
        return True
    if step.name in listed["neutral"] or step.name in listed["sleepers"]:
        return False
    known = step.name in context.lookup.enter or step.name in context.lookup.leave
    return known or any(word in step.name for word in (*listed["may_lock"], *listed["may_unlock"]))


def _before(unit: Unit, sleepers: Mapping[int, str], context: Context) -> Sequence[Sleeper | None]:
    """For each step a sleeper that every path to it has passed, with nothing since that changes the context."""
    steps = unit.steps
    hidden = not unit.function.seen_from_start
    roots = {0} | {i for i, one in enumerate(steps) if one.kind == "join" and one.name and hidden}
    into: list[list[int]] = [[] for _ in steps]
    for at, step in enumerate(steps):
        for target in step.next if reached(unit, at) else ():
            if target >= 0:
                into[target].append(at)
    state: list[Sleeper | None] = [_UNKNOWN] * len(steps)
    changed = True
    while changed:
        changed = False
        for at in range(len(steps)):
            ways = [_left(one, steps[one], state[one], sleepers, context) for one in into[at]]
            found = None if at in roots or not ways else _all(ways)
            if found != state[at]:
                state[at], changed = found, True
    return state


def _left(at: int, step: Step, held: Sleeper | None, sleepers: Mapping[int, str], context: Context) -> Sleeper | None:
    if at in sleepers:
        return at, sleepers[at]
    return None if _changes(step, context) or _asks_context(step, context) else held


def _all(ways: Sequence[Sleeper | None]) -> Sleeper | None:
    """One sleeper if every way has one (or is not worked out), the first in the text; None if one has none."""
    known = [way for way in ways if way is not None and way != _UNKNOWN]
    return None if None in ways else min(known, default=_UNKNOWN)


def _after(unit: Unit, sleepers: Mapping[int, str], context: Context) -> Sequence[Sleeper | None]:
    """For each step a sleeper that surely follows it, failures aside, before anything changes the context."""
    steps = unit.steps
    results = {step.target for step in steps if step.kind == "call" and step.target not in ("", UNUSED)}
    state: list[Sleeper | None] = [None] * len(steps)
    changed = True
    while changed:
        changed = False
        for at in range(len(steps) - 1, -1, -1):
            ways = [_entered(one, steps[one], state[one], sleepers, context) for one in steps[at].next if one >= 0]
            found = min((way for way in ways if way is not None), default=None)
            one_way = None in ways or (steps[at].kind == "test" and len(ways) < 2)
            if _asks_context(steps[at], context) or (one_way and not _of_a_result(steps[at], results)):
                found = None
            if found != state[at] and state[at] is None:
                state[at], changed = found, True
    return state


def _entered(
    at: int, step: Step, ahead: Sleeper | None, sleepers: Mapping[int, str], context: Context
) -> Sleeper | None:
    """What a path meets that enters a step."""
    if at in sleepers:
        return at, sleepers[at]
    return None if _changes(step, context) else ahead


def _of_a_result(step: Step, results: set[str]) -> bool:
    """Whether a test only asks how a call went, or counts: neither tells one context from another."""
    value = step.value
    if value is None or value.op == "call" or value.op in _ORDER or value.text.startswith("@"):
        return value is not None
    return any(part.text in results for part in value.walk())


def _asks_context(step: Step, context: Context) -> bool:
    """Whether a test may ask for the context itself: a trylock, a flag that says whether to sleep."""
    if step.kind != "test" or step.value is None:
        return False
    value, listed = step.value, context.kernel.words
    if value.op == "call" and value.text in (*listed["sleepers"], *listed["neutral"]):
        return False
    said = " ".join(_WORD.findall(value.text))
    return any(word in said for word in listed["context_tests"])
