"""Checks that compare a request with what it was, or with its neighbours."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from reviewbot import flags
from reviewbot.checks.base import (
    Context,
    Hit,
    allocation,
    code,
    flag_rows,
    mask_argument,
    masks_at,
    mentions,
    origin_rows,
    reached,
    rows_of,
    strings,
    words,
)
from reviewbot.csource import Expr, Step
from reviewbot.csource.steps import UNUSED
from reviewbot.model import Rule
from reviewbot.opened import Unit
from reviewbot.scopes import apply_scopes
from reviewbot.sides import Slice

_WORD = re.compile(r"\w+")
Request = tuple[Unit, int, Step, Expr]


def _requests(units: Iterable[Unit], context: Context) -> Iterator[Request]:
    for unit in units:
        for index, step in enumerate(unit.steps):
            found = allocation(step, context.kernel)
            mask = mask_argument(step, found) if found is not None else None
            if mask is not None and reached(unit, index):
                yield unit, index, step, mask


def _bits(unit: Unit, index: int, mask: Expr, context: Context) -> tuple[frozenset[str], frozenset[str]]:
    """Bits that a mask surely has, and those it may have, over all paths and inside the scopes open there."""
    open_ = {one.scope for world in reached(unit, index) for one in world.open}
    kinds = [context.kernel.scopes[name] for name in sorted(open_) if name in context.kernel.scopes]
    masks = masks_at(unit, index, mask, context)
    felt = [apply_scopes(one, kinds) for one in masks]
    must = frozenset.intersection(*(one.must for one in felt)) if felt else frozenset()
    return must, frozenset().union(*(one.may for one in masks))


def _locked(unit: Unit, index: int, context: Context) -> bool:
    kinds = {context.kernel.scopes.get(one.scope) for world in reached(unit, index) for one in world.open}
    return any(kind is not None and kind.atomic for kind in kinds)


def widened(side: Slice, rule: Rule, context: Context) -> Iterator[Hit]:
    """A mask that surely lacked a bit before and surely has it now. Rows: `bit`, and what `more` it lets the call do.

    Inside a scope a mask has no more than the scope leaves it.
    """
    wide = frozenset(strings(row, "bit")[0] for row in rule.rows)
    touched = [unit for unit in side.units if _is_touched(side, unit, context)]
    new = [one for one in _requests(touched, context) if _has_part(side, one, context)]
    new = [one for one in new if wide & _bits(one[0], one[1], one[3], context)[0]]
    before = context.before(frozenset(unit.function.name for unit, *_ in new)) if new else None
    if before is None:
        return
    old: dict[tuple[str, str, str], frozenset[str]] = {}
    below: set[tuple[str, str, str]] = set()  # requests that stood below a lock
    for unit, index, step, mask in _requests(before.units, context):
        key = unit.function.name, step.name, step.target
        old[key] = old.get(key, frozenset()) | _bits(unit, index, mask, context)[1]
        if _locked(unit, index, context):
            below.add(key)
    for unit, index, step, mask in new:
        key = unit.function.name, step.name, step.target
        had = old.get(key)
        if key in below and not _locked(unit, index, context):
            continue  # taken out of the lock that the old mask was for
        must, _ = _bits(unit, index, mask, context)
        gained = [
            strings(row, "more")[0] for row in rule.rows if had is not None and strings(row, "bit")[0] in must - had
        ]
        if gained:
            values = {"callee": step.name, "more": " and ".join(gained[:2])}
            rows = _mask_rows(unit, mask, context)
            yield Hit(rows, unit.function.name, f"{step.name} {step.target} {mask.text}", values)


def _mask_rows(unit: Unit, mask: Expr, context: Context) -> tuple[int, ...]:
    return (*flag_rows(mask, context.kernel), mask.line, *origin_rows(unit, mask.text, context.kernel))


def _is_touched(side: Slice, unit: Unit, context: Context) -> bool:
    """Whether the patch has a part in any mask of a function; a look at its text, before it is followed."""
    rows = (row for step in unit.steps if mentions(step, context.kernel) for row in rows_of(step))
    return any(side.changed[row] or side.near[row] for row in rows if 0 <= row < len(side.rows))


def _has_part(side: Slice, request: Request, context: Context) -> bool:
    """Whether the patch has a part in the mask of a request: else it is what it was."""
    unit, _, _, mask = request
    rows = (row for row in _mask_rows(unit, mask, context) if 0 <= row < len(side.rows))
    return any(side.changed[row] or side.near[row] for row in rows)


def mixed(side: Slice, rule: Rule, context: Context) -> Iterator[Hit]:
    """A wide and a narrow base mask in one function, no lock or scope at or between them. Row: `wide`, `narrow`."""
    wide, narrow = words(rule, "wide"), words(rule, "narrow")
    for unit in side.units:
        if unit.words.isdisjoint(wide) or unit.words.isdisjoint(narrow):
            continue
        found: dict[bool, list[tuple[int, Step, Expr, str]]] = {True: [], False: []}
        for _, index, step, mask in _requests((unit,), context):
            if any(world.open for world in reached(unit, index)):
                continue
            names = {part.text for part in mask.walk() if part.op == "name"} & (wide | narrow)
            if len(names) == 1:  # both in one mask: a choice, or another rule's business
                name = names.pop()
                found[name in wide].append((index, step, mask, name))
        for index, step, mask, name in found[False]:
            others = [one for one in found[True] if not _lock_between(unit, index, one[0], context)]
            if not others:
                continue
            _, other, wider, said = others[0]
            values = {"flag": name, "other": said, "callee": step.name, "neighbour": other.name}
            rows = (*flag_rows(mask, context.kernel), *step.lines)
            yield Hit(rows, unit.function.name, f"{step.name} {mask.text}", values, ((wider.line, "the other one"),))


def _lock_between(unit: Unit, one: int, other: int, context: Context) -> bool:
    """Whether a call between two steps, in the order of the text, sounds like a lock of whatever kind."""
    between = (step.name for step in unit.steps[min(one, other) : max(one, other)] if step.kind == "call")
    listed = (*context.kernel.words["may_lock"], *context.kernel.words["may_unlock"])
    return any(word in name for name in between for word in listed)


def ignored_argument(side: Slice, rule: Rule, context: Context) -> Iterator[Hit]:
    """A function that takes a mask and allocates with a constant, while another request in it uses the mask.

    Silent where nothing in it uses the mask at all, or it is changed: then it may serve something else. Row: the
    `type`; `reclaim`; `tries`, flags of a request that may fail because something else follows.
    """
    kind, tries = strings(rule.rows[0], "type")[0], words(rule, "tries")
    for unit in side.units:
        params = [name for type_, name in unit.function.params if type_ == kind and name]
        changed = any(step.kind == "assign" and step.target in params for step in unit.steps)
        if len(params) != 1 or changed or unit.flow.lost:
            continue
        mine = [(index, step, mask) for _, index, step, mask in _requests((unit,), context)]
        used = [(step, mask) for _, step, mask in mine if any(part.text in params for part in mask.walk())]
        if not used:
            continue
        targets = {step.target for step, _ in used} - {"", UNUSED}
        for index, step, mask in mine:
            names = [part.text for part in flags.terms(mask)]
            constant = all(name in context.kernel.flags for name in names) and tries.isdisjoint(names)
            if constant and step.target not in targets and _weighs(unit, index, mask, params[0], rule, context):
                values = {"param": params[0], "callee": step.name, "mask": code(mask)}
                head = range(unit.function.head[0], unit.function.head[1] + 1)
                yield Hit((mask.line, *head), unit.function.name, f"{step.name} {mask.text}", values)


def _weighs(unit: Unit, index: int, mask: Expr, param: str, rule: Rule, context: Context) -> bool:
    """Whether a constant may matter to a caller with another mask: not below a lock, nor where that was looked at."""
    reclaim = strings(rule.rows[0], "reclaim")[0]
    listed = context.kernel.words
    if any(param in _WORD.findall(text) for world in reached(unit, index) for text, _ in world.facts):
        return False
    if reclaim in _bits(unit, index, mask, context)[0]:
        return True
    names = {step.name for step in unit.steps if step.kind == "call"} - listed["neutral"] - listed["sleepers"]
    return not any(word in name for name in names for word in (*listed["may_lock"], *listed["may_unlock"]))
