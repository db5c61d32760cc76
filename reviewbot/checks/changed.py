"""Checks that compare a request with what it was, or with its neighbours."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from reviewbot import flags
from reviewbot.callgraph import taker
from reviewbot.checks.base import (
    Context,
    Hit,
    Request,
    allocation,
    code,
    flag_rows,
    masks_at,
    mentions,
    origin_rows,
    reached,
    requests,
    rows_of,
    strings,
    words,
)
from reviewbot.checks.origins import spelled_out
from reviewbot.csource import Expr, Step
from reviewbot.csource.steps import UNUSED
from reviewbot.model import Rule
from reviewbot.opened import Unit
from reviewbot.scopes import apply_scopes
from reviewbot.sides import Slice

_WORD = re.compile(r"\w+")


def _surely(one: Request, context: Context) -> frozenset[str]:
    """The bits that a mask surely has, over all paths and inside the scopes open there."""
    open_ = {each.scope for world in reached(one.unit, one.at) for each in world.open}
    kinds = [context.kernel.scopes[name] for name in sorted(open_) if name in context.kernel.scopes]
    felt = [apply_scopes(mask, kinds) for mask in masks_at(one.unit, one.at, one.mask, context)]
    return frozenset.intersection(*(mask.must for mask in felt)) if felt else frozenset()


def _locked(one: Request, context: Context) -> bool:
    kinds = {context.kernel.scopes.get(each.scope) for world in reached(one.unit, one.at) for each in world.open}
    return any(kind is not None and kind.atomic for kind in kinds)


def widened(side: Slice, rule: Rule, context: Context) -> Iterator[Hit]:
    """A mask that lacked a bit before, if only on one side of a choice, and surely has it now.

    Rows: `bit`, and what `more` it lets the call do. Inside a scope a mask has no more than the scope leaves it.
    """
    wide = frozenset(strings(row, "bit")[0] for row in rule.rows)
    touched = [unit for unit in side.units if _is_touched(side, unit, context)]
    new = [one for one in requests(touched, context) if _has_part(side, one, context)]
    new = [one for one in new if wide & _surely(one, context)]
    before = context.before(frozenset(one.unit.function.name for one in new)) if new else None
    if before is None:
        return
    old: dict[tuple[str, ...], list[Request]] = {}
    for one in requests(before.units, context):
        old.setdefault(_exactly(one), []).append(one)
        if one.step.target not in ("", UNUSED):  # the same by another allocator
            old.setdefault(_result(one), []).append(one)
    for one in new:
        had = old.get(_exactly(one)) or old.get(_result(one), [])
        if not _locked(one, context) and any(_locked(other, context) for other in had):
            continue  # taken out of the lock that the old mask was for
        must, rows_ = _surely(one, context), [row for row in rule.rows if had]
        gained = [strings(row, "more")[0] for row in rows_ if strings(row, "bit")[0] in must - _always(had, context)]
        if gained:
            values = {"callee": one.step.name, "more": " and ".join(gained[:2])}
            key = f"{one.step.name} {one.step.target} {one.mask.text}"
            yield Hit(_mask_rows(one, context), one.unit.function.name, key, values)


def _exactly(one: Request) -> tuple[str, ...]:
    return one.unit.function.name, one.step.target, one.step.name


def _result(one: Request) -> tuple[str, ...]:
    return one.unit.function.name, one.step.target


def _always(had: Iterable[Request], context: Context) -> frozenset[str]:
    """The bits that some requests had, or may have had, on every side of each choice."""
    masks = [mask for one in had for mask in masks_at(one.unit, one.at, one.mask, context)]
    return frozenset.intersection(*(mask.may for mask in masks)) if masks else frozenset()


def _mask_rows(one: Request, context: Context) -> tuple[int, ...]:
    here = (*flag_rows(one.mask, context.kernel), one.mask.line)
    return (*here, *origin_rows(one.unit, one.mask.text, context.kernel))


def _is_touched(side: Slice, unit: Unit, context: Context) -> bool:
    """Whether the patch has a part in any mask of a function; a look at its text, before it is followed."""
    steps = (one for one in unit.steps if allocation(one, context.kernel) or mentions(one, context.kernel))
    rows = (row for step in steps for row in rows_of(step))
    return any(side.changed[row] or side.near[row] for row in rows if 0 <= row < len(side.rows))


def _has_part(side: Slice, request: Request, context: Context) -> bool:
    """Whether the patch has a part in the mask of a request: else it is what it was."""
    rows = (row for row in _mask_rows(request, context) if 0 <= row < len(side.rows))
    return any(side.changed[row] or side.near[row] for row in rows)


def mixed(side: Slice, rule: Rule, context: Context) -> Iterator[Hit]:
    """A wide and a narrow base mask in one function, no lock or scope at or between them. Row: `wide`, `narrow`."""
    wide, narrow = words(rule, "wide"), words(rule, "narrow")
    named = {one.name for one in side.defines if any(mask in one.body for mask in narrow)}
    for unit in side.units:
        if unit.words.isdisjoint(narrow | named):
            continue
        found: dict[bool, list[tuple[int, Step, Expr, str]]] = {True: [], False: []}
        for _, index, step, _, mask, _ in requests((unit,), context):
            if any(world.open for world in reached(unit, index)):
                continue
            plain = spelled_out(unit, index, mask, side.defines, context)
            names = {part.text for part in plain.walk() if part.op == "name"} & (wide | narrow)
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
    between = (taker(step) for step in unit.steps[min(one, other) : max(one, other)] if step.kind == "call")
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
        mine = [
            (index, step, mask)
            for _, index, step, found, mask, written in requests((unit,), context)
            if written or (found.gfp is not None and _may_sleep(unit, index, mask, rule, context))
        ]
        used = [(step, mask) for _, step, mask in mine if any(part.text in params for part in mask.walk())]
        if not used:
            continue
        targets = {step.target for step, _ in used} - {"", UNUSED}
        for index, step, mask in mine:
            plain = spelled_out(unit, index, mask, side.defines, context)
            names = [part.text for part in flags.terms(plain)]
            constant = all(name in context.kernel.flags for name in names) and tries.isdisjoint(names)
            if constant and step.target not in targets and _weighs(unit, index, mask, params[0], rule, context):
                values = {"param": params[0], "callee": step.name, "mask": code(plain)}
                head = range(unit.function.head[0], unit.function.head[1] + 1)
                yield Hit((mask.line, *head), unit.function.name, f"{step.name} {mask.text}", values)


def _may_sleep(unit: Unit, index: int, mask: Expr, rule: Rule, context: Context) -> bool:
    """Whether a mask surely lets a request sleep, which a caller that cannot does not expect."""
    reclaim = strings(rule.rows[0], "reclaim")[0]
    return all(reclaim in one.must for one in masks_at(unit, index, mask, context))


def _weighs(unit: Unit, index: int, mask: Expr, param: str, rule: Rule, context: Context) -> bool:
    """Whether a constant may matter to a caller with another mask: not below a lock, nor where that was looked at."""
    listed = context.kernel.words
    if any(param in _WORD.findall(text) for world in reached(unit, index) for text, _ in world.facts):
        return False
    if _may_sleep(unit, index, mask, rule, context):
        return True
    names = {taker(step) for step in unit.steps if step.kind == "call"} - listed["neutral"] - listed["sleepers"]
    return not any(word in name for name in names for word in (*listed["may_lock"], *listed["may_unlock"]))
