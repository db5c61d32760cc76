"""Finds the reaching definitions of masks: the assignments that an expression's mask may be made of.

For each name that is asked for it is worked out once which assignments reach which instructions (Aho et al., Compilers,
9.2.4), so that a function of many requests is not walked once for each of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from heapq import heapify, heappop, heappush

from reviewbot.dataflow.cfg import Cfg
from reviewbot.dataflow.mask_env import WORD, mask_sources, may_change, member
from reviewbot.frontend.instructions import Expr

_PARTS = ("->", ".", "[")
_NONE = frozenset[int]()
Reached = Mapping[int, frozenset[int]]


class Reaching:
    """The reaching definitions of one function; nothing is worked out before it is asked for."""

    def __init__(self, cfg: Cfg) -> None:
        self.steps, self._succ = cfg.steps, cfg.succ
        self._reached: dict[str, Reached] = {}

    def sources(self, index: int, expr: Expr) -> tuple[int, ...]:
        """The assignments that an expression's mask may be made of at an instruction, in the order of the text."""
        found: set[int] = set()
        todo = [(index, name) for name in mask_sources(expr)]
        seen = set(todo)
        while todo:
            place, name = todo.pop()
            for at in self._at(name).get(place, _NONE):
                step = self.steps[at]
                goes_on = {name} if step.op in ("|=", "&=") else set()
                if step.target == name and step.value is not None:
                    found.add(at)
                    goes_on |= mask_sources(step.value)
                more = {(at, one) for one in goes_on} - seen
                seen |= more
                todo.extend(more)
        return tuple(sorted(found))

    def _at(self, name: str) -> Reached:
        """By instruction, the last assignments before it that may change what is kept under a name."""
        if name not in self._reached:
            self._reached[name] = self._flooded(self._touching(name))
        return self._reached[name]

    @cached_property
    def _targets(self) -> Mapping[str, list[int]]:
        """The assignments by each text that shows that they may change a name; see _clues()."""
        found: dict[str, list[int]] = {}
        for at, step in enumerate(self.steps):
            if step.kind == "assign":
                for clue in {step.target, step.target.lstrip("*"), *_ending(step.target)}:
                    found.setdefault(clue, []).append(at)
        return found

    def _touching(self, name: str) -> frozenset[int]:
        near = {at for clue in _clues(name) for at in self._targets.get(clue, ())}
        return frozenset(at for at in near if may_change(self.steps[at].target, name))

    def _flooded(self, touching: frozenset[int]) -> Reached:
        """The definitions that reach each instruction. Ways back are taken once all that lies before them is known."""
        reached: dict[int, frozenset[int]] = {}
        now, later = sorted(touching), set[int]()
        waiting = set(now)
        while now:
            at = heappop(now)
            waiting.discard(at)
            out = frozenset((at,)) if at in touching else reached[at]
            for target in self._succ[at]:
                before = reached.get(target, _NONE)
                if out <= before:
                    continue
                reached[target] = before | out if before else out
                if target in touching or target in waiting:
                    continue
                if target > at:
                    waiting.add(target)
                    heappush(now, target)
                else:
                    later.add(target)
            if not now:
                now, later = list(later), set()
                heapify(now)
                waiting = set(now)
        return reached


def _clues(name: str) -> Iterator[str]:
    """What the target of an assignment that changes a name is, begins or ends with, as may_change() sees it."""
    yield name
    yield from WORD.findall(name)
    yield from (name[:at] for at in range(len(name)) if name.startswith(_PARTS, at))
    yield from _ending(name)


def _ending(text: str) -> tuple[str, ...]:
    """The member that an lvalue ends in, as a text that no variable is."""
    found = member(text)
    return (f".{found}",) if found else ()
