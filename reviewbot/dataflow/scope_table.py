"""Looks up which scopes a call opens or closes at one kernel version, and where their saved state stands."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from copy import copy

from reviewbot.dataflow.mask_env import tools_of
from reviewbot.dataflow.state import UNKNOWN
from reviewbot.frontend.instructions import UNUSED, Expr, Instruction
from reviewbot.model.kernel import Kernel, ScopeCall, ScopeKind
from reviewbot.model.lent_scopes import NOTHING_LENT, LentScopes

ScopeRows = list[tuple[ScopeKind, ScopeCall]]
_PLAIN = re.compile(r"[A-Za-z_]\w*\Z")


class ScopeTable:
    """The scope calls of one kernel.

    `enter` and `leave`: by the name of the call; `guards`: scopes by the class of their guard. `locks`: the words at
    which an atomic scope is entered; `unlocks`: calls that end one; `markers`: calls of the other scopes. `may_unlock`:
    parts of names that say that a call may unlock.
    """

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.enter: dict[str, ScopeRows] = {}
        self.leave: dict[str, ScopeRows] = {}
        self.guards: dict[str, ScopeKind] = {}
        self.openers: dict[str, frozenset[str]] = {}  # by scope, the words that stand where one is entered
        for scope in kernel.scopes.values():
            self.openers[scope.name] = frozenset((*(scope_call.call for scope_call in scope.enter), *scope.guards))
            for scope_call in scope.enter:
                self.enter.setdefault(scope_call.call, []).append((scope, scope_call))
            for scope_call in scope.leave:
                self.leave.setdefault(scope_call.call, []).append((scope, scope_call))
            self.guards.update(dict.fromkeys(scope.guards, scope))
        atomic = [one for one in kernel.scopes.values() if one.atomic]
        self.locks = frozenset[str]().union(*(self.openers[one.name] for one in atomic))
        marking = [one for one in kernel.scopes.values() if not one.atomic]
        self.markers = frozenset(scope_call.call for one in marking for scope_call in (*one.enter, *one.leave))
        self.unlocks = frozenset(scope_call.call for one in atomic for scope_call in one.leave)
        self.may_unlock = tuple(kernel.words["may_unlock"])
        self._keeps: Callable[[str], bool] = lambda _: False
        self._doubtful = frozenset[str]()
        self.tools = tools_of(kernel)

    def extended(self, enter: Mapping[str, ScopeRows], leave: Mapping[str, ScopeRows]) -> ScopeTable:
        """A table with some more scope calls of atomic scopes, by name; this one if there are none."""
        if not enter and not leave:
            return self
        found = copy(self)
        found._add(enter, leave)
        return found

    def _add(self, enter: Mapping[str, ScopeRows], leave: Mapping[str, ScopeRows]) -> None:
        self.enter, self.leave = {**self.enter, **enter}, {**self.leave, **leave}
        self.locks, self.unlocks = self.locks.union(enter), self.unlocks.union(leave)

    def lending(self, lent: LentScopes) -> ScopeTable:
        """A table with what other files lend a text; this one if that is nothing."""
        if lent == NOTHING_LENT:
            return self
        scopes = self.kernel.scopes
        enter, leave = (
            {name: [(scopes[scope], gate) for scope, gate in gates] for name, gates in some}
            for some in (lent.takes, lent.gives)
        )
        found = copy(self)
        found._add(enter, leave)
        found._doubt(lent.doubtful)
        found._guard({name: scopes[scope] for name, scope in lent.guards})
        return found

    def _guard(self, classes: Mapping[str, ScopeKind]) -> None:
        self.guards, self.locks = {**self.guards, **classes}, self.locks.union(classes)

    def _doubt(self, names: frozenset[str]) -> None:
        self._doubtful = names

    def keeping(self, keeps: Callable[[str], bool]) -> ScopeTable:
        """A table that knows of some calls that they give back no lock, whatever they are called."""
        found = copy(self)
        found._believe(keeps)
        return found

    def _believe(self, keeps: Callable[[str], bool]) -> None:
        self._keeps = keeps

    def may_give_back(self, name: str) -> bool:
        """Whether a call of this name may end atomic scopes, though nothing is known of it."""
        if name in self._doubtful:
            return True
        return any(word in name for word in self.may_unlock) and not self._keeps(name)

    def opened(self, step: Instruction, when: str) -> Iterator[tuple[str, ScopeCall]]:
        """The scopes a call opens; UNKNOWN where its argument names none that this version has.

        `when`: "" for a call, "true" for one whose result was tested and is true.
        """
        if step.name not in self.enter:
            return
        rows = [(scope, scope_call) for scope, scope_call in self.enter[step.name] if scope_call.when == when]
        matching = [row for row in rows if not row[1].has or _names(step.args, row[1].has)]
        if not matching and rows:
            yield UNKNOWN, rows[0][1]
        for scope, scope_call in matching:
            yield scope.name, scope_call

    def closed(self, step: Instruction) -> list[tuple[ScopeKind, ScopeCall]]:
        """The scopes that a call closes, with the scope call of each."""
        return [row for row in self.leave.get(step.name, ()) if not row[1].has or _names(step.args, row[1].has)]


def _names(args: tuple[Expr, ...], word: str) -> bool:
    return any(part.op == "name" and part.text == word for arg in args for part in arg.walk())


def token_of(scope_call: ScopeCall, step: Instruction) -> str:
    """The text of the variable that keeps the saved state (the token), "" for none."""
    if scope_call.token == "result":
        return "" if step.target == UNUSED else step.target
    return argument(step, int(scope_call.token)) if scope_call.token else ""


def argument(step: Instruction, index: int) -> str:
    """The text of an argument, counted from 0, without its &; "" where the call has none there."""
    return step.args[index].text.lstrip("&") if 0 <= index < len(step.args) else ""


def is_local(token: str) -> bool:
    """Whether a token is a plain variable: what is kept in a structure is handed over."""
    return bool(_PLAIN.match(token)) and token != "return"
