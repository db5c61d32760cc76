"""Checks of what a mask is written as: names that contradict, repeat, or do not exist."""

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
    reached,
    strings,
    words,
    written,
)
from reviewbot.csource import Expr, Step
from reviewbot.model import Data, Kernel, Rule, Span
from reviewbot.sides import Slice, Unit, expressions

Chain = tuple[Expr, ...]


def _text(chain: Chain) -> str:
    return " | ".join(code(term) for term in chain)


def _rows(chain: Chain, kernel: Kernel) -> tuple[int, ...]:
    return tuple(dict.fromkeys(row for term in chain for row in flag_rows(term, kernel)))


def conflicting(side: Slice, rule: Rule, context: Context) -> Iterator[Hit]:
    """Two names in one chain of | that a row of the rule calls contradictory.

    A row says `a` and `b`, lists of written names, or `bits_a` and `bits_b`, bits that both must be
    set; `why` is what happens. An & mask, a cleared mask and a comparison are no requests.
    """
    for unit in side.units:
        for step in unit.steps:
            for chain, under in written(step, context.kernel):
                row = None if under else _contradiction(chain, rule, context.kernel)
                if row is not None:
                    values = {"mask": _text(chain), "why": str(row["why"]), "callee": step.name or "the mask"}
                    rows = _rows(chain, context.kernel)
                    yield Hit(rows, unit.function.name, f"{step.name} {values['mask']}", values)


def _contradiction(chain: Chain, rule: Rule, kernel: Kernel) -> dict[str, Data] | None:
    names = {term.text for term in chain if term.op == "name"}
    holders = [kernel.flags[name] for name in names if name in kernel.flags]
    for row in rule.rows:
        if names & set(strings(row, "a")) and names & set(strings(row, "b")):
            return dict(row)
        left, right = set(strings(row, "bits_a")), set(strings(row, "bits_b"))
        apart = [(one, other) for one in holders for other in holders if one.bits & left and other.bits & right]
        if left and apart:
            return dict(row)
    return None


def redundant(side: Slice, rule: Rule, context: Context) -> Iterator[Hit]:
    """A term of a chain whose bits another term, or the variable beside it, surely holds already."""
    for unit in side.units:
        for index, step in enumerate(unit.steps):
            for chain, under in written(step, context.kernel):
                if under or len(chain) < 2:
                    continue
                for term, holder in _needless(unit, index, chain, context):
                    values = {"flag": term.text, "holder": code(holder), "mask": _text(chain)}
                    key = f"{step.name} {term.text} {values['mask']}"
                    yield Hit((term.line, *_rows(chain, context.kernel)), unit.function.name, key, values)


def _needless(unit: Unit, index: int, chain: Chain, context: Context) -> Iterator[tuple[Expr, Expr]]:
    for at, term in enumerate(chain):
        flag = context.kernel.flags.get(term.text)
        if term.op != "name" or flag is None or not flag.bits:
            continue
        for other_at, other in enumerate(chain):
            if other_at == at or (other.text == term.text and other_at > at):
                continue
            known = context.kernel.flags.get(other.text) if other.op == "name" else None
            if flag.kind == "compound" and known is not None and known.kind == "compound" and other.text != term.text:
                continue  # two base masks contradict each other: another rule's
            masks = masks_at(unit, index, other, context) if reached(unit, index) else ()
            if masks and all(flag.bits <= mask.must for mask in masks):
                yield term, other
                break


def no_base(side: Slice, rule: Rule, context: Context) -> Iterator[Hit]:
    """An allocator's mask made of modifiers alone: no bit says whether it may reclaim.

    Rows: `except`, allocators for which a bare modifier or 0 is the documented mask; `zero_families`,
    the families where a plain 0 is surely not meant.
    """
    base = frozenset(name for name, flag in context.kernel.flags.items() if flag.base and flag.kind == "bit")
    for unit in side.units:
        for step in unit.steps:
            found = allocation(step, context.kernel)
            mask = mask_argument(step, found) if found is not None else None
            if found is None or mask is None or step.name in words(rule, "except"):
                continue
            chain = flags.terms(mask)
            known = [context.kernel.flags.get(term.text) for term in chain]
            zero = mask.op == "num" and mask.text == "0" and found.family in words(rule, "zero_families")
            bare = all(flag is not None and flag.kind == "bit" and not flag.bits & base for flag in known)
            if bare or zero:
                values = {"mask": _text(chain), "callee": step.name}
                yield Hit((mask.line, *step.lines), unit.function.name, f"{step.name} {mask.text}", values)


def unknown(side: Slice, rule: Rule, context: Context) -> Iterator[Hit]:
    """A flag's name that this kernel version does not have, though another has or people believe one does."""
    prefixes = tuple(context.kernel.words["scope_flag_prefixes"])
    for unit in side.units:
        for step in unit.steps:
            for expr in expressions(step):
                for part in expr.walk():
                    span = context.kernel.spans.get(part.text) if part.op == "name" else None
                    if span is None or span.holds(context.kernel.version) or part.text in context.defined:
                        continue
                    if part.text in context.kernel.flags or _defined(part.text, side):
                        continue
                    what = "scope flag" if part.text.startswith(prefixes) else "gfp flag"
                    values = {"flag": part.text, "what": what, "life": _life(span), "instead": _instead(span)}
                    yield Hit((part.line,), unit.function.name, part.text, values)


def _defined(name: str, side: Slice) -> bool:
    return any(define.name == name for define in side.defines)


def _life(span: Span) -> str:
    since = ".".join(map(str, span.since)) if span.since else ""
    until = ".".join(map(str, span.until)) if span.until else ""
    if span.until == (0, 0):
        return "no kernel version has had it"
    if since and until:
        return f"it came in {since} and was gone in {until}"
    return f"it is gone since {until}" if until else f"it came in {since}"


def _instead(span: Span) -> str:
    return f" Is {span.instead} meant?" if span.instead else ""


def mask_test(side: Slice, rule: Rule, context: Context) -> Iterator[Hit]:
    """A mask tested against a compound as if that were one bit.

    `mask & GFP_X` as a truth is true for any shared bit; `mask == GFP_X` misses every modifier.
    """
    for unit in side.units:
        for step in unit.steps:
            if step.kind == "test" and step.value is not None:
                yield from _mask_test(step, step.value, unit, context)


def _mask_test(step: Step, value: Expr, unit: Unit, context: Context) -> Iterator[Hit]:
    if value.op == "&":
        compared, how = value.args, "any shared bit makes it true"
    elif value.op in ("==", "!=") and len(value.args) == 2:
        compared, how = value.args, "a mask with one more bit, or one less, is another value"
        if any(arg.op == "&" for arg in value.args):
            how = "another mask that holds all of these bits passes as well"
    else:
        return
    for arg in compared:
        flag = context.kernel.flags.get(arg.text) if arg.op == "name" else None
        if flag is not None and flag.kind == "compound" and flag.base and len(flag.bits) > 1:
            sure = "high" if value.op == "&" else "medium"
            values = {"test": value.text.replace("&", " & ").replace("==", " == "), "flag": flag.name, "how": how}
            yield Hit((arg.line, *step.lines), unit.function.name, value.text, values, confidence=sure)
            return


def internal(side: Slice, rule: Rule, context: Context) -> Iterator[Hit]:
    """A flag that is for mm/ alone, written elsewhere. Rows: `home`, path prefixes; `known`, users that may."""
    if side.path.startswith(tuple(words(rule, "home") | words(rule, "known"))):
        return
    for unit in side.units:
        for step in unit.steps:
            for chain, under in written(step, context.kernel):
                for term in chain:
                    flag = context.kernel.flags.get(term.text)
                    if not under and flag is not None and flag.internal and flag.kind == "bit":
                        values = {"flag": flag.name, "meaning": flag.meaning}
                        yield Hit((term.line,), unit.function.name, f"{step.name} {flag.name}", values)


def argument_order(side: Slice, rule: Rule, context: Context) -> Iterator[Hit]:
    """Flags where the size stands. Rows: `families`, those whose arguments never moved."""
    families = words(rule, "families")
    for unit in side.units:
        for step in unit.steps:
            found = allocation(step, context.kernel)
            mask = mask_argument(step, found) if found is not None else None
            if found is None or mask is None or found.family not in families or _has_flag(mask, context.kernel):
                continue
            if mask.op not in ("num", "other", "call", "*", "+"):
                continue  # a variable may hold a mask
            swapped = [arg for at, arg in enumerate(step.args) if at != found.gfp and _is_mask(arg, context.kernel)]
            for arg in swapped:
                values = {"callee": step.name, "flags": _text(flags.terms(arg)), "other": mask.text}
                yield Hit((arg.line, *step.lines), unit.function.name, f"{step.name} {arg.text}", values)


def _has_flag(expr: Expr, kernel: Kernel) -> bool:
    return any(part.op == "name" and flags.is_flag_name(part.text, kernel) for part in expr.walk())


def _is_mask(expr: Expr, kernel: Kernel) -> bool:
    return all(term.op == "name" and term.text in kernel.flags for term in flags.terms(expr))
