"""Normalises conditions and evaluates them under the facts of a path.

A fact is a condition as a text and whether it held. `normal` writes a condition so that `p == NULL` and `!p` are one;
`simplified` puts the side that a path takes in the place of a `?:`; `choosing` finds the conditions that decide between
two masks of a function, so that its states are kept apart by them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from reviewbot.dataflow.cfg import Cfg
from reviewbot.frontend.instructions import Expr

_FALSE = ("NULL", "0", "false")
_DEEPEST = 8  # tests in a row that lead to one assignment
_JOINED = ("|", "&")

Facts = Collection[tuple[str, bool]]


def normal(value: Expr, way: bool) -> tuple[str, bool]:
    """A condition and its outcome as a text and a truth: `p == NULL` is "not p"."""
    if value.op in ("==", "!=") and len(value.args) == 2:
        left, right = value.args
        if right.text in _FALSE:
            return left.text, way if value.op == "!=" else not way
    if value.op == "!" and value.args:
        return normal(value.args[0], not way)
    if value.op == "call":
        return f"{value.text}({','.join(arg.text for arg in value.args)})", way
    return value.text, way


def decided(condition: Expr, facts: Facts, transparent: Collection[str]) -> bool | None:
    """How a condition turns out where the facts hold; None if they do not decide it.

    `transparent`: calls such as likely(), whose result is their argument.
    """
    if condition.op == "!" and len(condition.args) == 1:
        inner = decided(condition.args[0], facts, transparent)
        return None if inner is None else not inner
    if condition.op == "call" and condition.text in transparent and len(condition.args) == 1:
        return decided(condition.args[0], facts, transparent)
    if condition.op in ("&&", "||") and len(condition.args) == 2:
        sides = [decided(arg, facts, transparent) for arg in condition.args]
        ends = condition.op == "||"  # one side with this truth ends it
        if ends in sides:
            return ends
        return None if None in sides else not ends
    text, way = normal(condition, True)
    return way if (text, True) in facts else not way if (text, False) in facts else None


def simplified(expr: Expr, facts: Facts, transparent: Collection[str]) -> Expr:
    """An expression with each ?: that the facts decide replaced by the side that is taken."""
    if "?" not in expr.text or not facts:
        return expr
    args: tuple[Expr, ...]
    if expr.op == "?:" and len(expr.args) == 3:
        condition, yes, no = expr.args
        way = decided(condition, facts, transparent)
        if way is not None:
            return simplified(yes if way else no, facts, transparent)
        args = (condition, simplified(yes, facts, transparent), simplified(no, facts, transparent))
    else:
        args = tuple(simplified(arg, facts, transparent) for arg in expr.args)
    return expr if args == expr.args else rebuilt(expr, args)


def rebuilt(expr: Expr, args: tuple[Expr, ...]) -> Expr:
    """An expression with other operands, and with the text that these give it."""
    text = expr.text
    if expr.op in _JOINED and len(args) == 2:
        text = f"{args[0].text}{expr.op}{args[1].text}"
    elif expr.op == "~" and len(args) == 1:
        text = f"~{args[0].text}"
    elif expr.op == "?:" and len(args) == 3:
        text = f"{args[0].text}?{args[1].text}:{args[2].text}"
    return expr._replace(args=args, text=text)


def choosing(cfg: Cfg, stems: Collection[str]) -> frozenset[str]:
    """The conditions right above an assignment of flags, or of a choice between two masks.

    `stems`: how the names of flags begin.
    """
    chosen = [
        at
        for at, step in enumerate(cfg.steps)
        if step.kind == "assign" and step.value is not None and any(stem in step.value.text for stem in stems)
    ]
    return frozenset(text for at in chosen for text in _above(cfg, at))


def _above(cfg: Cfg, at: int) -> Iterator[str]:
    """The tests that lead to an instruction with nothing but straight code between."""
    todo, seen = list(cfg.pred[at]), {at}
    while todo and len(seen) < _DEEPEST:
        here = todo.pop()
        if here in seen or here > at:
            continue
        seen.add(here)
        step = cfg.steps[here]
        if step.kind == "test" and step.value is not None:
            yield normal(step.value, True)[0]
        if step.kind == "test" or len(cfg.pred[here]) == 1:
            todo += cfg.pred[here]
