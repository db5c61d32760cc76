"""Finds from where the functions of a text are entered: what their callers hold there, and what they assert.

Only what the text itself shows: a call through a pointer, or from another file, is not seen. At most _MOST_ROUNDS calls
lie between the lock and the function.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache, partial

from msgspec import Struct
from msgspec.structs import replace

from reviewbot.dataflow.scope_table import ScopeTable
from reviewbot.frontend.instructions import Expr, Function, Instruction
from reviewbot.model.kernel import ScopeKind
from reviewbot.program.context_tests import asks_context, is_constant, refuted
from reviewbot.program.unit import FunctionUnit
from reviewbot.support.patterns import pattern

_WORD = pattern(r"\w+")
_LAST = pattern(r"(\w+)\W*\Z")
_MEMBER_BEFORE = pattern(r"(?:->|\.)(\w+)(?:->|\.)\w+\W*\Z")
_POINTS = ("struct", "union", "void", "const", "char")  # what the types of parameters that are pointers begin with
_LONGEST = 80  # characters of a lock's or an argument's name
Counts = Callable[[ScopeKind], bool]

_MOST_ROUNDS = 5  # calls from the lock down to the function
_MOST_ENTRIES = 4  # calls of one function with different constants


class EntryContext(Struct, frozen=True):
    """The context in which a function is run, as a rule why nothing in it may sleep.

    `scope`: the kind that is held, "" where it is a callback; `base`: the reason, as the end of "may sleep ...";
    `rows`: (row, note) of what shows it; `taken`: the call that took what is held, "" if none is shown; `callers`: the
    functions from there on down to the caller; `given`: the parameters for which the call has a constant, with the
    constant.
    """

    scope: str
    base: str
    rows: tuple[tuple[int, str], ...]
    taken: str = ""
    callers: tuple[str, ...] = ()
    given: tuple[tuple[str, str], ...] = ()

    def where(self, name: str) -> str:
        """Where the function of this name must not sleep, as the end of "may sleep ..."."""
        if not self.callers:
            return self.base
        first, *rest = self.callers
        if not rest:
            return f"where {first}() calls {name}(), {self.base}"
        return f"in {' -> '.join(f'{one}()' for one in (*self.callers, name))}, {self.base}"


Entries = tuple[EntryContext, ...]  # of one function


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


def entry_contexts(
    units: Sequence[FunctionUnit], lookup: ScopeTable, first: Mapping[str, Entries], counts: Counts = is_atomic
) -> Mapping[str, Entries]:
    """The entry contexts of functions that are called where a counted scope is open on every path.

    They may be called there through others of the units. `first`: contexts that are known already, by function;
    `counts`: whether a kind of scope counts. A callee may give back a lock; any other scope ends where it was entered.
    Of a function that is called with other constants each time, _MOST_ENTRIES calls are kept.
    """
    found = dict(first)
    open_ = {name for name, kind in lookup.kernel.scopes.items() if counts(kind)}
    defined = {unit.function.name: unit.function for unit in units if not unit.function.macro and unit.steps}
    calls = [(unit, at, step) for unit in units for at, step in enumerate(unit.steps) if _calls(step, defined)]
    keeps = cache(partial(keeps_entry, lookup=lookup))
    for _ in range(_MOST_ROUNDS):
        fresh = False
        for unit, at, step in calls:
            known = found.get(step.name, ())
            if step.name == unit.function.name or len(known) >= _MOST_ENTRIES:
                continue
            own = found.get(unit.function.name, ())
            if own and counts is is_atomic and not keeps(unit):
                own = ()
            entry = _at_call(unit, at, own, open_, lookup)
            given = _constants(unit, step, defined[step.name], entry, lookup) if entry is not None else ()
            if entry is not None and not any(one.given == given for one in known):
                found[step.name] = (*known, replace(entry, given=given))
                fresh = True
        if not fresh:
            break
    return found


def _calls(step: Instruction, names: Collection[str]) -> bool:
    return step.kind == "call" and not step.op and step.name in names


def _constants(
    unit: FunctionUnit, step: Instruction, called: Function, entry: EntryContext, lookup: ScopeTable
) -> tuple[tuple[str, str], ...]:
    """The parameters of a callee for which a call has a constant that is no mask, its own or its caller's."""
    if len(called.params) != len(step.args):
        return ()
    own = constants(unit, entry)
    pairs = [(name, own.get(arg.text, arg.text)) for (_, name), arg in zip(called.params, step.args, strict=True)]
    stems = lookup.kernel.words["flag_prefixes"]
    return tuple(
        (name, text) for name, text in pairs if name and is_constant(text) and not any(stem in text for stem in stems)
    )


def constants(unit: FunctionUnit, entry: EntryContext) -> Mapping[str, str]:
    """The parameters that have a constant on entry, and keep it."""
    changed = {step.target for step in unit.steps} if entry.given else set()
    return {name: text for name, text in entry.given if name not in changed}


def _at_call(unit: FunctionUnit, at: int, own: Entries, scopes: set[str], lookup: ScopeTable) -> EntryContext | None:
    """The entry context of a callee: the caller's own open scope, else the context in which the caller is entered."""
    states = () if unit.flow.lost or unit.function.macro else unit.flow.at[at]
    opened = [next((one for one in reversed(state.open) if one.scope in scopes), None) for state in states]
    caller, step = unit.function.name, unit.steps[at]
    called = step.lines[0], "called from here"
    known = [one for one in opened if one is not None]
    if known and len(known) == len(opened):
        taken = unit.steps[known[0].step]
        rows = ((taken.lines[0], "taken here"), called)
        return EntryContext(known[0].scope, f"after {shown_as(taken)}", rows, taker(taken), (caller,))
    for one in own if states else ():
        if leads(unit, at, lookup, one):
            callers = (*one.callers, caller)
            return EntryContext(one.scope, one.base, (*one.rows, called), one.taken, callers, one.given)
    return None


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
        if plain and any(word in step.name for word in lookup.may_unlock):
            return False
    return True


def leads(
    unit: FunctionUnit,
    at: int,
    lookup: ScopeTable,
    entry: EntryContext | None = None,
    on: Callable[[int], bool] = lambda _: True,
) -> bool:
    """Whether a path leads to an instruction, and none tests before what its caller may do.

    Paths that the constants of `entry` refute do not count. `on`: whether the state of a number at the instruction
    matters; a condition that holds in some of these and not in others tests nothing.
    """
    given = constants(unit, entry) if entry is not None else {}
    states = [state for number, state in enumerate(unit.flow.at[at]) if on(number)]
    ways = [state.facts for state in states if not any(refuted(fact, given) for fact in state.facts)]
    facts = frozenset[tuple[str, bool]]().union(*ways)
    undecided = {text for text, true in facts if (text, not true) in facts}
    settled = {text for text, _ in facts} - undecided - given.keys()
    return bool(ways) and not any(asks_context(text, numbers_of(unit), lookup.kernel.words) for text in settled)


def asks_for_context(unit: FunctionUnit, condition: Expr, lookup: ScopeTable) -> bool:
    """Whether a condition of a function tests what its caller may do."""
    return asks_context(condition.text, numbers_of(unit), lookup.kernel.words)


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
    spins = cache(lambda name: _spins(re.escape(name), [row for row in rows if name in row], lookup, locks))
    for unit in units:
        if unit.function.macro or not unit.function.starts:
            continue
        first, last = unit.function.lines
        for row in range(max(first, 0), min(last + 1, len(rows))):
            for lock in assertion.findall(rows[row]):
                name = _LAST.search(lock)
                if name is None or (row > unit.function.head[1] and _takes(unit, name[1], lookup)):
                    continue
                if kind := spins(_told_by(lock, name[1])):
                    yield (
                        unit.function.name,
                        name[1],
                        EntryContext(kind, f"with {lock.strip()} held", ((row, "says that it is held"),)),
                    )


def _told_by(lock: str, name: str) -> str:
    """What tells the lock in a text from others: its last name, with the member before it where it has one."""
    before = _MEMBER_BEFORE.search(lock)
    return f"{before[1]}->{name}" if before is not None else name


def _takes(unit: FunctionUnit, name: str, lookup: ScopeTable) -> bool:
    """Whether a function has a call that takes a lock of this name."""
    calls = (step for step in unit.steps if step.kind == "call" and step.name in lookup.enter)
    return any(arg.text.endswith(name) for step in calls for arg in step.args)


def _spins(name: str, rows: Sequence[str], lookup: ScopeTable, locks: Locks) -> str:
    """The kind of scope that a lock of this name is, as its rows use it; "" if they do not show it, or show two."""
    used = re.compile(rf"\b(\w+)\s*\([^;()]{{0,{_LONGEST}}}\b{name}\s*[,)]|\b(\w+)\s+{name}\s*[;,\[=]")
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
