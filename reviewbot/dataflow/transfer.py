"""The transfer function of an instruction: what it makes of an abstract state.

What happens to scopes and results on the way is noted in `seen`: a leak, a wrong restore, a result that is used
untested. Callees are not looked into: one whose name says that it may unlock ends every lock for certain knowledge.
"""

from __future__ import annotations

import re

from reviewbot.dataflow import mask_env
from reviewbot.dataflow.conditions import normal, simplified
from reviewbot.dataflow.scope_table import ScopeTable, argument, is_local, token_of
from reviewbot.dataflow.state import OTHER, Masks, OpenScope, State
from reviewbot.dataflow.writes import Writes
from reviewbot.frontend.fragments import OPEN
from reviewbot.frontend.instructions import UNUSED, Expr, Function, Instruction
from reviewbot.model.kernel import ScopeCall, ScopeKind

_WORD = re.compile(r"[A-Za-z_]\w*")
_SINGLE = ("lock", "irq")  # families of which one scope is open once; preemption, BH and RCU count


class Transfer:
    """The transfer function of one function's instructions.

    `made`: variables of its own that nothing but a save ever fills, so that what is in them is known. `given`: masks of
    the file around it, by the names of macros and helpers. `entry`: the state in which it is entered. `seen`: kind,
    instruction, the other instruction, scope and token of what happened, for whoever empties it before.
    """

    def __init__(self, function: Function, lookup: ScopeTable, given: Masks) -> None:
        self._function, self._lookup, self._kernel = function, lookup, lookup.kernel
        self._params = frozenset(name for _, name in function.params if name)
        self._declared = frozenset(step.target for step in function.steps if step.declares and not step.static)
        hidden = function.holes  # what else may be done to a variable
        lent = (part for step in function.steps for arg in step.args for part in arg.walk() if part.op == "&x")
        own = self._declared - {part.args[0].text for part in lent}
        self.made = frozenset(name for name in own if not hidden and self._only_saves(name))
        self._written = Writes(function)
        self._names = mask_env.MaskDependencies(function, self._params | self._declared)
        self.given = mask_env.mentioned(function, given)
        self.entry = State(masks=self.given, holds={})  # nothing is known but that
        self.seen: list[tuple[str, int, int, str, str]] = []

    def tested(self, state: State, index: int, step: Instruction, way: bool) -> State | None:
        """The transfer function of a test that turned out one way; None where it cannot."""
        value = step.value
        if value is None or (value.op == "other" and value.text.startswith("@")):
            return state
        truth = way
        text, way = normal(value, way)
        self._use(state, index, step, text)
        if (text, not way) in state.facts:
            return None
        tried = self._tried(state, value, text, way)
        if text in (state.holds or {}):
            self._note("tested", index, min(state.holds[text]) if state.holds else OTHER, "", text)
            state = state._replace(holds={k: v for k, v in (state.holds or {}).items() if k != text})
        state = state._replace(facts=state.facts | {(text, way)})
        if value.op == "call" and way:
            tried = (index, step._replace(kind="call", name=value.text, args=value.args))
        if tried is not None:
            at, call = tried
            for scope, scope_call in self._lookup.opened(call, "true"):
                state = self._enter(state, at, call, scope, scope_call)
        masks = mask_env.refine_masks(state.masks or {}, value, truth, self._names, self._kernel, self._lookup.tools)
        return None if masks is None else state if masks is state.masks else state._replace(masks=masks)

    def _tried(self, state: State, value: Expr, text: str, way: bool) -> tuple[int, Instruction] | None:
        """The call whose result a variable surely holds that is tested for the first time, where it is a good one."""
        if value.op == "call" and value.text in self._kernel.words["error_tests"] and len(value.args) == 1:
            text, way = value.args[0].text, not way
        calls = (state.holds or {}).get(text, ()) if way else ()
        at = next(iter(calls), OTHER) if len(calls) == 1 else OTHER
        return None if at == OTHER else (at, self._function.steps[at])

    def take(self, state: State, index: int, step: Instruction) -> State:
        """The transfer function of any other instruction."""
        if step.kind == "call":
            return self.entry if step.name == OPEN else self._call(state, index, step)
        if step.kind == "assign":
            return self._assign(state, index, step)
        if step.kind == "join" and step.args:
            return state._replace(facts=state.facts | {normal(step.args[0], True)})
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
            scope = self._lookup.guards.get(step.args[0].text) if step.args else None
            if scope is not None:
                key = step.args[1].text.lstrip("&") if len(step.args) > 1 else ""
                return state._replace(
                    open=(*state.open, OpenScope(scope.name, index, key=key, guard=step.op, handed=True))
                )
            return state
        closed, opened = self._lookup.closed(step), list(self._lookup.opened(step, ""))
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
        if opened or step.name in self._lookup.enter:
            return state
        if state.open and self._lookup.may_give_back(step.name):
            state = state._replace(open=tuple(one for one in state.open if not self._atomic(one)))
        if state.open:
            passed = {word for arg in step.args for word in _WORD.findall(arg.text)}
            handed = (one._replace(handed=True) if one.token in passed else one for one in state.open)
            state = state._replace(open=tuple(handed))
        for given in [arg.args[0].text for arg in step.args if arg.op == "&x"]:
            state = self._forget(state, given)
        masks = mask_env.handed(state.masks or {}, step, self._names, self._kernel)
        return state if masks is state.masks else state._replace(masks=masks)

    def _atomic(self, one: OpenScope) -> bool:
        scope = self._kernel.scopes.get(one.scope)
        return scope is not None and scope.atomic

    def _enter(self, state: State, index: int, step: Instruction, scope: str, scope_call: ScopeCall) -> State:
        token = token_of(scope_call, step)
        if scope_call.token == "result" and step.target == UNUSED:
            self._note("dropped", index, index, scope, "")
        handed = not token or not is_local(token) or token in self._params
        handed |= (
            self._function.seen_from_start and token not in self._declared
        )  # a variable that outlives the function
        key = argument(step, scope_call.key) if scope_call.key >= 0 else ""
        rest = tuple(one for one in state.open if one.scope != scope or not self._anew(one, index, step, key))
        return state._replace(open=(*rest, OpenScope(scope, index, token, key, handed=handed)))

    def _anew(self, one: OpenScope, index: int, step: Instruction, key: str) -> bool:
        """Whether an instruction enters an open scope again: who takes a lock anew has given it back, seen or not."""
        kind = self._kernel.scopes.get(one.scope)
        if one.step == index or kind is None or kind.family not in _SINGLE or not kind.atomic:
            return one.step == index
        if key:
            return one.key == key
        before = [arg.text for arg in self._function.steps[one.step].args]
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
        flag = {self._kernel.scopes[kind].flag for kind in kinds}
        if mine:
            one = mine[-1]
            scope = self._kernel.scopes.get(one.scope)
            if one.scope not in kinds and (scope is None or scope.flag not in flag):
                self._note("wrong-kind", index, one.step, one.scope, token)
            gone = {item.step for item in mine if item.step == one.step}
            return state._replace(open=tuple(item for item in state.open if item.step not in gone))
        others = [one for one in state.open if one.scope in kinds and not one.handed and not one.guard]
        if others and token in self.made:
            self._note("wrong-token", index, others[-1].step, others[-1].scope, token)
            return state._replace(open=tuple(one for one in state.open if one != others[-1]))
        if is_local(token) and token not in self._params:
            self._note("not-saved", index, OTHER, min(kinds), token)
        return state._replace(open=tuple(one for one in state.open if one.scope not in kinds or not one.handed))

    def _assign(self, state: State, index: int, step: Instruction) -> State:
        self._use(state, index, step, "")
        target = step.target
        facts = self._written.known(state.facts, target)
        holds = self._written.held(state.holds or {}, target)
        value = step.value
        if value is not None and "?" in value.text:
            value = simplified(value, facts, self._kernel.words["transparent"])
            step = step._replace(value=value)
        masks = mask_env.assigned(state.masks or {}, step, self._names, self._kernel, self._lookup.tools)
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
        before = self._function.steps[index - 1] if index else None
        return before is not None and before.kind == "call" and before.target == step.target and bool(step.target)

    def _forget(self, state: State, name: str) -> State:
        """The state after a variable's address was passed to a call that may write to it."""
        facts = self._written.known(state.facts, name)
        masks = mask_env.forgotten(state.masks or {}, name)
        holds = self._written.held(state.holds or {}, name)
        return state._replace(facts=facts, masks=masks, holds=holds)

    def _only_saves(self, name: str) -> bool:
        for index, step in enumerate(self._function.steps):
            if step.kind != "assign" or step.target != name or step.op == "":
                continue
            saves = self._from_call(index, step) and self._function.steps[index - 1].name in self._lookup.enter
            if not saves and (step.value is None or step.value.op != "num"):
                return False
        return True

    def _note(self, kind: str, index: int, other: int, scope: str, token: str) -> None:
        self.seen.append((kind, index, other, scope, token))


def _gives_back(state: State, step: Instruction, closed: list[tuple[ScopeKind, ScopeCall]]) -> bool:
    """Whether a call that both opens and closes is passed the token of a scope that is open."""
    given = {argument(step, int(scope_call.token)) for _, scope_call in closed if scope_call.token.isdigit()}
    return any(one.token in given for one in state.open if one.token)
