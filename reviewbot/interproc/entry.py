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
from reviewbot.model.kernel import Kernel, ScopeKind
from reviewbot.program.unit import FunctionUnit
from reviewbot.support.patterns import pattern

_WORD = pattern(r"\w+")
_IF = pattern(r"\s*+(?:else\s++)?if\s*+\(")
_LAST = pattern(r"(\w+)\W*\Z")
_WIDEST = 400  # characters of a row
_STRUCTURE = pattern(r"(?:typedef\s++)?struct\s++(\w++)\s*+\{")
_BEFORE = pattern(r"(?<!\w)(\w++)(?:->|\.)\w++\W*+\Z")  # the last name of a lock
_POINTS = ("struct", "union", "void", "const", "char")  # what the types of parameters that are pointers begin with
_LONGEST = 80  # characters of a lock's or an argument's name
_UNDER = ("lock", "rcu")  # families of scopes that code is said to be under; of others, to come after the call
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
            return f"when {first}() calls {name}() {self.base}"
        return f"in {' -> '.join(f'{one}()' for one in (*self.callers, name))}, {self.base}"


def shown_as(step: Instruction) -> str:
    """A call or a tested call as a reader writes it, with as many arguments as a lock has."""
    if step.op.startswith(f"{step.name}("):  # guard(class)(lock)
        return step.op
    value = step.value if step.kind == "test" else None
    args = step.args or (value.args if value is not None else ())
    name = step.name or (value.text if value is not None else "")
    return f"{name}({', '.join(arg.text for arg in args[:2])})"


def inside_of(step: Instruction, scope: str, kernel: Kernel) -> str:
    """Where something stands that comes after a call which opened a scope of this name: "under spin_lock(&x)"."""
    return f"{'under' if _family(scope, kernel) in _UNDER else 'after'} {shown_as(step)}"


def before_end(step: Instruction, scope: str, kernel: Kernel) -> str:
    """Where something stands that comes before a call which closes a scope of this name."""
    if _family(scope, kernel) in _UNDER:
        return f"under the lock that {shown_as(step)} releases below"
    return f"in the section that {shown_as(step)} ends below"


def entered_note(scope: str, kernel: Kernel) -> str:
    """A note about the call that opened a scope of this name."""
    return "lock taken here" if _family(scope, kernel) in _UNDER else "section starts here"


def _family(scope: str, kernel: Kernel) -> str:
    kind = kernel.scopes.get(scope)
    return kind.family if kind is not None else ""


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
    """Whether a condition on a path to an instruction is about something with one of some words in its name."""
    telling = tuple(words)
    facts = dict.fromkeys(text for state in unit.flow.at[at] for text, _ in state.facts)
    return any(names_one(unit, text, telling) for text in facts)


def names_one(unit: FunctionUnit, condition: str, words: Iterable[str]) -> bool:
    """Whether a condition names something with one of some words in it.

    A variable that holds the answer to such a condition, and is given no other value, stands for it.
    """
    names = (*_WORD.findall(condition), *_asked_before(unit, condition))
    return any(word in name for word in words for name in names)


def _asked_before(unit: FunctionUnit, variable: str) -> Iterator[str]:
    """The names in the only value of a variable, without those that a call in it is given: that answers for itself."""
    given = [one for at in unit.assigned.get(variable, ()) if (one := unit.steps[at].value) is not None]
    todo = given if len(given) == 1 else []
    while todo:
        part = todo.pop()
        if part.op in ("name", "field"):
            yield from _WORD.findall(part.text)
        elif part.op != "call":
            todo.extend(part.args)


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

    Only where the text shows that the lock spins; not where the function takes it itself, and then says so, or where it
    asserts it on a condition and goes on without.
    """
    listed = "|".join(map(re.escape, sorted(locks.asserts)))
    assertion = re.compile(rf"\b(?:{listed})\s*\(\s*&?([^(),;]{{1,{_LONGEST}}})\)")
    spins = cache(lambda base, name: _spins(base, name, rows, lookup, locks))
    for unit in units:
        if unit.function.macro or not unit.function.starts:
            continue
        first, last = unit.function.lines
        for row in range(max(first, 0), min(last + 1, len(rows))):
            for lock in assertion.findall(rows[row]):
                name = _LAST.search(lock)
                inside = row > unit.function.head[1]
                if name is None or (inside and (_takes(unit, name[1], lookup) or _is_conditional(rows, row))):
                    continue
                before = _BEFORE.search(lock)
                if kind := spins(before[1] if before is not None else "", name[1]):
                    yield (
                        unit.function.name,
                        name[1],
                        EntryContext(kind, f"with {lock.strip()} held", ((row, "asserted as held here"),)),
                    )


def _is_conditional(rows: Sequence[str], row: int) -> bool:
    """Whether a row is all that an `if` is about."""
    above, below = rows[row - 1].rstrip() if row else "", rows[row + 1].strip() if row + 1 < len(rows) else ""
    return bool(_IF.match(above)) and (above.endswith(")") or (above.endswith("{") and below == "}"))


def _takes(unit: FunctionUnit, name: str, lookup: ScopeTable) -> bool:
    """Whether a function has a call that takes a lock of this name."""
    calls = (step for step in unit.steps if step.kind == "call" and step.name in lookup.enter)
    return any(arg.text.endswith(name) for step in calls for arg in step.args)


def _spins(base: str, name: str, rows: Sequence[str], lookup: ScopeTable, locks: Locks) -> str:
    """The kind of scope that a lock is, as rows use or declare it; "" if they do not show it, or show two.

    `name`: the last name of the lock; `base`: the member or variable before it, "" where there is none.
    """
    told = rf"{base}(?:->|\.){name}" if base else name
    used = re.compile(rf"\b(\w+)\s*\([^;()]{{0,{_LONGEST}}}\b{told}\s*[,)]")
    declared = re.compile(rf"\b(\w+)\s+{name}\s*[;,\[=]")
    there = [row for row in rows if name in row]
    words = {word for row in there for word in used.findall(row)}
    words |= {word for row in (_members(base, rows) if base else there) for word in declared.findall(row)}
    if any(one in word for word in words for one in locks.sleeps):
        return ""
    enter = (pair for word in words for pair in lookup.enter.get(word, ()))
    kinds = {scope.name for scope, call in enter if scope.atomic and call.key >= 0}
    return min(kinds | {locks.spins[word] for word in words if word in locks.spins}, default="")


def _members(base: str, rows: Sequence[str]) -> Iterator[str]:
    """The rows of the structures that a variable or member may be or point to, where they are defined among these."""
    declared = re.compile(rf"\bstruct\s+(\w+)[\s*]+{base}\b")
    kinds = {kind for row in rows if base in row for kind in declared.findall(row[:_WIDEST])}
    inside = False
    for row in rows if kinds else ():
        if (head := _STRUCTURE.match(row)) is not None:
            inside = head[1] in kinds
        elif row.startswith("}"):
            inside = False
        elif inside:
            yield row[:_WIDEST]
