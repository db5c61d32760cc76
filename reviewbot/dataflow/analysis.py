"""Runs the abstract interpretation of one function: at each instruction, the open scopes, masks and results.

States are kept apart as long as their open scopes differ (so `if (nofs) save(); ... if (nofs) restore();` is balanced),
joined otherwise, and propagated by a worklist to a fixed point. Beyond _MOST_STATES, _MOST_OPEN or _MOST_ROUNDS nothing
is known of the function. What an instruction makes of a state is said in transfer.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from heapq import heappop, heappush
from types import MappingProxyType
from typing import NamedTuple

from reviewbot.dataflow.cfg import Cfg
from reviewbot.dataflow.conditions import choosing, normal
from reviewbot.dataflow.mask_env import mentioned
from reviewbot.dataflow.scope_table import ScopeTable, is_local
from reviewbot.dataflow.state import Event, Masks, State, merge
from reviewbot.dataflow.transfer import Transfer
from reviewbot.frontend.instructions import Function, Instruction

_MOST_STATES = 32
_MOST_OPEN = 48  # scopes at once; lockdep gives up there as well (include/linux/sched.h: MAX_LOCK_DEPTH)
_MOST_ROUNDS = 40  # times a step may be taken again


class Solved(NamedTuple):
    """What the analysis of a function found; see FunctionAnalysis."""

    at: list[tuple[State, ...]]
    lost: bool
    events: list[Event]
    made: frozenset[str]


class FunctionAnalysis:
    """The result of the analysis of one function.

    `at[i]` are the states in which instruction i is reached; empty: it is not. `lost`: a bound was reached, so that
    nothing is certain. `events`: what happened to scopes and results. `made`: variables of its own that nothing but a
    save ever fills, so that what is in them is known. `given`: masks of the file around it, by the names of macros and
    helpers. `solved`: what an earlier analysis of the function with the same facts and masks has found.
    """

    def __init__(
        self,
        function: Function,
        lookup: ScopeTable,
        given: Masks = MappingProxyType({}),
        solved: Solved | None = None,
    ) -> None:
        self.function, self.lookup, self.kernel = function, lookup, lookup.kernel
        if solved is not None:
            self.given = mentioned(function, given)
            self.at, self.lost, self.events, self.made = solved
            return
        self.cfg, self._transfer = Cfg(function.steps), Transfer(function, lookup, given)
        self.made, self.given = self._transfer.made, self._transfer.given
        self.telling = frozenset((text, way) for text in self._telling() for way in (True, False))
        self.at = [() for _ in function.steps]
        self.lost = False  # too many states: nothing certain is known
        self.events = []
        self._ends: dict[tuple[int, int], frozenset[str]] = {}  # by way back: the conditions that end the loop
        if function.steps:
            self._run()
            self._record_events()

    @cached_property
    def within(self) -> Mapping[int, Sequence[int]]:
        """By the instruction that opens a scope, those at which it is open on some path."""
        found: dict[int, list[int]] = {}
        for index, states in enumerate(() if self.lost else self.at):
            for save in {one.step for state in states for one in state.open}:
                found.setdefault(save, []).append(index)
        return found

    # -- the fixed point --

    def _run(self) -> None:
        """Propagate states until none changes: the worklist."""
        steps, entry = self.function.steps, self._transfer.entry
        starts: dict[int, tuple[State, ...]] = {0: (entry,)}
        if not self.function.seen_from_start:  # labels may be reached from what is not shown
            starts.update({i: (entry,) for i, step in enumerate(steps) if step.kind == "join" and step.name})
        for index, first in starts.items():
            self.at[index] = first
        lasts = {head: at for at, head in self.cfg.back_edges()}
        # in the order of the text, so that a join waits for all that leads to it; so does the head of a loop, for all
        # ways back to it
        todo, rounds = [(at, at) for at in sorted(starts)], [0] * len(steps)
        waiting = set(starts)
        while todo:
            _, index = heappop(todo)
            if index not in waiting:
                continue
            waiting.discard(index)
            rounds[index] += 1
            if rounds[index] > _MOST_ROUNDS:
                self.lost = True
                return
            for target, states in self._out(index):
                merged = merge(self.at[target] + tuple(states), self.telling)
                if len(merged) > _MOST_STATES or any(len(one.open) > _MOST_OPEN for one in merged):
                    self.lost = True
                    return
                if merged != self.at[target]:
                    self.at[target] = merged
                    if target > index or target not in waiting:
                        waiting.add(target)
                        heappush(todo, (target if target > index else lasts[target] + 1, target))

    def _out(self, index: int) -> Iterator[tuple[int, list[State]]]:
        """The states after an instruction, by its successors."""
        step = self.function.steps[index]
        if step.kind == "test":
            for way in (True, False):
                if (target := self.cfg.branch(index, way)) >= 0:
                    ways = (self._transfer.tested(state, index, step, way) for state in self.at[index])
                    yield target, self._onward([state for state in ways if state is not None], index, target)
            return
        if step.kind == "call" and step.name in self.kernel.words["noreturn"]:
            return
        states = [self._transfer.take(state, index, step) for state in self.at[index]]
        for target in self.cfg.succ[index]:
            yield target, self._onward(states, index, target)

    def _onward(self, states: list[State], index: int, head: int) -> list[State]:
        """The states without the facts that end a loop, on the way back to its head: others may have changed them."""
        if head > index:
            return states
        endings = self._ends.get((index, head))
        if endings is None:
            inside = range(head, index + 1)
            steps = self.function.steps
            leaving = [steps[at] for at in inside if any(to not in inside for to in self.cfg.succ[at])]
            texts = {normal(step.value, True)[0] for step in leaving if step.kind == "test" and step.value is not None}
            endings = self._ends[index, head] = frozenset(text for text in texts if not is_local(text))
        if not endings:
            return states
        return [one._replace(facts=frozenset(fact for fact in one.facts if fact[0] not in endings)) for one in states]

    def _record_events(self) -> None:
        """Go over every instruction once more, now that all its states are known, and record the events."""
        if self.lost:
            return
        for index, step in enumerate(self.function.steps):
            states = self.at[index]
            if self._is_silent(step, states):
                continue
            counts: dict[tuple[str, int, str, str], int] = {}
            for state in states:
                self._transfer.seen.clear()
                if step.kind == "test":
                    self._transfer.tested(state, index, step, True)
                else:
                    self._transfer.take(state, index, step)
                for kind, _, other, scope, token in dict.fromkeys(self._transfer.seen):
                    counts[kind, other, scope, token] = counts.get((kind, other, scope, token), 0) + 1
            for (kind, other, scope, token), count in counts.items():
                self.events.append(Event(kind, index, other, scope, token, count == len(states)))

    def _is_silent(self, step: Instruction, states: tuple[State, ...]) -> bool:
        """Whether an instruction has no event: no scope is open, no result is held, and it opens and closes none."""
        opens_or_closes = step.kind == "call" and (step.name in self.lookup.enter or step.name in self.lookup.leave)
        return not opens_or_closes and all(not state.open and not state.holds for state in states)

    def _telling(self) -> frozenset[str]:
        """The conditions by which states are kept apart: those that choose between masks.

        In a function that saves a scope's state, those that are tested more than once as well.
        """
        steps = self.function.steps
        chosen = choosing(self.cfg, self.kernel.words["flag_prefixes"])
        if not any(
            scope_call.token for step in steps if step.kind == "call" for _, scope_call in self.lookup.opened(step, "")
        ):
            return chosen
        tests = Counter(normal(step.value, True)[0] for step in steps if step.kind == "test" and step.value)
        return chosen.union(text for text, count in tests.items() if count > 1)
