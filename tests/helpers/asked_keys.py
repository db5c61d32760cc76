"""Reads the source of a check, and of what it calls, for the keys that it asks the rows of its rule for."""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from collections.abc import Callable, Iterator

FOLLOWED = ("reviewbot.checks.", "reviewbot.interproc.", "reviewbot.program.")  # none below these knows rows of rules
READERS = {"strings", "row_words"}  # of reviewbot.kernel.rows
ROWS = {"row", "rule", "_rule"}  # what a variable or a member is called that is a row, or has rows
NO_ROWS = {"values", "words", "words_"}  # what else is asked with a text: the values of a hit, and a kernel's words


def asked_keys(check: Callable) -> set[str]:
    """Every key; AssertionError where one is not written out."""
    found: set[str] = set()
    todo, seen = [check], {check}
    while todo:
        at = todo.pop()
        tree = ast.parse(textwrap.dedent(inspect.getsource(at)))
        found |= set(_keys(tree))
        known = vars(sys.modules[at.__module__])
        for name in {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}:
            called = inspect.unwrap(known[name]) if callable(known.get(name)) else None
            if called not in seen and getattr(called, "__module__", "").startswith(FOLLOWED):
                seen.add(called)
                todo.append(called)
    return found


def _keys(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            asked = zip(node.args, node.args[1:], strict=False)
            for key in [key for row, key in asked if _is_row(row) or _name(node.func) in READERS]:
                yield from _texts(key, tree) if _name(node.func) in READERS else _text(key)
            if isinstance(node.func, ast.Attribute) and node.func.attr == "get":
                yield from _text(node.args[0])
        elif isinstance(node, ast.Subscript) and not _is_other(node.value):
            yield from _text(node.slice)
        elif isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.In | ast.NotIn):
            yield from _text(node.left) if _is_row(node.comparators[0]) else ()


def _name(node: ast.AST) -> str:
    if isinstance(node, ast.Subscript):  # rule.rows[0], but not side.rows[0]
        owner = node.value.value if isinstance(node.value, ast.Attribute) and node.value.attr == "rows" else node
        return "row" if owner is not node and _name(owner) in ROWS else ""
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _is_row(node: ast.AST) -> bool:
    return _name(node) in ROWS or (isinstance(node, ast.Attribute) and node.attr == "listed")


def _is_other(node: ast.AST) -> bool:
    return _name(node) in NO_ROWS or (isinstance(node, ast.Name) and node.id == "listed")  # words, in a short name


def _text(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value


def _texts(node: ast.AST, tree: ast.AST) -> Iterator[str]:
    """A key that is written out, or each of those that a loop goes over; of a parameter the callers have it."""
    if not isinstance(node, ast.Name):
        yield from _text(node)
        return
    loops = [
        one for one in ast.walk(tree) if isinstance(one, ast.comprehension | ast.For) and _name(one.target) == node.id
    ]
    if not loops:
        every = [one for one in ast.walk(tree) if isinstance(one, ast.arg)]
        assert node.id in {one.arg for one in every}, f"{node.id} is no key that can be read from the source"
    for loop in loops:
        over = loop.iter
        for one in ast.walk(tree):
            if isinstance(one, ast.Assign) and isinstance(over, ast.Name) and _name(one.targets[0]) == over.id:
                over = one.value
        assert isinstance(over, ast.Tuple), f"{node.id} goes over what is not written out"
        for one in over.elts:
            yield from _text(one)
