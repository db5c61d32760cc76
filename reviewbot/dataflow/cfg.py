"""Answers questions about the ways through a function: what may follow what, and what lies on every way.

Input: the instructions of a function, each with the indexes of its successors. Nothing of an abstract state is known
here: solver.py follows those. A way may leave the text, as at the end of a hunk: a test of which one branch is out of
sight has no successor there (`leaves`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from heapq import heapify, heappop, heappush

from reviewbot.frontend.instructions import Instruction

Predicate = Callable[[int], bool]


class Cfg:
    """The control-flow graph of a function. `succ[i]`: the instructions that may follow instruction i, in its order."""

    def __init__(self, steps: Sequence[Instruction]) -> None:
        self.steps = steps
        self.succ = tuple(tuple(to for to in step.next if to >= 0) if -1 in step.next else step.next for step in steps)

    @cached_property
    def pred(self) -> Sequence[Sequence[int]]:
        """For each instruction those that it may follow, in the order of the text."""
        found: list[list[int]] = [[] for _ in self.steps]
        for at, following in enumerate(self.succ):
            for target in following:
                found[target].append(at)
        return found

    def leaves(self, at: int) -> bool:
        """Whether a way from an instruction leaves the text."""
        return -1 in self.steps[at].next

    def branch(self, at: int, taken: bool) -> int:
        """The instruction that follows a test which turned out this way; -1 where that is out of sight, or no test."""
        following = self.steps[at].next
        return following[0 if taken else 1] if self.steps[at].kind == "test" and len(following) == 2 else -1

    def only(self, at: int) -> int:
        """The instruction that surely follows; -1 where none does, or one of several."""
        return self.succ[at][0] if len(self.succ[at]) == 1 and not self.leaves(at) else -1

    def back_edges(self) -> Iterator[tuple[int, int]]:
        """Each step back to an instruction that stands above, or to itself: the last of a loop, and its head."""
        for at, following in enumerate(self.succ):
            yield from ((at, head) for head in following if head <= at)

    def reachable(
        self, starts: Iterable[int], onward: Predicate, *, without: Iterable[int] = (), backward: bool = False
    ) -> Iterator[int]:
        """Each instruction that ways from `starts` come to, once; a way goes on from those for which `onward` holds.

        `without`: those that count as seen. The starts themselves are among what is found; one below 0 is out of sight.
        """
        near = self.pred if backward else self.succ
        todo, seen = list(starts), set(without)
        while todo:
            at = todo.pop()
            if at < 0 or at in seen:
                continue
            seen.add(at)
            yield at
            if onward(at):
                todo += near[at]

    def nearest(self, starts: Iterable[int], onward: Predicate, *, without: Iterable[int] = ()) -> Iterator[int]:
        """The same, what stands first in the text first: cheaper where what is looked for is most often near."""
        todo, seen = list(starts), set(without)
        heapify(todo)
        while todo:
            at = heappop(todo)
            if at < 0 or at in seen:
                continue
            seen.add(at)
            yield at
            for target in self.succ[at] if onward(at) else ():
                heappush(todo, target)

    def on_all_ways(
        self, starts: Iterable[int], wanted: Predicate, ends: Predicate, *, without: Iterable[int] = ()
    ) -> list[int] | None:
        """The first wanted instructions that ways from `starts` meet; None where `ends` holds on one of them before.

        A way that leaves the text, or goes round for ever, meets nothing and proves nothing either way.
        """
        found: list[int] = []
        for at in self.reachable(starts, lambda at: not wanted(at), without=without):
            if wanted(at):
                found.append(at)
            elif ends(at):
                return None
        return found
