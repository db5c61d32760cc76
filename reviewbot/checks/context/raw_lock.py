"""Finds requests below a lock under which a real-time kernel allows none, not even one that does not sleep."""

from __future__ import annotations

from collections.abc import Iterator

from reviewbot.checks.declaration import Trigger, check, no_role
from reviewbot.interproc.entry import entered_note, inside_of
from reviewbot.kernel.rows import row_words
from reviewbot.model.kernel import Rule
from reviewbot.program.context import Context, Hit
from reviewbot.program.file_version import FileVersion
from reviewbot.program.query import expression_text, flag_rows, masks_at, reached, requests


@check(
    triggers=(Trigger.SLEEP_CONTEXT,),
    keys=no_role("reclaim", "scopes", "unless"),
    values=("callee", "call", "lock", "mask"),
)
def alloc_under_raw_lock(side: FileVersion, rule: Rule, context: Context) -> Iterator[Hit]:
    """A request that does not sleep, where on every path to it not even that is allowed on a real-time kernel.

    Rows: `scopes` that stay what they are there; `reclaim`, the bit that lets a request sleep, which is another rule's;
    `unless`, families that take no lock.
    """
    wanted = row_words(rule, "scopes")
    locks = frozenset[str]().union(*(context.lookup.openers.get(name, frozenset()) for name in wanted))
    for unit in side.units:
        if unit.words.isdisjoint(locks):
            continue
        for request in requests((unit,), context):
            _, index, step, found, mask, _ = request
            if unit.function.macro or found.family in row_words(rule, "unless"):
                continue
            held = [next((one for one in state.open if one.scope in wanted), None) for state in reached(unit, index)]
            masks = masks_at(unit, index, mask, context)
            if not held or not masks or any(row_words(rule, "reclaim") & one.may for one in masks):
                continue
            taken = [one for one in held if one is not None]
            if len(taken) == len(held):
                entered = unit.steps[taken[0].step]
                values = {
                    "callee": step.name,
                    "call": request.said,
                    "mask": expression_text(mask),
                    "lock": inside_of(entered, taken[0].scope, context.kernel),
                }
                rows = (*flag_rows(mask, context.kernel), *step.lines)
                because = ((entered.lines[0], entered_note(taken[0].scope, context.kernel)),)
                yield Hit(rows, unit.function.name, f"{step.name} {values['lock']}", values, because)
