"""Traces where a mask at an instruction came from: the flags that were put into it, and the rows that show it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from msgspec import Struct

from reviewbot.dataflow import mask_algebra
from reviewbot.dataflow.mask_env import expression, mask_sources, may_change
from reviewbot.frontend.instructions import Expr, Instruction
from reviewbot.frontend.macros import Defines
from reviewbot.model.kernel import Flag, Kernel
from reviewbot.program.context import Context
from reviewbot.program.file_version import FileVersion, expressions
from reviewbot.program.query import masks_at, reached
from reviewbot.program.unit import FunctionUnit
from reviewbot.support.patterns import pattern

_WORD = pattern(r"\w+")


class FlagOrigin(Struct, frozen=True):
    """A flag that surely is in a mask, and the row, from 0, on which it was put there."""

    flag: Flag
    row: int


def variable(step: Instruction) -> Expr:
    """The variable that an assignment writes to, as the expression that reads it."""
    op = "name" if step.target.isidentifier() else "*x" if step.target.startswith("*") else "field"
    return Expr(op, step.target, (), step.lines[0])


def held_flags(side: FileVersion, unit: FunctionUnit, index: int, term: Expr, context: Context) -> Iterator[FlagOrigin]:
    """The flags that a variable was assigned, or that a macro of the file lists, and that it has at an instruction.

    It has them on every path, or on one that begins where the flag is put in and cannot but lead here.
    """
    masks = masks_at(unit, index, term, context) if reached(unit, index) else ()
    if not masks or term.op == "call":
        return
    sure = frozenset.intersection(*(mask.must for mask in masks))
    may = frozenset.union(*(mask.may for mask in masks))
    for at, row, name in (*_put(unit, index, term), *_listed(side, unit, index, term)):
        flag = context.kernel.flags.get(name)
        if flag is None or not flag.bits:
            continue
        if flag.bits <= sure or (flag.bits <= may and at >= 0 and _leads(unit, at, index)):
            yield FlagOrigin(flag, row)


def _leads(unit: FunctionUnit, start: int, index: int) -> bool:
    """Whether every path from an assignment comes to an instruction, with nothing taken from the variable between."""
    name = unit.steps[start].target
    for at in unit.cfg.reachable(unit.cfg.succ[start], lambda at: at != index):
        step = unit.steps[at]
        if any(name not in (state.masks or {}) for state in unit.flow.at[at]):
            return False  # somebody was given it to write to
        if at == index:
            continue
        if step.kind in ("return", "end", "lost") or (
            step.kind == "assign" and step.op != "|=" and may_change(step.target, name)
        ):
            return False
        if unit.cfg.leaves(at):
            return False
    return True


def _put(unit: FunctionUnit, index: int, term: Expr) -> Iterator[tuple[int, int, str]]:
    """The names that assignments add, and where; what stands under & or ~ or in a call adds nothing."""
    for at in unit.reaching.sources(index, term):
        step = unit.steps[at]
        if step.value is not None and step.op in ("=", "|="):
            mine = step.target == term.text  # what went into another variable first may have been changed there
            yield from ((at if mine else -1, part.line, part.text) for part in added(step.value))


def added(value: Expr) -> Iterator[Expr]:
    """The names in an expression that are OR-ed into its mask."""
    todo = [value]
    while todo:
        at = todo.pop()
        if at.op == "name":
            yield at
        elif at.op == "|":
            todo.extend(reversed(at.args))


def _listed(side: FileVersion, unit: FunctionUnit, index: int, term: Expr) -> Iterator[tuple[int, int, str]]:
    for define in side.defines.of(_names(unit, index, term)):
        yield from ((-1, define.row, word) for word in _WORD.findall(define.body))


def _names(unit: FunctionUnit, index: int, term: Expr) -> set[str]:
    """Every name that a mask is made of, directly or in the assignments before."""
    found = mask_sources(term)
    for at in unit.reaching.sources(index, term):
        found |= mask_sources(unit.steps[at].value or term)
    return found


def spelled_out(unit: FunctionUnit, index: int, mask: Expr, defines: Defines, context: Context) -> Expr:
    """The mask as it was written first: in the one assignment that its variable has, or in a macro of the file.

    Both sides of a ?: that are the same are one. What several assignments put together is a sum, if nothing else can be
    in it. Where more than one thing may have been meant, the mask itself.
    """
    mask = one_side(mask)
    if mask.op == "|":
        parts = tuple(spelled_out(unit, index, part, defines, context) for part in mask.args)
        return mask if parts == mask.args else _sum(parts)
    if mask.op not in ("name", "field", "*x") or mask.text in context.kernel.flags:
        return mask
    steps = [(at, unit.steps[at]) for at in unit.reaching.sources(index, mask)]
    if not steps:
        return _defined(mask, defines, context) or mask
    values = [step.value for _, step in steps if step.value is not None]
    first, *more = (step.op for _, step in steps)
    own = all(step.target == mask.text for _, step in steps) and first == "=" and set(more) <= {"|="}
    if not own or len(values) != len(steps) or (more and not _exact(unit, index, mask, context)):
        return mask
    places = [at for at, _ in steps]
    return _sum([spelled_out(unit, at, value, defines, context) for at, value in zip(places, values, strict=True)])


def meant_here(unit: FunctionUnit, index: int, mask: Expr, defines: Defines, context: Context) -> Expr:
    """The mask of a request as it was written, if its variable is read for this request alone; else the mask itself."""
    mask = one_side(mask)
    function = unit.function
    if not mask.text.isidentifier() or mask.text in context.kernel.flags or not (function.ends and not function.holes):
        return mask
    local = mask.text in unit.assigned and _readers(unit).get(mask.text) == [index]
    return spelled_out(unit, index, mask, defines, context) if local else mask


@lru_cache(maxsize=2)  # asked for each request of one
def _readers(unit: FunctionUnit) -> Mapping[str, list[int]]:
    """The instructions that read each expression, by its text."""
    found: dict[str, list[int]] = {}
    for at, step in enumerate(unit.steps):
        for text in {text for expr in expressions(step) for text in _read(expr)}:
            found.setdefault(text, []).append(at)
    return found


def _read(expr: Expr) -> Iterator[str]:
    """The texts of the parts of an expression; those of a call's arguments belong to the call's own instruction."""
    yield expr.text
    for arg in expr.args if expr.op != "call" else ():
        yield from _read(arg)


def one_side(mask: Expr) -> Expr:
    """The mask, or what both sides of a choice are where they are the same."""
    same = mask.op == "?:" and len(mask.args) == 3 and mask.args[1].text == mask.args[2].text
    return one_side(mask.args[1]) if same else mask


def _exact(unit: FunctionUnit, index: int, mask: Expr, context: Context) -> bool:
    """Whether every path has put the same bits into a mask."""
    masks = masks_at(unit, index, mask, context)
    return len(masks) == 1 and masks[0].must == masks[0].may


def _sum(parts: Sequence[Expr]) -> Expr:
    first, *rest = parts
    for part in rest:
        first = Expr("|", f"{first.text}|{part.text}", (first, part), first.line)
    return first


def _defined(mask: Expr, defines: Defines, context: Context) -> Expr | None:
    """The body of the only macro of this name, where it stands."""
    found = defines.by_name.get(mask.text, ())
    body = expression(found[0].body.strip(), context.kernel) if len(found) == 1 else None
    return _placed(body, found[0].row) if body is not None else None


def _placed(expr: Expr, row: int) -> Expr:
    """An expression with all of it on one row."""
    return expr._replace(args=tuple(_placed(arg, row) for arg in expr.args), line=row)


def is_plain(unit: FunctionUnit, index: int, term: Expr) -> bool:
    """Whether a mask is made of names and | alone, so that no bit was taken out and nothing was chosen."""
    steps = [unit.steps[at] for at in unit.reaching.sources(index, term)]
    values = [term, *(step.value for step in steps if step.value is not None)]
    return all(step.op in ("=", "|=") for step in steps) and all(
        part.op in ("name", "num", "|") for value in values for part in value.walk()
    )


def evidence_of(
    side: FileVersion, unit: FunctionUnit, index: int, mask: Expr, context: Context, names: frozenset[str] | None = None
) -> tuple[tuple[int, str], ...]:
    """How a mask came to be, as (row, note): the assignments it may be made of, in order, and the macros they name.

    `names`: flags that a remark is about, so that the rows that name them come first.
    """
    shown: list[tuple[int, str]] = []
    for at in unit.reaching.sources(index, mask):
        step = unit.steps[at]
        if step.value is not None:
            shown.append((_row(step, context.kernel, names), _did(step)))
    words = _names(unit, index, mask) - context.kernel.flags.keys()
    shown += [(define.row, f"{define.name} is defined here") for define in side.defines.of(words)]
    return tuple(dict.fromkeys(shown))


def _row(step: Instruction, kernel: Kernel, names: frozenset[str] | None) -> int:
    """The row of an assignment that names one of the flags, or its first."""
    parts = [] if step.value is None else list(step.value.walk())
    for wanted in (names, None):
        for part in parts:
            if part.op == "name" and (part.text in wanted if wanted else mask_algebra.is_flag_name(part.text, kernel)):
                return part.line
    return step.lines[0]


def _did(step: Instruction) -> str:
    if step.op == "|=":
        return "flag added here"
    return "flags cleared here" if step.op == "&=" else "mask set here"
