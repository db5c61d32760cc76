"""Finds wrong tests of masks: a compound of several bits taken for one, or the context tested to choose a mask."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reviewbot.checks.declaration import Trigger, check, no_role
from reviewbot.checks.masks.names import flag_of, said
from reviewbot.dataflow import mask_algebra
from reviewbot.frontend.instructions import Expr, Instruction
from reviewbot.kernel.rows import row_words, strings
from reviewbot.model.kernel import Flag, Kernel, Rule
from reviewbot.program.context import Context, Hit
from reviewbot.program.file_version import FileVersion, expressions
from reviewbot.program.query import allocation, mask_of
from reviewbot.program.unit import FunctionUnit

_TRUTH = ("!", "&&", "||")


@check(triggers=(Trigger.MASK_CHANGED,), keys=no_role("blocking", "examples", "whole"), values=("how", "test"))
def gfp_mask_test(side: FileVersion, rule: Rule, context: Context) -> Iterator[Hit]:
    """A mask tested against a compound as if that were one bit.

    `mask & GFP_X` as a truth is true for any shared bit, `mask == GFP_X` misses every modifier. Rows:
    `examples`, masks of which the first that passes by accident is named; `whole`, compounds that are
    a question of their own; `blocking`, the bit that lets a mask sleep. `(mask & (A | B)) == A` asks
    whether a mask may sleep if one of the two may: others that may not give another answer.
    """
    for unit in side.units:
        for step in unit.steps:
            for value in _truths(step, context.kernel):
                found = _shared(value, rule, context.kernel) or _compared(value, rule, context.kernel)
                if found is not None:
                    how, sure, line = found
                    values = {"test": said(value), "how": how}
                    yield Hit((line, *step.lines), unit.function.name, value.text, values, confidence=sure)


def _truths(step: Instruction, kernel: Kernel) -> Iterator[Expr]:
    """What a step takes for true or false: a condition, and the operands of !, && and ||."""
    if step.kind == "test" and step.value is not None:
        todo = [step.value]
    elif step.kind == "call" and step.name in kernel.words["transparent"]:
        todo = list(step.args)
    else:
        todo = [part for expr in expressions(step) for part in _negated(expr)]
    while todo:
        at = todo.pop()
        if at.op in _TRUTH:
            todo.extend(at.args)
        elif at.op != "call":
            yield at


def _negated(expr: Expr) -> Iterator[Expr]:
    todo = [expr]
    while todo:
        at = todo.pop()
        if at.op in (*_TRUTH, "==", "!="):
            yield at
        elif at.op != "call":
            todo.extend(at.args)


def _compound(expr: Expr, rule: Rule, kernel: Kernel) -> Flag | None:
    flag = flag_of(expr, kernel)
    fits = flag is not None and flag.kind == "compound" and flag.base and flag.name not in row_words(rule, "whole")
    return flag if fits else None


def _shared(value: Expr, rule: Rule, kernel: Kernel) -> tuple[str, str, int] | None:
    """mask & GFP_X: another mask that shares a bit passes."""
    if value.op != "&" or len(value.args) != 2:
        return None
    for arg in value.args:
        flag = _compound(arg, rule, kernel)
        if flag is None:
            continue
        for name in (name for row in rule.rows for name in strings(row, "examples")):
            other = kernel.flags.get(name)
            if other is not None and other.bits & flag.bits and other.bits != flag.bits:
                return f"it is also true for {name}", "high", arg.line
    return None


def _compared(value: Expr, rule: Rule, kernel: Kernel) -> tuple[str, str, int] | None:
    """mask == GFP_X, and (mask & GFP_X) == GFP_X."""
    if value.op not in ("==", "!=") or len(value.args) != 2:
        return None
    for arg, against in (value.args, value.args[::-1]):
        flag = _compound(arg, rule, kernel)
        if flag is None or against.op == "num" or flag_of(against, kernel) is not None:
            continue
        if against.op != "&":
            return f"any mask with one bit more or less than {flag.name} is not equal", "low", arg.line
        if not any(part.op == "name" and part.text == flag.name for part in against.args):
            other = _left_out(against, flag, rule, kernel)
            if other:
                return f"{other} cannot sleep either, but is not treated like {flag.name}", "medium", arg.line
            continue  # a field of several bits has one value: that is exact
        if flag.bits & row_words(rule, "blocking"):
            return (
                f"masks that lack one bit of {flag.name} fail the test, though some of them may sleep",
                "low",
                arg.line,
            )
        return (
            f"it is also true for a mask that may sleep, if that includes all bits of {flag.name}",
            "medium",
            arg.line,
        )
    return None


def _left_out(against: Expr, flag: Flag, rule: Rule, kernel: Kernel) -> str:
    """The example that may sleep no more than the flag, and that the bits looked at tell from it."""
    looked = frozenset[str]().union(
        *(kernel.flags[part.text].bits for part in against.walk() if part.text in kernel.flags)
    )
    blocking = row_words(rule, "blocking")
    if flag.bits & blocking or not looked & blocking:
        return ""
    for name in (name for row in rule.rows for name in strings(row, "examples")):
        other = kernel.flags.get(name)
        if other is not None and not other.bits & blocking and other.bits & looked != flag.bits & looked:
            return name
    return ""


@check(
    triggers=(Trigger.FAR_REACHING, Trigger.MASK_CHANGED),
    keys=no_role("asks", "home", "reclaim"),
    values=("asks", "mask"),
)
def guessed_context(side: FileVersion, rule: Rule, context: Context) -> Iterator[Hit]:
    """A mask that is chosen by asking what context the code runs in.

    Rows: `asks`, calls that ask; `reclaim`, the bit that only one of the two masks has; `home`, paths where it is known
    what the answer means.
    """
    if side.path.startswith(tuple(row_words(rule, "home"))):
        return
    for unit in side.units:
        for index, step in enumerate(unit.steps):
            choices = [part for expr in expressions(step) for part in expr.walk() if part.op == "?:"]
            for part in choices:
                asks = _asks(part.args[0], rule) if len(part.args) == 3 else ""
                if asks and _differ(part.args[1], part.args[2], rule, context.kernel):
                    values = {"asks": asks, "mask": said(part)}
                    yield Hit((part.line, *step.lines), unit.function.name, f"{asks} {part.text}", values)
            asks = _asks(step.value, rule) if step.kind == "test" and step.value is not None else ""
            ways = [unit.cfg.branch(index, taken) for taken in (True, False)] if asks else ()
            one, other = (_chosen(unit, at, context) for at in ways or (-1, -1))
            one, other = _default(unit, index, one, ways[1:]), _default(unit, index, other, ways[:1])
            if one is not None and other is not None and _differ(one, other, rule, context.kernel):
                values = {"asks": asks, "mask": f"{said(one)} or {said(other)}"}
                yield Hit((*step.lines, one.line, other.line), unit.function.name, f"{asks} {one.text}", values)


def _asks(condition: Expr, rule: Rule) -> str:
    """The call in a condition that asks for the context."""
    calls = (part.text for part in condition.walk() if part.op == "call")
    return next((name for name in calls if name in row_words(rule, "asks")), "")


def _chosen(unit: FunctionUnit, at: int, context: Context) -> Expr | None:
    """The mask that a branch begins by choosing: it gives a variable flags, or allocates with them."""
    while at >= 0 and unit.steps[at].kind == "join" and unit.cfg.only(at) >= 0:
        at = unit.cfg.only(at)
    step = unit.steps[at] if at >= 0 else None
    if step is None or step.kind not in ("assign", "call"):
        return None
    found = allocation(step, context.kernel)
    return mask_of(step, found) if found is not None else step.value if step.op == "=" else None


def _default(unit: FunctionUnit, index: int, mask: Expr | None, other: Sequence[int]) -> Expr | None:
    """The mask of one branch; where it asks with the variable that the `other` one sets, what that had before."""
    at = other[0] if other else -1
    while at >= 0 and unit.steps[at].kind == "join" and unit.cfg.only(at) >= 0:
        at = unit.cfg.only(at)
    step = unit.steps[at] if at >= 0 else None
    if step is None or step.kind != "assign" or step.op != "=" or (mask is not None and mask.text != step.target):
        return mask
    before = [one for one in unit.steps[:index] if one.kind == "assign" and one.target == step.target and one.op]
    return before[0].value if len(before) == 1 and before[0].op == "=" else None


def _differ(one: Expr, other: Expr, rule: Rule, kernel: Kernel) -> bool:
    """Whether two sums of flags differ in that one of them may sleep."""
    bits = []
    for expr in (one, other):
        known = [flag_of(term, kernel) for term in mask_algebra.terms(expr)]
        if not known or any(flag is None or not flag.bits for flag in known):
            return False
        bits.append(frozenset[str]().union(*(flag.bits for flag in known if flag is not None)))
    return len({frozenset(row_words(rule, "reclaim")) <= held for held in bits}) == 2
