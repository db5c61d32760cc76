"""Finds requests that may enter reclaim while a lock is held for which reclaim waits."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property

from msgspec import Struct

from reviewbot.checks.locks.lock_calls import NESTED, SHARED
from reviewbot.checks.locks.lock_class import LockClass
from reviewbot.checks.locks.lock_reading import LockReading
from reviewbot.checks.locks.lock_walk import HeldLock, LockWalk
from reviewbot.checks.locks.waited_locks import Waited, WaitedLocks
from reviewbot.dataflow.state import State
from reviewbot.interproc.between import callees_of
from reviewbot.interproc.chains import CallChains
from reviewbot.interproc.entry import shown_as
from reviewbot.interproc.settle import few
from reviewbot.interproc.summary import DEEPEST, Effect
from reviewbot.program.call_graph import Asking, Call, FunctionKey, between, giving_back, within_calls

_HELPERS = 3  # functions that call one another to take a lock for the one above

AskedBits = Callable[[LockWalk, int], frozenset[str]]  # those that a request surely has; none for any other step
Taken = Callable[[LockWalk, int, State, frozenset[str]], bool]  # whether what is around it takes one of some bits away


class HeldRequest(Struct, frozen=True):
    """A request below a lock for which reclaim waits.

    `function` and `at`: where it stands; `held`: the name of the lock where it is taken; `shown`: paths, rows and a
    note about each, from there down to the last call before it; `calls`: the functions that call one another on the
    way; `sure`: how sure a remark may be.
    """

    function: FunctionKey
    at: int
    walk: LockWalk
    waited: Waited
    held: str
    shown: tuple[tuple[str, int, str], ...]
    calls: tuple[FunctionKey, ...]
    sure: str


class HeldRequests:
    """Those of all files that are read as one. `asking`: see call_graph.between(), by words."""

    def __init__(self, waited: WaitedLocks, asking: Asking, bits: AskedBits, taken: Taken) -> None:
        self._waited, self._asking, self._bits, self._is_taken = waited, asking, bits, taken
        self._graph, self._calls = waited.graph, waited.calls

    @cached_property
    def found(self) -> Sequence[HeldRequest]:
        """All of them that the change has to do with, the surest of each request."""
        if not self._waited.run or not self._waited.words:
            return []
        functions = self._functions
        if not functions or not self._waited.found:
            return []
        walks = self._waited.read(functions)
        best: dict[tuple[FunctionKey, int], HeldRequest] = {}
        for bits in sorted({one.bits for one in self._waited.found.values()}, key=sorted):
            for one in self._below(walks, bits):
                known = best.get((one.function, one.at))
                if (known is None or _rank(one) > _rank(known)) and self._matters(one):
                    best[one.function, one.at] = one
        return [*self._few(best.values())]

    def _matters(self, one: HeldRequest) -> bool:
        """Whether something else than what reclaim runs takes the lock, and not only in scopes of its callers."""
        first = (*one.calls, one.function)[0]
        return first not in self._waited.alone and not self._is_covered(first, one.waited.bits, DEEPEST)

    def _is_covered(self, function: FunctionKey, bits: frozenset[str], deepest: int) -> bool:
        """Whether all who call a function, as far as they are known, do so where a bit is taken away."""
        calls = self._graph.calls(function) if deepest else ()
        return bool(calls) and all(
            self._is_within(call, bits) or self._is_covered((call.path, call.unit.function.name), bits, deepest - 1)
            for call in calls
        )

    def _is_within(self, call: Call, bits: frozenset[str]) -> bool:
        states = () if call.unit.flow.lost else call.unit.flow.at[call.at]
        walk = self._waited.walk(call.path, call.unit)
        return bool(states) and all(self._is_taken(walk, call.at, state, bits) for state in states)

    def _few(self, found: Iterable[HeldRequest]) -> Iterator[HeldRequest]:
        """All requests that stand in what is changed; of the others the surest for each place where a lock is taken.

        Where nothing but what waits for a lock is changed, the surest for each lock.
        """
        mine = {key for side in self._graph.touched for key in self._graph.changed(side)}
        others: dict[tuple[object, ...], HeldRequest] = {}
        for one in found:
            above = (*one.calls, one.function)
            place = (above[0], one.shown[0]) if not mine.isdisjoint(above) else ()
            known = others.get((one.waited.lock, place))
            if one.function in mine:
                yield one
            elif known is None or _rank(one) > _rank(known):
                others[one.waited.lock, place] = one
        yield from others.values()

    @cached_property
    def _functions(self) -> Sequence[FunctionKey]:
        """The functions between what holds such a lock, what the change touches, and what asks for memory; by words."""
        graph = self._graph
        touched = (side for side in graph.touched if side.path in graph.sides)
        changed = dict.fromkeys(key for side in touched for key in graph.changed(side))
        led = {*self._waited.below, *self._waited.run}
        taking = {one for one in graph.functions if self._may_take(one)}
        helping = [one for one in taking if not self._calls.gives_back(graph.text(one))]
        leading = within_calls(graph.callers, helping, _HELPERS)
        holders = taking | leading.keys()
        starts = dict.fromkeys((*changed, *(sorted(holders) if not led.isdisjoint(changed) else ())))

        def holding(functions: Collection[FunctionKey]) -> Mapping[FunctionKey, Collection[FunctionKey]]:
            return {one: (one,) for one in functions if one in holders}

        found = self._waited.first(between(graph, starts, holding, self._asking, DEEPEST))
        more = giving_back(graph, found, self._unlocking, DEEPEST)
        helpers = within_calls(graph.callees, found, _HELPERS, leading)
        return [*found, *self._waited.first(list(dict.fromkeys(one for one in (*more, *helpers) if one not in found)))]

    def _may_take(self, function: FunctionKey) -> bool:
        text = self._graph.text(function)
        return bool(self._calls.words_taken(text) & self._waited.words)

    def _unlocking(self, functions: Collection[FunctionKey]) -> Collection[FunctionKey]:
        return [one for one in functions if self._calls.gives_back(self._graph.text(one))]

    # -- what is asked for below one --

    def _below(self, walks: Mapping[FunctionKey, LockWalk], bits: frozenset[str]) -> Iterator[HeldRequest]:
        known: dict[str, tuple[Waited, str]] = {}

        def wanted(held: HeldLock) -> str:
            waited = self._waited.found.get(held.lock) if isinstance(held.lock, LockClass) else None
            if waited is None or waited.bits != bits:
                return ""
            name = " ".join((*waited.lock, held.how))
            known[name] = waited, held.how
            return name

        def stops(walk: LockWalk, at: int, state: State) -> bool:
            return self._is_taken(walk, at, state, bits)

        readings = {
            key: LockReading(
                walk, key, callees_of(key, walk.unit, self._graph, walks), self._waited.lookup(key[0]), stops, wanted
            )
            for key, walk in walks.items()
        }
        effects = {key: [*self._requests(one, bits)] for key, one in readings.items()}
        chains = CallChains([*readings.values()], effects, {})
        for key, some in effects.items():
            for effect in some:
                at, reading = effect.at, readings[key]
                for name, held in reading.holds(at):
                    yield self._direct(key, at, reading, held, *known[name])
                for chain in chains.to(key, at):
                    waited, how = known[chain.entry.scope]
                    sure = "low" if chain.once else _sure(waited, how)
                    yield HeldRequest(key, at, reading.walk, waited, chain.entry.taken, chain.shown, chain.calls, sure)

    def _direct(
        self, key: FunctionKey, at: int, reading: LockReading, held: HeldLock, waited: Waited, how: str
    ) -> HeldRequest:
        taken = reading.unit.steps[held.step]
        shown = ((key[0], taken.lines[0], "taken here"),)
        return HeldRequest(key, at, reading.walk, waited, shown_as(taken), shown, (), _sure(waited, how))

    def _requests(self, reading: LockReading, bits: frozenset[str]) -> Iterator[Effect]:
        for at, step in enumerate(reading.unit.steps):
            states = reading.reaches(at) if step.kind == "call" and not step.op else ()
            if states and bits <= self._bits(reading.walk, at) and len(reading.runs(at)) == len(states):
                ways = few({reading.way(at, state.facts) for state in states})
                yield Effect((reading.key, at), at, ways, once=reading.once(at))


def _sure(waited: Waited, how: str) -> str:
    """How sure a remark may be about a lock that is held in some way."""
    doubtful = NESTED in (waited.how, how) or (waited.how == how == SHARED) or waited.lock.struct.endswith(")")
    return "low" if doubtful else waited.sure


def _rank(one: HeldRequest) -> tuple[bool, int, int]:
    return one.sure != "low", -len(one.shown), -len(one.waited.shown)
