"""Analyses over small graphs: what must hold, forward and backward, and what never settles."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given

from graphs import GRAPHS, cfg_of
from reviewbot.dataflow.solver import Abstained, solve


class Passed:
    """Whether every way from the start to an instruction has passed a marked one."""

    backward = False

    def __init__(self, marked: frozenset[int]) -> None:
        self.marked = marked

    def first(self, _at: int) -> bool:
        return True

    def join(self, at: int, _now: bool, ways: Mapping[int, bool]) -> bool:
        return at != 0 and all(ways.values())

    def transfer(self, at: int, value: bool) -> bool:
        return value or at in self.marked


class Ahead(Passed):
    """Whether a way on from an instruction meets a marked one."""

    backward = True

    def first(self, _at: int) -> bool:
        return False

    def join(self, _at: int, _now: bool, ways: Mapping[int, bool]) -> bool:
        return any(ways.values())


class Restless(Passed):
    """A value that changes with each look at it."""

    def join(self, at: int, now: bool, _ways: Mapping[int, bool]) -> bool:
        return not now if at == 0 else now


@given(GRAPHS)
def test_a_must_analysis(graph):
    cfg, marked = cfg_of(graph), frozenset(range(1, len(graph), 2))
    values = solve(cfg, Passed(marked))
    assert not isinstance(values, Abstained)
    without = set(cfg.reachable((0,), lambda at: at not in marked))
    reached = set(cfg.reachable((0,), lambda _: True))
    assert {at for at in reached if not values[at]} == without


@given(GRAPHS)
def test_a_backward_may_analysis(graph):
    cfg, marked = cfg_of(graph), frozenset(range(1, len(graph), 2))
    values = solve(cfg, Ahead(marked))
    assert not isinstance(values, Abstained)
    for at in range(len(graph)):
        assert values[at] == (not marked.isdisjoint(cfg.reachable(cfg.succ[at], lambda _: True)))


class Counted(Passed):
    """The same, and how often it was asked."""

    asked = 0

    def transfer(self, at: int, value: bool) -> bool:
        self.asked += 1
        return super().transfer(at, value)


def test_what_has_not_changed_is_not_asked_again():
    chain = [*((at + 1,) for at in range(9)), ()]
    analysis = Counted(frozenset((0,)))
    assert solve(cfg_of(chain), analysis) == [False, *[True] * 9]
    assert analysis.asked == 9  # each but the last, which hands nothing on


def test_what_does_not_settle_is_given_up():
    found = solve(cfg_of([(1,), ()]), Restless(frozenset()))
    assert isinstance(found, Abstained)
    assert "200 sweeps" in found.why
