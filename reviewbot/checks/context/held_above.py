"""Says what forbids sleeping in the functions of one file version: what they are called with, or run as."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property

from msgspec import Struct

from reviewbot.checks.context.atomic_calls import atomic_calls, called_with_lock
from reviewbot.checks.context.sleeping_calls import Sleeper
from reviewbot.checks.masks.narrower import was_narrower
from reviewbot.interproc.chains import CallChain, as_hit_chain
from reviewbot.interproc.entry import EntryContext
from reviewbot.interproc.registered.callbacks import Callback, callbacks
from reviewbot.interproc.summary import DEEPEST
from reviewbot.kernel.rows import strings
from reviewbot.model.kernel import Rule
from reviewbot.program.call_graph import taking_masks
from reviewbot.program.context import Context, HitChain
from reviewbot.program.file_version import FileVersion
from reviewbot.program.unit import FunctionUnit

ASLEEP = "may sleep here"  # a note about a request
FAR = 3  # calls, from where on a chain through several files is often right and seldom a mistake


class Held(Struct, frozen=True):
    """What forbids sleeping: how a text ends that says so, and the rows that show it, with a word about each.

    `taken`: the call that took the lock, "" if none is shown; `outside`: the function is entered with it; `scope`: the
    kind that it is then, and `base` what `where` says without the calls; `elsewhere`: rows of other files that show it;
    `chain`: the calls by which it is entered so, None where there are none.
    """

    where: str
    rows: tuple[tuple[int, str], ...]
    confidence: str = ""
    taken: str = ""
    outside: bool = False
    scope: str = ""
    base: str = ""
    elsewhere: tuple[tuple[FileVersion, int, str], ...] = ()
    chain: HitChain | None = None


class HeldAbove:
    """The functions of a file version in which something may sleep, with what they are entered with."""

    def __init__(self, side: FileVersion, rule: Rule, context: Context) -> None:
        self.side, self.rule, self.context = side, rule, context
        self._calls = atomic_calls(rule, context)

    @cached_property
    def units(self) -> tuple[FunctionUnit, ...]:
        """The functions of the change, and those that call them or are called."""
        return (*self.side.units, *self.side.around, *self._below)

    @cached_property
    def all(self) -> tuple[FunctionUnit, ...]:
        """The functions in which something may sleep that the change has to do with, each once.

        Those in other files that the patch changes as well are left to the review of these.
        """
        here = {self.side.path, *(one.path for one in self._calls.graph.earlier)}
        near = (unit for unit in self._calls.units if self._calls.path(unit) in here)
        lent = (unit for unit, _ in self._lent.values())
        return tuple({id(unit): unit for unit in (*self.side.units, *self._below, *near, *lent)}.values())

    @cached_property
    def _lent(self) -> Mapping[int, tuple[FunctionUnit, str]]:
        """The functions, with the paths of their files, for which a changed one may take a lock or give one back.

        Those in files that the patch leaves alone are looked at with the file of the changed one.
        """
        graph, path = self._calls.graph, self.side.path
        others = {one.path for one in (*graph.earlier, *(side for side in graph.touched if not side.tells))}
        starts = [key for side in graph.touched for key in graph.changed(side)]
        mine = [key for key in starts if key[0] == path]
        mixed = any(one[0] != path for one in starts) or any(one[0] == path for one in {*graph.functions} - {*starts})
        near = [one for one in self._calls.lent_to(starts) if one[0] == path] if mixed else []
        far = [one for one in self._calls.lent_to(mine) if one[0] in others] if mine else []
        return {id(unit): (unit, key[0]) for key in (*near, *far) for unit in graph.units(key)}

    def is_lent(self, unit: FunctionUnit) -> bool:
        """Whether what a function holds may be another thing by what was changed in others."""
        return id(unit) in self._lent

    def side_of(self, unit: FunctionUnit) -> FileVersion | None:
        """The file version that a function stands in, None for that of the check."""
        path = self.path(unit)
        return None if path == self.side.path else self._calls.graph.sides[path]

    def path(self, unit: FunctionUnit) -> str:
        """The path of the file that a function stands in."""
        known = self._calls.path(unit) or self._handed.get(id(unit.function), "")
        return known or (self._lent[id(unit)][1] if id(unit) in self._lent else self.side.path)

    @cached_property
    def _handed_down(self) -> frozenset[str]:
        """The functions of the text that a unit may call with a lock held."""
        names, lookup = self.side.others | {unit.function.name for unit in self.side.units}, self.context.lookup
        return frozenset(
            name
            for unit in self.side.units
            for name in called_with_lock(unit.text, names, lookup.locks, lookup.unlocks)
            if name != unit.function.name
        )

    @cached_property
    def _below(self) -> tuple[FunctionUnit, ...]:
        """The functions that units call with a lock held, or may hand a mask to."""
        below = self.side.telling_below(self.context.kernel.words["mask_types"], self._handed_down)
        return (*below, *(unit for _, unit in self._taking))

    @cached_property
    def _taking(self) -> Sequence[tuple[str, FunctionUnit]]:
        return taking_masks(self._calls.graph, self.side, DEEPEST)

    @cached_property
    def _handed(self) -> Mapping[int, str]:
        """The paths of the files of those that may be handed a mask."""
        return {id(unit.function): path for path, unit in self._taking}

    @cached_property
    def givers(self) -> Mapping[str, Callback]:
        """The functions of the text that are handed a mask which may sleep, with who hands it."""
        found = callbacks(self.side, [row for row in self.rule.rows if "given" in row])
        return {one.function: one for one in found}

    def sleepers(self, unit: FunctionUnit) -> Sequence[tuple[int, Sleeper]]:
        """The calls of a function that may sleep, by instruction."""
        return self._calls.sleepers(unit, self.path(unit))

    def was_quiet(self, unit: FunctionUnit, index: int) -> bool:
        """Whether a call that may sleep surely could not before the patch: then somebody thought that it must not."""
        reclaim = strings(self.rule.rows[0], "reclaim")[0]
        return self.side_of(unit) is None and was_narrower(unit, index, reclaim, self.context)

    def gives_back(self, unit: FunctionUnit, at: int) -> bool:
        """Whether an instruction calls a function, of those that were read, that may give back its caller's lock."""
        step = unit.steps[at]
        value = step.value if step.kind == "test" else None
        name = step.name if step.kind == "call" else value.text if value is not None and value.op == "call" else ""
        return self._calls.may_give_back(self.path(unit), name) if name else False

    def held(self, unit: FunctionUnit, index: int, own: Collection[str], call: Sleeper) -> Held | None:
        """What callers of a function surely hold where it makes a call that may sleep, the nearest; None for nothing.

        `own`: the kinds of scope that the call drops itself.
        """
        found = [one for one in self._calls.to(unit, index) if one.entry.scope not in own]
        if not found:
            return None
        first, name, path, sides = found[0], unit.function.name, self.path(unit), self._calls.graph.sides
        rows = tuple((row, note) for where, row, note in first.shown if where == path)
        others = tuple((sides[where], row, note) for where, row, note in first.shown if where != path)
        far = bool(others) and len(first.calls) > FAR
        request = sides[path], (*call.rows, *unit.steps[index].lines)[0], ASLEEP
        chain = as_hit_chain(found, name, request, sides, [*_doubts(first, far, call, unit.steps[index].name)])
        unread = bool(others) and call.wraps
        sure = "low" if first.once or far or unread or first.unsure else "medium"
        entry = first.entry
        return Held(entry.where(name), rows, sure, entry.taken, True, entry.scope, entry.base, others, chain)

    def above(self, unit: FunctionUnit, index: int) -> Sequence[EntryContext]:
        """The contexts in which an instruction of a function is reached by its callers."""
        return [chain.entry for chain in self._calls.to(unit, index)]


def _doubts(chain: CallChain, far: bool, call: Sleeper, callee: str) -> Iterator[str]:
    """What is not certain on a chain, for a reader."""
    yield from chain.doubts_about(far, callee if call.wraps else "")
    if call.somewhere and not call.always:
        yield "it asks with a mask that may sleep on some of the paths alone"
