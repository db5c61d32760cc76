"""Checks of where a request stands: may the code around it sleep, must it not wait."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from reviewbot import flags
from reviewbot.bound import Bound, bound
from reviewbot.callgraph import Entry, Locks, asks, asserted, held, keeps_entry, registered, shown_as
from reviewbot.checks.base import (
    Context,
    Hit,
    allocation,
    code,
    flag_rows,
    mask_argument,
    masks_at,
    reached,
    strings,
    words,
)
from reviewbot.checks.held import released
from reviewbot.checks.shared import Text, guarded
from reviewbot.csource import Expr, Step
from reviewbot.flow import Open
from reviewbot.model import CONFIDENCES, Rule
from reviewbot.sides import Slice, Unit

_WORD = re.compile(r"\w+")
_PATH = re.compile(r"[\w.\[\]]+(?:->[\w.\[\]]+)*(?:&[\w.\[\]]+(?:->[\w.\[\]]+)*)?")


@dataclass(frozen=True, slots=True)
class _Sleeper:
    """A call that surely may sleep: how its mask is written ("" if it takes none), and where."""

    mask: str
    rows: tuple[int, ...]
    confidence: str = ""


@dataclass(frozen=True, slots=True)
class _Held:
    """What forbids sleeping: how a text ends that says so, and the rows that show it, with a word about each."""

    where: str
    rows: tuple[tuple[int, str], ...]
    confidence: str = ""


def sleep_in_atomic(side: Slice, rule: Rule, context: Context) -> Iterator[Hit]:
    """A request that may sleep where on every path to it something forbids that.

    Rows: `reclaim`, the bit that lets a request sleep; `self_unlocking` families drop the lock kinds
    in `own` themselves; a call in `harmless`, or with a word of `keeps` in its name, only looks at a mask.
    `asserts`, `spins`, `sleeps`: see callgraph.Locks; `members`, `registers`: see callgraph.registered(), functions
    that are run where nothing may sleep, `as` what.
    """
    entries = _Entries(side, rule, context)
    for unit in (*side.units, *side.below):
        if unit.function.macro:
            continue
        said = set()
        for hit in _sleeps(unit, entries):
            said.add(hit.rows)
            yield hit
        for one in bound(unit, entries.units, context.lookup):
            for hit in _sleeps(one.unit, entries, entered=False):
                if hit.rows not in said:
                    said.add(hit.rows)
                    yield _passed_on(hit, one)


def _sleeps(unit: Unit, entries: _Entries, entered: bool = True) -> Iterator[Hit]:
    """What sleeps in a function; `entered`: also where it is only called where nothing may.

    Of a caller's mask that is not asked: whoever calls it below a lock may pass another one.
    """
    rule, context = entries.rule, entries.context
    for index, step in enumerate(unit.steps):
        sleeper = _sleeper(unit, index, step, rule, context)
        if sleeper is None:
            continue
        own = _own(step, rule, context)
        found = (
            _here(unit, index, own, context)
            or _given_back(unit, index, own, context)
            or _shared(unit, index, entries)
            or (_entered(unit, index, entries.of(unit), own, context) if entered else None)
        )
        if found is None:
            continue
        how = f"With {sleeper.mask} it may" if sleeper.mask else "It may"
        call = f"{step.name}() with {sleeper.mask}" if sleeper.mask else f"{step.name}()"
        values = {"callee": step.name, "call": call, "how": how, "lock": found.where}
        key = f"{step.name} {sleeper.mask} {found.where}"
        rows = (*sleeper.rows, *step.lines)
        sure = min(sleeper.confidence or "high", found.confidence or "high", key=CONFIDENCES.index)
        yield Hit(rows, unit.function.name, key, values, found.rows, sure)


def _passed_on(hit: Hit, one: Bound) -> Hit:
    """A hit that holds for the mask of one caller."""
    mask, name = f"{code(one.arg)} from {one.caller.function.name}()", hit.values["callee"]
    values = {**hit.values, "call": f"{name}() with {mask}", "how": f"With {mask} it may"}
    because = (*hit.because, (one.arg.line, "the mask is handed over here"))
    rows = (*hit.rows, one.arg.line, *one.caller.steps[one.at].lines)
    return replace(hit, rows=rows, key=f"{hit.key} {mask}", values=values, because=because, confidence="medium")


class _Entries:
    """Functions of the text that are entered where nothing may sleep, worked out when the first is asked for."""

    def __init__(self, side: Slice, rule: Rule, context: Context) -> None:
        self.side, self.rule, self.context = side, rule, context
        self.units = (*side.units, *side.around, *side.below)
        self._known: Mapping[str, Entry] | None = None

    def of(self, unit: Unit) -> Entry | None:
        if self._known is None:
            self._known = _entries(self.side, self.units, self.rule, self.context)
        return self._known.get(unit.function.name)


def _here(unit: Unit, index: int, own: frozenset[str], context: Context) -> _Held | None:
    """The scope that the function itself has open."""
    locks = _locks(unit, index, own, context)
    if not locks:
        return None
    entered = unit.steps[locks[0].step]
    return _Held(f"after {shown_as(entered)}", ((entered.lines[0], "taken here"),))


def _given_back(unit: Unit, index: int, own: frozenset[str], context: Context) -> _Held | None:
    """The lock that is given back below, though the text does not show where it was taken."""
    at = released(unit, index, own, context)
    if at < 0:
        return None
    step = unit.steps[at]
    where = f"before {shown_as(step)}, with no lock in between"
    return _Held(where, ((step.lines[0], "unlocked here"),), "medium")


def _shared(unit: Unit, index: int, entries: _Entries) -> _Held | None:
    """The lock below which others change the list that is changed next."""
    changes, sets_up = words(entries.rule, "list_changes"), words(entries.rule, "sets_up")
    text = Text(entries.side.rows, entries.units)
    found = guarded(unit, index, text, changes, sets_up, entries.context)
    begins = any(word in unit.function.name for word in words(entries.rule, "beginnings"))
    if found is None or begins:
        return None
    where = f"below {found.lock}; {found.function}() takes it to change {found.name}, as is done here"
    rows = (found.rows[0], "changed here, with no lock in between"), (found.rows[1], "taken there")
    return _Held(where, rows, "medium")


def _entered(unit: Unit, index: int, entry: Entry | None, own: frozenset[str], context: Context) -> _Held | None:
    """What the function is entered with, if it keeps it and does not ask first."""
    if entry is None or entry.scope in own or not keeps_entry(unit, context.lookup):
        return None
    if asks(unit, index, context.lookup):
        return None
    return _Held(entry.where(unit.function.name), entry.rows, "medium")


def _entries(side: Slice, units: Sequence[Unit], rule: Rule, context: Context) -> Mapping[str, Entry]:
    spins = dict(pair.split(" ", 1) for pair in sorted(words(rule, "spins")))
    locks = Locks(words(rule, "asserts"), spins, words(rule, "sleeps"))
    first = dict(asserted(units, side.rows, context.lookup, locks))
    text = "\n".join(side.rows)
    for row in rule.rows:
        here = [word for word in strings(row, "members") if word in text]
        calls = [word for word in strings(row, "registers") if word.partition(" ")[0] in text]
        for name, member, at in registered(side.rows, here, calls) if here or calls else ():
            said = f"in {strings(row, 'as')[0]} ({member})"
            first.setdefault(name, Entry("", said, ((at, "registered here"),)))
    return held(units, context.lookup, first)


def _sleeper(unit: Unit, index: int, step: Step, rule: Rule, context: Context) -> _Sleeper | None:
    """What a call that surely may sleep says about it; None for any other step."""
    if step.kind != "call" or step.op:
        return None
    reclaim = strings(rule.rows[0], "reclaim")[0]
    found = allocation(step, context.kernel)
    if found is None:
        other = None if step.name in context.kernel.allocators else _wrapper(step, reclaim, rule, context)
        return other if other is not None and reached(unit, index) else None
    if not reached(unit, index):
        return None
    mask = mask_argument(step, found)
    if mask is None:
        blocking = found.sleeps == "always" or reclaim in _implicit(found.implicit, context)
        return _Sleeper("", ()) if found.gfp is None and found.implicit and blocking else None
    masks = masks_at(unit, index, mask, context)
    sure = bool(masks) and all(reclaim in one.must for one in masks)
    if found.sleeps == "never" or not (sure or (masks and found.sleeps == "always")):
        return None
    return _Sleeper(code(mask), flag_rows(mask, context.kernel))


def _wrapper(step: Step, reclaim: str, rule: Rule, context: Context) -> _Sleeper | None:
    """A call of something unknown that is handed flags which let it sleep; it may do with them what it likes."""
    words_ = context.kernel.words
    changes = any(word in step.name for word in (*words_["may_unlock"], *words(rule, "keeps")))
    if step.name in words(rule, "harmless") or changes or step.name.isupper():
        return None
    for arg in step.args:
        chain = flags.terms(arg)
        known = [context.kernel.flags.get(term.text) for term in chain]
        if all(flag is not None for flag in known) and any(flag and reclaim in flag.bits for flag in known):
            return _Sleeper(code(arg), tuple(term.line for term in chain), "medium")
    return None


def _implicit(text: str, context: Context) -> frozenset[str]:
    names = _WORD.findall(text)
    return frozenset(bit for name in names if name in context.kernel.flags for bit in context.kernel.flags[name].bits)


def _own(step: Step, rule: Rule, context: Context) -> frozenset[str]:
    """The kinds of lock that an allocator drops itself before it sleeps."""
    found = context.kernel.allocators.get(step.name)
    drops = found is not None and found.family in words(rule, "self_unlocking")
    return words(rule, "own") if drops else frozenset()


def _locks(unit: Unit, index: int, own: frozenset[str], context: Context) -> list[Open]:
    """What forbids sleeping at a step on every path; [] if on one nothing does."""
    out = []
    for world in reached(unit, index):
        held = [one for one in world.open if (kind := context.kernel.scopes.get(one.scope)) is not None and kind.atomic]
        held = [one for one in held if one.scope not in own]
        if not held:
            return []
        out.append(held[-1])
    return out


def blocking_in_nowait(side: Slice, rule: Rule, context: Context) -> Iterator[Hit]:
    """Flags written on the branch of a request that must not wait, which let it wait (`reclaim` of the row)."""
    reclaim = strings(rule.rows[0], "reclaim")[0]
    wanted = context.kernel.words["nowait"]
    for unit in side.units:
        for index, step in enumerate(unit.steps):
            facts = [_nowait(world.facts, wanted) for world in reached(unit, index)]
            if not facts or not all(facts):
                continue
            for expr in _masks(unit, step, context):
                masks = masks_at(unit, index, expr, context)
                rows = flag_rows(expr, context.kernel)
                if rows and masks and all(reclaim in one.must for one in masks):
                    values = {"mask": code(expr), "test": facts[0].replace("&", " & ")}
                    yield Hit((*rows, *step.lines), unit.function.name, f"{code(expr)} {facts[0]}", values)


def _nowait(facts: frozenset[tuple[str, bool]], wanted: frozenset[str]) -> str:
    """The condition that says the request must not wait, "" if none that holds does.

    Only a variable or a bit of one: what a call makes of the word, or a comparison, is its own business.
    """
    for text, true in sorted(facts):
        plain = text[1:-1] if text.startswith("(") and text.endswith(")") else text
        if true and _PATH.fullmatch(plain) and not wanted.isdisjoint(_WORD.findall(plain)):
            return plain
    return ""


def _masks(unit: Unit, step: Step, context: Context) -> Iterator[Expr]:
    """The mask a step asks with or gives a variable; not one that another step takes bits away from."""
    found = allocation(step, context.kernel) if step.kind == "call" else None
    mask = mask_argument(step, found) if found is not None else None
    if mask is not None:
        yield mask
        return
    narrowed = any(one.target == step.target and one.op == "&=" for one in unit.steps)
    if step.kind == "assign" and step.op == "=" and step.value is not None and not narrowed:
        yield step.value
