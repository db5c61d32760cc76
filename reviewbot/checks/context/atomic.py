"""Finds requests and frees that may sleep where something forbids it.

Sleeping is forbidden by a scope that the function has open, by one that it is entered with or that is given back below,
and where others run the function. Where the text does not surely show it the confidence is lower.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec.structs import replace

from reviewbot.checks.context.guarded_list import TextRows, guarded
from reviewbot.checks.context.held_above import ASLEEP, Held, HeldAbove
from reviewbot.checks.context.implied_lock import given_back_below, left_locked, released
from reviewbot.checks.context.sleeping_calls import Sleeper, last_user, matters
from reviewbot.checks.declaration import CALLBACKS, Role, Trigger, check, no_role
from reviewbot.dataflow.state import OpenScope
from reviewbot.frontend.instructions import Instruction
from reviewbot.interproc.entry import before_end, entered_note, inside_of, taker
from reviewbot.interproc.specialize import Specialization, handed_over, specialized
from reviewbot.kernel.rows import row_words, strings
from reviewbot.model.kernel import Rule
from reviewbot.model.review import CONFIDENCES
from reviewbot.program.context import Context, Hit
from reviewbot.program.file_version import FileVersion
from reviewbot.program.query import expression_text, reached, requests
from reviewbot.program.unit import FunctionUnit

_WORD = re.compile(r"\w+")
_LAST_WORD = re.compile(r"(\w+)\W*\Z")
_LONGEST = 200  # characters of the flags that something is made with


@check(
    triggers=(Trigger.SLEEP_CONTEXT,),
    keys={
        **CALLBACKS,
        "frees": Role.REQUESTS,
        "asserts": Role.ASSERTIONS,
        **no_role(
            "beginnings",
            "confidence",
            "counted",
            "entered_with",
            "given",
            "harmless",
            "keeps",
            "legal",
            "list_changes",
            "made_by",
            "made_with",
            "only",
            "only_in",
            "own",
            "own_by",
            "plain",
            "reclaim",
            "releases",
            "replaces",
            "self_unlocking",
            "sets_up",
            "sleeps",
            "spins",
        ),
    },
    values=("call", "callee", "how", "lock"),
)
def sleep_in_atomic(side: FileVersion, rule: Rule, context: Context) -> Iterator[Hit]:
    """A request that may sleep where on every path to it something forbids that.

    Rows: `reclaim`, the bit that lets a request sleep; `self_unlocking` families drop the lock kinds
    in `own` themselves, and those of `own_by`, "kind flag", where what they are given was made with that flag: calls of
    `made_by` say so, by flags with a word of `made_with`; those in `replaces` allocate nothing; a call in `harmless`,
    or with a word of `keeps` in its name, only looks at a mask. `frees`:
    calls that free memory and may sleep, unless one of the locks was taken by a call with a word of `legal` in its
    name or in a callback, or, where there is `only`, if one was taken by a call with one of these, or in a callback
    with words of `only_in` in its `as`. `counted`: words of a condition that only the last user meets, who need not be
    one that holds a lock.
    `asserts`, `spins`, `sleeps`: see entry.Locks. Rows with `as`, functions that are run where nothing may sleep:
    see callbacks.callbacks(). Rows with `given`: functions that are handed a mask which may sleep, and whose that is.
    """
    above = HeldAbove(side, rule, context)
    early = context.kernel.words["early_boot"]
    for unit in above.all:
        if unit.function.macro or (unit.function.name in early and not unit.function.static):
            continue
        said = set()
        for hit in (*_sleeps(unit, above), *_given_masks(unit, above)):
            said.add(hit.rows)
            yield hit
        for one in specialized(unit, above.path(unit), context.calls, context.lookup):
            for hit in _sleeps(one.unit, above, entered=False):
                if hit.rows not in said:
                    said.add(hit.rows)
                    yield _passed_on(hit, one, above.side_of(unit) or above.side, above.context)


def _sleeps(unit: FunctionUnit, above: HeldAbove, entered: bool = True) -> Iterator[Hit]:
    """What sleeps in a function; `entered`: also where it is only called where nothing may.

    Of a caller's mask that is not asked: whoever calls it below a lock may pass another one.
    """
    rule, context = above.rule, above.context
    for index, call in above.sleepers(unit):
        step = unit.steps[index]
        own = _own(step, rule, above.side, context)
        found = _here(unit, index, own, call, above)
        if found is None and call.always:
            found = _given_back(unit, index, own, context) or _shared(unit, index, above)
        if found is None and entered:
            found = above.held(unit, index, own, call)
        if found is None or not _sleeps_there(unit, index, call, found, above):
            continue
        values = {"callee": step.name, "call": call.said, "how": call.how, "lock": found.where}
        key = f"{step.name} {call.mask} {found.base or found.where}"
        told = found.confidence or "high"
        if told == "low" and call.free is None and above.was_quiet(unit, index):
            told = "medium"
        sure = min(call.confidence or "high", told, key=CONFIDENCES.index)
        kind = "request" if call.free is None else "free"
        rows, side = (*call.rows, *step.lines), above.side_of(unit)
        yield Hit(
            *(rows, unit.function.name, key, values, found.rows, sure),
            cause=kind,
            side=side,
            elsewhere=found.elsewhere,
            said=ASLEEP if found.outside or above.is_lent(unit) else "",
            chain=found.chain,
        )


def _given_masks(unit: FunctionUnit, above: HeldAbove) -> Iterator[Hit]:
    """Requests below a lock of the function itself, with a mask of callers who are known to pass one that may sleep."""
    rule, context = above.rule, above.context
    params = [name for kind, name in unit.function.params if kind in context.kernel.words["mask_types"] and name]
    if len(params) != 1 or unit.flow.lost or any(step.target == params[0] for step in unit.steps):
        return
    whose = above.givers.get(unit.function.name)
    for request in requests((unit,), context) if whose is not None else ():
        locks = _locks(unit, request.at, _own(request.step, rule, above.side, context), context)
        if whose is None or request.mask.text != params[0] or None in locks or request.allocator.sleeps == "never":
            continue
        if any(params[0] in _WORD.findall(text) for state in reached(unit, request.at) for text, _ in state.facts):
            continue  # it asked
        held = _here(unit, request.at, frozenset(), Sleeper("", "", "", ()), above)
        if held is None:
            continue
        said = f"{request.said} from {strings(whose.listed, 'given')[0]}"
        values = {"callee": request.step.name, "call": said, "how": f"With {params[0]} it may", "lock": held.where}
        because = (*held.rows, *whose.rows)
        key = f"{request.step.name} {params[0]} {held.where}"
        rows = (request.mask.line, *request.step.lines)
        yield Hit(rows, unit.function.name, key, values, because, "medium", cause="request")


def _sleeps_there(unit: FunctionUnit, index: int, call: Sleeper, found: Held, above: HeldAbove) -> bool:
    if call.free is None:
        return True
    if found.outside and last_user(unit, index, call.free):
        return False
    return matters(unit, index, call.free, above.above(unit, index), found.taken, above.context)


def _passed_on(hit: Hit, one: Specialization, side: FileVersion, context: Context) -> Hit:
    """A hit that holds for the mask of one caller. `side`: where the function of the request stands."""
    mask, name = f"{expression_text(one.arg)} from {one.call.unit.function.name}()", hit.values["callee"]
    values = {**hit.values, "call": f"{name}() with {mask}", "how": f"With {mask} it may"}
    made = handed_over(replace(hit, said=ASLEEP), one, side, context)
    return replace(made, key=f"{hit.key} {mask}", values=values, confidence="medium")


def _here(unit: FunctionUnit, index: int, own: frozenset[str], call: Sleeper, above: HeldAbove) -> Held | None:
    """The scope that the function itself has open where the call sleeps.

    Surely, if both is so on every path; less so if the call sleeps on one of them only, or a lock is held on one, and
    that one is given back below, or left behind.
    """
    context = above.context
    locks = _locks(unit, index, own, context)
    meet = [at for at, one in enumerate(locks) if one is not None and call.on(at)]
    if not meet:
        return None
    one = locks[meet[0]]
    assert one is not None
    entered = unit.steps[one.step]
    rows = ((entered.lines[0], entered_note(one.scope, context.kernel)),)
    found = Held(inside_of(entered, one.scope, context.kernel), rows, taken=taker(entered))
    if None not in locks:
        if call.always:
            return found
        asked = all(_asks_mask(unit, index, at, context) for at in meet)
        return None if asked else replace(found, confidence="medium")
    sure = all(call.surely_on(at) for at, lock in enumerate(locks) if lock is not None)
    meant = sure and (
        given_back_below(unit, index, one, context)
        or left_locked(unit, index, one, lambda at: above.gives_back(unit, at), context)
    )
    return replace(found, confidence="medium") if meant else None


def _asks_mask(unit: FunctionUnit, index: int, number: int, context: Context) -> bool:
    """Whether the state of this number knows a condition on a mask: what a caller asks with tells it what it may do."""
    tests, stems = context.lookup.tools.tests, context.kernel.words["flag_prefixes"]
    texts = [text for text, _ in reached(unit, index)[number].facts]
    return any(word in text for text in texts for word in (*tests, *stems))


def _given_back(unit: FunctionUnit, index: int, own: frozenset[str], context: Context) -> Held | None:
    """The lock that is given back below, though the text does not show where it was taken."""
    at = released(unit, index, own, context)
    if at < 0:
        return None
    step = unit.steps[at]
    ends = next((kind.name for kind, _ in context.lookup.closed(step) if kind.atomic), "")
    where = before_end(step, ends, context.kernel)
    return Held(where, ((step.lines[0], "released here"),), "medium", taker(step))


def _shared(unit: FunctionUnit, index: int, above: HeldAbove) -> Held | None:
    """The lock below which others change the list that is changed next."""
    if unit.function.seen_from_start:
        return None
    changes, sets_up = row_words(above.rule, "list_changes"), row_words(above.rule, "sets_up")
    text = TextRows(above.side.rows, above.units)
    found = guarded(unit, index, text, changes, sets_up, above.context)
    begins = any(word in unit.function.name for word in row_words(above.rule, "beginnings"))
    if found is None or begins:
        return None
    where = f"under {found.lock}, which {found.function}() takes to change {found.name} as this code does"
    rows = (found.rows[0], "list changed here, no lock taken in between"), (found.rows[1], "lock taken there")
    return Held(where, rows, "medium", found.call)


def _own(step: Instruction, rule: Rule, side: FileVersion, context: Context) -> frozenset[str]:
    """The kinds of lock that an allocator drops itself before it sleeps."""
    found = context.kernel.allocators.get(step.name)
    if found is None or found.family not in row_words(rule, "self_unlocking"):
        return frozenset()
    asked = (pair.split(" ") for pair in sorted(row_words(rule, "own_by")))
    return row_words(rule, "own") | {kind for kind, flag in asked if _may_have(step, flag, rule, side)}


def _may_have(step: Instruction, flag: str, rule: Rule, side: FileVersion) -> bool:
    """Whether what a call is about may have been made with a flag: it was, or the text does not show how it was."""
    name = _LAST_WORD.search(step.args[0].text) if step.args else None
    if not side.whole or name is None or step.name in row_words(rule, "replaces"):
        return True
    made = "|".join(map(re.escape, sorted(row_words(rule, "made_by"))))
    told = re.compile(rf"\b(?:{made})\s*\([^;()]*\b{re.escape(name[1])}\s*([,)][^;]{{0,{_LONGEST}}});")
    found, known = told.findall(side.text), row_words(rule, "made_with")
    return not found or any(flag in one or ("," in one and not any(word in one for word in known)) for one in found)


def _locks(unit: FunctionUnit, index: int, own: frozenset[str], context: Context) -> list[OpenScope | None]:
    """For each state at a step what forbids sleeping in it, None if nothing does."""
    out: list[OpenScope | None] = []
    for state in reached(unit, index):
        held = [one for one in state.open if (kind := context.kernel.scopes.get(one.scope)) is not None and kind.atomic]
        held = [one for one in held if one.scope not in own]
        out.append(held[-1] if held else None)
    return out
