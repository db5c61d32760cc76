"""Finds requests that do not wait where the code around them shows that they may."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cached_property

from reviewbot.checks.context.implied_lock import failed
from reviewbot.checks.declaration import CALLBACKS, Role, Trigger, check, no_role
from reviewbot.dataflow import mask_algebra
from reviewbot.frontend.instructions import UNUSED, Expr, Instruction
from reviewbot.interproc.registered.callbacks import Callback, callbacks
from reviewbot.interproc.sleeping import ENTRY, SleeperName, Sleeping, after, before
from reviewbot.kernel.rows import row_words, strings
from reviewbot.model.kernel import Rule
from reviewbot.program.context import Context, Hit
from reviewbot.program.file_version import FileVersion
from reviewbot.program.provenance import spelled_out
from reviewbot.program.query import instruction_rows, reached
from reviewbot.program.unit import FunctionUnit


@check(
    triggers=(Trigger.FAR_REACHING, Trigger.MASK_CHANGED, Trigger.SLEEP_CONTEXT),
    keys={
        **CALLBACKS,
        "masks": Role.FLAGS,
        **no_role("boot", "except", "fatal", "locking", "polite", "reclaim", "reserves", "tries", "usual"),
    },
    values=("callee", "flag", "gain", "instead", "sleeper"),
)
def unneeded_atomic(side: FileVersion, rule: Rule, context: Context) -> Iterator[Hit]:
    """A mask of the row's `masks` where code that is run with it sleeps, with no lock taken or dropped between.

    Rows: `usual`, the mask to use instead; `reserves`, the bit that gives access to them. Masks with a bit of `tries`
    are a first try, and so are those of the families in `unless`; a call in `except` has rules of its own. A mask of
    `polite` may be meant as one wherever it stands: it counts only where its failure ends the function with a word of
    `fatal`. Which of two masks is wrong is not known in a function that others run. Rows with `as`: functions that are
    run where they may sleep, see callbacks.callbacks(); `locking`, words of calls that may end that; `boot`, see
    _Run.at_boot(). Rows with `functions` and no `as`: those where a list says that nothing may sleep.
    """
    named = {one.name for one in side.defines if any(mask in one.body for mask in row_words(rule, "masks"))}
    asked = {
        id(unit): found
        for unit in side.units
        if not (unit.words.isdisjoint(row_words(rule, "masks") | named) or unit.function.macro or unit.flow.lost)
        and (found := [(at, mask) for at in range(len(unit.steps)) if (mask := _mask(side, unit, at, rule, context))])
    }
    if not asked:
        return
    sleeping = Sleeping(side, rule, context)
    run = _Run(side, rule)
    for unit in side.units:
        if run.at_boot(unit) or unit.function.name in run.listed:
            continue
        for index, mask in asked.get(id(unit), ()):
            if mask.text in row_words(rule, "polite") and not _fatal(unit, index, row_words(rule, "fatal")):
                continue
            beside = _same_context(unit, index, sleeping, context) or _called_to_sleep(unit, index, run, context)
            if beside is not None:
                said, row = beside
                sure = "low" if said.mask and _either(side, unit, index, row) else ""
                values = {
                    "callee": unit.steps[index].name,
                    "flag": mask.text,
                    "sleeper": said.text,
                    "instead": said.mask or strings(rule.rows[0], "usual")[0],
                    "gain": _gain(mask, rule, context),
                }
                key = f"{unit.steps[index].name} {mask.text} {unit.steps[index].target}"
                because = ((row, "may sleep here"),)
                rows = (*unit.steps[index].lines, mask.line)
                yield Hit(rows, unit.function.name, key, values, because, sure)


def _same_context(
    unit: FunctionUnit, index: int, sleeping: Sleeping, context: Context
) -> tuple[SleeperName, int] | None:
    """What sleeps in the context of a request, and the row; None if nothing does, or it is asked for in other ways."""
    step, named = unit.steps[index], sleeping.named(unit)
    mine = {at: text for at, text in named.items() if at != index and not _same_target(step, unit.steps[at])}
    if len(mine) < len(named) - (index in named):
        return None  # asked for again, or before, in another way
    found = before(unit, mine, context)[index] or after(unit, mine, context)[index]
    if found is not None and found[0] >= 0:
        return found[1], unit.steps[found[0]].lines[0]
    outside = sleeping.entered(unit)
    if outside is None or before(unit, {}, context, (ENTRY, outside[0]))[index] is None:
        return None
    return outside


class _Run:
    """The functions of a text that others run where they may sleep, worked out when the first is asked for."""

    def __init__(self, side: FileVersion, rule: Rule) -> None:
        self._side, self._rule = side, rule
        self.locking = row_words(rule, "locking")

    @cached_property
    def listed(self) -> frozenset[str]:
        """The functions that a list knows to be run where they may not."""
        rows = [row for row in self._rule.rows if "functions" in row and "as" not in row]
        return frozenset(one.function for one in callbacks(self._side, rows))

    def at_boot(self, unit: FunctionUnit) -> bool:
        """Whether a function may run before the kernel can sleep: one for boot that others call, and no initcall."""
        function = unit.function
        head = self._side.rows[max(function.head[0], 0) : function.head[1] + 1]
        marked = any(word in row for row in head for word in row_words(self._rule, "boot"))
        return marked and not function.static and function.name not in self.callbacks

    @cached_property
    def callbacks(self) -> Mapping[str, Callback]:
        """By the name of the function."""
        found = callbacks(self._side, [row for row in self._rule.rows if "as" in row])
        return {one.function: one for one in found}


def _called_to_sleep(unit: FunctionUnit, index: int, run: _Run, context: Context) -> tuple[SleeperName, int] | None:
    """Why a request may sleep in a function that is run where that is allowed; None if it took anything before."""
    if not unit.function.seen_from_start or unit.function.name not in run.callbacks:
        return None
    known = (*context.kernel.words["neutral"], *context.kernel.words["sleepers"])
    calls = (step for step in unit.steps[:index] if step.kind == "call" and step.name not in known)
    if any(word in step.name for step in calls for word in run.locking):
        return None
    one = run.callbacks[unit.function.name]
    return SleeperName(f"{one.function}(), {strings(one.listed, 'as')[0]},"), one.row


def _either(side: FileVersion, unit: FunctionUnit, index: int, row: int) -> bool:
    """Whether of two masks, one of which does not sleep, either may be wrong: the one on this row is new.

    Then the other was there before, or is in a function that others run, nobody knows where.
    """
    if not (0 <= row < len(side.rows) and side.changed[row]):
        return False
    mine = [at for at in instruction_rows(unit.steps[index]) if 0 <= at < len(side.rows)]
    handed = re.search(rf"[=,(&{{]\s*{re.escape(unit.function.name)}\b(?!\s*\()", side.text)
    return handed is not None or not any(side.changed[at] for at in mine)


def _gain(mask: Expr, rule: Rule, context: Context) -> str:
    """What else is better about a mask that may wait."""
    flag = context.kernel.flags.get(mask.text)
    return " and leaves the reserves alone" if flag and flag.bits & row_words(rule, "reserves") else ""


def _fatal(unit: FunctionUnit, index: int, fatal: frozenset[str]) -> bool:
    """Whether the function gives up, and says so, where the result of a call is NULL."""

    def says_so(at: int) -> bool:
        step = unit.steps[at]
        said = step.value.text if step.value is not None and step.kind in ("assign", "return") else ""
        return any(word in said for word in fatal)

    def goes_on(at: int) -> bool:
        return unit.steps[at].kind in ("return", "end", "lost", "test")

    start = failed(unit, index)
    return bool(unit.cfg.on_all_ways((start,), says_so, goes_on)) if start >= 0 else False


def _same_target(one: Instruction, other: Instruction) -> bool:
    return one.target not in ("", UNUSED, "return") and one.target == other.target


def _mask(side: FileVersion, unit: FunctionUnit, index: int, rule: Rule, context: Context) -> Expr | None:
    """The flag of the row's `masks` that a call passes, if it is one that the rule is about."""
    step = unit.steps[index]
    states = reached(unit, index)
    if step.kind != "call" or step.op or step.name.isupper() or step.name in row_words(rule, "except") or not states:
        return None
    found = context.kernel.allocators.get(step.name)
    if found is not None and found.family in row_words(rule, "unless"):
        return None
    if any(_atomic(one.scope, context) for state in states for one in state.open):
        return None
    for arg in step.args:
        chain = mask_algebra.terms(spelled_out(unit, index, arg, side.defines, context))
        named = [term for term in chain if term.text in row_words(rule, "masks")]
        if named and not any(term.text in row_words(rule, "tries") for term in chain):
            return named[0]
    return None


def _atomic(scope: str, context: Context) -> bool:
    kind = context.kernel.scopes.get(scope)
    return kind is not None and kind.atomic
