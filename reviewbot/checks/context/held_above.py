"""Says what callers hold where a function of a text is reached, and where others run it, so that nothing may sleep."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property

from msgspec import Struct

from reviewbot.checks.context.sleeping_calls import Sleeper, frees_of, last_user, sleeper, ways_to
from reviewbot.interproc.call_graph import FileCallGraph, between
from reviewbot.interproc.callbacks import Callback, callbacks
from reviewbot.interproc.chains import CallChains, Entered
from reviewbot.interproc.entry import EntryContext, Locks, asserted, keeps_entry
from reviewbot.interproc.function_reading import FunctionReading
from reviewbot.interproc.settle import few
from reviewbot.interproc.specialize import Calls, calls_of
from reviewbot.interproc.summary import DEEPEST, Effect, FunctionKey, Lock
from reviewbot.kernel.rows import row_words, strings
from reviewbot.model.kernel import Rule
from reviewbot.program.context import Context
from reviewbot.program.file_version import FileVersion
from reviewbot.program.locked_rows import held_rows
from reviewbot.program.unit import FunctionUnit

_WORD = re.compile(r"\w+")


class Held(Struct, frozen=True):
    """What forbids sleeping: how a text ends that says so, and the rows that show it, with a word about each.

    `taken`: the call that took the lock, "" if none is shown; `outside`: the function is entered with it; `scope`: the
    kind that it is then.
    """

    where: str
    rows: tuple[tuple[int, str], ...]
    confidence: str = ""
    taken: str = ""
    outside: bool = False
    scope: str = ""


class HeldAbove:
    """Functions of the text that are entered where nothing may sleep, worked out when the first is asked for."""

    def __init__(self, side: FileVersion, rule: Rule, context: Context) -> None:
        self.side, self.rule, self.context = side, rule, context
        self.frees = frees_of(rule)
        self._graph = FileCallGraph(side)
        self._sleepers: dict[int, Sequence[tuple[int, Sleeper]]] = {}

    @cached_property
    def units(self) -> tuple[FunctionUnit, ...]:
        """The functions of the change, and those that call them or are called."""
        return (*self.side.units, *self.side.around, *self.below())

    @cached_property
    def calls(self) -> Calls:
        """The calls of these."""
        return calls_of(self.units)

    @cached_property
    def near(self) -> tuple[FunctionUnit, ...]:
        """The functions between what may hold a lock, what the change touches, and what may sleep."""
        starts = [(self.side.path, unit.function.name) for unit in self.side.units if not unit.function.macro]
        starts += [(self.side.path, name) for name in sorted(self.side.quiet)]
        found = between(self._graph, dict.fromkeys(starts), self._holding, self._asking, DEEPEST)
        return tuple(unit for key in found for unit in self._graph.units(key))

    @cached_property
    def all(self) -> tuple[FunctionUnit, ...]:
        """The functions in which something may sleep that the change has to do with, each once."""
        return tuple({id(unit): unit for unit in (*self.side.units, *self.below(), *self.near)}.values())

    def _asking(self, functions: Collection[FunctionKey]) -> Collection[FunctionKey]:
        kernel = self.context.kernel
        known = {name for name, one in kernel.allocators.items() if one.allocates} | self.frees.keys()
        stems = kernel.words["flag_prefixes"]
        texts = ((one, self._graph.text(one)) for one in functions)
        return [
            one
            for one, text in texts
            if any(stem in text for stem in stems) or not known.isdisjoint(_WORD.findall(text))
        ]

    def _holding(self, functions: Collection[FunctionKey]) -> Mapping[FunctionKey, Collection[FunctionKey]]:
        """Of some functions those that hold something on entry, as their own, and what others call with a lock held."""
        run = self._run({name for _, name in functions})
        asserts = row_words(self.rule, "asserts")
        found: dict[FunctionKey, Collection[FunctionKey]] = {}
        for one in functions:
            text = self._graph.text(one)
            if one[1] in run or any(word in text for word in asserts):
                found[one] = (one,)
            elif below := [*self._called_with_lock(text, {name for _, name in self._graph.callees(one)})]:
                found[one] = [(one[0], name) for name in dict.fromkeys(below)]
        return found

    def _run(self, names: Collection[str]) -> frozenset[str]:
        """Those of some functions that others run where nothing may sleep.

        For most texts this is answered by their words, and nothing more is read.
        """
        text = self.side.text
        handed = re.compile(rf"\b(?:{'|'.join(map(re.escape, sorted(names)))})\b(?!\s*\()")
        typed = any(kind in text for kind in row_words(self.rule, "returns")) or self._signed
        if not names or not (typed or handed.search(text)):
            return frozenset()
        return frozenset(one.function for one in self.callbacks) & frozenset(names)

    @property
    def _signed(self) -> bool:
        """Whether a function has the parameters of one that is run where nothing may sleep."""
        wanted = row_words(self.rule, "takes")
        return any(", ".join(kind for kind, _ in unit.function.params) in wanted for unit in self.side.units)

    @cached_property
    def _handed_down(self) -> frozenset[str]:
        """The functions of the text that a unit may call with a lock held."""
        names = self.side.others | {unit.function.name for unit in self.side.units}
        return frozenset(
            name
            for unit in self.side.units
            for name in self._called_with_lock(unit.text, names)
            if name != unit.function.name
        )

    def _called_with_lock(self, text: str, names: Collection[str]) -> Iterator[str]:
        lookup = self.context.lookup
        if (lookup.locks | lookup.unlocks).isdisjoint(_WORD.findall(text)):
            return
        rows = [(len(row) - len(row.lstrip()), _WORD.findall(row)) for row in text.split("\n")]
        held = held_rows(rows, lookup.locks, lookup.unlocks)
        for _, words_ in (row for one, row in zip(held, rows, strict=True) if one):
            yield from (word for word in words_ if word in names)

    def below(self) -> tuple[FunctionUnit, ...]:
        """The functions that units call with a lock held, or may hand a mask to."""
        return self.side.telling_below(self.context.kernel.words["mask_types"], self._handed_down)

    def gives_back(self, name: str) -> bool:
        """Whether a function of the text gives back a lock that its caller holds, as its body or its head says."""
        side = self.side
        named = frozenset((name,)) if name in side.others else frozenset[str]()
        units = (*side.units, *(side.telling_below((), named) if named else ()))
        for unit in (one for one in units if one.function.name == name and not one.function.macro):
            head = side.rows[max(unit.function.head[0], 0) : unit.function.head[1] + 1]
            said = any(word in row for row in head for word in row_words(self.rule, "releases"))
            if said or not keeps_entry(unit, self.context.lookup):
                return True
        return False

    @cached_property
    def callbacks(self) -> tuple[Callback, ...]:
        """The functions of the text that others run where nothing may sleep."""
        return tuple(callbacks(self.side, [row for row in self.rule.rows if "as" in row]))

    @cached_property
    def givers(self) -> Mapping[str, Callback]:
        """The functions of the text that are handed a mask which may sleep, with who hands it."""
        found = callbacks(self.side, [row for row in self.rule.rows if "given" in row])
        return {one.function: one for one in found}

    # -- what is held where a function is called --

    def sleepers(self, unit: FunctionUnit) -> Sequence[tuple[int, Sleeper]]:
        """The calls of a function that may sleep, by instruction."""
        if id(unit) not in self._sleepers:
            found = ((at, sleeper(unit, at, self.rule, self.frees, self.context)) for at in range(len(unit.steps)))
            self._sleepers[id(unit)] = [
                (at, one)
                for at, one in found
                if one is not None and not (one.wraps and self.gives_back(unit.steps[at].name))
            ]
        return self._sleepers[id(unit)]

    def held(self, unit: FunctionUnit, index: int) -> Iterator[Held]:
        """What callers of a function surely hold where an instruction of it is reached, the nearest first."""
        name = unit.function.name
        for chain in self._chains.to(self._key(unit), index) if unit in self.near else ():
            one = chain.entry
            yield Held(one.where(name), one.rows, "medium", one.taken, outside=True, scope=one.scope)

    def above(self, unit: FunctionUnit, index: int) -> Sequence[EntryContext]:
        """The contexts in which an instruction of a function is reached by its callers."""
        return [one.entry for one in self._chains.to(self._key(unit), index)] if unit in self.near else ()

    def _key(self, unit: FunctionUnit) -> FunctionKey:
        return self.side.path, unit.function.name

    @cached_property
    def _chains(self) -> CallChains:
        last = {word for row in self.frees.values() for word in strings(row, "counted")}
        names = {unit.function.name: self._key(unit) for unit in self.near}
        twice = Counter(unit.function.name for unit in self.near)
        readings = [
            FunctionReading(unit, self._key(unit), names, self.context.lookup, last=last)
            for unit in self.near
            if twice[unit.function.name] == 1
        ]
        effects = {one.key: [*self._effects(one)] for one in readings}
        return CallChains(readings, effects, self._entered())

    def _effects(self, reading: FunctionReading) -> Iterator[Effect]:
        for at, call in self.sleepers(reading.unit):
            ways = ways_to(reading, at, call, self.rule, self.context)
            if ways and not (call.free is not None and last_user(reading.unit, at, call.free)):
                yield Effect((reading.key, at), at, few(ways), by_others=call.free is not None)

    def _entered(self) -> Entered:
        rule, lookup = self.rule, self.context.lookup
        spins = dict(pair.split(" ", 1) for pair in sorted(row_words(rule, "spins")))
        locks = Locks(row_words(rule, "asserts"), spins, row_words(rule, "sleeps"))
        found: dict[FunctionKey, list[tuple[Lock | None, EntryContext]]] = {}
        for name, lock, entry in asserted(self.near, self.side.rows, lookup, locks):
            found.setdefault((self.side.path, name), []).append((Lock(entry.scope, lock), entry))
        run = self._run({unit.function.name for unit in self.near})
        for one in (one for one in self.callbacks if one.function in run) if run else ():
            entry = EntryContext("", one.said, ((one.row, one.note),))
            found.setdefault((self.side.path, one.function), []).append((None, entry))
        return found
