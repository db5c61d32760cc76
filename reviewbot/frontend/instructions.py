"""Defines functions as plain data: expressions, instructions and their order. Knows no parser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

from msgspec import Struct

Operation = Literal["call", "assign", "test", "return", "leave", "lost", "end", "join"]
UNUSED = ";"  # the target of a call whose result a statement throws away


class Expr(NamedTuple):
    """An expression. `op`: name, call, field, num, other, or C's own operator; `line` is a 0-based text line."""

    op: str
    text: str
    args: tuple[Expr, ...] = ()
    line: int = 0

    def walk(self) -> Iterator[Expr]:
        """This expression and all below it."""
        todo = [self]
        while todo:
            at = todo.pop()
            yield at
            todo.extend(reversed(at.args))


class Instruction(NamedTuple):
    """One operation of a function, a node of its CFG.

    kind: "call" (name, args, target; op: which guard, if it is one), "assign" (target, op, value), "test" (value;
    next = yes, no), "return" (value), "leave" (target: the guard that ends here), "lost" (the path goes on where the
    text does not), "end" (falls off the function's end), "join" (name: the label, if it is one; args: the condition
    that holds there, for a case to which only the switch leads). `next` holds the indexes of the successors, -1 for a
    way that a test cannot take. `lines` are the 0-based first and last text line; `derefs` the lvalues that are
    dereferenced.
    """

    kind: Operation
    lines: tuple[int, int]
    name: str = ""
    args: tuple[Expr, ...] = ()
    target: str = ""
    op: str = ""
    value: Expr | None = None
    next: tuple[int, ...] = ()
    derefs: frozenset[str] = frozenset()
    declares: bool = False
    static: bool = False


class Function(Struct, frozen=True):
    """A function's CFG and what the text shows of it. The entry is instruction 0.

    `whole`: all of it is in the text. `holes`: a call of fragments.OPEN stands for what is not shown in between.
    `lines` and `head` are 0-based first and last text lines.
    """

    name: str
    params: tuple[tuple[str, str], ...]  # (type, name); ("...", "") for others, or for what a hunk does not show
    steps: tuple[Instruction, ...]
    whole: bool
    starts: bool  # its head is in the text
    ends: bool  # its closing brace is in the text
    lines: tuple[int, int]
    head: tuple[int, int]
    macro: bool = False
    broken: str = ""  # why it was not read, "" if it was
    static: bool = False
    holes: bool = False
    returns: str = ""  # the type, without stars

    @property
    def seen_from_start(self) -> bool:
        """Whether the text shows everything of it from its head on to any of its instructions."""
        return self.starts and not self.holes


def squeeze(text: str) -> str:
    """Replace every run of white space with one blank."""
    return " ".join(text.split())


def squash(text: str) -> str:
    """Remove all white space, so that equal expressions are equal texts."""
    return "".join(text.split())
