"""A function as read in, plain lists that JSON can hold out, and back: what is known of a blob can be kept.

The lists have the fields in the order of the classes in steps.py. FORMAT changes with them, so that what was
stored by another version is read anew and never misread.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from reviewbot.frontend.instructions import Expr, Function, Instruction

FORMAT = 2
Plain = list[Any]


def dumps(functions: Iterable[Function]) -> bytes:
    """Functions as UTF-8 JSON, odd bytes of the source escaped."""
    said = [FORMAT, [_function(one) for one in functions]]
    return json.dumps(said, separators=(",", ":"), ensure_ascii=True).encode()


def loads(data: bytes) -> tuple[Function, ...]:
    """What `dumps` was given. Raises ValueError for anything else, another FORMAT too."""
    try:
        form, functions = json.loads(data)
        if form != FORMAT:
            raise ValueError(f"stored as format {form}, not {FORMAT}")
        return tuple(_to_function(one) for one in functions)
    except (TypeError, KeyError, IndexError, RecursionError, AttributeError) as error:
        raise ValueError(f"not what was stored: {error}") from error


def _function(one: Function) -> Plain:
    return [
        one.name,
        one.params,
        [_step(step) for step in one.steps],
        one.whole,
        one.starts,
        one.ends,
        one.lines,
        one.head,
        one.macro,
        one.broken,
        one.static,
        one.holes,
    ]


def _to_function(said: Plain) -> Function:
    name, params, steps, whole, starts, ends, lines, head, macro, broken, static, holes = said
    return Function(
        name,
        tuple((kind, param) for kind, param in params),
        tuple(_to_step(step) for step in steps),
        whole,
        starts,
        ends,
        _span(lines),
        _span(head),
        macro,
        broken,
        static,
        holes,
    )


def _step(step: Instruction) -> Plain:
    """A step; what stands at its end and is as usual is left out, for most steps have little to say."""
    said = [
        step.kind,
        step.lines,
        step.next,
        step.name,
        step.target,
        step.op,
        [_expr(arg) for arg in step.args],
        _expr(step.value) if step.value is not None else None,
        sorted(step.derefs),
        step.declares,
        step.static,
    ]
    while not said[-1]:
        said.pop()
    return said


def _to_step(said: Plain) -> Instruction:
    usual: Plain = ["", (0, 0), (), "", "", "", (), None, (), False, False]
    kind, lines, following, name, target, op, args, value, derefs, declares, static = [*said, *usual[len(said) :]]
    return Instruction(
        kind,
        _span(lines),
        name,
        tuple(_to_expr(arg) for arg in args),
        target,
        op,
        _to_expr(value) if value is not None else None,
        tuple(following),
        frozenset(derefs),
        declares,
        static,
    )


def _expr(expr: Expr) -> Plain:
    said: Plain = [expr.op, expr.text, expr.line]
    return [*said, [_expr(arg) for arg in expr.args]] if expr.args else said


def _to_expr(said: Plain) -> Expr:
    op, text, line, *args = said
    return Expr(op, text, tuple(_to_expr(arg) for arg in args[0]) if args else (), line)


def _span(said: Plain) -> tuple[int, int]:
    first, last = said
    return first, last
