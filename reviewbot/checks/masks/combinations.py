"""Finds flags that contradict or repeat each other in a mask, put together in one expression or over many lines."""

from __future__ import annotations

from collections.abc import Iterator

from reviewbot.checks.declaration import Trigger, check, no_role
from reviewbot.checks.masks.names import Chain, flag_of, flag_rows_of, flag_sums, said, spelled
from reviewbot.dataflow import mask_algebra
from reviewbot.dataflow.mask_env import mask_sources
from reviewbot.frontend.instructions import Expr, Instruction
from reviewbot.kernel.rows import row_words, strings
from reviewbot.model.kernel import Flag, Kernel, Rule
from reviewbot.program.context import Context, Hit
from reviewbot.program.file_version import FileVersion, expressions
from reviewbot.program.provenance import evidence_of, held_flags, is_plain, meant_here, variable
from reviewbot.program.query import allocation, masks_at, reached, written_mask
from reviewbot.program.unit import FunctionUnit


@check(
    triggers=(Trigger.MASK_CHANGED,),
    keys=no_role("a", "b", "bits_a", "bits_b", "why"),
    values=("mask", "one", "other", "why"),
)
def conflicting_flags(side: FileVersion, rule: Rule, context: Context) -> Iterator[Hit]:
    """Two names in one mask that a row of the rule calls contradictory, in one chain of | or put in one by one.

    A row says `a` and `b`, lists of written names, or `bits_a` and `bits_b`, bits that both must be
    set; `why` is what happens. Of names put in one by one the second must be the one that loses:
    who adds the wider one later may well mean it.
    """
    for unit in side.units:
        for index, step in enumerate(unit.steps):
            for chain in flag_sums(unit, step, context):
                found = _contradiction(chain, rule, context.kernel)
                if found is not None:
                    one, other, why = found
                    values = {"mask": spelled(chain), "why": why, "one": one, "other": other}
                    pair = tuple(term.line for term in chain if term.text in (one, other))
                    yield Hit(
                        (*pair, *flag_rows_of(chain, context.kernel)), unit.function.name, f"{one} {other}", values
                    )
                else:
                    yield from _late(side, unit, index, chain, rule, context)


def _contradiction(chain: Chain, rule: Rule, kernel: Kernel) -> tuple[str, str, str] | None:
    holders = [flag for flag in (flag_of(term, kernel) for term in chain) if flag is not None]
    for at, one in enumerate(holders):
        for other in holders[at + 1 :]:
            why = _apart(one, other, rule) or _apart(other, one, rule)
            if why:
                return one.name, other.name, why
    return None


def _apart(one: Flag, other: Flag, rule: Rule) -> str:
    """Why a row has the two in this order, "" if none has."""
    for row in rule.rows:
        names, bits = (strings(row, "a"), strings(row, "b")), (set(strings(row, "bits_a")), set(strings(row, "bits_b")))
        apart = one.bits & bits[0] and other.bits & bits[1] and one.bits != other.bits
        if apart or (one.name in names[0] and other.name in names[1]):
            return str(row["why"])
    return ""


def _late(
    side: FileVersion, unit: FunctionUnit, index: int, chain: Chain, rule: Rule, context: Context
) -> Iterator[Hit]:
    """A flag of this chain against those that what it is added to surely holds."""
    step = unit.steps[index]
    parts = [term for term in chain if flag_of(term, context.kernel) is None]
    parts += [variable(step)] if step.op == "|=" else []
    for part in parts:
        old_ones = list(held_flags(side, unit, index, part, context))
        for term, new in ((term, flag_of(term, context.kernel)) for term in chain):
            for old in old_ones if new is not None else ():
                why = _apart(old.flag, new, rule) or _by_bits(new, old.flag, rule) if new is not None else ""
                if new is not None and why and _used(unit, index):
                    values = {"mask": whole(step, chain), "why": why, "one": old.flag.name, "other": new.name}
                    notes = evidence_of(side, unit, index, part, context, frozenset({old.flag.name}))
                    sure = "" if part.op == "name" else "medium"
                    rows = (term.line, *flag_rows_of(chain, context.kernel), old.row)
                    yield Hit(rows, unit.function.name, f"{old.flag.name} {new.name}", values, notes, sure)
                    return


def _by_bits(one: Flag, other: Flag, rule: Rule) -> str:
    """Why a row has bits of the two apart; for bits the order does not matter."""
    for row in rule.rows:
        if (
            one.bits & set(strings(row, "bits_a"))
            and other.bits & set(strings(row, "bits_b"))
            and one.bits != other.bits
        ):
            return str(row["why"])
    return ""


def _used(unit: FunctionUnit, index: int) -> bool:
    """Whether what a step puts together is asked for, there or on a way on which nothing is taken from it again."""
    made = unit.steps[index]
    if made.kind != "assign":
        return True

    def keeps(at: int) -> bool:
        step = unit.steps[at]
        return step.kind != "assign" or step.target != made.target or step.op == "|="

    return any(
        unit.steps[at].kind in ("call", "return")
        and any(made.target in mask_sources(expr) for expr in expressions(unit.steps[at]))
        for at in unit.cfg.reachable(unit.cfg.succ[index], keeps)
    )


@check(
    triggers=(Trigger.MASK_CHANGED,),
    keys=no_role("adds", "calls", "defensive", "nested", "reclaim", "retries"),
    values=("fact", "flag", "mask"),
)
def redundant_flag(side: FileVersion, rule: Rule, context: Context) -> Iterator[Hit]:
    """A term of a chain whose bits another term, or the variable beside it, surely holds already.

    Rows: `nested`, base masks of which one may be part of another without a contradiction; `calls`,
    functions that add the bits of `adds` by themselves; `retries`, bits that say how often to reclaim, which `reclaim`
    allows; `defensive`, flags that are often cleared to be on the safe side. A bit can be taken out where a flag named
    beside it, or the function, has it; what a variable holds may change, and of two base masks either may be meant.
    """
    nested = row_words(rule, "nested")
    for unit in side.units:
        for index, step in enumerate(unit.steps):
            for chain in flag_sums(unit, step, context):
                for term, holder in _needless(unit, index, chain, nested, context):
                    fact = "it is named twice" if holder.text == term.text else f"{said(holder)} already includes it"
                    values = {"flag": term.text, "fact": fact, "mask": whole(step, chain)}
                    rows = (term.line, *flag_rows_of(chain, context.kernel))
                    sure = "" if flag_of(holder, context.kernel) else "medium"
                    notes = evidence_of(side, unit, index, holder, context) if sure else ()
                    drop = (term.text, "") if not sure and term.text in context.kernel.bits else None
                    key = f"{term.text} {holder.text}"
                    yield Hit(rows, unit.function.name, key, values, notes, sure, replace=drop)
            mask = _asked_with(side, unit, index, context)
            if mask is not None:
                yield from _added_anyway(unit, step, mask, rule)
                yield from _never_retries(unit, step, mask, rule, context)
            yield from _cleared_for_nothing(unit, step, rule, context)
            yield from _cleared_twice(side, unit, index, context)


def whole(step: Instruction, chain: Chain) -> str:
    """A sum as it is written, with what it is added to."""
    return f"{step.target} |= {spelled(chain)}" if step.op == "|=" else spelled(chain)


def _needless(
    unit: FunctionUnit, index: int, chain: Chain, nested: frozenset[str], context: Context
) -> Iterator[tuple[Expr, Expr]]:
    step = unit.steps[index]
    target = (variable(step),) if step.op == "|=" and step.target.isidentifier() else ()
    for at, term in enumerate(chain):
        flag = flag_of(term, context.kernel)
        if flag is None or not flag.bits:
            continue
        for other_at, other in enumerate((*chain, *(() if flag.base else target))):
            if other_at == at or (other.text == term.text and other_at > at):
                continue
            known = flag_of(other, context.kernel)
            if known is not None and _rivals(flag, known) and not {flag.name, known.name} <= nested:
                continue  # one of them is lost: a contradiction, which another rule tells
            if known is not None and known.bits == flag.bits and other_at > at:
                continue  # two names of the same: the second is the needless one
            masks = masks_at(unit, index, other, context) if reached(unit, index) else ()
            if masks and all(flag.bits <= mask.must for mask in masks):
                yield term, other
                break


def _asked_with(side: FileVersion, unit: FunctionUnit, index: int, context: Context) -> Expr | None:
    """The mask of a request, or what was put into a variable that is for this request alone."""
    found = allocation(unit.steps[index], context.kernel)
    mask = written_mask(unit.steps[index], found) if found is not None else None
    return meant_here(unit, index, mask, side.defines, context) if mask is not None else None


def _added_anyway(unit: FunctionUnit, step: Instruction, mask: Expr, rule: Rule) -> Iterator[Hit]:
    """A flag in the mask of a function that adds it by itself."""
    adds = {word for row in rule.rows if step.name in strings(row, "calls") for word in strings(row, "adds")}
    for term in mask_algebra.terms(mask) if adds else ():
        if term.op == "name" and term.text in adds:
            fact = f"{step.name}() already adds it"
            values = {"flag": term.text, "fact": fact, "mask": spelled(mask_algebra.terms(mask))}
            key = f"{step.name} {term.text}"
            yield Hit((term.line,), unit.function.name, key, values, replace=(term.text, ""))


def _never_retries(unit: FunctionUnit, step: Instruction, mask: Expr, rule: Rule, context: Context) -> Iterator[Hit]:
    """A flag that says how often to reclaim, beside a base mask that does not reclaim, in the mask of an allocator."""
    chain = mask_algebra.terms(mask)
    known = [flag_of(term, context.kernel) for term in chain]
    bits = frozenset[str]().union(*(flag.bits for flag in known if flag is not None))
    base = next((flag.name for flag in known if flag is not None and flag.base), "")
    if not base or None in known or bits & row_words(rule, "reclaim"):
        return
    for term in chain:
        if term.text in row_words(rule, "retries"):
            values = {
                "flag": term.text,
                "fact": f"{base} never reclaims, so there is nothing to retry",
                "mask": spelled(chain),
            }
            yield Hit((term.line,), unit.function.name, f"{step.name} {term.text}", values, confidence="medium")


def _cleared_twice(side: FileVersion, unit: FunctionUnit, index: int, context: Context) -> Iterator[Hit]:
    """A flag taken from a variable that this function filled, and that surely does not hold it."""
    step = unit.steps[index]
    gone = step.value.args[0] if step.op == "&=" and step.value is not None and step.value.op == "~" else None
    flag = flag_of(gone, context.kernel) if gone is not None else None
    if gone is None or flag is None or not flag.bits or not step.target.isidentifier():
        return
    read = variable(step)
    masks = masks_at(unit, index, read, context) if reached(unit, index) else ()
    if masks and all(not flag.bits & mask.may for mask in masks) and is_plain(unit, index, read):
        fact = f"{step.target} does not include {flag.name}"
        values = {"flag": f"~{flag.name}", "fact": fact, "mask": f"{step.target} &= ~{flag.name}"}
        notes = evidence_of(side, unit, index, read, context)
        yield Hit((gone.line, *step.lines), unit.function.name, f"{step.target} ~{flag.name}", values, notes, "medium")


def _rivals(one: Flag, other: Flag) -> bool:
    return one.name != other.name and one.base and other.base and one.kind == other.kind == "compound"


def _cleared_for_nothing(unit: FunctionUnit, step: Instruction, rule: Rule, context: Context) -> Iterator[Hit]:
    """BASE & ~FLAG with named flags only, where BASE does not hold FLAG."""
    for expr in expressions(step):
        for part in expr.walk():
            if part.op != "&" or len(part.args) != 2 or part.args[1].op != "~":
                continue
            left, right = part.args[0], part.args[1].args[0]
            base, gone = flag_of(left, context.kernel), flag_of(right, context.kernel)
            if base is None or gone is None or not base.bits or not gone.bits or base.bits & gone.bits:
                continue
            values = {"flag": f"~{gone.name}", "fact": f"{base.name} does not include {gone.name}", "mask": said(part)}
            sure = "low" if gone.name in row_words(rule, "defensive") else ""
            yield Hit((right.line, left.line), unit.function.name, f"{base.name} ~{gone.name}", values, confidence=sure)
