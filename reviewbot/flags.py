"""gfp expressions in, the masks they may have out.

A `Mask` holds the bits that must be set and those that may be; what is unknown (a parameter, a
field) may have every bit and must have none. `terms` looks at what was written instead: the names
OR-ed together, whatever bits they hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from reviewbot.csource.steps import Expr
from reviewbot.model import Kernel, Mask

_NONE: frozenset[str] = frozenset()


@lru_cache(maxsize=8)
def _anything(bits: frozenset[str]) -> Mask:
    return Mask(_NONE, bits)


def unknown(kernel: Kernel) -> Mask:
    """A mask nothing is known of."""
    return _anything(kernel.bits)


def join(left: Mask, right: Mask) -> Mask:
    """The mask after two paths meet."""
    return left if left == right else Mask(left.must & right.must, left.may | right.may)


def both(left: Mask, right: Mask) -> Mask:
    """left | right."""
    return Mask(left.must | right.must, left.may | right.may)


def common(left: Mask, right: Mask) -> Mask:
    """left & right."""
    return Mask(left.must & right.must, left.may & right.may)


def without(left: Mask, cleared: Mask) -> Mask:
    """left & ~cleared."""
    return Mask(left.must - cleared.may, left.may - cleared.must)


def evaluate(expr: Expr | None, known: Mapping[str, Mask], kernel: Kernel, narrowing: frozenset[str] = _NONE) -> Mask:
    """The mask an expression gives. `known`: local variables; `narrowing`: calls whose result is in all arguments."""
    if expr is None:
        return unknown(kernel)
    if expr.op in ("name", "field"):
        flag = kernel.flags.get(expr.text)
        if flag is not None:
            return Mask(flag.bits, flag.bits)
        return known.get(expr.text, unknown(kernel))
    if expr.op == "num":
        return Mask(_NONE, _NONE) if expr.text in ("0", "0x0", "0U", "0u") else unknown(kernel)
    parts = [evaluate(arg, known, kernel, narrowing) for arg in expr.args]
    if expr.op == "|" and len(parts) == 2:
        return both(*parts)
    if expr.op == "&" and len(parts) == 2:
        for index in (0, 1):
            inner = expr.args[index]
            if inner.op == "~" and len(inner.args) == 1:
                return without(parts[1 - index], evaluate(inner.args[0], known, kernel, narrowing))
        return common(*parts)
    if expr.op == "?:" and len(parts) >= 2:
        return join(parts[-2] if len(parts) == 3 else parts[0], parts[-1])
    if expr.op == "=" and len(parts) == 2:
        return parts[1]
    if expr.op == "call" and expr.text in narrowing:
        may = kernel.bits
        for part in parts:
            may &= part.may
        return Mask(_NONE, may)
    return unknown(kernel)


def assign(
    old: Mask, op: str, value: Expr | None, known: Mapping[str, Mask], kernel: Kernel, narrowing: frozenset[str]
) -> Mask:
    """A variable's mask after `var op value`; op is "=", "|=", "&=", or anything else, which nothing is known of."""
    if op == "|=":
        return both(old, evaluate(value, known, kernel, narrowing))
    if op == "&=" and value is not None:
        if value.op == "~" and len(value.args) == 1:
            return without(old, evaluate(value.args[0], known, kernel, narrowing))
        return common(old, evaluate(value, known, kernel, narrowing))
    if op == "=":
        return evaluate(value, known, kernel, narrowing)
    return unknown(kernel)


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
