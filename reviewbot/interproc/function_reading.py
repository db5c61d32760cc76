"""Reads from the analysis of a function what its summary and its call sites are made of."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property

from reviewbot.dataflow.conditions import normal
from reviewbot.dataflow.scope_table import ScopeTable, argument
from reviewbot.dataflow.solver import Abstained, solve
from reviewbot.dataflow.state import OpenScope, State
from reviewbot.frontend.instructions import Instruction
from reviewbot.interproc import settle
from reviewbot.interproc.context_tests import asks_context
from reviewbot.interproc.entry import Counts, EntryContext, entered_note, inside_of, is_atomic, numbers_of, taker
from reviewbot.interproc.set_up import SetUp, fresh_objects
from reviewbot.interproc.summary import ANY, CallSite, Lock, SiteState, Through, Way, last_member, passed_up
from reviewbot.program.call_graph import FunctionKey
from reviewbot.program.operations.table_calls import Bodies
from reviewbot.program.unit import FunctionUnit

ReleasedBy = Mapping[FunctionKey, frozenset[Lock]]
Callees = Mapping[str, FunctionKey]  # the known functions by the name that a call has for them
Gone = frozenset[tuple[Lock, str]]  # locks that were given back, and what they are called in the function
_NOTHING = frozenset[Lock]()
_NONE = Gone()
_NOT_SHOWN = "the text does not show all of it"


class FunctionReading:
    """One function, read for its summary.

    `callees`: the functions that it calls and of which something is known. `counts`: which kinds of scope matter;
    `last`: words of a condition that only the last user meets; `bodies`: what the members may be that it calls.
    """

    def __init__(
        self,
        unit: FunctionUnit,
        key: FunctionKey,
        callees: Callees,
        lookup: ScopeTable,
        counts: Counts = is_atomic,
        last: Collection[str] = (),
        bodies: Mapping[str, Bodies] = {},
    ) -> None:
        self._last, self._bodies = last, bodies
        self.unit, self.key, self._lookup = unit, key, lookup
        declared = {step.target for step in unit.steps if step.declares}
        self._variables = declared | {name for _, name in unit.function.params}
        self._callees = {name: one for name, one in callees.items() if name not in self._variables}
        self._open = {name for name, kind in lookup.kernel.scopes.items() if counts(kind)}
        written = {step.target for step in unit.steps}
        self.params = tuple("" if name in written else name for _, name in unit.function.params)
        self._own = frozenset(self.params) - {""}
        self._asks: dict[str, bool] = {}

    @cached_property
    def abstained(self) -> str:
        """Why nothing is known that callers would have to know; "" if it is."""
        if self.unit.flow.lost:
            return "more paths or open scopes than are followed"
        return "" if self.unit.function.seen_from_start and not self.unit.function.macro else _NOT_SHOWN

    @property
    def is_shown_in_part(self) -> bool:
        """Whether nothing is known for the sole reason that the text shows a part of it."""
        return self.abstained == _NOT_SHOWN and not self.unit.function.macro

    @cached_property
    def calls(self) -> Sequence[tuple[int, FunctionKey]]:
        """The instructions that call known functions, and which; a function that calls itself says nothing new."""
        return [
            (at, callee)
            for at, step in enumerate(self.unit.steps)
            if step.kind == "call" and not step.op
            for callee in self._meanings(step.name)
            if callee != self.key and self.reaches(at)
        ]

    def _meanings(self, name: str) -> Sequence[FunctionKey]:
        if name in self._callees:
            return (self._callees[name],)
        return self._bodies[name].functions if name in self._bodies else ()

    def reaches(self, at: int) -> Sequence[State]:
        """The states in which an instruction is reached, none where the analysis gave up."""
        return () if self.unit.flow.lost else self.unit.flow.at[at]

    # -- conditions --

    def way(self, at: int, facts: Iterable[tuple[str, bool]]) -> Way:
        """What facts at an instruction say that a caller may know better, and what was asked on some ways to it."""
        told = [self._spelled(fact) for fact in {*facts, *self._asked(at)}]
        found = settle.conditions_of(told, self._own, {text: self._telling(text) for text, _ in told})
        return frozenset(one for one in found if not self._is_settled(at, one.text))

    def _is_settled(self, at: int, name: str) -> bool:
        """Whether a condition is a variable of the function that is one constant there, whoever calls."""
        given = self.unit.assigned.get(name, ())
        cfg = self.unit.cfg
        given = [one for one in given if self.unit.steps[one].value is not None]
        there = [one for one in given if at in cfg.reachable((one,), lambda _: True)]
        value = self.unit.steps[there[0]].value if len(there) == 1 else None
        if value is None or not (value.op == "num" or value.text in ("true", "false")):
            return False
        return at not in cfg.reachable((0,), lambda one: one != there[0])

    def _asked(self, at: int) -> Iterator[tuple[str, bool]]:
        """The tests that may tell callers apart of which only one outcome leads to an instruction.

        Not those that are asked only behind it, for the next time around a loop.
        """
        for test, text, ways in self._tests:
            if (at in ways[0]) != (at in ways[1]) and test in self.unit.cfg.reachable((0,), lambda one: one != at):
                yield text, at in ways[0]

    @cached_property
    def _tests(self) -> Sequence[tuple[int, str, tuple[frozenset[int], frozenset[int]]]]:
        """The tests that may tell callers apart, by instruction, with those that each outcome leads to."""
        found = []
        for at, step in enumerate(self.unit.steps):
            if step.kind == "test" and step.value is not None and self._telling(step.value.text):
                text, true = normal(step.value, True)
                ways = [self._led_to(self.unit.cfg.branch(at, taken)) for taken in (true, not true)]
                found.append((at, text, (ways[0], ways[1])))
        return found

    def _led_to(self, at: int) -> frozenset[int]:
        return frozenset(self.unit.cfg.reachable((at,), lambda _: True))

    def once(self, at: int) -> str:
        """What an instruction is reached for only as long as it is not there; see Effect."""
        return self._set_up.once(at)

    @cached_property
    def _set_up(self) -> SetUp:
        return SetUp(self.unit, self._own)

    def _spelled(self, fact: tuple[str, bool]) -> tuple[str, bool]:
        """A fact about a variable that is given a value once, as one about that value."""
        name, true = fact
        given = [one for at in self.unit.assigned.get(name, ()) if (one := self.unit.steps[at]).value is not None]
        if len(given) != 1 or given[0].op != "=" or name in self._own or self._telling(name):
            return fact
        value = given[0].value
        plain = value is not None and value.op != "num" and not any(part.op == "call" for part in value.walk())
        return normal(value, true) if value is not None and plain else fact

    def _telling(self, text: str) -> bool:
        if text not in self._asks:
            self._asks[text] = asks_context(text, numbers_of(self.unit), self._lookup.kernel.words)
        return self._asks[text]

    # -- call sites --

    def site(self, at: int, callee: FunctionKey, releases: ReleasedBy) -> CallSite:
        """What is known at a call. `releases`: what the known functions give back."""
        opened: dict[int, tuple[Lock, EntryContext]] = {}
        surely: set[int] = set()
        states = []
        step = self.unit.steps[at]
        for state in self.reaches(at):
            held = [one.step for one in state.open if one.scope in self._open]
            for one in state.open:
                if one.scope in self._open and one.step not in opened:
                    opened[one.step] = self.lock(one.scope, one.key), self._held(one.step, one.scope)
                    surely |= {one.step} if self._is_kept(one, at) else set()
            last = any(true and any(word in text for word in self._last) for text, true in state.facts)
            states.append(SiteState(state.facts, self.way(at, state.facts), tuple(held), last))
        numbers = {index: number for number, index in enumerate(opened)}
        return CallSite(
            self.key,
            callee,
            at,
            step.lines[0],
            tuple(arg.text for arg in step.args),
            tuple(one._replace(held=tuple(numbers[index] for index in {*one.held, *surely})) for one in states),
            tuple(opened.values()),
            self.dropped(at, releases),
            self.once(at),
            settle.blank_structs(self.unit, at) if any(arg.op == "&x" for arg in step.args) else {},
            self._fresh,
            self._through(step.name, callee),
        )

    @cached_property
    def _fresh(self) -> frozenset[str]:
        return fresh_objects(self.unit, self._lookup.kernel) - self._own

    def _through(self, name: str, callee: FunctionKey) -> Through | None:
        """How a call comes to a callee that it does not name."""
        bodies = self._bodies.get(name) if name not in self._callees else None
        return Through(name, bodies.number, callee[1], bodies.rows.get(callee)) if bodies is not None else None

    def _is_kept(self, taken: OpenScope, at: int) -> bool:
        """Whether all ways to an instruction take a lock, and nothing gives it back that surely does so.

        What only sounds as if it did may have been called the last time around a loop.
        """
        cfg = self.unit.cfg
        if at in cfg.reachable((0,), lambda one: one != taken.step):
            return False
        ends = (one for one, step in enumerate(self.unit.steps) if self._closes(step, taken))
        after = (to for one in ends for to in cfg.succ[one])
        return at not in cfg.reachable(after, lambda one: one != taken.step)

    def _closes(self, step: Instruction, taken: OpenScope) -> bool:
        if step.kind == "leave":
            return step.target == taken.guard
        closed = self._lookup.closed(step) if step.kind == "call" and not step.op else ()
        return any(kind.atomic for kind, _ in closed)

    def _held(self, at: int, scope: str) -> EntryContext:
        """The context in which a callee is entered while a scope is open that this instruction opened."""
        taken = self.unit.steps[at]
        rows = ((taken.lines[0], entered_note(scope, self._lookup.kernel)),)
        return EntryContext(scope, inside_of(taken, scope, self._lookup.kernel), rows, taker(taken))

    # -- what is given back --

    @cached_property
    def released(self) -> Mapping[int, Gone]:
        """By instruction, what it gives back that the function has not taken, or may, each with what it is called."""
        found = {at: self._released(at, step) for at, step in enumerate(self.unit.steps) if step.kind == "call"}
        return {at: locks for at, locks in found.items() if locks}

    def _released(self, at: int, step: Instruction) -> Gone:
        if step.op or not self.reaches(at):
            return _NONE
        names = self._lookup.kernel.words["neutral"]
        plain = step.name not in self._lookup.leave and step.name not in self._lookup.enter and step.name not in names
        if plain and step.name not in self._callees and self._lookup.may_give_back(step.name):
            wide = any(word in step.name for word in self._lookup.kernel.words["may_enable"])
            return frozenset(((Lock(ANY, step.name, wide=wide), ""),))
        found = set()
        for kind, call in self._lookup.closed(step):
            name = argument(step, call.key) if call.key >= 0 else ""
            found |= {(self.lock(kind.name, name), name or kind.name)} if kind.atomic else set()
        # a call that ends several kinds of scope ends what the function has taken, whichever that is
        own = all(any(_has(state, lock) for lock, _ in found) for state in self.reaches(at))
        return _NONE if own else frozenset(found)

    def _taken(self, step: Instruction) -> Iterator[str]:
        """What the locks are called that an instruction takes."""
        for scope, call in self._lookup.opened(step, "") if step.kind == "call" and not step.op else ():
            yield argument(step, call.key) if call.key >= 0 else scope

    def lock(self, scope: str, name: str) -> Lock:
        """What a lock of this name is in other functions."""
        name = name.lstrip("&")
        return Lock(scope, last_member(name), self._position(name), name in self._variables, not name)

    def _position(self, name: str) -> int:
        """The position of the parameter that a lock is, -1 if it is none."""
        return self.params.index(name) if name and name in self.params else -1

    def given_back(self, releases: ReleasedBy) -> frozenset[Lock]:
        """What is given back where the function returns, by itself or one of its callees, and not taken again."""
        return _NOTHING.union(*(self.dropped(at, releases) for at in self._ends))

    @cached_property
    def _ends(self) -> Sequence[int]:
        """The instructions at which it returns."""
        return [at for at, step in enumerate(self.unit.steps) if step.kind in ("return", "end") and self.reaches(at)]

    def dropped(self, at: int, releases: ReleasedBy) -> frozenset[Lock]:
        """What may have been given back on some way to an instruction, and not been taken again."""
        if self._before is None or self._before[0] is not releases:
            self._before = releases, self._solved(releases)
        return frozenset(lock for lock, _ in self._before[1][at]) if self._before[1] else _NOTHING

    _before: tuple[ReleasedBy, Sequence[Gone]] | None = None

    def _solved(self, releases: ReleasedBy) -> Sequence[Gone]:
        """What was given back before each instruction; () where nothing is in all of the function."""
        gone = dict(self.released)
        for at, callee in self.calls:
            if releases.get(callee):
                args = tuple(arg.text for arg in self.unit.steps[at].args)
                theirs = passed_up(releases[callee], args, self.lock)
                gone[at] = gone.get(at, _NONE) | {(lock, "") for lock in theirs}
        if not gone:
            return ()
        if self._settled is None or self._settled[0] != gone:  # of most callees no more is known than a round before
            taken = {at: frozenset(self._taken(step)) for at, step in enumerate(self.unit.steps)}
            values = solve(self.unit.cfg, _GivenBack(gone, taken))
            unknown = [frozenset(((Lock(ANY, ""), ""),))] * len(taken)
            self._settled = gone, unknown if isinstance(values, Abstained) else values
        return self._settled[1]

    _settled: tuple[Mapping[int, Gone], Sequence[Gone]] | None = None


class _GivenBack:
    """What may have been given back on some way to an instruction, and not been taken again."""

    backward = False

    def __init__(self, gone: Mapping[int, Gone], taken: Mapping[int, frozenset[str]]) -> None:
        self._gone, self._taken = gone, taken

    def first(self, _at: int) -> Gone:
        return _NONE

    def join(self, _at: int, now: Gone, ways: Mapping[int, Gone]) -> Gone:
        return now.union(*ways.values())

    def transfer(self, at: int, value: Gone) -> Gone:
        left = frozenset(one for one in value if one[1] not in self._taken[at]) if self._taken[at] else value
        return left | self._gone.get(at, _NONE)


def _has(state: State, lock: Lock) -> bool:
    """Whether a state has a lock open that is given back, or one of its kind where it has no name."""
    if lock.member:
        same = (one.key and last_member(one.key) == lock.member for one in state.open)
        return any(same) or any(not one.key and one.scope == lock.scope for one in state.open)
    return any(one.scope == lock.scope for one in state.open)


def releases_of(readings: Collection[FunctionReading], deepest: int) -> ReleasedBy:
    """What each of some functions gives back, itself or by one that it calls, at most so many calls deep."""
    found: dict[FunctionKey, frozenset[Lock]] = {one.key: one.given_back({}) for one in readings}
    for _ in range(deepest):
        fresh = {one.key: one.given_back(found) for one in readings}
        if fresh == found:
            break
        found = fresh
    return found


def entered_sites(readings: Iterable[FunctionReading], releases: ReleasedBy) -> Iterator[CallSite]:
    """The call sites of all functions."""
    for one in readings:
        for at, callee in one.calls:
            yield one.site(at, callee, releases)
