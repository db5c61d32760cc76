"""Checks that compare a request with what it was, or with its neighbours."""

from __future__ import annotations

from collections.abc import Iterator

from reviewbot.checks.base import Context, Hit, allocation, code, flag_rows, mask_argument, masks_at, reached, strings
from reviewbot.csource import Expr, Step
from reviewbot.model import Rule
from reviewbot.sides import Slice, Unit


def _requests(side: Slice, context: Context) -> Iterator[tuple[Unit, int, Step, Expr]]:
    for unit in side.units:
        for index, step in enumerate(unit.steps):
            found = allocation(step, context.kernel)
            mask = mask_argument(step, found) if found is not None else None
            if mask is not None and reached(unit, index):
                yield unit, index, step, mask


def _bits(unit: Unit, index: int, mask: Expr, context: Context) -> tuple[frozenset[str], frozenset[str]]:
    """Bits that a mask surely has, and those it may have, over all paths."""
    masks = masks_at(unit, index, mask, context)
    must = frozenset.intersection(*(one.must for one in masks)) if masks else frozenset()
    return must, frozenset().union(*(one.may for one in masks))


def widened(side: Slice, rule: Rule, context: Context) -> Iterator[Hit]:
    """A mask that surely lacked a bit before and surely has it now. Rows: `bit`, and what `more` it lets the call do."""
    if context.before is None:
        return
    old: dict[tuple[str, str, str], frozenset[str]] = {}
    for unit, index, step, mask in _requests(context.before, context):
        key = unit.function.name, step.name, step.target
        old[key] = old.get(key, frozenset()) | _bits(unit, index, mask, context)[1]
    for unit, index, step, mask in _requests(side, context):
        had = old.get((unit.function.name, step.name, step.target))
        must, _ = _bits(unit, index, mask, context)
        gained = [
            strings(row, "more")[0] for row in rule.rows if had is not None and strings(row, "bit")[0] in must - had
        ]
        if gained:
            values = {"callee": step.name, "more": " and ".join(gained[:2])}
            rows = (*flag_rows(mask, context.kernel), mask.line)
            yield Hit(rows, unit.function.name, f"{step.name} {step.target} {mask.text}", values)


def mixed(side: Slice, rule: Rule, context: Context) -> Iterator[Hit]:
    """A wide and a narrow base mask in one function, no lock or scope open at either (`wide`, `narrow` of the row)."""
    wide, narrow = set(strings(rule.rows[0], "wide")), set(strings(rule.rows[0], "narrow"))
    for unit in side.units:
        found: dict[bool, list[tuple[Step, Expr, str]]] = {True: [], False: []}
        for one, index, step, mask in _requests(side, context):
            if one is not unit or any(world.open for world in unit.flow.at[index]):
                continue
            names = [part.text for part in mask.walk() if part.op == "name"]
            for name in names:
                if name in wide or name in narrow:
                    found[name in wide].append((step, mask, name))
        for step, mask, name in found[False] if found[True] else []:
            values = {"flag": name, "other": found[True][0][2], "callee": step.name}
            because = ((found[True][0][1].line, "the other one"),)
            rows = (*flag_rows(mask, context.kernel), *step.lines)
            yield Hit(rows, unit.function.name, f"{step.name} {mask.text}", values, because)


def ignored_argument(side: Slice, rule: Rule, context: Context) -> Iterator[Hit]:
    """A function that takes a mask and allocates with a constant, while another request in it uses the mask.

    Silent where nothing in it uses the mask at all: then it may serve something else. Row: the `type`.
    """
    kind = strings(rule.rows[0], "type")[0]
    for unit in side.units:
        params = [name for type_, name in unit.function.params if type_ == kind and name]
        mine = [(step, mask) for one, _, step, mask in _requests(side, context) if one is unit]
        used = [mask for _, mask in mine if any(part.text in params for part in mask.walk())]
        if len(params) != 1 or not used:
            continue
        for step, mask in mine:
            names = [part for part in mask.walk() if part.op == "name"]
            if names and all(part.text in context.kernel.flags for part in names):
                values = {"param": params[0], "callee": step.name, "mask": code(mask)}
                head = tuple(range(unit.function.head[0], unit.function.head[1] + 1))
                yield Hit((*head, mask.line), unit.function.name, f"{step.name} {mask.text}", values)
