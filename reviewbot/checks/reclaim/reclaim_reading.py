"""Reads functions for chains from where reclaim must not come back: what others run, and what is held."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from operator import ne

from msgspec.structs import replace

from reviewbot.checks.reclaim.handles import OpenHandle, ends, may_hold, open_handle
from reviewbot.checks.reclaim.restriction import Restriction, keeps_flags, takes_away
from reviewbot.dataflow.state import State
from reviewbot.frontend.instructions import Instruction
from reviewbot.interproc import settle
from reviewbot.interproc.entry import EntryContext, names_one
from reviewbot.interproc.function_reading import Callees, FunctionReading, Gone, ReleasedBy
from reviewbot.interproc.summary import CallSite, Lock, Way
from reviewbot.kernel.rows import row_words, strings
from reviewbot.model.kernel import Rule
from reviewbot.program.call_graph import FunctionKey
from reviewbot.program.context import Context
from reviewbot.program.operations.table_calls import Bodies
from reviewbot.program.unit import FunctionUnit


class ReclaimReading(FunctionReading):
    """One function, read for chains below one restriction. `context`: that of its file.

    Handles stand where other readings have locks.
    """

    def __init__(
        self,
        restriction: Restriction,
        rule: Rule,
        context: Context,
        unit: FunctionUnit,
        key: FunctionKey,
        callees: Callees,
        bodies: Mapping[str, Bodies],
    ) -> None:
        super().__init__(unit, key, callees, context.lookup, counts=lambda _: False, bodies=bodies)
        self._restriction, self._rule, self._context = restriction, rule, context
        kinds = context.kernel.words["mask_types"]
        self._masks = frozenset(name for kind, name in unit.function.params if name and kind in kinds)

    @cached_property
    def abstained(self) -> str:
        """See FunctionReading; what hunks leave out in between is taken for harmless."""
        function = self.unit.function
        if function.macro or not function.starts:
            return "the text does not show where it begins"
        if self.unit.flow.lost:
            return "more paths or open scopes than are followed"
        return "it reads the flags that scopes set" if keeps_flags(self.unit, self._context) else ""

    @cached_property
    def handles(self) -> Mapping[str, OpenHandle]:
        """What it is given or takes for which reclaim may wait, by the name of the row."""
        rows = self._restriction.handles.items()
        near = {name: row for name, row in rows if may_hold(self.unit, row)} if not self.abstained else {}
        return {name: found for name, row in near.items() if (found := open_handle(self.unit, row)) is not None}

    def stops(self, at: int) -> bool:
        """Whether nothing below an instruction matters: no way leads there, or on one the bit is taken away."""
        states = self.reaches(at)
        bit = self._restriction.bit
        return not states or any(takes_away(state, bit, self._rule, self._context) for state in states)

    def holds(self, at: int) -> Iterator[tuple[str, OpenHandle]]:
        """The handles that are surely held where an instruction begins, if it does not ask what its callers do."""
        if not any(self._asks_first(state) for state in self.reaches(at)):
            yield from self._open_at(at)

    def calls_at(self, row: int) -> Sequence[int]:
        """The instructions that call known functions on a row, from 0."""
        return [at for at, _ in self.calls if self.unit.steps[at].lines[0] == row]

    def is_for_last(self, at: int) -> bool:
        """Whether only who has given back the last reference to something comes to an instruction."""
        words = row_words(self._rule, "last")
        known = [{text for text, true in state.facts if true} for state in self.reaches(at)]
        return bool(known) and all(any(word in text for text in texts for word in words) for texts in known)

    def ways(self, at: int) -> set[Way]:
        """The conditions on the ways to an instruction."""
        return {self.way(at, state.facts) for state in self.reaches(at)}

    # -- what chains ask for --

    def way(self, at: int, facts: Iterable[tuple[str, bool]]) -> Way:
        """See FunctionReading; what is asked of a caller's mask is settled by none of its bits alone."""
        found = super().way(at, facts)
        return frozenset(one._replace(fixed=True) if self._is_on_mask(one.text) else one for one in found)

    def site(self, at: int, callee: FunctionKey, releases: ReleasedBy) -> CallSite:
        """See FunctionReading."""
        found = super().site(at, callee, releases)
        if self.stops(at):
            return replace(found, states=())
        held = [*self._open_at(at)]
        numbers = tuple(range(len(held)))
        known = zip(found.states, self.reaches(at), strict=True)
        states = tuple(one._replace(held=() if self._asks_first(state) else numbers) for one, state in known)
        opened = tuple((Lock(name, ""), EntryContext(name, one.said, (one.shown,))) for name, one in held)
        return replace(found, states=states, opened=opened)

    def _open_at(self, at: int) -> Iterator[tuple[str, OpenHandle]]:
        yield from ((name, one) for name, one in self.handles.items() if one.held[at])

    def _asks_first(self, state: State) -> bool:
        """Whether a function that has a handle, whoever calls it, asks who does."""
        return any(word in text for text, _ in state.facts for word in self._restriction.telling)

    def _asked(self, at: int) -> Iterator[tuple[str, bool]]:
        """See FunctionReading; not where some way leads past the test: who takes that was not asked."""
        for test, text, ways in self._tests:
            past = self.unit.cfg.reachable((0,), partial(ne, test))
            if (at in ways[0]) != (at in ways[1]) and at not in past:
                yield text, at in ways[0]

    def _telling(self, text: str) -> bool:
        if text not in self._asks:
            self._asks[text] = self._is_on_mask(text) or names_one(self.unit, text, self._restriction.telling)
        return self._asks[text]

    def _is_on_mask(self, text: str) -> bool:
        return bool(self._masks) and not self._masks.isdisjoint(settle.names(text))

    def _released(self, at: int, step: Instruction) -> Gone:
        if step.op or not self.reaches(at):
            return Gone()
        ended = (name for name, row in self._restriction.handles.items() if ends(step.name, row))
        return frozenset((Lock(name, ""), name) for name in ended if not self._is_own(name, at))

    def _is_own(self, name: str, at: int) -> bool:
        """Whether the function may have taken the handle itself that it ends at an instruction."""
        taking = [one for one, step in enumerate(self.unit.steps) if name in self._taken(step)]
        return bool(taking) and at in self.unit.cfg.reachable(taking, lambda _: True)

    def _taken(self, step: Instruction) -> Iterator[str]:
        for name, row in self._restriction.handles.items() if step.kind == "call" and not step.op else ():
            if step.name in strings(row, "enters"):
                yield name
