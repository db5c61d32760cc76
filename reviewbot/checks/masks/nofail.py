"""Finds requests that must not fail and may do so all the same, by what the allocator does with their mask."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, partial

from reviewbot.checks.declaration import Trigger, check, no_role
from reviewbot.checks.masks.combinations import whole
from reviewbot.checks.masks.names import Chain, flag_sums, said, spelled
from reviewbot.dataflow import mask_algebra
from reviewbot.frontend.instructions import Expr, Instruction
from reviewbot.kernel.rows import row_words, strings
from reviewbot.model.kernel import Mask, Rule
from reviewbot.program.context import Context, Hit
from reviewbot.program.file_version import FileVersion, expressions
from reviewbot.program.provenance import evidence_of, held_flags, variable
from reviewbot.program.query import (
    allocation,
    flag_rows,
    instruction_rows,
    masks_at,
    mentions,
    origin_rows,
    reached,
    requests,
    written_mask,
)
from reviewbot.program.unit import FunctionUnit


def remark_rows(
    unit: FunctionUnit, step: Instruction, mask: Expr, context: Context, names: frozenset[str] | None = None
) -> tuple[int, ...]:
    """Where a remark about a mask hangs: the flags in the call, those its variable got, the call."""
    here = flag_rows(mask, context.kernel, names)
    there = origin_rows(unit, mask.text, context.kernel, names) or origin_rows(unit, mask.text, context.kernel)
    return (*here, *there, mask.line, *instruction_rows(step))


def sides(mask: Expr, context: Context) -> tuple[Expr, ...]:
    """The masks that each ?: in a mask chooses from; the mask itself if there is none."""
    chosen = mask_algebra.choices(mask, {}, context.kernel, context.lookup.tools)
    return tuple(dict.fromkeys(one for one, _ in chosen))


def mask_text(mask: Expr, context: Context) -> str:
    """A mask as a text names it: its flags, or the variable they are in."""
    return said(mask) if flag_rows(mask, context.kernel) else f"the mask in {said(mask)}"


@check(
    triggers=(Trigger.MASK_CHANGED,),
    keys=no_role("except", "except_prefixes", "nofail", "reclaim"),
    values=("callee", "mask"),
)
def nofail_cannot_sleep(side: FileVersion, rule: Rule, context: Context) -> Iterator[Hit]:
    """A request that must not fail, with a mask that surely may not reclaim.

    The rule's first row names the bits: `nofail` and `reclaim`; `except`, and those that begin with one of
    `except_prefixes`, are calls that take such a mask. What a caller's mask may hold does not count, only what the
    function itself puts in.
    """
    nofail, reclaim = _bit(rule, "nofail"), _bit(rule, "reclaim")
    done: set[Instruction] = set()
    for unit, index, step, _, mask, _ in requests(side.units, context):
        done.add(step)
        if _takes_it(step, rule):
            continue
        for one in sides(mask, context):
            if _hopeless(unit, index, one, (nofail, reclaim), context):
                values = {"callee": step.name, "mask": mask_text(one, context)}
                at = remark_rows(unit, step, one, context, frozenset({nofail}))
                notes = evidence_of(side, unit, index, one, context, frozenset({nofail}))
                yield Hit(at, unit.function.name, step.name, values, notes, _sure(unit, index, mask, nofail, context))
    yield from _written_together(side, rule, context, nofail, reclaim, done)


def _takes_it(step: Instruction, rule: Rule) -> bool:
    return step.name in row_words(rule, "except") or step.name.startswith(tuple(row_words(rule, "except_prefixes")))


def _hopeless(unit: FunctionUnit, index: int, mask: Expr, bits: tuple[str, str], context: Context) -> bool:
    nofail, reclaim = bits
    masks = [one for one in masks_at(unit, index, mask, context) if one.lacks(reclaim)]
    if any(nofail in one.must for one in masks):
        return True
    return any(nofail in one.may for one in masks) and nofail in _given(unit, mask, context)


def _sure(unit: FunctionUnit, index: int, mask: Expr, nofail: str, context: Context) -> str:
    """ "medium" where a mask holds a bit on one side of a choice only, that perhaps nobody takes."""
    masks = masks_at(unit, index, mask, context)
    return "medium" if any(one.lacks(nofail) for one in masks) else ""


def _given(unit: FunctionUnit, mask: Expr, context: Context) -> frozenset[str]:
    """The bits that the function itself ORs into a mask or into a variable that the mask is made of."""
    names, bits = {part.text for part in mask.walk() if part.op in ("name", "field")}, frozenset[str]()
    fresh = True
    while fresh:
        fresh = False
        for step in unit.steps:
            if step.kind != "assign" or step.target not in names or step.value is None:
                continue
            more = {part.text for part in step.value.walk() if part.op in ("name", "field")} - names
            names |= more
            fresh = fresh or bool(more)
    for step in unit.steps:
        if step.kind == "assign" and step.target in names:
            for chain in flag_sums(unit, step, context):
                bits = bits.union(*(context.kernel.flags[term.text].bits for term in chain if _known(term, context)))
    return bits


def _known(term: Expr, context: Context) -> bool:
    return term.op == "name" and term.text in context.kernel.flags


def _written_together(
    side: FileVersion, rule: Rule, context: Context, nofail: str, reclaim: str, done: set[Instruction]
) -> Iterator[Hit]:
    """The same, spelled out in one sum that goes to a function we do not know."""
    for unit in side.units:
        for step in unit.steps:
            if step in done or step.kind != "call" or _takes_it(step, rule):
                continue
            known = context.kernel.allocators.get(step.name)
            if known is not None and not known.allocates:
                continue
            for chain in flag_sums(unit, step, context):
                bits = frozenset[str]().union(
                    *(context.kernel.flags[term.text].bits for term in chain if _known(term, context))
                )
                if nofail in bits and reclaim not in bits and _decides(chain, context):
                    values = {"callee": step.name, "mask": spelled(chain)}
                    at = tuple(term.line for term in chain)
                    yield Hit(at, unit.function.name, step.name, values, confidence="medium")


def _decides(chain: tuple[Expr, ...], context: Context) -> bool:
    """Whether all terms are flags and one of them says whether the request may reclaim."""
    return all(_known(term, context) for term in chain) and any(context.kernel.flags[term.text].base for term in chain)


def _bit(rule: Rule, key: str) -> str:
    return strings(rule.rows[0], key)[0]


@check(triggers=(Trigger.MASK_CHANGED,), keys=no_role("gives_up", "nofail"), values=("flag", "mask"))
def nofail_may_give_up(side: FileVersion, rule: Rule, context: Context) -> Iterator[Hit]:
    """A mask that surely holds both "must not fail" and a bit that lets it (`nofail`, `gives_up` of the first row)."""
    nofail, gives_up = _bit(rule, "nofail"), row_words(rule, "gives_up")
    for unit in side.units:
        clears = cache(partial(_clears, unit, nofail))
        for index, step in enumerate(unit.steps):
            for chain in flag_sums(unit, step, context):
                if not reached(unit, index) or (step.target and clears()):
                    break
                total = _total(unit, index, chain, context)
                clash = sorted({bit for mask in total if nofail in mask.must for bit in gives_up & mask.must})
                clash = clash or sorted(_on_a_path(side, unit, index, chain, context, nofail, gives_up))
                if not clash or not any(_known(term, context) for term in chain):
                    continue
                names = frozenset({nofail, clash[0]})
                at = [row for only in (names, None) for term in chain for row in flag_rows(term, context.kernel, only)]
                added_to = variable(step) if step.op == "|=" else None
                parts = [term for term in (added_to, *chain) if term is not None and not _known(term, context)]
                notes = [note for part in parts for note in evidence_of(side, unit, index, part, context, names)]
                values = {"mask": whole(step, chain), "flag": clash[0]}
                yield Hit(tuple(at), unit.function.name, clash[0], values, tuple(dict.fromkeys(notes)))


def _on_a_path(
    side: FileVersion,
    unit: FunctionUnit,
    index: int,
    chain: Chain,
    context: Context,
    nofail: str,
    gives_up: frozenset[str],
) -> frozenset[str]:
    """The bits that let a request fail, where one of the two stands in a sum and a path put the other one in before."""
    step = unit.steps[index]
    here = {bit for term in chain if _known(term, context) for bit in context.kernel.flags[term.text].bits}
    parts = [variable(step)] if step.op == "|=" else []
    parts += [term for term in chain if not _known(term, context)]
    before = {bit for part in parts for one in held_flags(side, unit, index, part, context) for bit in one.flag.bits}
    pairs = (here, before), (before, here)
    return frozenset(bit for one, other in pairs if nofail in one for bit in gives_up & other)


def _total(unit: FunctionUnit, index: int, chain: tuple[Expr, ...], context: Context) -> list[Mask]:
    """The masks that a sum may give, what it is added to included, one a side of a ?: in it.

    What several paths have put together before is known as far as they agree: which of them meet is not.
    """
    step, tools = unit.steps[index], context.lookup.tools
    total = [Mask(frozenset(), frozenset())]
    for term in (*((variable(step),) if step.op == "|=" else ()), *chain):
        sides = [side for side, _ in mask_algebra.choices(term, {}, context.kernel, tools)]
        masks = [mask_algebra.joined(masks_at(unit, index, side, context)) for side in sides]
        total = [mask_algebra.both(one, two) for one in total for two in masks]
    return total


@check(triggers=(Trigger.MASK_CHANGED,), keys=no_role("nofail"), values=("callee", "most", "order"))
def nofail_high_order(side: FileVersion, rule: Rule, context: Context) -> Iterator[Hit]:
    """A request that must not fail for a larger constant order than its allocator promises."""
    nofail = _bit(rule, "nofail")
    for unit, index, step, found, mask, _ in requests(side.units, context):
        order = step.args[found.order] if found.order is not None and found.order < len(step.args) else None
        if order is None or order.op != "num" or found.nofail_order < 0 or not order.text.isdigit():
            continue
        sure = [one for one in masks_at(unit, index, mask, context) if nofail in one.must]
        if sure and int(order.text) > found.nofail_order:
            values = {"callee": step.name, "order": order.text, "most": str(found.nofail_order)}
            at = remark_rows(unit, step, mask, context, frozenset({nofail}))
            yield Hit(
                at,
                unit.function.name,
                f"{step.name} {order.text}",
                values,
                evidence_of(side, unit, index, mask, context, frozenset({nofail})),
            )


@check(triggers=(Trigger.MASK_CHANGED,), keys=no_role("nofail", "reclaim"), values=("flag", "mask"))
def nofail_left_in_mask(side: FileVersion, rule: Rule, context: Context) -> Iterator[Hit]:
    """The reclaim bit is taken from a mask that came from outside and may hold "must not fail".

    Silent where the function itself gave the mask its value, or clears or tests the other bit, and
    where scopes are applied to masks: a branch there is another rule's. Less sure where it may do so out of sight.
    """
    if side.path in context.kernel.words["scope_home"]:
        return
    nofail, reclaim = _bit(rule, "nofail"), _bit(rule, "reclaim")
    for unit in side.units:
        for index, step in enumerate(unit.steps):
            if step.kind not in ("assign", "call", "return") or not reached(unit, index):
                continue
            for cleared, source in _cleared(step, context):
                if reclaim not in cleared or nofail in cleared or _clears(unit, nofail) or _made(unit, source):
                    continue
                if all(nofail in one.may - one.must for one in masks_at(unit, index, source, context)):
                    at = (*(row for one in expressions(step) for row in flag_rows(one, context.kernel)), *step.lines)
                    values = {"mask": said(source), "flag": reclaim}
                    sure = "low" if _may_be_made(unit, source) else ""
                    yield Hit(at, unit.function.name, step.target, values, confidence=sure)


def _may_be_made(unit: FunctionUnit, source: Expr) -> bool:
    """Whether what is not shown may give a mask its value: the parameters are known, and it is none of them."""
    given = {name for _, name in unit.function.params} - {""}
    known = bool(given) and all(kind != "..." for kind, _ in unit.function.params)
    return not unit.function.seen_from_start and known and source.text not in given


def _made(unit: FunctionUnit, source: Expr) -> bool:
    """Whether a mask is the result of a call: those of mappings and queues have no such bit."""
    if source.op == "call":
        return True
    return any(
        step.kind == "assign" and step.target == source.text and step.value is not None and step.value.op == "call"
        for step in unit.steps
    )


def _cleared(step: Instruction, context: Context) -> Iterator[tuple[frozenset[str], Expr]]:
    """The bits that a step takes away with ~, and from which mask: in what it assigns, asks with or returns."""
    if step.op == "&=" and step.value is not None and step.value.op == "~":
        yield _bits(step.value, context), Expr("name", step.target, (), step.lines[0])
    if (step.kind == "assign" and step.op != "=") or not mentions(step, context.kernel):
        return
    mask = written_mask(step, found) if (found := allocation(step, context.kernel)) is not None else None
    asked = expressions(step) if step.kind != "call" else (mask,) if mask is not None else ()
    for expr in asked:
        for part in _outside_tests(expr):
            if part.op != "&" or len(part.args) != 2:
                continue
            for taken, source in (part.args, part.args[::-1]):
                if taken.op == "~" and not all(one.text in context.kernel.flags for one in mask_algebra.terms(source)):
                    yield _bits(taken, context), source


def _outside_tests(expr: Expr) -> Iterator[Expr]:
    """The parts of an expression that become part of its value, but for what stands in a call's arguments."""
    todo = [expr]
    while todo:
        at = todo.pop()
        yield at
        if at.op == "?:" and len(at.args) == 3:
            todo.extend(at.args[1:])
        elif at.op not in ("call", "==", "!=", "!", "&&", "||"):
            todo.extend(at.args)


def _bits(expr: Expr, context: Context) -> frozenset[str]:
    names = _named(expr)
    return frozenset(bit for name in names if name in context.kernel.flags for bit in context.kernel.flags[name].bits)


def _named(expr: Expr) -> frozenset[str]:
    return frozenset(part.text for part in expr.walk() if part.op == "name")


def _clears(unit: FunctionUnit, flag: str) -> bool:
    """Whether the function takes the flag away anywhere, or tests it."""
    for step in unit.steps:
        named = (expr for expr in (step.value, *step.args) if expr is not None and flag in expr.text)
        parts = [part for expr in named for part in expr.walk()]
        if any(part.op in ("~", "&") and flag in _named(part) for part in parts):
            return True
    return False
