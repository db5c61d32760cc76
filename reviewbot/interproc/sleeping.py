"""Finds, for each instruction, a call around it that surely sleeps in the same context.

Such a call is on every path to the instruction (or from it), with no lock operation in between.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice
from typing import NamedTuple

from reviewbot.dataflow.solver import Abstained, solve
from reviewbot.frontend.fragments import OPEN
from reviewbot.frontend.instructions import UNUSED, Instruction
from reviewbot.frontend.macros import Defines
from reviewbot.interproc.entry import keeps_entry
from reviewbot.interproc.summary import DEEPEST
from reviewbot.kernel.rows import strings
from reviewbot.model.kernel import Rule
from reviewbot.program.context import Context
from reviewbot.program.file_version import FileVersion
from reviewbot.program.provenance import spelled_out
from reviewbot.program.query import Request, expression_text, masks_at, reached, request_at
from reviewbot.program.unit import FunctionUnit
from reviewbot.support.patterns import pattern

_WORD = pattern(r"\w+")
_ORDER = ("<", ">", "<=", ">=")
_SOON = 16  # steps from a failure to where the function ends
_ROUNDS = 3  # calls in each other that are followed
_MOST_READ = 200  # functions of a file that are asked for


class SleeperName(NamedTuple):
    """How a reader calls what sleeps, and the base mask that it asks with, "" if it is no request.

    `inside`: of a function that sleeps, the call by which it does.
    """

    text: str
    mask: str = ""
    inside: str = ""


SleepingAt = tuple[int, SleeperName]  # the step of a call that surely may sleep
ENTRY = -1  # of a step: what sleeps does so around the call of the function
_UNKNOWN: SleepingAt = (-2, SleeperName(""))  # not worked out yet: a loop may still be without one


class Sleeping:
    """The calls of a text that surely may sleep, the functions that make one, and those only called beside one."""

    def __init__(self, side: FileVersion, rule: Rule, context: Context) -> None:
        self.side, self.rule, self.context = side, rule, context
        self._sleeps: dict[str, SleeperName | None] = {}  # of functions of the file, the call by which they surely do
        self._named: dict[int, Mapping[int, SleeperName]] = {}
        self._asked: list[str] = []  # functions that are being worked out, one called by the other

    def _by(self, name: str) -> SleeperName | None:
        """The call by which a function of the file surely sleeps; None if none is known, or it is being asked for."""
        if name not in self._sleeps and len(self._asked) < _ROUNDS:  # asked less deep it may be known
            graph, key = self.context.calls, (self.side.path, name)
            self._sleeps[name] = None
            units = graph.units(key) if len(self._sleeps) < _MOST_READ and graph.text(key) else ()
            if len(units) == 1 and units[0].function.seen_from_start and not units[0].flow.lost:
                self._asked.append(name)
                found = after(units[0], self.named(units[0]), self.context)[0]
                self._asked.pop()
                self._sleeps[name] = found[1] if found is not None else None
        return self._sleeps.get(name)

    def named(self, unit: FunctionUnit) -> Mapping[int, SleeperName]:
        """All calls of a function that surely may sleep, by instruction."""
        if id(unit) not in self._named:
            self._named[id(unit)] = dict(self._sleepers(unit))
        return self._named[id(unit)]

    def _sleepers(self, unit: FunctionUnit) -> Iterator[SleepingAt]:
        listed = self.context.kernel.words
        for index, step in enumerate(unit.steps):
            if step.kind != "call" or not reached(unit, index):
                continue
            if step.op:
                if step.args and step.args[0].text in listed["sleeping_guards"]:
                    yield index, SleeperName(f"{step.name}({step.args[0].text})")
            elif step.name in listed["sleepers"]:
                yield index, SleeperName(f"{step.name}()")
            elif (inner := self._by(step.name)) is not None:
                call = inner.inside or inner.text
                yield index, SleeperName(f"{step.name}(), with {call} in it,", inner.mask, call)
            elif (request := _waiting(unit, index, self.rule, self.context)) is not None:
                asked = "" if request.allocator.gfp is None else _base(unit, request, self.context)
                yield index, SleeperName(request.said, asked)

    @cached_property
    def _word_counts(self) -> Counter[str]:
        """How often each word stands in the text."""
        return Counter(_WORD.findall(self.side.text))

    def entered(self, unit: FunctionUnit, deepest: int = DEEPEST) -> tuple[SleeperName, int] | None:
        """The sleeper around the call of a static function, and its row; None unless every call in the file has one.

        At most `deepest` calls lie between.
        """
        name = unit.function.name
        if not (self.side.whole and unit.function.static and keeps_entry(unit, self.context.lookup)):
            return None
        every = self.context.calls.calls((self.side.path, name)) if deepest else ()
        calls = [(one.unit, one.at) for one in every if one.path == self.side.path]
        if len(calls) + 1 != self._word_counts[name]:
            return None  # its address may be taken, or a call was not read
        found = [self._beside(one, at, deepest) for one, at in calls]
        return found[0] if found and all(found) else None

    def _beside(self, unit: FunctionUnit, at: int, deepest: int) -> tuple[SleeperName, int] | None:
        """The sleeper that surely runs before or after an instruction, in the same context, other than itself."""
        mine = {index: text for index, text in self.named(unit).items() if index != at}
        found = before(unit, mine, self.context)[at] or after(unit, mine, self.context)[at]
        if found is not None and found[0] >= 0:
            return found[1], unit.steps[found[0]].lines[0]
        around = self.entered(unit, deepest - 1)
        if around is None or before(unit, mine, self.context, (ENTRY, around[0]))[at] is None:
            return None
        return around


def _base(unit: FunctionUnit, request: Request, context: Context) -> str:
    """The name in a mask that says how it may reclaim; the mask itself if none does."""
    written = spelled_out(unit, request.at, request.mask, Defines(), context)
    known = (context.kernel.flags.get(part.text) for part in written.walk())
    return next((flag.name for flag in known if flag is not None and flag.base), expression_text(request.mask))


def _waiting(unit: FunctionUnit, index: int, rule: Rule, context: Context) -> Request | None:
    """A request that surely may wait, whatever path was taken."""
    request = request_at(unit, index, context)
    if request is None or request.allocator.sleeps == "never":
        return None
    reclaim = strings(rule.rows[0], "reclaim")[0]
    masks = masks_at(unit, index, request.mask, context)
    return request if masks and all(reclaim in one.must for one in masks) else None


def _changes(step: Instruction, context: Context) -> bool:
    """Whether an instruction may change whether sleeping is allowed."""
    listed = context.kernel.words
    if step.kind == "leave":
        return step.target.split("(")[0] not in listed["sleeping_guards"]
    if step.kind != "call":
        return False
    if step.op or step.name == OPEN:
        return True
    if step.name in listed["neutral"] or step.name in listed["sleepers"]:
        return False
    known = step.name in context.lookup.enter or step.name in context.lookup.leave
    return known or any(word in step.name for word in (*listed["may_lock"], *listed["may_unlock"]))


def before(
    unit: FunctionUnit, sleepers: Mapping[int, SleeperName], context: Context, entry: SleepingAt | None = None
) -> Sequence[SleepingAt | None]:
    """For each step a sleeper that every path to it has passed, with nothing since that changes the context.

    `entry`: what sleeps where the function is called.
    """
    values = solve(unit.cfg, _Passed(unit, sleepers, context, entry))
    return [None] * len(unit.steps) if isinstance(values, Abstained) else values


class _Passed:
    """The sleeper that every path to an instruction has passed."""

    backward = False

    def __init__(
        self, unit: FunctionUnit, sleepers: Mapping[int, SleeperName], context: Context, entry: SleepingAt | None
    ) -> None:
        self._unit, self._sleepers, self._context, self._entry = unit, sleepers, context, entry
        hidden = not unit.function.seen_from_start
        self._roots = {0} | {at for at, step in enumerate(unit.steps) if step.kind == "join" and step.name and hidden}
        self._reached = [bool(reached(unit, at)) for at in range(len(unit.steps))]

    def first(self, _at: int) -> SleepingAt | None:
        return _UNKNOWN

    def join(self, at: int, _now: SleepingAt | None, ways: Mapping[int, SleepingAt | None]) -> SleepingAt | None:
        known = [value for way, value in ways.items() if self._reached[way]]
        known += [self._entry] if at in self._roots else []
        return _all(known) if known else None

    def transfer(self, at: int, value: SleepingAt | None) -> SleepingAt | None:
        return _left(at, self._unit.steps[at], value, self._sleepers, self._context)


def _left(
    at: int, step: Instruction, held: SleepingAt | None, sleepers: Mapping[int, SleeperName], context: Context
) -> SleepingAt | None:
    if at in sleepers:
        return at, sleepers[at]
    return None if _changes(step, context) or _asks_context(step, context) else held


def _all(ways: Sequence[SleepingAt | None]) -> SleepingAt | None:
    """The join: the first sleeper in the text if every path has one (or is not worked out); None if one has none."""
    known = [way for way in ways if way is not None and way != _UNKNOWN]
    return None if None in ways else min(known, default=_UNKNOWN)


def after(unit: FunctionUnit, sleepers: Mapping[int, SleeperName], context: Context) -> Sequence[SleepingAt | None]:
    """For each step a sleeper that surely follows it, failures aside, before anything changes the context."""
    values = solve(unit.cfg, _Ahead(unit, sleepers, context))
    return [None] * len(unit.steps) if isinstance(values, Abstained) else values


class _Ahead:
    """The sleeper that surely follows an instruction, failures aside. What is known once stays, so that it settles."""

    backward = True

    def __init__(self, unit: FunctionUnit, sleepers: Mapping[int, SleeperName], context: Context) -> None:
        self._unit, self._sleepers, self._context = unit, sleepers, context
        self._results = {step.target for step in unit.steps if step.kind == "call" and step.target not in ("", UNUSED)}

    def first(self, _at: int) -> SleepingAt | None:
        return None

    def join(self, at: int, now: SleepingAt | None, ways: Mapping[int, SleepingAt | None]) -> SleepingAt | None:
        if now is not None or _asks_context(self._unit.steps[at], self._context):
            return now
        silent = [one for one, way in ways.items() if way is None]
        # both ways of a test may lead to one instruction
        one_way = bool(silent) or (self._unit.steps[at].kind == "test" and len(self._unit.cfg.succ[at]) < 2)
        if one_way and not _fails(self._unit, at, silent, self._results):
            return None
        return min((way for way in ways.values() if way is not None), default=None)

    def transfer(self, at: int, value: SleepingAt | None) -> SleepingAt | None:
        return _entered(at, self._unit.steps[at], value, self._sleepers, self._context)


def _fails(unit: FunctionUnit, at: int, silent: Sequence[int], results: set[str]) -> bool:
    """Whether a test only tells a failure from the way on, and the ways that meet no sleeper are the failure."""
    if not _of_a_result(unit.steps[at], results):
        return False
    value = unit.steps[at].value
    counts = value is None or value.op in _ORDER or value.text.startswith("@")
    return counts or all(_gives_up(unit, one) for one in silent)


def _gives_up(unit: FunctionUnit, at: int) -> bool:
    """Whether a path leaves the function within _SOON instructions, and nothing of it is out of sight."""
    soon = list(islice(unit.cfg.reachable((at,), lambda _: True), _SOON + 1))
    return len(soon) <= _SOON and not any(unit.steps[one].name == OPEN for one in soon)


def _entered(
    at: int, step: Instruction, ahead: SleepingAt | None, sleepers: Mapping[int, SleeperName], context: Context
) -> SleepingAt | None:
    """The sleeper that a path meets which enters an instruction."""
    if at in sleepers:
        return at, sleepers[at]
    return None if _changes(step, context) else ahead


def _of_a_result(step: Instruction, results: set[str]) -> bool:
    """Whether a test only tests how a call went, or counts: neither tells one context from another."""
    value = step.value
    if value is None or value.op == "call" or value.op in _ORDER or value.text.startswith("@"):
        return value is not None
    return any(part.text in results for part in value.walk())


def _asks_context(step: Instruction, context: Context) -> bool:
    """Whether a test may test the context itself: a trylock, a flag that says whether to sleep."""
    if step.kind != "test" or step.value is None:
        return False
    value, listed = step.value, context.kernel.words
    if value.op == "call" and value.text in (*listed["sleepers"], *listed["neutral"]):
        return False
    said = " ".join(_WORD.findall(value.text))
    return any(word in said for word in listed["context_tests"])
