"""Checks of one request: what the allocator does with the mask it surely gets."""

from __future__ import annotations

from collections.abc import Iterator

from reviewbot import flags
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
    written,
)
from reviewbot.csource import Expr, Step
from reviewbot.model import Allocator, Limit, Mask, Rule
from reviewbot.sides import Slice, Unit

Request = tuple[Unit, int, Step, Allocator, Expr]


def requests(side: Slice, context: Context) -> Iterator[Request]:
    """Every call of an allocator that takes a mask, where something is known of the paths to it."""
    for unit in side.units:
        for index, step in enumerate(unit.steps):
            found = allocation(step, context.kernel)
            mask = mask_argument(step, found) if found is not None else None
            if found is not None and mask is not None and reached(unit, index):
                yield unit, index, step, found, mask


def rows(unit: Unit, step: Step, mask: Expr, context: Context, names: frozenset[str] | None = None) -> tuple[int, ...]:
    """Where a remark about a mask hangs: the flags in the call, those its variable got, the call."""
    here = flag_rows(mask, context.kernel, names)
    there = origin_rows(unit, mask.text, context.kernel, names) or origin_rows(unit, mask.text, context.kernel)
    return (*here, *there, mask.line, *rows_of(step))


def evidence(unit: Unit, mask: Expr, context: Context) -> tuple[tuple[int, str], ...]:
    """How a mask in a variable came to be."""
    return tuple((row, "the mask is set here") for row in origin_rows(unit, mask.text, context.kernel))


def unsupported(side: Slice, rule: Rule, context: Context) -> Iterator[Hit]:
    """A mask that its allocator rejects, strips or cannot honour at this version (the limits of _allocators.toml)."""
    for unit, index, step, found, mask in requests(side, context):
        for limit in found.limits:
            bad = [one for one in masks_at(unit, index, mask, context) if _meets(one, limit, context)]
            if bad:
                values = {
                    "callee": step.name,
                    "mask": code(mask),
                    "effect": limit.effect,
                    "instead": limit.instead,
                    "source": limit.source,
                }
                yield Hit(
                    rows(unit, step, mask, context, limit.has or None),
                    unit.function.name,
                    f"{step.name} {limit.name} {mask.text}",
                    values,
                    evidence(unit, mask, context),
                    limit.confidence,
                    limit.severity,
                )
                break


def _meets(mask: Mask, limit: Limit, context: Context) -> bool:
    known = context.kernel.bits
    if not limit.has <= known or limit.lacks - known:
        return False
    return limit.has <= mask.must and not limit.lacks & mask.may


def cannot_sleep(side: Slice, rule: Rule, context: Context) -> Iterator[Hit]:
    """A request that must not fail, with a mask that surely may not reclaim.

    The rule's first row names the bits: `nofail` and `reclaim`; `except` are calls that take such a mask.
    """
    nofail, reclaim = _bit(rule, "nofail"), _bit(rule, "reclaim")
    done: set[Step] = set()
    for unit, index, step, _, mask in requests(side, context):
        done.add(step)
        if step.name in words(rule, "except"):
            continue
        masks = masks_at(unit, index, mask, context)
        if any(nofail in one.may and one.lacks(reclaim) for one in masks):
            values = {"callee": step.name, "mask": code(mask)}
            at = rows(unit, step, mask, context, frozenset({nofail}))
            yield Hit(at, unit.function.name, f"{step.name} {mask.text}", values, evidence(unit, mask, context))
    yield from _written_together(side, rule, context, nofail, reclaim, done)


def _written_together(
    side: Slice, rule: Rule, context: Context, nofail: str, reclaim: str, done: set[Step]
) -> Iterator[Hit]:
    """The same, spelled out in one sum that goes to a function we do not know."""
    for unit in side.units:
        for step in unit.steps:
            if step in done or step.kind != "call" or step.name in words(rule, "except"):
                continue
            for chain, under in written(step, context.kernel):
                known = [context.kernel.flags.get(term.text) for term in chain]
                bits = frozenset(bit for flag in known if flag is not None for bit in flag.bits)
                if under or None in known or nofail not in bits or reclaim in bits or len(chain) < 2:
                    continue
                values = {"callee": step.name, "mask": " | ".join(term.text for term in chain)}
                at = tuple(term.line for term in chain)
                yield Hit(at, unit.function.name, f"{step.name} {values['mask']}", values, confidence="medium")


def _bit(rule: Rule, key: str) -> str:
    return strings(rule.rows[0], key)[0]


def may_give_up(side: Slice, rule: Rule, context: Context) -> Iterator[Hit]:
    """A mask that surely holds both "must not fail" and a bit that lets it (`nofail`, `gives_up` of the first row)."""
    nofail, gives_up = _bit(rule, "nofail"), words(rule, "gives_up")
    for unit in side.units:
        for index, step in enumerate(unit.steps):
            for chain, under in written(step, context.kernel):
                total = [Mask(frozenset(), frozenset())]
                for term in chain:
                    total = [flags.both(one, two) for one in total for two in masks_at(unit, index, term, context)]
                for mask in total:
                    clash = sorted(gives_up & mask.must)
                    if not under and nofail in mask.must and clash:
                        text = " | ".join(code(term) for term in chain)
                        values = {"mask": text, "flag": clash[0], "callee": step.name or "the mask"}
                        at = tuple(row for term in chain for row in flag_rows(term, context.kernel))
                        yield Hit(at, unit.function.name, f"{step.name} {text}", values)
                        break


def high_order(side: Slice, rule: Rule, context: Context) -> Iterator[Hit]:
    """A request that must not fail for a larger constant order than its allocator promises."""
    nofail = _bit(rule, "nofail")
    for unit, index, step, found, mask in requests(side, context):
        order = step.args[found.order] if found.order is not None and found.order < len(step.args) else None
        if order is None or order.op != "num" or found.nofail_order < 0 or not order.text.isdigit():
            continue
        sure = [one for one in masks_at(unit, index, mask, context) if nofail in one.must]
        if sure and int(order.text) > found.nofail_order:
            values = {"callee": step.name, "order": order.text, "most": str(found.nofail_order)}
            at = rows(unit, step, mask, context, frozenset({nofail}))
            yield Hit(at, unit.function.name, f"{step.name} {order.text}", values)


def left_in_mask(side: Slice, rule: Rule, context: Context) -> Iterator[Hit]:
    """The reclaim bit is taken from a mask that came from outside and may hold "must not fail".

    Silent where the function itself gave the mask its value, or clears the other bit too, and where
    scopes are applied to masks: a branch there is another rule's.
    """
    if side.path in context.kernel.words["scope_home"]:
        return
    nofail, reclaim = _bit(rule, "nofail"), _bit(rule, "reclaim")
    for unit in side.units:
        for index, step in enumerate(unit.steps):
            if step.kind != "assign" or step.value is None or not reached(unit, index):
                continue
            cleared, source = _cleared(step)
            if reclaim not in cleared or nofail in cleared or _clears(unit, nofail):
                continue
            left = masks_at(unit, index, source, context)
            if left and all((nofail in one.may and nofail not in one.must) or nofail in one.must for one in left):
                values = {"mask": source.text, "flag": reclaim}
                yield Hit(
                    (*flag_rows(step.value, context.kernel, frozenset({reclaim})), *step.lines),
                    unit.function.name,
                    f"{step.target} {step.op} {step.value.text}",
                    values,
                )


def _cleared(step: Step) -> tuple[frozenset[str], Expr]:
    """The flags that an assignment takes away with ~, and the mask it takes them from."""
    assert step.value is not None
    target = Expr("name", step.target, (), step.lines[0])
    if step.op == "&=" and step.value.op == "~":
        return _named(step.value), target
    if step.op == "=" and step.value.op == "&" and len(step.value.args) == 2:
        left, right = step.value.args
        if right.op == "~":
            return _named(right), left
        if left.op == "~":
            return _named(left), right
    return frozenset(), target


def _named(expr: Expr) -> frozenset[str]:
    return frozenset(part.text for part in expr.walk() if part.op == "name")


def _clears(unit: Unit, flag: str) -> bool:
    """Whether the function takes the flag away anywhere, or tests it."""
    for step in unit.steps:
        parts = [part for expr in (step.value, *step.args) if expr is not None for part in expr.walk()]
        if any(part.op in ("~", "&") and flag in _named(part) for part in parts):
            return True
    return False
