"""Says which functions of a call graph are reached where nothing may sleep: by whom, and with what held.

It is worked out once for all files that are read as one, when the first of their functions is asked for.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache

from msgspec.structs import replace

from reviewbot.checks.context.lending import lent_to
from reviewbot.checks.context.sleeping_calls import Sleeper, frees_of, last_user, sleeper, ways_to
from reviewbot.frontend.cut_functions import handed_in
from reviewbot.frontend.instructions import Expr, Instruction
from reviewbot.frontend.locked_rows import gives_back_untaken, held_rows
from reviewbot.interproc.between import Between
from reviewbot.interproc.chains import CallChain, CallChains, Entered
from reviewbot.interproc.entry import EntryContext, Locks, asserted, keeps_entry
from reviewbot.interproc.function_reading import FunctionReading
from reviewbot.interproc.registered.callbacks import Callback, callbacks, may_be_run
from reviewbot.interproc.settle import few
from reviewbot.interproc.summary import DEEPEST, Effect, Lock
from reviewbot.kernel.rows import row_words, signature, strings
from reviewbot.model.kernel import Rule
from reviewbot.program.call_graph import FunctionKey, within_calls
from reviewbot.program.context import Context
from reviewbot.program.file_version import FileVersion
from reviewbot.program.operations.table_calls import table_calls
from reviewbot.program.unit import FunctionUnit

_WORD = re.compile(r"\w+")
_SOMEBODY: FunctionKey = ("", "")


def atomic_calls(rule: Rule, context: Context) -> AtomicCalls:
    """What a rule's check knows of the files that are read as one, worked out once for all of them."""
    return context.calls.once(rule.id, lambda: AtomicCalls(rule, context))


class AtomicCalls:
    """The functions that are entered where nothing may sleep, among those that the change has to do with."""

    def __init__(self, rule: Rule, context: Context) -> None:
        self.rule, self.frees, self.graph = rule, frees_of(rule), context.calls
        self._tables = table_calls(self.graph)
        self._contexts = {path: of_file(context, side) for path, side in self.graph.sides.items()}
        self._callbacks: dict[str, tuple[Callback, ...]] = {}
        # the function is kept as well: another that is made later may get its id
        self._sleepers: dict[int, tuple[FunctionUnit, Sequence[tuple[int, Sleeper]]]] = {}

    @cached_property
    def _between(self) -> Between:
        return Between(self.graph, self._holding, self._asking, self._unlocking)

    @property
    def units(self) -> Sequence[FunctionUnit]:
        """The functions between what may hold a lock, what the change touches, and what may sleep."""
        return self._between.units

    def path(self, unit: FunctionUnit) -> str:
        """The path of the file that one of the units stands in; "" for any other."""
        key = self._between.key(unit)
        return key[0] if key is not None else ""

    def to(self, unit: FunctionUnit, index: int) -> Sequence[CallChain]:
        """The chains to an instruction of a function, the shortest first."""
        key = self._between.key(unit)
        return self._chains.to(key, index) if key is not None else ()

    # -- which functions matter, by words --

    def _asking(self, functions: Collection[FunctionKey]) -> Collection[FunctionKey]:
        kernel = self.graph.kernel
        known = {name for name, one in kernel.allocators.items() if one.allocates} | self.frees.keys()
        stems = kernel.words["flag_prefixes"]
        own = {path: known | side.allocators.keys() for path, side in self.graph.sides.items()}
        found = []
        for one in functions:
            if parsed := self.graph.parsed(one):
                asks = any(self.sleepers(unit, one[0]) for unit in parsed)
            else:
                text = self.graph.text(one)
                asks = any(stem in text for stem in stems) or not own[one[0]].isdisjoint(_WORD.findall(text))
            found += [one] if asks else []
        return found

    def _holding(self, functions: Collection[FunctionKey]) -> Mapping[FunctionKey, Collection[FunctionKey]]:
        """Of some functions those that hold something on entry, as their own, and what others call with a lock held."""
        run = self._run(functions)
        asserts = row_words(self.rule, "asserts")
        found: dict[FunctionKey, Collection[FunctionKey]] = {}
        for one in functions:
            text = self.graph.text(one)
            if one in run or any(word in text for word in asserts):
                found[one] = (one,)
            elif below := [*dict.fromkeys(self._called_with_lock(one, text))]:
                meant = (self.graph.meant(one[0], name) for name in below)
                put = (key for name in below for key in self._tables.named(one).get(name, ()))
                found[one] = [*(key for key in meant if key is not None), *put]
        return found

    def _unlocking(self, functions: Collection[FunctionKey]) -> Collection[FunctionKey]:
        found = []
        for one in functions:
            lookup, text = self._contexts[one[0]].lookup, self.graph.text(one)
            telling = not lookup.unlocks.isdisjoint(_WORD.findall(text))
            if telling and gives_back_untaken(_rows(text), lookup.locks, lookup.unlocks):
                found.append(one)
        return found

    def may_give_back(self, path: str, name: str) -> bool:
        """Whether what a name means in a file, or a function below, may give back what its caller holds, by words."""
        key = self.graph.meant(path, name)
        below = within_calls(self.graph.callees, [key], DEEPEST) if key is not None else ()
        return bool(self._unlocking([*below]))

    def lent_to(self, starts: Collection[FunctionKey]) -> Sequence[FunctionKey]:
        """The functions that ask for memory and for which changed ones may take a lock, or give one back."""
        return lent_to(self.graph, starts, lambda path: self._contexts[path].lookup, self._asking)

    def _called_with_lock(self, function: FunctionKey, text: str) -> Iterator[str]:
        lookup = self._contexts[function[0]].lookup
        names = {*(name for _, name in self.graph.callees(function)), *self._tables.named(function)}
        yield from called_with_lock(text, names, lookup.locks, lookup.unlocks) if names else ()

    def _run(self, functions: Collection[FunctionKey]) -> frozenset[FunctionKey]:
        """Those of some functions that others run where nothing may sleep.

        For most texts this is answered by their words, and nothing more is read.
        """
        return frozenset(key for key, _, _ in self._runs(functions))

    def _runs(self, functions: Collection[FunctionKey]) -> Iterator[tuple[FunctionKey, str, Callback]]:
        """Those of some functions that others run so, with the path of the file that shows it, and how."""
        for path, side in self.graph.sides.items():
            words = side.words if len(self.graph.sides) > 1 else ()
            near = ((where, name) for where, name in functions if where == path or name in words)
            keys = {name: (where, name) for where, name in near if self.graph.meant(path, name) == (where, name)}
            mine = {name for name, (where, _) in keys.items() if where == path}
            own = bool(mine) and (self._signed(side) or not mine.isdisjoint(row_words(self.rule, "functions")))
            if own or any(may_be_run(side.text, name, *self._listed) for name in keys):
                yield from ((keys[one.function], path, one) for one in self._run_in(side) if one.function in keys)

    @cached_property
    def _listed(self) -> tuple[frozenset[str], frozenset[str]]:
        """The words that stand before a function which others run: members and types, and the calls it is handed to."""
        rows = [row for row in self.rule.rows if "as" in row]
        members = (said for row in rows for said in (*strings(row, "members"), *strings(row, "holds")))
        types = (said for row in rows for said in strings(row, "returns"))
        calls = (said for row in rows for said in strings(row, "registers"))
        before = frozenset(said.split()[-1] for one in (members, types) for said in one)
        return before, frozenset(said.split()[0] for said in calls)

    def _signed(self, side: FileVersion) -> bool:
        """Whether a function has the parameters, or above the text the type, of one run where nothing may sleep."""
        wanted = row_words(self.rule, "takes") | {
            ", ".join(signature(said)[1]) for said in row_words(self.rule, "signature")
        }
        types, heads = row_words(self.rule, "returns"), (unit.function for unit in side.units)
        return any(
            ", ".join(kind for kind, _ in one.params) in wanted or (not one.starts and one.returns in types)
            for one in heads
        )

    def _run_in(self, side: FileVersion) -> tuple[Callback, ...]:
        if side.path not in self._callbacks:
            self._callbacks[side.path] = tuple(callbacks(side, [row for row in self.rule.rows if "as" in row]))
        return self._callbacks[side.path]

    # -- what may sleep --

    def sleepers(self, unit: FunctionUnit, path: str) -> Sequence[tuple[int, Sleeper]]:
        """The calls of a function of a file that may sleep, by instruction."""
        if id(unit) not in self._sleepers:
            context = self._contexts[path]
            found = ((at, sleeper(unit, at, self.rule, self.frees, context)) for at in range(len(unit.steps)))
            kept = [
                (at, one)
                for at, one in found
                if one is not None and not (one.wraps and self._is_harmless(unit, path, at, one))
            ]
            self._sleepers[id(unit)] = unit, kept
        return self._sleepers[id(unit)][1]

    def _is_harmless(self, unit: FunctionUnit, path: str, at: int, call: Sleeper) -> bool:
        """Whether a function that is handed a mask gives back a lock, or does nothing with the mask."""
        step = unit.steps[at]
        key = self.graph.meant(path, step.name)
        units = self.graph.units(key) if key is not None else ()
        if key is not None and any(self._gives_back(one, self.graph.sides[key[0]]) for one in units):
            return True
        function = units[0].function if len(units) == 1 else None
        if function is None or not function.whole or len(function.params) != len(step.args):
            return False
        names = {name for (_, name), arg in zip(function.params, step.args, strict=True) if arg.text == call.mask}
        return not any(part.text in names for one in function.steps for expr in _all_of(one) for part in expr.walk())

    def _gives_back(self, unit: FunctionUnit, side: FileVersion) -> bool:
        """Whether a function gives back a lock that its caller holds, as its body or its head says."""
        head = side.rows[max(unit.function.head[0], 0) : unit.function.head[1] + 1]
        said = any(word in row for row in head for word in row_words(self.rule, "releases"))
        return said or not keeps_entry(unit, self._contexts[side.path].lookup)

    # -- chains --

    @cached_property
    def _chains(self) -> CallChains:
        last = {word for row in self.frees.values() for word in strings(row, "counted")}
        early = self.graph.kernel.words["early_boot"]
        every = self._between.readings(last=last)
        readings = [one for one in every if one.key[1] not in early or one.unit.function.static]
        effects, entered = {one.key: [*self._effects(one)] for one in readings}, self._entered()
        found = CallChains(readings, effects, entered, lambda one: self._comers(one, one in entered))
        why = "comes to more calls that may sleep than are followed"
        self.graph.cut_off.extend((path, f"{name}() {why}") for path, name in sorted(found.abstained))
        return found

    def _comers(self, function: FunctionKey, entered: bool) -> Collection[FunctionKey]:
        """Who calls a function, and _SOMEBODY where it is handed on; `entered`: that is known, and what it means."""
        callers = self.graph.callers(function)
        handed = not entered and function[1] in _handed(self.graph.sides[function[0]].text)
        return [*callers, _SOMEBODY] if handed else callers

    def _effects(self, reading: FunctionReading) -> Iterator[Effect]:
        path = reading.key[0]
        for at, call in self.sleepers(reading.unit, path):
            ways = ways_to(reading, at, call, self.rule, self._contexts[path])
            free = call.free is not None
            if ways and not (call.free is not None and last_user(reading.unit, at, call.free)):
                yield Effect((reading.key, at), at, few(ways), by_others=free, once=reading.once(at))

    def _entered(self) -> Entered:
        rule = self.rule
        spins = dict(pair.split(" ", 1) for pair in sorted(row_words(rule, "spins")))
        locks = Locks(row_words(rule, "asserts"), spins, row_words(rule, "sleeps"))
        found: dict[FunctionKey, list[tuple[Lock | None, EntryContext]]] = {}
        for path, side in self.graph.sides.items():
            units = [unit for unit in self.units if self.path(unit) == path]
            for name, lock, entry in asserted(units, side.rows, self._contexts[path].lookup, locks):
                found.setdefault((path, name), []).append((Lock(entry.scope, lock), entry))
        keys = dict.fromkeys((self.path(unit), unit.function.name) for unit in self.units)
        for key, path, one in self._runs(keys):
            kinds = strings(one.listed, "entered_with")
            entered = Lock(kinds[0], "") if kinds else None
            found.setdefault(key, []).append((entered, EntryContext("", one.said, one.rows, path=path)))
        return found


def of_file(context: Context, side: FileVersion) -> Context:
    """The context of a check for one of the files that are read as one."""
    kernel = context.calls.kernel
    if side.allocators:
        kernel = replace(kernel, allocators={**kernel.allocators, **side.allocators})
    return replace(context, kernel=kernel, lookup=side.lookup or context.lookup)


def called_with_lock(
    text: str, names: Collection[str], locks: frozenset[str], unlocks: frozenset[str]
) -> Iterator[str]:
    """Those of some names that stand in a function's text where one of some locks may be held."""
    yield from (word for word in _said_with_lock(text, locks, unlocks) if word in names)


@lru_cache(maxsize=4)
def _handed(text: str) -> frozenset[str]:
    """The functions that a file hands to others, or puts into tables."""
    return frozenset(
        word.decode("utf-8", "surrogateescape") for word in handed_in(text.encode("utf-8", "surrogateescape"))
    )


@lru_cache(maxsize=256)  # both sides of a patch, and the next version of a file, have most functions as they were
def _said_with_lock(text: str, locks: frozenset[str], unlocks: frozenset[str]) -> Sequence[str]:
    words = frozenset(_WORD.findall(text))
    if words.isdisjoint(locks) and words.isdisjoint(unlocks):
        return ()
    rows = _rows(text)
    held = held_rows(rows, locks, unlocks)
    return tuple(dict.fromkeys(word for one, (_, said) in zip(held, rows, strict=True) if one for word in said))


def _rows(text: str) -> list[tuple[int, list[str]]]:
    """The indents and the words of the rows of a text."""
    return [(len(row) - len(row.lstrip()), _WORD.findall(row)) for row in text.split("\n")]


def _all_of(step: Instruction) -> Iterator[Expr]:
    yield from step.args
    if step.value is not None:
        yield step.value
