"""Finds the ways on which a change matters, by words: from what holds something down to what asks for memory.

A way is new or another one where the change has to do with one of its ends, or with a call on it. A changed function
that asks for memory is where ways end that come from above; a changed lock or jump matters to those that begin in its
function, or to all through it where it may give back what its caller holds, or where a condition went that may have
kept callers from what is below; a changed call leads to what is below that.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from reviewbot.interproc.summary import DEEPEST
from reviewbot.program.call_graph import FunctionKey, Holding, between
from reviewbot.review.neighbourhood.function_words import ChangedWords
from reviewbot.review.neighbourhood.graph.word_graph import WordGraph

_ROUNDS = 3  # helpers that call helpers


def ways_of(
    graph: WordGraph,
    changed: Mapping[FunctionKey, ChangedWords],
    told: Collection[FunctionKey],
    held: Holding | None = None,
) -> Iterator[FunctionKey]:
    """The functions on such ways; some more than once. `told`: those that the change hands or puts somewhere.

    `held`: says which functions hold something, see between(), if not the graph does.
    """
    at_hand = held or graph.holding
    asking = [one for one, said in changed.items() if said.asks]
    through = dict.fromkeys((*(one for one, said in changed.items() if said.drops or said.loosens), *told))
    if through:
        yield from between(graph, through, at_hand, graph.asking, DEEPEST)
    if ends := [one for one in asking if one not in through]:
        yield from between(graph, ends, at_hand, lambda some: [one for one in ends if one in some], DEEPEST)
    holding = {one for one, said in changed.items() if said.locks and one not in through}
    if starts := at_hand(holding):
        yield from between(
            graph, starts, lambda some: {one: starts[one] for one in some if one in starts}, graph.asking, DEEPEST
        )
    calling = _Calling(graph, {one: said.calls for one, said in changed.items() if said.calls and one not in through})
    if calling.leading:
        yield from between(calling, calling.leading, at_hand, graph.asking, DEEPEST)
    if held is None:
        yield from _lent(graph, [one for one, said in changed.items() if graph.lends(one, said)])
        yield from graph.handing([*asking, *through, *calling.leading])


def _lent(graph: WordGraph, starts: Collection[FunctionKey]) -> Iterator[FunctionKey]:
    """The functions below a lock that changed ones take for others or give back, or by a helper that calls these."""
    level, callers = [*starts], dict.fromkeys(starts, False)
    for _ in range(_ROUNDS):
        fresh = [one for key in level for one in graph.callers(key) if one not in callers]
        callers |= dict.fromkeys(fresh, True)
        level = [one for one in fresh if graph.is_helper(one)]
    words = ((one, graph.words(one)) for one, calls in callers.items() if calls)
    holding = [(one, said) for one, said in words if said is not None and graph.held(one, said)]
    yield from (one for one, said in holding if said.asks)
    if holding:
        yield from between(graph, [one for one, _ in holding], graph.holding, graph.asking, DEEPEST)


class _Calling:
    """A call graph in which changed functions make only those calls that were changed. `changed`: their names."""

    def __init__(self, graph: WordGraph, changed: Mapping[FunctionKey, Collection[str]]) -> None:
        self._graph, self._changed = graph, changed
        self.leading = [one for one in changed if self.callees(one)]

    def callees(self, function: FunctionKey) -> Collection[FunctionKey]:
        """The functions that one calls."""
        names = self._changed.get(function)
        return self._graph.callees(function) if names is None else self._graph.called(function, names)

    def callers(self, function: FunctionKey) -> Collection[FunctionKey]:
        """The functions that call one."""
        found = self._graph.callers(function)
        return [one for one in found if function[1] in self._changed.get(one, (function[1],))]
