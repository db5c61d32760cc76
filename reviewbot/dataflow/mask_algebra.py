"""Evaluates gfp expressions to the masks they may have.

A `Mask` holds the bits that must be set and those that may be; what is unknown (a parameter, a field) may have every
bit and must have none. `refine` narrows masks by a condition. `terms` looks at what was written instead: the names
OR-ed together, whatever bits they hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice

from msgspec import Struct, field

from reviewbot.frontend.instructions import Expr
from reviewbot.model.kernel import Kernel, Mask, ScopeKind

_NONE: frozenset[str] = frozenset()
_ZERO = ("0", "0x0", "0U", "0u", "0UL")
_KEPT = ("name", "field", "*x")  # what a mask is kept in
_MOST_SIDES = 16  # of one mask, where it is chosen by several conditions


class Helper(Struct, frozen=True):
    """A function that returns a mask, as a formula over its parameters."""

    params: tuple[str, ...]
    body: Expr


class MaskTools(Struct, frozen=True):
    """The functions of one kernel that make or test masks.

    `helpers`: calls that return a mask; `tests`: calls that test one.
    """

    helpers: Mapping[str, Helper] = field(default_factory=dict)
    tests: Mapping[str, Helper] = field(default_factory=dict)


KnownMasks = Mapping[str, Mask]  # by the text of a variable or field; of a function of the same text as "name()"


@lru_cache(maxsize=8)
def _anything(bits: frozenset[str]) -> Mask:
    return Mask(_NONE, bits)


def unknown_mask(kernel: Kernel) -> Mask:
    """The mask that nothing is known of: it may have every bit of the kernel and must have none."""
    return _anything(kernel.bits)


def join(left: Mask, right: Mask) -> Mask:
    """The join of the masks of two paths: a bit must be set if both must have it, and may be if either may."""
    return left if left == right else Mask(left.must & right.must, left.may | right.may)


def both(left: Mask, right: Mask) -> Mask:
    """The mask of `left | right`."""
    return Mask(left.must | right.must, left.may | right.may)


def common(left: Mask, right: Mask) -> Mask:
    """The mask of `left & right`."""
    return Mask(left.must & right.must, left.may & right.may)


def without(left: Mask, cleared: Mask) -> Mask:
    """The mask of `left & ~cleared`."""
    return Mask(left.must - cleared.may, left.may - cleared.must)


def evaluate(expr: Expr | None, known: KnownMasks, kernel: Kernel, tools: MaskTools) -> Mask:
    """The mask of an expression, given known masks; bits that this kernel version lacks are left out."""
    if expr is None:
        return unknown_mask(kernel)
    if expr.op in _KEPT:
        flag = kernel.flags.get(expr.text)
        if flag is not None:
            return Mask(flag.bits, flag.bits)
        return known.get(expr.text, unknown_mask(kernel))
    if expr.op == "num":
        return Mask(_NONE, _NONE) if expr.text in _ZERO else unknown_mask(kernel)
    if expr.op == "?:" and len(expr.args) >= 2:
        sides = [evaluate(side, there, kernel, tools) for side, there in choices(expr, known, kernel, tools)]
        return joined(sides) if sides else unknown_mask(kernel)
    if expr.op == "call":
        return _called(expr, known, kernel, tools)
    if expr.op == "&" and len(expr.args) == 2:
        for kept, taken in (expr.args, expr.args[::-1]):
            if taken.op == "~" and len(taken.args) == 1:
                gone = evaluate(taken.args[0], known, kernel, tools)
                return without(evaluate(kept, known, kernel, tools), gone)
    parts = [evaluate(arg, known, kernel, tools) for arg in expr.args]
    if expr.op == "~" and len(parts) == 1:
        return Mask(kernel.bits - parts[0].may, kernel.bits - parts[0].must)
    if expr.op in ("|", "&") and len(parts) == 2:
        return both(*parts) if expr.op == "|" else common(*parts)
    return parts[1] if expr.op == "=" and len(parts) == 2 else unknown_mask(kernel)


def joined(masks: Sequence[Mask]) -> Mask:
    """The join of the masks of some paths, one at least."""
    out = masks[0]
    for mask in masks[1:]:
        out = join(out, mask)
    return out


def _called(expr: Expr, known: KnownMasks, kernel: Kernel, tools: MaskTools) -> Mask:
    if expr.text[1:-1] in kernel.words["mask_types"] and len(expr.args) == 1:  # a cast: (gfp_t)(A | B)
        return evaluate(expr.args[0], known, kernel, tools)
    own = known.get(f"{expr.text}()")
    if own is not None:
        return own
    helper = tools.helpers.get(expr.text)
    if helper is None:
        return unknown_mask(kernel)
    given = [evaluate(arg, known, kernel, tools) for arg in expr.args]
    # no helper within a helper: a table that names itself must not go round for ever
    return evaluate(helper.body, dict(zip(helper.params, given, strict=False)), kernel, MaskTools())


def choices(expr: Expr, known: KnownMasks, kernel: Kernel, tools: MaskTools) -> Iterator[tuple[Expr, KnownMasks]]:
    """The sides of a ?: that can be taken, each with the masks refined by its condition; else the expression itself.

    A ?: inside a sum or below ~ is split as well. There are at most _MOST_SIDES.
    """
    return islice(_choices(expr, known, kernel, tools), _MOST_SIDES)


def _choices(expr: Expr, known: KnownMasks, kernel: Kernel, tools: MaskTools) -> Iterator[tuple[Expr, KnownMasks]]:
    if "?" not in expr.text:
        yield expr, known
        return
    if expr.op in ("|", "&") and len(expr.args) == 2:
        for left, one in _choices(expr.args[0], known, kernel, tools):
            for right, both_ in _choices(expr.args[1], one, kernel, tools):
                text = f"{left.text}{expr.op}{right.text}"
                yield expr._replace(args=(left, right), text=text), both_
        return
    if expr.op == "~" and len(expr.args) == 1:
        for inner, one in _choices(expr.args[0], known, kernel, tools):
            yield expr._replace(args=(inner,), text=f"~{inner.text}"), one
        return
    if expr.op != "?:" or len(expr.args) < 2:
        yield expr, known
        return
    condition, yes, no = expr.args if len(expr.args) == 3 else (expr.args[0], expr.args[0], expr.args[1])
    for side, way in ((yes, True), (no, False)):
        there = refine(condition, way, known, kernel, tools)
        if there is not None:
            yield from _choices(side, there, kernel, tools)


def refine(value: Expr, way: bool, known: KnownMasks, kernel: Kernel, tools: MaskTools) -> KnownMasks | None:
    """The known masks once a condition turned out this way; None if it cannot, given these masks."""
    if value.op == "!" and len(value.args) == 1:
        return refine(value.args[0], not way, known, kernel, tools)
    if value.op == "call" and len(value.args) == 1 and value.text in kernel.words["transparent"]:
        return refine(value.args[0], way, known, kernel, tools)
    if (value.op, way) in (("&&", True), ("||", False)) and len(value.args) == 2:
        first = refine(value.args[0], way, known, kernel, tools)
        return None if first is None else refine(value.args[1], way, first, kernel, tools)
    kept, mask = _asked(value, way, known, kernel, tools)
    if kept is None:
        return known
    if mask is None:
        return None
    return known if known.get(kept) == mask else {**known, kept: mask}


def _asked(
    value: Expr, way: bool, known: KnownMasks, kernel: Kernel, tools: MaskTools
) -> tuple[str | None, Mask | None]:
    """The variable that a condition tests and its mask then, None if the condition cannot turn out so.

    No variable if the condition tests none.
    """
    if value.op == "call" and (test := tools.tests.get(value.text)) is not None and value.args:
        given = value.args[0]
        _, mask = _asked(test.body, way, {test.params[0]: evaluate(given, known, kernel, tools)}, kernel, MaskTools())
        return (given.text, mask) if given.op in _KEPT else (None, None)
    want = way
    against: Expr | None = None
    if value.op in ("==", "!=") and len(value.args) == 2:
        want = way if value.op == "==" else not way
        value, against = value.args[0], value.args[1]
    subject, bits = _masked(value, kernel)
    if subject is None or (
        subject is value and subject.text not in known and not (against and _flagged(against, kernel))
    ):
        return None, None
    old = known.get(subject.text, unknown_mask(kernel))
    if against is None:
        return subject.text, _some(old, bits) if want else _none(old, bits)
    right = evaluate(against, known, kernel, tools)
    if right.must != right.may:
        return None, None
    return subject.text, _equal(old, bits, right.must) if want else _other(old, bits, right.must)


def _masked(value: Expr, kernel: Kernel) -> tuple[Expr | None, frozenset[str]]:
    """The mask and the bits of `mask & BITS`; a mask alone is tested for all its bits."""
    if value.op in _KEPT and value.text not in kernel.flags:
        return value, kernel.bits
    if value.op == "&" and len(value.args) == 2:
        for kept, bits in (value.args, value.args[::-1]):
            if kept.op not in _KEPT or kept.text in kernel.flags or not _flagged(bits, kernel):
                continue
            found = evaluate(bits, {}, kernel, MaskTools())
            if bits.op == "~":
                taken = evaluate(bits.args[0], {}, kernel, MaskTools())
                return (kept, kernel.bits - taken.must) if taken.must == taken.may else (None, _NONE)
            if found.must == found.may:
                return kept, found.must
    return None, _NONE


def _flagged(expr: Expr, kernel: Kernel) -> bool:
    return any(part.op == "name" and part.text in kernel.flags for part in expr.walk())


def _some(old: Mask, bits: frozenset[str]) -> Mask | None:
    """The mask where at least one of the bits is set."""
    left = old.may & bits
    return (Mask(old.must | left, old.may) if len(left) == 1 else old) if left else None


def _none(old: Mask, bits: frozenset[str]) -> Mask | None:
    return None if old.must & bits else Mask(old.must, old.may - bits)


def _equal(old: Mask, bits: frozenset[str], value: frozenset[str]) -> Mask | None:
    """The mask where `mask & bits` is this value."""
    if not value <= bits or not value <= old.may or old.must & bits - value:
        return None
    return Mask(old.must | value, old.may - (bits - value))


def _other(old: Mask, bits: frozenset[str], value: frozenset[str]) -> Mask | None:
    """The mask where `mask & bits` is not this value."""
    if not value:
        return _some(old, bits)
    if old.must & bits == old.may & bits:
        return None if old.must & bits == value else old
    return _none(old, bits) if len(bits) == 1 and value == bits else old


def assign(old: Mask, op: str, value: Expr | None, known: KnownMasks, kernel: Kernel, tools: MaskTools) -> Mask:
    """A variable's mask after `var op value`; op is "=", "|=" or "&=", and the mask is unknown after any other."""
    if op == "|=":
        return both(old, evaluate(value, known, kernel, tools))
    if op == "&=" and value is not None:
        if value.op == "~" and len(value.args) == 1:
            return without(old, evaluate(value.args[0], known, kernel, tools))
        return common(old, evaluate(value, known, kernel, tools))
    if op == "=":
        return evaluate(value, known, kernel, tools)
    return unknown_mask(kernel)


def is_flag_name(text: str, kernel: Kernel) -> bool:
    """Whether a name has the shape of a gfp flag, known or not."""
    return text.startswith(tuple(kernel.words["flag_prefixes"])) and text.isupper()


def terms(expr: Expr) -> tuple[Expr, ...]:
    """The operands of a chain of |, from left to right; one for any other expression."""
    out, todo = [], [expr]
    while todo:
        at = todo.pop()
        if at.op == "|":
            todo.extend(reversed(at.args))
        else:
            out.append(at)
    return tuple(out)


def apply_scopes(mask: Mask, scopes: Iterable[ScopeKind]) -> Mask:
    """The mask that is left inside all of these scopes; their order and how often one is open make no difference.

    The same as current_gfp_context() of include/linux/sched/mm.h: the kernel keeps one bit a kind of scope, and a scope
    in whose `hides` another's bit stands is tested before that one and instead of it.
    """
    kinds = tuple(scopes)
    hidden = {flag for kind in kinds for flag in kind.hides}
    felt = [kind for kind in kinds if kind.flag not in hidden]
    clears = frozenset[str]().union(*(kind.clears for kind in felt))
    sets = frozenset[str]().union(*(kind.sets for kind in felt))
    return Mask((mask.must - clears) | sets, (mask.may - clears) | sets)
