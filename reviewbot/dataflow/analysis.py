"""Runs the abstract interpretation of one function: at each instruction, the open scopes, masks and results.

States are kept apart as long as their open scopes differ (so `if (nofs) save(); ... if (nofs) restore();` is balanced),
joined otherwise, and propagated by a worklist to a fixed point. Beyond _MOST_STATES, _MOST_OPEN or _MOST_ROUNDS nothing
is known of the function. Callees are not looked into: one whose name says that it may unlock ends every lock for
certain knowledge.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from heapq import heappop, heappush
from types import MappingProxyType

from reviewbot.dataflow import mask_env
from reviewbot.dataflow.cfg import Cfg
from reviewbot.dataflow.conditions import choosing, normal, simplified
from reviewbot.dataflow.scope_table import ScopeTable, argument, is_local, token_of
from reviewbot.dataflow.state import OTHER, Event, Masks, OpenScope, State, merge
from reviewbot.dataflow.writes import Writes
from reviewbot.frontend.fragments import OPEN
from reviewbot.frontend.instructions import UNUSED, Function, Instruction
from reviewbot.model.kernel import ScopeCall, ScopeKind

_WORD = re.compile(r"[A-Za-z_]\w*")
_MOST_STATES = 32
_MOST_OPEN = 48  # scopes at once; lockdep gives up there as well (include/linux/sched.h: MAX_LOCK_DEPTH)
_MOST_ROUNDS = 40  # times a step may be taken again
_SINGLE = ("lock", "irq")  # families of which one scope is open once; preemption, BH and RCU count


class FunctionAnalysis:
    """The result of the analysis of one function.

    `at[i]` are the states in which instruction i is reached; empty: it is not. `lost`: a bound was reached, so that
    nothing is certain. `events`: what happened to scopes and results. `made`: variables of its own that nothing but a
    save ever fills, so that what is in them is known. `given`: masks of the file around it, by the names of macros and
    helpers.
    """

    def __init__(self, function: Function, lookup: ScopeTable, given: Masks = MappingProxyType({})) -> None:
        self.function, self.lookup, self.kernel = function, lookup, lookup.kernel
        self.cfg = Cfg(function.steps)
        self.params = frozenset(name for _, name in function.params if name)
        self.declared = frozenset(step.target for step in function.steps if step.declares and not step.static)
        hidden = function.holes  # what else may be done to a variable
        lent = (part for step in function.steps for arg in step.args for part in arg.walk() if part.op == "&x")
        own = self.declared - {part.args[0].text for part in lent}
        self.made = frozenset(name for name in own if not hidden and self._only_saves(name))
        self.written = Writes(function)
        self.telling = frozenset((text, way) for text in self._telling() for way in (True, False))
        self.names = mask_env.MaskDependencies(function, self.params | self.declared)
        self.given = mask_env.mentioned(function, given)
        self.entry = State(masks=self.given, holds={})  # nothing is known but that
        self.at: list[tuple[State, ...]] = [() for _ in function.steps]
        self.lost = False  # too many states: nothing certain is known
        self.events: list[Event] = []
        self._seen: list[tuple[str, int, int, str, str]] = []
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
        steps, entry = self.function.steps, self.entry
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
                    ways = (self._tested(state, index, step, way) for state in self.at[index])
                    yield target, self._onward([state for state in ways if state is not None], index, target)
            return
        if step.kind == "call" and step.name in self.kernel.words["noreturn"]:
            return
        states = [self._take(state, index, step) for state in self.at[index]]
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
                self._seen = []
                if step.kind == "test":
                    self._tested(state, index, step, True)
                else:
                    self._take(state, index, step)
                for kind, _, other, scope, token in dict.fromkeys(self._seen):
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

    def _only_saves(self, name: str) -> bool:
        for index, step in enumerate(self.function.steps):
            if step.kind != "assign" or step.target != name or step.op == "":
                continue
            saves = self._from_call(index, step) and self.function.steps[index - 1].name in self.lookup.enter
            if not saves and (step.value is None or step.value.op != "num"):
                return False
        return True

    def _note(self, kind: str, index: int, other: int, scope: str, token: str) -> None:
        self._seen.append((kind, index, other, scope, token))

    # -- what steps do --

    def _tested(self, state: State, index: int, step: Instruction, way: bool) -> State | None:
        """The transfer function of a test that turned out one way; None where it cannot."""
        value = step.value
        if value is None or (value.op == "other" and value.text.startswith("@")):
            return state
        truth = way
        text, way = normal(value, way)
        self._use(state, index, step, text)
        if (text, not way) in state.facts:
            return None
        if text in (state.holds or {}):
            self._note("tested", index, min(state.holds[text]) if state.holds else OTHER, "", text)
            state = state._replace(holds={k: v for k, v in (state.holds or {}).items() if k != text})
        state = state._replace(facts=state.facts | {(text, way)})
        if value.op == "call" and way:
            call = step._replace(kind="call", name=value.text, args=value.args)
            for scope, scope_call in self.lookup.opened(call, "true"):
                state = self._enter(state, index, call, scope, scope_call)
        masks = mask_env.refine_masks(state.masks or {}, value, truth, self.names, self.kernel, self.lookup.tools)
        return None if masks is None else state if masks is state.masks else state._replace(masks=masks)

    def _take(self, state: State, index: int, step: Instruction) -> State:
        """The transfer function of any other instruction."""
        if step.kind == "call":
            return self.entry if step.name == OPEN else self._call(state, index, step)
        if step.kind == "assign":
            return self._assign(state, index, step)
        if step.kind == "leave":
            return state._replace(open=tuple(one for one in state.open if one.guard != step.target))
        if step.kind in ("return", "end"):
            self._use(state, index, step, "")
            returned = step.value.text if step.value is not None else ""
            for one in state.open:
                if self._can_leak(one) and one.token not in _WORD.findall(returned):
                    self._note("leak", index, one.step, one.scope, one.token)
        return state

    def _can_leak(self, one: OpenScope) -> bool:
        return not one.handed and not one.guard and bool(one.token)

    def _use(self, state: State, index: int, step: Instruction, tested: str) -> None:
        for name in step.derefs:
            for alloc in (state.holds or {}).get(name, ()):
                if alloc != OTHER and name != tested:
                    self._note("used", index, alloc, "", name)

    def _call(self, state: State, index: int, step: Instruction) -> State:
        self._use(state, index, step, "")
        if step.op:  # a guard
            scope = self.lookup.guards.get(step.args[0].text) if step.args else None
            if scope is not None:
                key = step.args[1].text.lstrip("&") if len(step.args) > 1 else ""
                return state._replace(
                    open=(*state.open, OpenScope(scope.name, index, key=key, guard=step.op, handed=True))
                )
            return state
        closed, opened = self.lookup.closed(step), list(self.lookup.opened(step, ""))
        if closed and (not opened or _gives_back(state, step, closed)):
            return self._leave(state, index, step, closed)
        tokens = {token_of(scope_call, step) for _, scope_call in opened} - {""}
        for one in state.open:
            if one.token in tokens and not one.handed:
                self._note("overwritten", index, one.step, one.scope, one.token)
        if tokens:  # no restore can close them any more
            lost = (one._replace(token="", handed=True) if one.token in tokens else one for one in state.open)
            state = state._replace(open=tuple(lost))
        for scope_name, scope_call in opened:
            state = self._enter(state, index, step, scope_name, scope_call)
        if opened or step.name in self.lookup.enter:
            return state
        if state.open and any(word in step.name for word in self.lookup.may_unlock):
            state = state._replace(open=tuple(one for one in state.open if not self._atomic(one)))
        if state.open:
            passed = {word for arg in step.args for word in _WORD.findall(arg.text)}
            handed = (one._replace(handed=True) if one.token in passed else one for one in state.open)
            state = state._replace(open=tuple(handed))
        for given in [arg.args[0].text for arg in step.args if arg.op == "&x"]:
            state = self._forget(state, given)
        masks = mask_env.handed(state.masks or {}, step, self.names, self.kernel)
        return state if masks is state.masks else state._replace(masks=masks)

    def _atomic(self, one: OpenScope) -> bool:
        scope = self.kernel.scopes.get(one.scope)
        return scope is not None and scope.atomic

    def _enter(self, state: State, index: int, step: Instruction, scope: str, scope_call: ScopeCall) -> State:
        token = token_of(scope_call, step)
        if scope_call.token == "result" and step.target == UNUSED:
            self._note("dropped", index, index, scope, "")
        handed = not token or not is_local(token) or token in self.params
        handed |= self.function.seen_from_start and token not in self.declared  # a variable that outlives the function
        key = argument(step, scope_call.key) if scope_call.key >= 0 else ""
        rest = tuple(one for one in state.open if one.scope != scope or not self._anew(one, index, step, key))
        return state._replace(open=(*rest, OpenScope(scope, index, token, key, handed=handed)))

    def _anew(self, one: OpenScope, index: int, step: Instruction, key: str) -> bool:
        """Whether an instruction enters an open scope again: who takes a lock anew has given it back, seen or not."""
        kind = self.kernel.scopes.get(one.scope)
        if one.step == index or kind is None or kind.family not in _SINGLE or not kind.atomic:
            return one.step == index
        if key:
            return one.key == key
        before = [arg.text for arg in self.function.steps[one.step].args]
        return bool(before) and before == [arg.text for arg in step.args]

    def _leave(self, state: State, index: int, step: Instruction, rows: list[tuple[ScopeKind, ScopeCall]]) -> State:
        if rows[0][1].token:
            kinds = {scope.name for scope, _ in rows}
            return self._restore(state, index, kinds, argument(step, int(rows[0][1].token)))
        free = [one for one in state.open if not one.guard]
        gone: list[OpenScope] = []
        for scope, scope_call in rows:
            if scope_call.key < 0:
                gone += [one for one in free if one.scope == scope.name][-1:]
        keys = {scope.name: argument(step, scope_call.key) for scope, scope_call in rows if scope_call.key >= 0}
        for key in dict.fromkeys(keys.values()):
            mine = [one for one in free if one.scope in keys]
            same = [one for one in mine if one.key == key] or [one for one in free if key and one.key == key]
            gone += same[-1:] or mine  # another name for the lock: none of them is certain any more
        return state._replace(open=tuple(one for one in state.open if one not in gone))

    def _restore(self, state: State, index: int, kinds: set[str], token: str) -> State:
        """A restore with a token: find the save that it undoes, if any, and note a wrong one."""
        mine = [one for one in state.open if one.token == token]
        flag = {self.kernel.scopes[kind].flag for kind in kinds}
        if mine:
            one = mine[-1]
            scope = self.kernel.scopes.get(one.scope)
            if one.scope not in kinds and (scope is None or scope.flag not in flag):
                self._note("wrong-kind", index, one.step, one.scope, token)
            gone = {item.step for item in mine if item.step == one.step}
            return state._replace(open=tuple(item for item in state.open if item.step not in gone))
        others = [one for one in state.open if one.scope in kinds and not one.handed and not one.guard]
        if others and token in self.made:
            self._note("wrong-token", index, others[-1].step, others[-1].scope, token)
            return state._replace(open=tuple(one for one in state.open if one != others[-1]))
        if is_local(token) and token not in self.params:
            self._note("not-saved", index, OTHER, min(kinds), token)
        return state._replace(open=tuple(one for one in state.open if one.scope not in kinds or not one.handed))

    def _assign(self, state: State, index: int, step: Instruction) -> State:
        self._use(state, index, step, "")
        target = step.target
        facts = self.written.known(state.facts, target)
        holds = self.written.held(state.holds or {}, target)
        value = step.value
        if value is not None and "?" in value.text:
            value = simplified(value, facts, self.kernel.words["transparent"])
            step = step._replace(value=value)
        masks = mask_env.assigned(state.masks or {}, step, self.names, self.kernel, self.lookup.tools)
        if value is not None and value.op in ("num", "name") and step.op == "=":
            truth = {"0": False, "false": False, "NULL": False, "1": True, "true": True}.get(value.text)
            facts = facts if truth is None else facts | {(target, truth)}
        if value is not None and step.op == "=" and self._from_call(index, step):
            holds = {**holds, target: frozenset({index - 1})}  # what is not there comes from elsewhere
        opened = state.open
        if opened and value is not None and not self._from_call(index, step):
            words = set(_WORD.findall(value.text))
            opened = tuple(
                one._replace(handed=True) if one.token in words and one.token != target else one for one in opened
            )
        return State(opened, facts, masks, holds)

    def _from_call(self, index: int, step: Instruction) -> bool:
        """Whether the value is the result of the call just before."""
        before = self.function.steps[index - 1] if index else None
        return before is not None and before.kind == "call" and before.target == step.target and bool(step.target)

    def _forget(self, state: State, name: str) -> State:
        """The state after a variable's address was passed to a call that may write to it."""
        facts = self.written.known(state.facts, name)
        masks = mask_env.forgotten(state.masks or {}, name)
        holds = self.written.held(state.holds or {}, name)
        return state._replace(facts=facts, masks=masks, holds=holds)


def _gives_back(state: State, step: Instruction, closed: list[tuple[ScopeKind, ScopeCall]]) -> bool:
    """Whether a call that both opens and closes is passed the token of a scope that is open."""
    given = {argument(step, int(scope_call.token)) for _, scope_call in closed if scope_call.token.isdigit()}
    return any(one.token in given for one in state.open if one.token)
