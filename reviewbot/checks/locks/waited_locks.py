"""Finds the locks that sleep for which the code waits that reclaim runs: their classes, and how it comes to them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cached_property

from msgspec import Struct

from reviewbot.checks.locks.lock_calls import lock_calls
from reviewbot.checks.locks.lock_class import LockClass, LockTypes
from reviewbot.checks.locks.lock_reading import LockReading, walks_of
from reviewbot.checks.locks.lock_walk import HeldLock, LockEvent, LockWalk
from reviewbot.checks.locks.reclaim_tests import ReclaimTests
from reviewbot.dataflow.scope_table import ScopeTable
from reviewbot.dataflow.state import State
from reviewbot.interproc.between import callees_of
from reviewbot.interproc.chains import CallChain, CallChains
from reviewbot.interproc.entry import EntryContext
from reviewbot.interproc.registered.callbacks import callbacks
from reviewbot.interproc.settle import few
from reviewbot.interproc.summary import DEEPEST, Effect
from reviewbot.kernel.rows import Row, strings
from reviewbot.model.kernel import Rule
from reviewbot.program.call_graph import MOST_READ, FileCallGraph, FunctionKey, within_calls
from reviewbot.program.unit import FunctionUnit


class RunByReclaim(Struct, frozen=True):
    """A function that reclaim runs: the rule's row that says so, a sentence about it, and the rows that show it."""

    row: Row
    said: str
    shown: tuple[str, int, str]


class Waited(Struct, frozen=True):
    """A lock for which code waits that reclaim runs.

    `how`: in which way it is taken; `bits`: those without which a request does not come to it; `said`: the end of a
    sentence about the lock; `shown`: paths, rows and a note about each; `sure`: how sure a remark about it may be.
    """

    lock: LockClass
    how: str
    bits: frozenset[str]
    said: str
    shown: tuple[tuple[str, int, str], ...]
    sure: str
    row: Row


class WaitedLocks:
    """Those of all files that are read as one. `lookup`: gives the scope table of a file."""

    def __init__(self, rule: Rule, graph: FileCallGraph, lookup: Callable[[str], ScopeTable]) -> None:
        self.rule, self.graph, self.lookup = rule, graph, lookup
        self.calls, self.types = lock_calls(rule), LockTypes(graph.sides)
        self._rows = [row for row in rule.rows if "waits" in row]
        self._tests = ReclaimTests(rule, graph.kernel)

    @cached_property
    def run(self) -> Mapping[FunctionKey, RunByReclaim]:
        """The functions that reclaim runs."""
        out: dict[FunctionKey, RunByReclaim] = {}
        for path, side in self.graph.sides.items():
            # most texts name nothing of what reclaim runs, and need not be looked at
            found = callbacks(side, self._rows) if not self._telling.isdisjoint(side.words) else ()
            for one in found:
                if not one.rows or any(word in side.text for word in strings(one.listed, "pinned")):
                    continue
                key = self.graph.meant(path, one.function) or (path, one.function)
                said = f"{one.function}() is {strings(one.listed, 'as')[0]}{one.shown}"
                out.setdefault(key, RunByReclaim(one.listed, said, (path, one.row, one.note)))
        return out

    @cached_property
    def _telling(self) -> frozenset[str]:
        """The words without which a text shows nothing that reclaim runs."""
        rows = self._rows
        types = (said.split(", ")[:2][-1] for row in rows for said in strings(row, "takes"))
        last = (said.split()[-1] for said in (*types, *(one for row in rows for one in strings(row, "members"))))
        first = (said.split()[0] for row in rows for said in (*strings(row, "registers"), *strings(row, "through")))
        return frozenset((*last, *first, *(name for row in rows for name in strings(row, "functions"))))

    def first(self, functions: Sequence[FunctionKey]) -> Sequence[FunctionKey]:
        """As many of some functions as are read; that there are more is said."""
        why = f"more than {MOST_READ} functions have to do with locks that reclaim waits for; not all were followed"
        self.graph.cut_off.extend((path, why) for path in dict.fromkeys(path for path, _ in functions[MOST_READ:]))
        return functions[:MOST_READ]

    @cached_property
    def below(self) -> Mapping[FunctionKey, int]:
        """The functions between what reclaim runs and what takes a lock, by their words; how many calls below it."""
        reached = within_calls(self.graph.callees, [*self.run], DEEPEST)
        takers = [one for one in reached if self.calls.words_taken(self.graph.text(one))]
        leading = within_calls(self.graph.callers, takers, DEEPEST, reached)
        return {one: depth for one, depth in reached.items() if one in leading}

    @cached_property
    def alone(self) -> frozenset[FunctionKey]:
        """The functions that only what reclaim runs comes to: what they may not ask for is said of them otherwise."""
        found = dict.fromkeys((*self.run, *within_calls(self.graph.callees, [*self.run], DEEPEST)))
        fewer = True
        while fewer:
            left = [one for one in found if one in self.run or found.keys() >= {*self.graph.callers(one)}]
            fewer, found = len(left) < len(found), dict.fromkeys(left)
        return frozenset(found)

    @cached_property
    def words(self) -> frozenset[str]:
        """The words in the names of these locks."""
        texts = (self.graph.text(one) for one in self.below)
        return frozenset[str]().union(*(self.calls.words_taken(text) for text in texts))

    def read(self, functions: Collection[FunctionKey]) -> Mapping[FunctionKey, LockWalk]:
        """Some functions, followed; those of which several have one name are left out."""
        units: dict[FunctionKey, FunctionUnit] = {}
        for key in functions:
            found = self.graph.units(key)
            if len(found) == 1 and not found[0].flow.lost:
                units[key] = found[0]
        return walks_of(units, self.graph, self.calls, self.types, self.lookup)

    def walk(self, path: str, unit: FunctionUnit) -> LockWalk:
        """One function of a file, followed by itself."""
        return LockWalk(unit, path, self.calls, self.types, self.lookup(path))

    @cached_property
    def found(self) -> Mapping[LockClass, Waited]:
        """The classes of these locks, each with the surest and shortest way to one."""
        walks = self.read(self.first([*self.below]))
        readings = self._readings(walks)
        effects = {key: [*self._taken(reading)] for key, reading in readings.items()}
        entered = {
            key: [(None, EntryContext("", one.said, (one.shown[1:],), path=one.shown[0]))]
            for key, one in self.run.items()
        }
        chains = CallChains([*readings.values()], effects, entered)
        found: dict[LockClass, Waited] = {}
        for key, walk in walks.items():
            for at, events in walk.events.items():
                for chain in chains.to(key, at):
                    for event in events:
                        waited = self._waited(key, at, event, chain, walks)
                        if waited is not None and _is_better(waited, found.get(waited.lock)):
                            found[waited.lock] = waited
        return found

    def _readings(self, walks: Mapping[FunctionKey, LockWalk]) -> Mapping[FunctionKey, LockReading]:
        found = {}
        for key, walk in walks.items():
            callees = callees_of(key, walk.unit, self.graph, walks)
            lookup = self.lookup(key[0])
            found[key] = LockReading(walk, key, callees, lookup, self._stops, _nothing, self._tests)
        return found

    def _taken(self, reading: LockReading) -> Iterator[Effect]:
        for at, events in reading.walk.events.items():
            states = reading.runs(at)
            if states and any(one.takes and isinstance(one.lock, LockClass) for one in events):
                ways = few({reading.way(at, state.facts) for state in states})
                yield Effect((reading.key, at), at, ways, once=reading.once(at))

    def _stops(self, walk: LockWalk, at: int, _: State) -> bool:
        """Whether an instruction is reached for others than reclaim alone, or by the last user of something."""
        return self._tests.bits_at(walk.unit, at) is None or self._tests.is_for_others(walk.unit, at)

    def _waited(
        self, key: FunctionKey, at: int, event: LockEvent, chain: CallChain, walks: Mapping[FunctionKey, LockWalk]
    ) -> Waited | None:
        lock = event.lock
        root = chain.calls[0] if chain.calls else key
        run = self.run.get(root)
        if not event.takes or event.inside or not isinstance(lock, LockClass) or run is None:
            return None
        if any(word in lock.struct for word in strings(run.row, "ends")):
            return None
        bits = {str(run.row["bit"])}
        behind = chain.shown[len(chain.shown) - len(chain.calls) :]
        for function, (_, row, _) in zip(chain.calls, behind, strict=True):
            unit = walks[function].unit
            for index, step in enumerate(unit.steps):
                if step.kind == "call" and step.lines[0] == row:
                    bits |= self._tests.bits_at(unit, index) or frozenset()
        bits |= self._tests.bits_at(walks[key].unit, at) or frozenset()
        taken = (key[0], walks[key].unit.steps[at].lines[0], "reclaim waits for the lock here")
        name = key[1]
        by = f"and {name}(), which it comes to, takes that lock" if chain.calls else "and takes that lock"
        sure = "low" if chain.once else str(run.row["waits"])
        shown = (*chain.shown, taken)
        return Waited(lock, event.how, frozenset(bits), f"{run.said}, {by}", shown, sure, run.row)


def _nothing(_: HeldLock) -> str:
    return ""


def _is_better(one: Waited, other: Waited | None) -> bool:
    if other is None:
        return True
    return (one.sure != "low", not one.how, -len(one.bits), -len(one.shown)) > (
        other.sure != "low",
        not other.how,
        -len(other.bits),
        -len(other.shown),
    )
