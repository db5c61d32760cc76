"""Answers what checks ask of a function: which calls allocate, with which mask, and what is known where they stand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from reviewbot.dataflow import mask_algebra
from reviewbot.dataflow.conditions import simplified
from reviewbot.dataflow.state import State
from reviewbot.frontend.instructions import Expr, Instruction
from reviewbot.model.kernel import Allocator, Kernel, Mask
from reviewbot.program.context import Context
from reviewbot.program.file_version import expressions
from reviewbot.program.unit import FunctionUnit


def allocation(step: Instruction, kernel: Kernel) -> Allocator | None:
    """The allocator that a call instruction calls, None if it is none that allocates."""
    found = kernel.allocators.get(step.name) if step.kind == "call" and not step.op else None
    return found if found is not None and found.allocates else None


class Request(NamedTuple):
    """A call that asks for memory, and the mask that it asks with.

    `at`: its instruction in the unit. `written`: the mask stands in the call; else it is the allocator's own, or its
    default where the call gives none.
    """

    unit: FunctionUnit
    at: int
    step: Instruction
    allocator: Allocator
    mask: Expr
    written: bool

    @property
    def said(self) -> str:
        """The call as the subject of a sentence."""
        name = f"{self.step.name}()"
        if self.written:
            return f"{name} with {expression_text(self.mask)}"
        return name if self.allocator.gfp is None else f"{name}, {expression_text(self.mask)} by default,"

    @property
    def how(self) -> str:
        """Why the call may do what its mask lets it do, as the beginning of "... sleep"."""
        if self.written:
            return f"With {expression_text(self.mask)} it may"
        return (
            "It may" if self.allocator.gfp is None else f"Without a mask it uses {expression_text(self.mask)} and may"
        )


def mask_of(step: Instruction, found: Allocator) -> Expr | None:
    """The mask that a call of an allocator uses; None if that is not known.

    It is what stands where the allocator takes one, else what it uses on its own (`implicit` of _allocators.toml, which
    include/linux/gfp.h: default_gfp() is an example of).
    """
    written = written_mask(step, found)
    return written if written is not None or not found.implicit else _implied(found.implicit, step.lines[0])


def written_mask(step: Instruction, found: Allocator) -> Expr | None:
    """The expression that stands where the allocator takes its mask; only checks of what is written need it."""
    return step.args[found.gfp] if found.gfp is not None and found.gfp < len(step.args) else None


@lru_cache(maxsize=256)
def _implied(text: str, row: int) -> Expr:
    """The mask of an `implicit`, names joined by |, as if it stood on the first row of the call."""
    first, *rest = (Expr("name", name.strip(), (), row) for name in text.split("|"))
    for name in rest:
        first = Expr("|", f"{first.text}|{name.text}", (first, name), row)
    return first


def request_at(unit: FunctionUnit, index: int, context: Context) -> Request | None:
    """The request that an instruction makes; None where nothing is known of the paths to it or of its mask."""
    step = unit.steps[index]
    found = allocation(step, context.kernel)
    mask = mask_of(step, found) if found is not None else None
    if found is None or mask is None or not reached(unit, index):
        return None
    return Request(unit, index, step, found, mask, written_mask(step, found) is not None)


def requests(units: Iterable[FunctionUnit], context: Context) -> Iterator[Request]:
    """All requests of some functions."""
    for unit in units:
        for index in range(len(unit.steps)):
            found = request_at(unit, index, context)
            if found is not None:
                yield found


def masks_at(unit: FunctionUnit, index: int, expr: Expr, context: Context) -> tuple[Mask, ...]:
    """The masks that an expression may have at an instruction, over all states and sides of a ?:, each once."""
    return tuple(dict.fromkeys(mask for masks in masks_by_state(unit, index, expr, context) for mask in masks))


def masks_by_state(unit: FunctionUnit, index: int, expr: Expr, context: Context) -> list[tuple[Mask, ...]]:
    """For each state at an instruction, the masks of an expression, one for each side of a ?: that can be taken."""
    kernel, tools = context.kernel, context.lookup.tools
    out: list[tuple[Mask, ...]] = []
    for state in unit.flow.at[index]:
        here = simplified(expr, state.facts, kernel.words["transparent"])
        sides = mask_algebra.choices(here, state.masks or {}, kernel, tools)
        out.append(tuple(mask_algebra.evaluate(one, known, kernel, tools) for one, known in sides))
    return out


def mentions(step: Instruction, kernel: Kernel) -> bool:
    """Whether an instruction itself may name a flag, judged by its text: most instructions of most functions do not."""
    prefixes = kernel.words["flag_prefixes"]
    return any(prefix in expr.text for expr in expressions(step) for prefix in prefixes)


def flag_rows(expr: Expr, kernel: Kernel, names: frozenset[str] | None = None) -> tuple[int, ...]:
    """The rows on which an expression names flags (those of `names`, if given)."""
    parts = (part for part in expr.walk() if part.op == "name" and mask_algebra.is_flag_name(part.text, kernel))
    return tuple(dict.fromkeys(part.line for part in parts if names is None or part.text in names))


def origin_rows(
    unit: FunctionUnit, variable: str, kernel: Kernel, names: frozenset[str] | None = None
) -> tuple[int, ...]:
    """The rows on which a variable is assigned flags (those of `names`, if given)."""
    rows: list[int] = []
    for step in (unit.steps[at] for at in unit.assigned.get(variable, ())):
        if step.value is not None:
            rows += flag_rows(step.value, kernel, names)
    return tuple(dict.fromkeys(rows))


def instruction_rows(step: Instruction) -> tuple[int, ...]:
    """All rows of an instruction, the first one first."""
    return tuple(range(step.lines[0], step.lines[1] + 1))


def reached(unit: FunctionUnit, index: int) -> tuple[State, ...]:
    """The states at an instruction; () where nothing certain is known, or no path leads to it."""
    return () if unit.flow.lost else unit.flow.at[index]


def expression_text(expr: Expr) -> str:
    """The text of an expression for a reader: one line, blanks around |."""
    return expr.text.replace("|", " | ") if expr.op == "|" else expr.text
