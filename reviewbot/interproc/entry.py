"""Says in which context a function is entered, and finds what functions assert of theirs.

What callers hold where they call a function is followed in chains.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache

from msgspec import Struct

from reviewbot.dataflow.scope_table import ScopeTable
from reviewbot.frontend.instructions import Instruction
from reviewbot.interproc.context_tests import asks_context
from reviewbot.model.kernel import ScopeKind
from reviewbot.program.unit import FunctionUnit
from reviewbot.support.patterns import pattern

_WORD = pattern(r"\w+")
_LAST = pattern(r"(\w+)\W*\Z")
_BEFORE = pattern(r"(?<!\w)(\w++)(?:->|\.)\w++\W*+\Z")  # the last name of a lock
_POINTS = ("struct", "union", "void", "const", "char")  # what the types of parameters that are pointers begin with
_LONGEST = 80  # characters of a lock's or an argument's name
Counts = Callable[[ScopeKind], bool]


class EntryContext(Struct, frozen=True):
    """The context in which a function is run, as a rule why nothing in it may sleep.

    `scope`: the kind that is held, "" where it is a callback; `base`: the reason, as the end of "may sleep ...";
    `rows`: (row, note) of what shows it; `taken`: the call that took what is held, "" if none is shown; `callers`: the
    functions from there on down to the caller. `path`: of the file of `rows`, "" for that of the first function.
    """

    scope: str
    base: str
    rows: tuple[tuple[int, str], ...]
    taken: str = ""
    callers: tuple[str, ...] = ()
    path: str = ""

    def where(self, name: str) -> str:
        """Where the function of this name must not sleep, as the end of "may sleep ..."."""
        if not self.callers:
            return self.base
        first, *rest = self.callers
        if not rest:
            return f"where {first}() calls {name}(), {self.base}"
        return f"in {' -> '.join(f'{one}()' for one in (*self.callers, name))}, {self.base}"


def shown_as(step: Instruction) -> str:
    """A call or a tested call as a reader writes it, with as many arguments as a lock has."""
    value = step.value if step.kind == "test" else None
    args = step.args or (value.args if value is not None else ())
    name = step.name or (value.text if value is not None else "")
    return f"{name}({', '.join(arg.text for arg in args[:2])})"


def taker(step: Instruction) -> str:
    """The name of a call or tested call that takes or gives back a lock; of a guard, its class."""
    value = step.value if step.kind == "test" else None
    return step.args[0].text if step.op and step.args else step.name or (value.text if value is not None else "")


def is_atomic(kind: ScopeKind) -> bool:
    """Whether nothing may sleep below a scope."""
    return kind.atomic


def keeps_entry(unit: FunctionUnit, lookup: ScopeTable) -> bool:
    """Whether what is held on entry is held to the end: nothing in the function gives back more than it took."""
    if unit.flow.lost or unit.function.macro or not unit.function.seen_from_start:
        return False
    neutral = lookup.kernel.words["neutral"]
    for at, step in enumerate(unit.steps):
        if step.kind != "call" or step.op:
            continue
        kinds = {scope.name for scope, _ in lookup.closed(step) if scope.atomic}
        if kinds and any(not any(one.scope in kinds for one in state.open) for state in unit.flow.at[at]):
            return False
        plain = step.name not in lookup.leave and step.name not in lookup.enter and step.name not in neutral
        if plain and lookup.may_give_back(step.name):
            return False
    return True


def leads(unit: FunctionUnit, at: int, lookup: ScopeTable) -> bool:
    """Whether a path leads to an instruction, and none tests before what its caller may do.

    A condition that holds on some of the paths and not on others tests nothing.
    """
    facts = frozenset[tuple[str, bool]]().union(*(state.facts for state in unit.flow.at[at]))
    settled = {text for text, true in facts if (text, not true) not in facts}
    words = lookup.kernel.words
    return bool(unit.flow.at[at]) and not any(asks_context(text, numbers_of(unit), words) for text in settled)


def numbers_of(unit: FunctionUnit) -> frozenset[str]:
    """The parameters that are no pointers."""
    return frozenset(name for kind, name in unit.function.params if name and not kind.startswith(_POINTS))


def asks(unit: FunctionUnit, at: int, words: Iterable[str]) -> bool:
    """Whether a condition on a path to an instruction names something with one of some words in it."""
    telling = tuple(words)
    facts = (text for state in unit.flow.at[at] for text, _ in state.facts)
    return any(word in name for text in facts for name in _WORD.findall(text) for word in telling)


class Locks(Struct, frozen=True):
    """Words that tell locks apart: `asserts`, calls and annotations whose first argument is a lock that is held;
    `spins`, "type scope" of the locks that spin; `sleeps`, what stands in the type or the calls of those that do not.
    """

    asserts: frozenset[str]
    spins: Mapping[str, str]
    sleeps: frozenset[str]


def asserted(
    units: Sequence[FunctionUnit], rows: Sequence[str], lookup: ScopeTable, locks: Locks
) -> Iterator[tuple[str, str, EntryContext]]:
    """The functions that assert a lock, or are annotated with one, with the lock's last name and the entry context.

    Only where the text shows that the lock spins; not where the function takes it itself, and then says so.
    """
    listed = "|".join(map(re.escape, sorted(locks.asserts)))
    assertion = re.compile(rf"\b(?:{listed})\s*\(\s*&?([^(),;]{{1,{_LONGEST}}})\)")
    spins = cache(lambda name, told: _spins(told, [row for row in rows if name in row], lookup, locks))
    for unit in units:
        if unit.function.macro or not unit.function.starts:
            continue
        first, last = unit.function.lines
        for row in range(max(first, 0), min(last + 1, len(rows))):
            for lock in assertion.findall(rows[row]):
                name = _LAST.search(lock)
                if name is None or (row > unit.function.head[1] and _takes(unit, name[1], lookup)):
                    continue
                if kind := spins(name[1], _told_by(lock, name[1])):
                    yield (
                        unit.function.name,
                        name[1],
                        EntryContext(kind, f"with {lock.strip()} held", ((row, "says that it is held"),)),
                    )


def _told_by(lock: str, name: str) -> str:
    """An expression for what tells a lock from others: its last name, and the member or variable before, if any."""
    before = _BEFORE.search(lock)
    return rf"{before[1]}(?:->|\.){name}" if before is not None else name


def _takes(unit: FunctionUnit, name: str, lookup: ScopeTable) -> bool:
    """Whether a function has a call that takes a lock of this name."""
    calls = (step for step in unit.steps if step.kind == "call" and step.name in lookup.enter)
    return any(arg.text.endswith(name) for step in calls for arg in step.args)


def _spins(told: str, rows: Sequence[str], lookup: ScopeTable, locks: Locks) -> str:
    """The kind of scope that a lock is, as rows use or declare it; "" if they do not show it, or show two.

    `told`: an expression for what tells it from other locks of that name.
    """
    used = re.compile(rf"\b(\w+)\s*\([^;()]{{0,{_LONGEST}}}\b{told}\s*[,)]|\b(\w+)\s+{told}\s*[;,\[=]")
    kinds: set[str] = set()
    for row in rows:
        for call, kind in used.findall(row):
            if any(word in (call or kind) for word in locks.sleeps):
                return ""
            kinds.update(
                scope.name for scope, scope_call in lookup.enter.get(call, ()) if scope.atomic and scope_call.key >= 0
            )
            kinds.update({locks.spins[kind]} if kind in locks.spins else ())
    return min(kinds, default="")
