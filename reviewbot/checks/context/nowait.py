"""Finds requests that may wait on the branch of a request that must not."""

from __future__ import annotations

from collections.abc import Iterator

from reviewbot.checks.declaration import Trigger, check, no_role
from reviewbot.dataflow.conditions import normal
from reviewbot.frontend.instructions import Expr
from reviewbot.kernel.rows import strings
from reviewbot.model.kernel import Rule
from reviewbot.program.context import Context, Hit
from reviewbot.program.file_version import FileVersion, expressions
from reviewbot.program.provenance import spelled_out
from reviewbot.program.query import expression_text, flag_rows, masks_at, reached, request_at
from reviewbot.program.unit import FunctionUnit
from reviewbot.support.patterns import pattern

_WORD = pattern(r"\w+")
_PATH = pattern(r"[\w.\[\]]+(?:->[\w.\[\]]+)*(?:&[\w.\[\]]+(?:->[\w.\[\]]+)*)?")


@check(triggers=(Trigger.FAR_REACHING,), keys=no_role("reclaim"), values=("mask", "test"))
def blocking_in_nowait(side: FileVersion, rule: Rule, context: Context) -> Iterator[Hit]:
    """Flags written on the branch of a request that must not wait, which let it wait (`reclaim` of the row)."""
    reclaim = strings(rule.rows[0], "reclaim")[0]
    wanted = context.kernel.words["nowait"]
    for unit in side.units:
        if unit.words.isdisjoint(wanted):
            continue
        yield from _chosen(unit, reclaim, wanted, context)
        for index, step in enumerate(unit.steps):
            facts = [_nowait(state.facts, wanted) for state in reached(unit, index)]
            if not facts or not all(facts) or _is_what_was_chosen(step.name, facts[0], context):
                continue
            for expr, said in _masks(unit, index, context):
                masks = masks_at(unit, index, expr, context)
                rows = flag_rows(spelled_out(unit, index, expr, side.defines, context), context.kernel)
                if rows and masks and all(reclaim in one.must for one in masks):
                    values = {"mask": said, "test": facts[0].replace("&", " & ")}
                    cause = " ".join(word for word in _WORD.findall(facts[0]) if word.isupper())
                    key = f"{expression_text(expr)} {facts[0]}"
                    yield Hit((*rows, *step.lines), unit.function.name, key, values, cause=cause)


def _chosen(unit: FunctionUnit, reclaim: str, wanted: frozenset[str], context: Context) -> Iterator[Hit]:
    """The side of a choice between flags that is for a request that must not wait, and lets it wait."""
    for index, step in enumerate(unit.steps):
        choices = (part for expr in expressions(step) for part in expr.walk() if part.op == "?:")
        for part in choices if reached(unit, index) else ():
            if len(part.args) != 3:
                continue
            for side, way in zip(part.args[1:], (True, False), strict=True):
                test = _nowait(frozenset({normal(part.args[0], way)}), wanted)
                rows = flag_rows(side, context.kernel)
                if test and rows and all(reclaim in one.must for one in masks_at(unit, index, side, context)):
                    said = expression_text(side)
                    cause = " ".join(word for word in _WORD.findall(test) if word.isupper())
                    values = {"mask": said, "test": test.replace("&", " & ")}
                    yield Hit((*rows, *step.lines), unit.function.name, f"{said} {test}", values, cause=cause)


def _nowait(facts: frozenset[tuple[str, bool]], wanted: frozenset[str]) -> str:
    """The condition that says the request must not wait, "" if none that holds does.

    Only a variable or a bit of one: what a call makes of the word, or a comparison, is its own business.
    """
    for text, true in sorted(facts):
        plain = text[1:-1] if text.startswith("(") and text.endswith(")") else text
        if true and _PATH.fullmatch(plain) and not wanted.isdisjoint(_WORD.findall(plain)):
            return plain
    return ""


def _is_what_was_chosen(callee: str, test: str, context: Context) -> bool:
    """Whether a known call leaves the wait to others, as its name says: the mask is for what it does before."""
    chosen = _WORD.findall(test)[-1].replace("_", "")
    return callee in context.kernel.allocators and chosen in callee.split("_")


def _masks(unit: FunctionUnit, index: int, context: Context) -> Iterator[tuple[Expr, str]]:
    """The mask a step asks with, or gives a variable from which no step takes bits, and what a text calls it."""
    step, request = unit.steps[index], request_at(unit, index, context)
    if request is not None:
        given = expression_text(request.mask)
        yield request.mask, given if request.written else f"the {given} that {step.name}() uses by default"
        return
    narrowed = any(one.target == step.target and one.op == "&=" for one in unit.steps)
    if step.kind == "assign" and step.op == "=" and step.value is not None and not narrowed:
        yield step.value, expression_text(step.value)
