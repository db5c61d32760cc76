"""Follows through one function which locks that sleep it takes and gives back, and which it surely holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

from reviewbot.checks.locks.lock_calls import SHARED, LockCalls
from reviewbot.checks.locks.lock_class import LockName, LockTypes
from reviewbot.dataflow.scope_table import ScopeTable
from reviewbot.dataflow.solver import Abstained, solve
from reviewbot.frontend.instructions import Instruction
from reviewbot.interproc.summary import last_member
from reviewbot.model.kernel import Kernel
from reviewbot.program.unit import FunctionUnit

_ANY = -1  # the position of a lock that is given back, whichever it is


class LockEvent(NamedTuple):
    """An instruction takes a lock, or gives one back.

    `lock`: None where it is of an unknown class; `text`: what the function calls it, "" for a lock that may be any.
    `how`: in which way it is taken, see LockCalls; `guard`: the guard that holds it; `inside`:
    a function that is called says which lock it is.
    """

    takes: bool
    lock: LockName | None
    text: str
    how: str = ""
    guard: str = ""
    inside: bool = False


class HeldLock(NamedTuple):
    """A lock that a function holds, and the instruction that took it."""

    step: int
    lock: LockName
    text: str
    how: str
    guard: str


class HelperLocks(NamedTuple):
    """What a function holds wherever it returns, and what it gives back without having taken it."""

    takes: Sequence[HeldLock] = ()
    gives: Sequence[LockEvent] = ()


_Held = frozenset[HeldLock]
LockHelpers = Mapping[str, HelperLocks]  # by the name that a call has for them


class LockWalk:
    """One function of a file. `helpers`: what the functions do with locks that it calls."""

    def __init__(
        self,
        unit: FunctionUnit,
        path: str,
        calls: LockCalls,
        types: LockTypes,
        lookup: ScopeTable,
        helpers: LockHelpers | None = None,
    ) -> None:
        self.unit, self.path, self.calls, self._types, self._lookup = unit, path, calls, types, lookup
        self._helpers = helpers or {}
        self.events = {at: found for at, step in enumerate(unit.steps) if (found := [*self._events(step)])}

    def held(self, at: int) -> Sequence[HeldLock]:
        """The locks that are surely held where an instruction begins, in the order in which they were taken."""
        return sorted(self._held[at] or ()) if self._held else ()

    def given_back(self, at: int) -> Iterator[LockEvent]:
        """What an instruction gives back that the function does not surely hold there."""
        held = self._held[at] or frozenset() if self._held else frozenset()
        for one in self.events.get(at, ()):
            if not one.takes and not one.guard and not any(_is_same(mine, one) for mine in held):
                yield one

    @cached_property
    def summary(self) -> HelperLocks:
        """What it does with locks for those who call it."""
        ends = [at for at, step in enumerate(self.unit.steps) if step.kind in ("return", "end")]
        kept = [self._held[at] for at in ends if self._held and self._held[at] is not None]
        left = kept[0] or frozenset() if kept else frozenset[HeldLock]()
        for one in kept[1:]:
            left = _both(left, one or frozenset())
        gives = [one for at in self.events for one in self.given_back(at)]
        return HelperLocks(tuple(sorted(one for one in left if not one.guard)), tuple(gives))

    # -- events --

    def _events(self, step: Instruction) -> Iterator[LockEvent]:
        if step.kind == "leave":
            yield LockEvent(False, None, step.target, guard=step.target)
        elif step.kind == "call" and step.op:
            yield from self._guarded(step)
        elif step.kind == "call" and step.name in self.calls.takes:
            at, how = self.calls.takes[step.name]
            yield from self._taken(step, at, how, "")
        elif step.kind == "call" and step.name in self.calls.gives:
            yield from self._given(step, self.calls.gives[step.name])
        elif step.kind == "call" and step.name in self._helpers:
            yield from self._helped(step, self._helpers[step.name])
        elif step.kind == "call" and self._may_give_back(step.name):
            yield LockEvent(False, None, "")

    def _guarded(self, step: Instruction) -> Iterator[LockEvent]:
        kind = step.args[0].text if step.args else ""
        if kind in self.calls.guards and len(step.args) > 1:
            yield from self._taken(step, 1, self.calls.guards[kind], step.op)

    def _taken(self, step: Instruction, at: int, how: str, guard: str) -> Iterator[LockEvent]:
        if at < len(step.args) and not self._is_fresh(text := step.args[at].text):
            yield LockEvent(True, self._types.class_of(self.path, self.unit, text), text, how, guard)

    def _given(self, step: Instruction, at: int) -> Iterator[LockEvent]:
        if at < len(step.args):
            text = step.args[at].text
            yield LockEvent(False, self._types.class_of(self.path, self.unit, text), text)

    def _helped(self, step: Instruction, helper: HelperLocks) -> Iterator[LockEvent]:
        for given in helper.gives:
            lock, text = self._as_mine(step, given.lock, given.text)
            yield LockEvent(False, lock, text)
        for held in helper.takes:
            lock, text = self._as_mine(step, held.lock, held.text)
            yield LockEvent(True, lock, text, held.how, inside=not isinstance(held.lock, int))

    def _as_mine(self, step: Instruction, lock: LockName | None, text: str) -> tuple[LockName | None, str]:
        """A lock of a callee as the function knows it."""
        if isinstance(lock, int):
            text = step.args[lock].text if lock < len(step.args) else ""
            return (self._types.class_of(self.path, self.unit, text) if text else None), text
        return lock, text

    def _may_give_back(self, name: str) -> bool:
        """Whether something unknown sounds as if it gave back a lock."""
        known = name in self._lookup.leave or name in self._lookup.enter or name in self._lookup.kernel.words["neutral"]
        return not known and self._lookup.may_give_back(name)

    def _is_fresh(self, text: str) -> bool:
        """Whether a lock is one of what the function makes itself: nobody else knows it yet."""
        root = self._types.root_of(self.unit, text)
        for step in self.unit.steps:
            if step.kind != "call" or step.op:
                continue
            if step.name in self.calls.inits and any(arg.text == text for arg in step.args):
                return True
            if root and step.target == root and self._makes(step.name):
                return True
        return False

    def _makes(self, name: str) -> bool:
        kernel: Kernel = self._lookup.kernel
        return name in kernel.allocators or any(one in name for one in self.calls.fresh)

    # -- what is held --

    @cached_property
    def _held(self) -> Sequence[_Held | None]:
        """What is surely held before each instruction, None where no way leads; () where that is not known."""
        if not any(one.takes and one.lock is not None for some in self.events.values() for one in some):
            return ()
        values = solve(self.unit.cfg, _Holding(self.events))
        return () if isinstance(values, Abstained) else values


class _Holding:
    """The locks that are held on every way to an instruction."""

    backward = False

    def __init__(self, events: Mapping[int, Sequence[LockEvent]]) -> None:
        self._events = events

    def first(self, at: int) -> _Held | None:
        return None if at else frozenset()

    def join(self, at: int, now: _Held | None, ways: Mapping[int, _Held | None]) -> _Held | None:
        found = now
        for one in ways.values():
            found = _both(found, one) if found is not None and one is not None else found if one is None else one
        return found

    def transfer(self, at: int, value: _Held | None) -> _Held | None:
        for one in self._events.get(at, ()) if value is not None else ():
            if not one.takes:
                value = frozenset(held for held in value or () if not _is_same(held, one))
            elif one.lock is not None:
                others = (held for held in value or () if held.lock != one.lock)
                value = frozenset((*others, HeldLock(at, one.lock, one.text, one.how, one.guard)))
        return value


def _is_same(held: HeldLock, event: LockEvent) -> bool:
    """Whether an event may be about a lock that is held."""
    if event.guard and not event.takes:
        return held.guard == event.guard
    if not event.text:
        return True
    if event.lock is None:
        return last_member(event.text) == last_member(held.text)
    return held.lock == event.lock


def _both(left: _Held, right: _Held) -> _Held:
    """What is held on both of two ways, taken first where it was taken at two places."""
    locks = {one.lock for one in left} & {one.lock for one in right}
    found: dict[LockName, HeldLock] = {}
    for one in sorted(left | right, reverse=True):
        if one.lock in locks:
            known = found.get(one.lock)
            found[one.lock] = one if known is None or known.how != SHARED else one._replace(how=SHARED)
    return frozenset(found.values())
