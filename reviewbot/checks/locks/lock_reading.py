"""Reads functions for what they do with locks that sleep, and what they come to with one held."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from msgspec.structs import replace

from reviewbot.checks.locks.lock_calls import LockCalls
from reviewbot.checks.locks.lock_class import LockTypes
from reviewbot.checks.locks.lock_walk import HeldLock, HelperLocks, LockWalk
from reviewbot.checks.locks.reclaim_tests import ReclaimTests
from reviewbot.dataflow.scope_table import ScopeTable
from reviewbot.dataflow.state import State
from reviewbot.frontend.instructions import Instruction
from reviewbot.interproc.between import callees_of
from reviewbot.interproc.entry import EntryContext, shown_as
from reviewbot.interproc.function_reading import Callees, FunctionReading, Gone, ReleasedBy
from reviewbot.interproc.summary import ANY, CallSite, Lock, Way, last_member
from reviewbot.program.call_graph import FileCallGraph, FunctionKey
from reviewbot.program.unit import FunctionUnit

_ROUNDS = 3  # functions that take a lock for their callers, by others that do

Stops = Callable[[LockWalk, int, State], bool]  # whether what is below an instruction does not matter in a state
Wanted = Callable[[HeldLock], str]  # what a lock that is held is to be known as, "" where it does not matter


def walks_of(
    units: Mapping[FunctionKey, FunctionUnit],
    graph: FileCallGraph,
    calls: LockCalls,
    types: LockTypes,
    lookup: Callable[[str], ScopeTable],
) -> Mapping[FunctionKey, LockWalk]:
    """Some functions, followed with what those among them do with locks that they call. `lookup`: by a file's path."""
    helpers: dict[FunctionKey, HelperLocks] = {}
    found: dict[FunctionKey, LockWalk] = {}
    meant = {key: callees_of(key, unit, graph, units) for key, unit in units.items()}
    for _ in range(_ROUNDS):
        for key, unit in units.items():
            known = {name: helpers[one] for name, one in meant[key].items() if one in helpers and one != key}
            if key not in found or known:
                found[key] = LockWalk(unit, key[0], calls, types, lookup(key[0]), known)
        fresh = {key: said for key, walk in found.items() if (said := walk.summary) != HelperLocks()}
        if fresh == helpers:
            break
        helpers = fresh
    return found


class LockReading(FunctionReading):
    """One function, read for chains from where a lock is held, or from what others run.

    `wanted`: the locks that matter; `stops`: where nothing does; `tests`: what conditions tell of reclaim
    where it runs the function.
    """

    def __init__(
        self,
        walk: LockWalk,
        key: FunctionKey,
        callees: Callees,
        lookup: ScopeTable,
        stops: Stops,
        wanted: Wanted,
        tests: ReclaimTests | None = None,
    ) -> None:
        super().__init__(walk.unit, key, callees, lookup, counts=lambda _: False)
        self.walk, self._stops, self._wanted, self._reclaim = walk, stops, wanted, tests

    def holds(self, at: int) -> Sequence[tuple[str, HeldLock]]:
        """The locks that matter and are held where an instruction begins, with what they are known as."""
        return [(known, one) for one in self.walk.held(at) if (known := self._wanted(one))]

    def runs(self, at: int) -> Sequence[State]:
        """The states in which what is below an instruction matters."""
        return [state for state in self.reaches(at) if not self._stops(self.walk, at, state)]

    def way(self, at: int, facts: Iterable[tuple[str, bool]]) -> Way:
        """See FunctionReading; which mask it takes to come to a lock is asked otherwise."""
        tests = self._reclaim
        found = super().way(at, facts)
        return frozenset(one for one in found if tests is None or not tests.says_nothing(one.text, one.true))

    def site(self, at: int, callee: FunctionKey, releases: ReleasedBy) -> CallSite:
        """See FunctionReading."""
        found = super().site(at, callee, releases)
        held = self.holds(at)
        opened = tuple((self._lock(known, one), self._entry(known, one)) for known, one in held)
        numbers = tuple(range(len(held)))
        there = zip(found.states, self.reaches(at), strict=True)
        states = tuple(one._replace(held=numbers) for one, state in there if not self._stops(self.walk, at, state))
        return replace(found, states=states, opened=opened)

    def _lock(self, known: str, held: HeldLock) -> Lock:
        return Lock(known, last_member(held.text))

    def _entry(self, known: str, held: HeldLock) -> EntryContext:
        taken = self.unit.steps[held.step]
        return EntryContext(known, f"after {shown_as(taken)}", ((taken.lines[0], "taken here"),), shown_as(taken))

    def _released(self, at: int, step: Instruction) -> Gone:
        gives = self.walk.given_back(at) if self.reaches(at) else ()
        return frozenset(
            (self.lock(ANY if not one.text else "lock", one.text), one.text.lstrip("&") or step.name) for one in gives
        )

    def _taken(self, step: Instruction) -> Iterator[str]:
        place = self.walk.calls.takes.get(step.name) if step.kind == "call" and not step.op else None
        if place is not None and place[0] < len(step.args):
            yield step.args[place[0]].text.lstrip("&")
