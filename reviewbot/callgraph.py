"""The functions of a text in, from where each is entered out: what its callers hold, what it asserts, who registers it.

Only what the text itself shows: a call through a pointer, or from another file, is not seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from reviewbot.csource import Step
from reviewbot.flow import Lookup, Open
from reviewbot.sides import Unit

_WORD = re.compile(r"\w+")
_LAST = re.compile(r"(\w+)\W*\Z")
_POINTS = ("struct", "union", "void", "const", "char")  # what the types of parameters that are pointers begin with
_LONGEST = 80  # characters of a lock's or an argument's name
_CALL = 200  # characters of a call's row
_MOST_ROUNDS = 5  # calls from the lock down to the function


@dataclass(frozen=True, slots=True)
class Entry:
    """Why nothing in a function may sleep.

    `scope`: the kind that is held, "" where it is a callback; `base`: what says so, as the end of "may sleep ...";
    `rows`: (row, note) of what shows it; `callers`: the functions from there on down, the one itself left out.
    """

    scope: str
    base: str
    rows: tuple[tuple[int, str], ...]
    callers: tuple[str, ...] = ()

    def where(self, name: str) -> str:
        """Where the function of this name must not sleep, as the end of "may sleep ..."."""
        if not self.callers:
            return self.base
        first, *rest = self.callers
        if not rest:
            return f"where {first}() calls {name}(), {self.base}"
        *between, last = [f"{one}()" for one in rest]
        through = f"{', '.join(between)} and {last}" if between else last
        return f"where {first}() gets here through {through}, {self.base}"


def shown_as(step: Step) -> str:
    """A call or a tested call as a reader writes it, with as many arguments as a lock has."""
    value = step.value if step.kind == "test" else None
    args = step.args or (value.args if value is not None else ())
    name = step.name or (value.text if value is not None else "")
    return f"{name}({', '.join(arg.text for arg in args[:2])})"


def held(units: Sequence[Unit], lookup: Lookup, first: Mapping[str, Entry]) -> Mapping[str, Entry]:
    """Functions that one of the units calls where something atomic is open on every path, directly or through others.

    `first`: what is known already, by function.
    """
    found = dict(first)
    names = {unit.function.name for unit in units if not unit.function.macro and unit.steps}
    calls = [(unit, at, step) for unit in units for at, step in enumerate(unit.steps) if _calls(step, names)]
    enters = {id(unit) for unit in units if _enters(unit, lookup)}
    for _ in range(_MOST_ROUNDS):
        before = len(found)
        for unit, at, step in calls:
            own = found.get(unit.function.name)
            told = step.name in found or step.name == unit.function.name
            if told or (own is None and id(unit) not in enters):  # what holds in most is never asked
                continue
            entry = _at_call(unit, at, own if own is not None and keeps_entry(unit, lookup) else None, lookup)
            if entry is not None:
                found[step.name] = entry
        if len(found) == before:
            break
    return found


def _enters(unit: Unit, lookup: Lookup) -> bool:
    """Whether a function may have anything open at one of its steps."""
    for step in unit.steps:
        if step.kind == "call" and (step.op or step.name in lookup.enter):
            return True
        if step.kind == "test" and step.value is not None and step.value.text in lookup.enter:
            return True
    return False


def _calls(step: Step, names: set[str]) -> bool:
    return step.kind == "call" and not step.op and step.name in names


def _at_call(unit: Unit, at: int, own: Entry | None, lookup: Lookup) -> Entry | None:
    """What is open at a call: of the caller itself, else what the caller is entered with."""
    worlds = () if unit.flow.lost or unit.function.macro else unit.flow.at[at]
    opened = [next((one for one in reversed(world.open) if _atomic(one, lookup)), None) for world in worlds]
    caller, step = unit.function.name, unit.steps[at]
    called = step.lines[0], "called from here"
    known = [one for one in opened if one is not None]
    if known and len(known) == len(opened):
        taken = unit.steps[known[0].step]
        rows = ((taken.lines[0], "taken here"), called)
        return Entry(known[0].scope, f"after {shown_as(taken)}", rows, (caller,))
    if own is None or not worlds or asks(unit, at, lookup):
        return None
    return Entry(own.scope, own.base, (*own.rows, called), (*own.callers, caller))


def _atomic(one: Open, lookup: Lookup) -> bool:
    kind = lookup.kernel.scopes.get(one.scope)
    return kind is not None and kind.atomic


def keeps_entry(unit: Unit, lookup: Lookup) -> bool:
    """Whether what is held on entry is held to the end: nothing in the function gives back more than it took."""
    if unit.flow.lost or unit.function.macro or not unit.function.seen_from_start:
        return False
    neutral = lookup.kernel.words["neutral"]
    for at, step in enumerate(unit.steps):
        if step.kind != "call" or step.op:
            continue
        kinds = {scope.name for scope, _ in lookup.closed(step) if scope.atomic}
        if kinds and any(not any(one.scope in kinds for one in world.open) for world in unit.flow.at[at]):
            return False
        plain = step.name not in lookup.leave and step.name not in lookup.enter and step.name not in neutral
        if plain and any(word in step.name for word in lookup.may_unlock):
            return False
    return True


def asks(unit: Unit, at: int, lookup: Lookup) -> bool:
    """Whether the way to a step asks what its caller may do: a flag or a number it was given, a name that says so."""
    numbers = {name for kind, name in unit.function.params if name and not kind.startswith(_POINTS)}
    telling = lookup.kernel.words["context_tests"]
    for world in unit.flow.at[at]:
        for text, _ in world.facts:
            said = _WORD.findall(text)
            if not numbers.isdisjoint(said) or any(word in name for name in said for word in telling):
                return True
    return False


@dataclass(frozen=True, slots=True)
class Locks:
    """Words that tell locks apart: `asserts`, calls and annotations whose first argument is a lock that is held;
    `spins`, "type scope" of the locks that spin; `sleeps`, what stands in the type or the calls of those that do not.
    """

    asserts: frozenset[str]
    spins: Mapping[str, str]
    sleeps: frozenset[str]


def asserted(units: Sequence[Unit], rows: Sequence[str], lookup: Lookup, locks: Locks) -> Iterator[tuple[str, Entry]]:
    """Functions that assert a lock, or are annotated with one, where the text shows that it spins."""
    listed = "|".join(map(re.escape, sorted(locks.asserts)))
    told = re.compile(rf"\b(?:{listed})\s*\(\s*&?([^(),;]{{1,{_LONGEST}}})\)")
    for unit in units:
        if unit.function.macro or not unit.function.starts:
            continue
        first, last = unit.function.lines
        for row in range(max(first, 0), min(last + 1, len(rows))):
            for said in told.findall(rows[row]):
                kind = _spins(said, rows, lookup, locks)
                if kind:
                    yield unit.function.name, Entry(kind, f"with {said.strip()} held", ((row, "says that it is held"),))


def _spins(lock: str, rows: Sequence[str], lookup: Lookup, locks: Locks) -> str:
    """The kind of scope that a lock of this name is, as the text uses it; "" if it does not say, or says two things."""
    found = _LAST.search(lock)
    if found is None:
        return ""
    name = re.escape(found[1])
    used = re.compile(rf"\b(\w+)\s*\([^;()]{{0,{_LONGEST}}}\b{name}\s*[,)]|\b(\w+)\s+{name}\s*[;,\[=]")
    kinds: set[str] = set()
    for row in rows:
        for call, kind in used.findall(row) if found[1] in row else ():
            if any(word in (call or kind) for word in locks.sleeps):
                return ""
            kinds.update(scope.name for scope, gate in lookup.enter.get(call, ()) if scope.atomic and gate.key >= 0)
            kinds.update({locks.spins[kind]} if kind in locks.spins else ())
    return min(kinds, default="")


def registered(rows: Sequence[str], members: Iterable[str], calls: Iterable[str]) -> Iterator[tuple[str, str, int]]:
    """Functions that a text registers: (function, member or call, row).

    `members` of tables, as `.member = function` or `->member = function`; `calls` as "name position".
    """
    listed = sorted(members)
    put = re.compile(rf"(?:\.|->)\s*({'|'.join(map(re.escape, listed))})\s*=\s*&?(\w+)\s*[,;}}]") if listed else None
    for row, text in _rows(rows, listed):
        if put is not None:
            yield from ((name, member, row) for member, name in put.findall(text))
    at = {name: int(position) for name, _, position in (call.partition(" ") for call in calls)}
    if not at:
        return
    opened = re.compile(rf"\b({'|'.join(map(re.escape, sorted(at)))})\s*\(")
    for row, text in _rows(rows, at):
        for found in opened.finditer(text):
            below = (one[:_CALL] for one in rows[row + 1 : row + 4])
            args = _arguments(" ".join((text[found.end() :][:_CALL], *below)))
            given = args[at[found[1]]].strip().lstrip("&") if at[found[1]] < len(args) else ""
            if given.isidentifier():
                yield given, found[1], row


def _rows(rows: Sequence[str], words: Iterable[str]) -> list[tuple[int, str]]:
    """The rows in which one of the words stands."""
    return sorted({(row, text) for word in words for row, text in enumerate(rows) if word in text})


def _arguments(text: str) -> list[str]:
    """The arguments of a call whose opening parenthesis stands right before the text."""
    depth, start, out = 0, 0, []
    for at, char in enumerate(text):
        if char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
        if depth < 0 or (char == "," and not depth):
            out.append(text[start:at])
            start = at + 1
        if depth < 0:
            return out
    return []
