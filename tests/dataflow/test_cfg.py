"""Questions about the ways through a function, held against an answer that looks at every way there is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphs import GRAPHS, OUT, cfg_of


def ways(graph: Sequence[Sequence[int]], start: int, *, stop: frozenset[int]) -> Iterator[list[int]]:
    """Every way from an instruction that meets none twice; it ends at one of `stop`, or where nothing follows."""
    todo = [[start]]
    while todo:
        way = todo.pop()
        onward = [to for to in graph[way[-1]] if to not in way] if way[-1] not in stop else []
        if not onward:
            yield way
        for to in onward:
            if to == OUT:
                yield [*way, OUT]
            else:
                todo.append([*way, to])


def test_a_branch_of_a_test():
    cfg = cfg_of([(1, 2), (3,), (OUT, 3), ()])
    assert [cfg.branch(0, taken) for taken in (True, False)] == [1, 2]
    assert [cfg.branch(2, taken) for taken in (True, False)] == [OUT, 3]
    assert cfg.branch(1, True) == OUT  # no test
    assert [cfg.leaves(at) for at in range(4)] == [False, False, True, False]
    assert [cfg.only(at) for at in range(4)] == [OUT, 3, OUT, OUT]
    assert cfg.succ[2] == (3,)
    assert cfg.pred == [[], [0], [0], [1, 2]]


def test_ways_back():
    assert list(cfg_of([(1,), (0, 2), (2,)]).back_edges()) == [(1, 0), (2, 2)]


@pytest.mark.parametrize("question", ["reachable", "nearest"])
@given(GRAPHS, st.data())
def test_what_is_reachable(question, graph, data):
    closed = data.draw(st.frozensets(st.integers(0, len(graph) - 1)))
    start = data.draw(st.integers(0, len(graph) - 1))
    found = list(getattr(cfg_of(graph), question)((start, OUT), lambda at: at not in closed))
    assert len(found) == len(set(found))
    assert set(found) == {at for way in ways(graph, start, stop=closed) for at in way} - {OUT}


@given(GRAPHS, st.data())
def test_what_leads_to_an_instruction(graph, data):
    cfg, at = cfg_of(graph), data.draw(st.integers(0, len(graph) - 1))
    found = set(cfg.reachable(cfg.pred[at], lambda _: True, backward=True))
    assert found == {one for one in range(len(graph)) if at in set(cfg.reachable(cfg.succ[one], lambda _: True))}


@given(GRAPHS, st.data())
def test_what_lies_on_all_ways(graph, data):
    wanted = data.draw(st.frozensets(st.integers(0, len(graph) - 1)))
    ends = data.draw(st.frozensets(st.integers(0, len(graph) - 1)))
    found = cfg_of(graph).on_all_ways((0,), wanted.__contains__, ends.__contains__)
    every = list(ways(graph, 0, stop=wanted))
    escaped = any(not ends.isdisjoint(set(way) - wanted) for way in every)
    assert (found is None) == escaped
    if found is not None:
        assert set(found) == {way[-1] for way in every} & wanted
