"""Says how requests are reached where reclaim must not come back: from what it runs, or below what it waits for.

It is worked out once for all files that are read as one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

from msgspec import Struct

from reviewbot.checks.context.atomic_calls import of_file
from reviewbot.checks.reclaim.handles import may_hold
from reviewbot.checks.reclaim.reclaim_reading import ReclaimReading
from reviewbot.checks.reclaim.requests import ReclaimRequest, reclaim_request
from reviewbot.checks.reclaim.restriction import Restriction, restrictions
from reviewbot.interproc import settle
from reviewbot.interproc.between import Between, callees_of
from reviewbot.interproc.chains import CallChain, CallChains
from reviewbot.interproc.entry import EntryContext
from reviewbot.interproc.registered.callbacks import callbacks
from reviewbot.interproc.summary import DEEPEST, Effect
from reviewbot.kernel.rows import Row, row_words
from reviewbot.model.kernel import Rule
from reviewbot.program.call_graph import FunctionKey, within_calls
from reviewbot.program.context import Context
from reviewbot.program.file_version import FileVersion
from reviewbot.program.operations.table_calls import table_calls
from reviewbot.program.unit import FunctionUnit

_WORD = re.compile(r"\w+")


class ReclaimWay(Struct, frozen=True):
    """How a request is reached where its bit is wrong.

    `row`: the rule's row about that; `said`: a clause that tells a reader of it; `shown`: paths, rows and a note about
    each, down to the last call; `chain`: the calls on the way, None where there are none; `for_last`: on these only who
    has given back the last reference to something comes to it, and whoever calls from far has mostly another one.
    """

    row: Row
    said: str
    shown: tuple[tuple[str, int, str], ...]
    chain: CallChain | None = None
    for_last: bool = False

    @property
    def bit(self) -> str:
        """The bit that is wrong."""
        return str(self.row["bit"])


class _Followed(NamedTuple):
    chains: CallChains
    readings: Mapping[FunctionKey, ReclaimReading]


class ReclaimCalls:
    """The requests that are reached so, in all files that are read as one."""

    def __init__(self, rule: Rule, context: Context) -> None:
        self.rule, self.graph, self.sides = rule, context.calls, context.calls.sides
        self.contexts = {path: of_file(context, side) for path, side in self.sides.items()}
        self._tables = table_calls(self.graph)
        self._restrictions = restrictions(rule)
        self._handles = (*row_words(rule, "enters"), *row_words(rule, "params"))
        # the function is kept as well: another that is made later may get its id
        self._asked: dict[int, tuple[FunctionUnit, Mapping[int, ReclaimRequest]]] = {}

    def units(self, side: FileVersion) -> Iterator[tuple[str, FunctionUnit]]:
        """The functions that the change has to do with, with their paths; those of other files that it changes not."""
        here = {side.path, *(one.path for one in self.graph.earlier)}
        mine = [(side.path, unit) for unit in side.units]
        keyed = ((self._between.key(unit), unit) for unit in (self._between.units if self._leads else ()))
        near = [(key[0], unit) for key, unit in keyed if key is not None and key[0] in here]
        yield from {id(unit): (path, unit) for path, unit in (*mine, *near)}.values()

    def found(self, path: str, unit: FunctionUnit) -> Iterator[tuple[int, ReclaimRequest, Sequence[ReclaimWay]]]:
        """The requests of a function that are reached so, each with the ways to it."""
        found: dict[int, list[ReclaimWay]] = {}
        for restriction, followed in zip(self._restrictions, self._followed, strict=True) if self._leads else ():
            below = self._below(restriction, followed, path, unit) if followed is not None else ()
            for at, way in (*self._here(restriction, path, unit), *below):
                found.setdefault(at, []).append(way)
        asked = self._requests(path, unit) if found else {}
        for at in sorted(found):
            yield at, asked[at], found[at]

    def asking(self, functions: Collection[FunctionKey]) -> Collection[FunctionKey]:
        """Those of some functions that may ask for memory, by their words."""
        kernel = self.graph.kernel
        names, stems = kernel.allocators.keys(), kernel.words["flag_prefixes"]
        return [
            one
            for one in functions
            if self.graph.parsed(one)
            or any(stem in self.graph.text(one) for stem in stems)
            or not names.isdisjoint(_WORD.findall(self.graph.text(one)))
        ]

    # -- what reclaim runs, and what is held --

    @cached_property
    def _run(self) -> Mapping[FunctionKey, Sequence[ReclaimWay]]:
        """The functions that others run where reclaim comes by."""
        rows = [row for row in self.rule.rows if "as" in row]
        found: dict[FunctionKey, list[ReclaimWay]] = {}
        for path, side in self.sides.items():
            for one in (shown for shown in callbacks(side, rows) if shown.rows):
                said = f"{one.function}() is {one.listed['as']}{one.shown}"
                key = self.graph.meant(path, one.function) or (path, one.function)
                found.setdefault(key, []).append(ReclaimWay(one.listed, said, ((path, one.row, one.note),)))
        return found

    def _run_under(self, restriction: Restriction, function: FunctionKey) -> ReclaimWay | None:
        """Why a function is run so, below one restriction."""
        return next((one for one in self._run.get(function, ()) if one.row in restriction.run), None)

    @cached_property
    def _leads(self) -> bool:
        """Whether anything may lead to where reclaim comes by: else no caller need be read."""
        return bool(self._run) or any(word in side.text for side in self.sides.values() for word in self._handles)

    @cached_property
    def _between(self) -> Between:
        """The functions between where reclaim comes by, those of the change, and those that ask for memory."""
        return Between(self.graph, self._holding, self.asking)

    def _holding(self, functions: Collection[FunctionKey]) -> Mapping[FunctionKey, Collection[FunctionKey]]:
        texts = ((one, self.graph.text(one)) for one in functions)
        told = (one for one, text in texts if one in self._run or any(word in text for word in self._handles))
        return {one: (one,) for one in told}

    # -- what is asked for --

    def _requests(self, path: str, unit: FunctionUnit) -> Mapping[int, ReclaimRequest]:
        """The requests of a function that may enter reclaim, by instruction."""
        if id(unit) not in self._asked:
            context = self.contexts[path]
            found = ((at, reclaim_request(unit, at, step, self.rule, context)) for at, step in enumerate(unit.steps))
            self._asked[id(unit)] = unit, {at: one for at, one in found if one is not None}
        return self._asked[id(unit)][1]

    def _effects(self, reading: ReclaimReading, bit: str) -> Iterator[Effect]:
        for at, one in self._requests(reading.key[0], reading.unit).items() if not reading.abstained else ():
            if bit in one.bits and not reading.stops(at):
                ways = settle.few(reading.ways(at))
                yield Effect((reading.key, at), at, ways, once=reading.once(at))

    def _here(self, restriction: Restriction, path: str, unit: FunctionUnit) -> Iterator[tuple[int, ReclaimWay]]:
        """The requests of a function that is run so itself, or has a handle."""
        key = path, unit.function.name
        run = self._run_under(restriction, key)
        if run is None and not any(may_hold(unit, row) for row in restriction.handles.values()):
            return  # of most functions the paths need not be followed
        reading = ReclaimReading(restriction, self.rule, self.contexts[path], unit, key, {}, {})
        if run is None and not reading.handles:
            return
        for effect in self._effects(reading, restriction.bit):
            for name, one in reading.holds(effect.at):
                yield effect.at, ReclaimWay(restriction.handles[name], one.said, ((path, *one.shown),))
            if run is not None and not settle.undecided(effect.ways):
                yield effect.at, run

    # -- chains --

    @cached_property
    def _known(self) -> Mapping[FunctionKey, FunctionUnit]:
        """The functions on ways, and those of the change, but for those of which several have one name."""
        near = ((self._between.key(unit), unit) for unit in self._between.units)
        own = (((path, unit.function.name), unit) for path, side in self.sides.items() for unit in side.units)
        every = {id(unit): (key, unit) for key, unit in (*near, *own) if key is not None and unit.steps}
        count = Counter(key for key, _ in every.values())
        return {key: unit for key, unit in every.values() if count[key] == 1}

    def _reading(
        self, key: FunctionKey, unit: FunctionUnit, known: Collection[FunctionKey], restriction: Restriction
    ) -> ReclaimReading:
        callees = callees_of(key, unit, self.graph, known)
        bodies = self._tables.bodies(key)
        return ReclaimReading(restriction, self.rule, self.contexts[key[0]], unit, key, callees, bodies)

    def _below(
        self, restriction: Restriction, followed: _Followed, path: str, unit: FunctionUnit
    ) -> Iterator[tuple[int, ReclaimWay]]:
        """The requests of a function that are reached by calls."""
        key = path, unit.function.name
        if key not in followed.readings or followed.readings[key].unit is not unit:
            return
        for at in self._requests(path, unit):
            for chain in followed.chains.to(key, at):
                way = self._way(restriction, (key, at), chain, followed.readings) if chain.calls else None
                if way is not None:
                    yield at, way

    def _way(
        self,
        restriction: Restriction,
        request: tuple[FunctionKey, int],
        chain: CallChain,
        readings: Mapping[FunctionKey, ReclaimReading],
    ) -> ReclaimWay | None:
        run = self._run_under(restriction, chain.calls[0]) if not chain.entry.scope else None
        row = run.row if run is not None else restriction.handles[chain.entry.scope]
        if "one_file" in row and any(path != request[0][0] for path, _ in chain.calls):
            return None
        behind = chain.shown[len(chain.shown) - len(chain.calls) :]
        calls = zip(chain.calls, (at for _, at, _ in behind), strict=True)
        passed = [request, *((key, at) for key, row in calls for at in readings[key].calls_at(row))]
        last = any(readings[key].is_for_last(at) for key, at in passed)
        return ReclaimWay(row, chain.entry.base, chain.shown, chain, last)

    @cached_property
    def _followed(self) -> Sequence[_Followed | None]:
        """What is reached by calls below each restriction; None where nothing is."""
        return [self._follow(one) for one in self._restrictions]

    def _follow(self, restriction: Restriction) -> _Followed | None:
        rows, known = restriction.handles.values(), self._known
        run = {key: way for key in known if (way := self._run_under(restriction, key)) is not None}
        starts = dict.fromkeys(
            (*run, *(key for key, unit in known.items() if any(may_hold(unit, row) for row in rows)))
        )
        below = within_calls(self._tables.callees, starts, DEEPEST)
        near = {key: unit for key, unit in known.items() if key in below}  # of others no path need be followed
        every = (self._reading(key, unit, near, restriction) for key, unit in near.items())
        readings = [one for one in every if not one.abstained]
        effects = {one.key: [*self._effects(one, restriction.bit)] for one in readings}
        if not any(effects.values()):
            return None
        entered = {
            key: [(None, EntryContext("", way.said, (way.shown[0][1:],), path=way.shown[0][0]))]
            for key, way in run.items()
        }
        chains = CallChains(readings, effects, entered)
        why = "comes to more requests than are followed"
        self.graph.cut_off.extend((path, f"{name}() {why}") for path, name in sorted(chains.abstained))
        return _Followed(chains, {one.key: one for one in readings})
