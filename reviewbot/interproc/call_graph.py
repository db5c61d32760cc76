"""Answers who calls whom, and reads the functions that lie between what is held and what is asked for.

A file has hundreds of functions, and few of them have to do with a change. So words say first who may call whom; only
functions on a way from one that may hold something, through one of the change, to one that may ask for memory are
parsed, at most _MOST_READ of them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Protocol

from reviewbot.frontend.fragments import Fragment
from reviewbot.interproc.summary import FunctionKey
from reviewbot.program.file_version import FileVersion
from reviewbot.program.unit import FunctionUnit
from reviewbot.support.patterns import pattern

_CALL = pattern(r"\b(\w+)\s*\(")
_MOST_READ = 160  # functions beside those of the change, of one file version

Asking = Callable[[Collection[FunctionKey]], Collection[FunctionKey]]
Holding = Callable[[Collection[FunctionKey]], Mapping[FunctionKey, Collection[FunctionKey]]]


class CallGraph(Protocol):
    """Who calls whom."""

    def callees(self, function: FunctionKey) -> Collection[FunctionKey]:
        """The functions that one calls, as far as they are known."""

    def callers(self, function: FunctionKey) -> Collection[FunctionKey]:
        """The functions that call one, as far as they are known."""

    def units(self, function: FunctionKey) -> Sequence[FunctionUnit]:
        """What a function is when it is parsed; more than one where several have its name."""


class FileCallGraph:
    """The call graph of a file version, as its words have it."""

    def __init__(self, side: FileVersion) -> None:
        self._side = side
        self._units: dict[str, list[FunctionUnit]] = {}
        self._texts: dict[str, list[str]] = {}
        for unit in side.units:
            if unit.steps and not unit.function.macro and unit.function.name:
                self._units.setdefault(unit.function.name, []).append(unit)
                self._texts.setdefault(unit.function.name, []).append(unit.text)
        self._far = side.beside.named if side.beside is not None else {}
        for name, fragments in self._far.items():
            self._texts.setdefault(name, []).extend(one.text for one in fragments)
        macros = {one.name for one in side.defines}
        self._names = frozenset(self._texts) - macros  # a macro of the same name is what a call means

    @property
    def functions(self) -> Collection[FunctionKey]:
        """All functions."""
        return [(self._side.path, name) for name in self._texts if name in self._names]

    def text(self, function: FunctionKey) -> str:
        """The text of a function, with what stands around it."""
        return "\n".join(self._texts.get(function[1], ()))

    def callees(self, function: FunctionKey) -> Collection[FunctionKey]:
        """The functions that one names before a parenthesis."""
        return [(function[0], name) for name in self._calls.get(function[1], ())]

    def callers(self, function: FunctionKey) -> Collection[FunctionKey]:
        """The functions that name one before a parenthesis."""
        return [(function[0], name) for name in self._called.get(function[1], ())]

    def units(self, function: FunctionKey) -> Sequence[FunctionUnit]:
        """The functions of this name, parsed."""
        mine = self._units.get(function[1], [])
        return mine or [unit for one in self._far.get(function[1], ()) for unit in self._read(one, function[1])]

    def _read(self, fragment: Fragment, name: str) -> Iterator[FunctionUnit]:
        units = self._side.beside.read(fragment) if self._side.beside is not None else ()
        yield from (one for one in units if one.function.name == name and one.steps and not one.function.macro)

    @cached_property
    def _calls(self) -> Mapping[str, Sequence[str]]:
        found: dict[str, Sequence[str]] = {}
        for name, texts in self._texts.items():
            named = dict.fromkeys(one for text in texts for one in _CALL.findall(text))
            found[name] = [one for one in named if one in self._names and one != name]
        return found

    @cached_property
    def _called(self) -> Mapping[str, Sequence[str]]:
        found: dict[str, list[str]] = {}
        for name, called in self._calls.items():
            for one in called:
                found.setdefault(one, []).append(name)
        return found


def between(
    graph: CallGraph, starts: Collection[FunctionKey], holding: Holding, asking: Asking, deepest: int
) -> Sequence[FunctionKey]:
    """The functions on a way from one that holds something, through one of `starts`, to one that asks.

    `holding`: of some functions those that are reached at once where one of them may hold something, by that one;
    `asking`: those that may ask. At most `deepest` calls lie above and below a start.
    """
    below = _near(graph.callees, starts, deepest)
    askers = asking(below)
    above = _near(graph.callers, starts, deepest) if askers else {}
    held = holding(above) if askers else {}
    near = above.keys() | below.keys()
    first = dict.fromkeys(one for some in held.values() for one in some if one in near)
    reached = _near(graph.callees, first, deepest, near)
    leading = _near(graph.callers, askers, deepest, near) if first else {}
    found = [one for one in reached if one in leading][:_MOST_READ]
    return list(dict.fromkeys((*found, *(one for one, some in held.items() if not leading.keys().isdisjoint(some)))))


def _near(
    onward: Callable[[FunctionKey], Collection[FunctionKey]],
    starts: Collection[FunctionKey],
    deepest: int,
    within: Collection[FunctionKey] | None = None,
) -> Mapping[FunctionKey, int]:
    """The functions at most so many steps from `starts`, and how many; the nearest first."""
    found = dict.fromkeys(starts, 0)
    level = list(starts)
    for depth in range(1, deepest + 1):
        fresh = []
        for one in level:
            for other in onward(one):
                if other not in found and (within is None or other in within):
                    found[other] = depth
                    fresh.append(other)
        level = fresh
    return found
