"""Serialises functions as plain lists that JSON can hold, and reads them back, so that a blob's functions can be kept.

The lists have the fields in the order of the classes in instructions.py. FORMAT changes with them, so that what was
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
    plain = [FORMAT, [_function(function) for function in functions]]
    return json.dumps(plain, separators=(",", ":"), ensure_ascii=True).encode()


def loads(data: bytes) -> tuple[Function, ...]:
    """The functions that `dumps` was given. Raises ValueError for anything else, another FORMAT too."""
    try:
        form, functions = json.loads(data)
        if form != FORMAT:
            raise ValueError(f"stored as format {form}, not {FORMAT}")
        return tuple(_to_function(fields) for fields in functions)
    except (TypeError, KeyError, IndexError, RecursionError, AttributeError) as error:
        raise ValueError(f"not what was stored: {error}") from error


def _function(function: Function) -> Plain:
    return [
        function.name,
        function.params,
        [_step(step) for step in function.steps],
        function.whole,
        function.starts,
        function.ends,
        function.lines,
        function.head,
        function.macro,
        function.broken,
        function.static,
        function.holes,
    ]


def _to_function(fields: Plain) -> Function:
    name, params, steps, whole, starts, ends, lines, head, macro, broken, static, holes = fields
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
    """An instruction as a list; default values at its end are left out, for most instructions have few fields."""
    fields = [
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
    while not fields[-1]:
        fields.pop()
    return fields


def _to_step(fields: Plain) -> Instruction:
    usual: Plain = ["", (0, 0), (), "", "", "", (), None, (), False, False]
    kind, lines, following, name, target, op, args, value, derefs, declares, static = [*fields, *usual[len(fields) :]]
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
    fields: Plain = [expr.op, expr.text, expr.line]
    return [*fields, [_expr(arg) for arg in expr.args]] if expr.args else fields


def _to_expr(fields: Plain) -> Expr:
    op, text, line, *args = fields
    return Expr(op, text, tuple(_to_expr(arg) for arg in args[0]) if args else (), line)


def _span(fields: Plain) -> tuple[int, int]:
    first, last = fields
    return first, last
