"""Our dataclasses against those of the standard module: what one does, the other does."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from collections.abc import Mapping
from functools import cached_property
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reviewbot import records


def classes(source) -> SimpleNamespace:
    """The same classes, made by ours or by the standard module."""

    @source.dataclass(frozen=True, slots=True)
    class Pair:
        """Two."""

        a: int
        b: str = "b"

        @property
        def both(self) -> str:
            return f"{self.a}{self.b}"

    @source.dataclass(frozen=True, slots=True)
    class Triple(Pair):
        c: tuple[int, ...] = ()

    @source.dataclass(frozen=True, slots=True)
    class None_:
        pass

    @source.dataclass(frozen=True, slots=True, order=True)
    class One:
        x: int

    @source.dataclass(frozen=True)
    class Open:
        x: int

        @cached_property
        def twice(self) -> int:
            return self.x * 2

    @source.dataclass(slots=True)
    class Changing:
        x: int
        seen: list[int] = source.field(default_factory=list)
        hidden: str = source.field(default_factory=str, repr=False)

    return SimpleNamespace(**{name: made for name, made in locals().items() if name != "source"})


OURS, THEIRS = classes(records), classes(dataclasses)

SAME = {
    "repr": lambda at: repr(at.Triple(1, c=(2,))).replace("classes.<locals>.", ""),
    "hidden in repr": lambda at: repr(at.Changing(1)),
    "defaults": lambda at: (at.Triple(1).b, at.Triple(1).c, at.Triple(b="x", a=2).a),
    "equal": lambda at: (
        at.Pair(1) == at.Pair(1),
        at.Pair(1) == at.Pair(2),
        at.Pair(1) == at.Triple(1),
        at.Pair(1) == 1,
    ),
    "hash": lambda at: (hash(at.Pair(1)) == hash(at.Pair(1)), len({at.Pair(1), at.Pair(1), at.Pair(2)})),
    "nothing in it": lambda at: (at.None_() == at.None_(), repr(at.None_()), hash(at.None_()) == hash(at.None_())),
    "order": lambda at: [one.x for one in sorted(map(at.One, (3, 1, 2)))] + [max(map(at.One, (3, 1))).x],
    "slots": lambda at: (hasattr(at.Pair(1), "__dict__"), at.Pair.__slots__, at.Triple.__slots__),
    "properties": lambda at: (at.Triple(1).both, at.Open(2).twice),
    "own lists": lambda at: (at.Changing(1).seen is at.Changing(1).seen, at.Changing(1, [2]).seen),
    "doc": lambda at: at.Pair.__doc__,
    "match": lambda at: at.Triple.__match_args__,
    "fields": lambda at: [(each.name, each.default, each.repr) for each in dataclasses.fields(at.Triple(1))],
    "as a table": lambda at: dataclasses.asdict(at.Triple(1)),
    "replace": lambda at: repr(dataclasses.replace(at.Triple(1), a=5)),
    "shallow copy": lambda at: repr(copy.copy(at.Triple(1))),
}


@pytest.mark.parametrize("case", SAME)
def test_as_the_standard_ones(case):
    assert SAME[case](OURS) == SAME[case](THEIRS)


WRONG = {
    "a change": lambda at: setattr(at.Pair(1), "a", 2),
    "a name that it has not": lambda at: setattr(at.Pair(1), "z", 2),
    "a deletion": lambda at: delattr(at.Pair(1), "a"),
    "nothing given": lambda at: at.Pair(),
    "too much": lambda at: at.Pair(1, 2, 3),
    "an unknown name": lambda at: at.Pair(1, z=3),
    "a hash of what changes": lambda at: hash(at.Changing(1)),
    "order of what has none": lambda at: at.Pair(1) < at.Pair(2),
    "order of two kinds": lambda at: at.One(1) < 2,
}


@pytest.mark.parametrize("case", WRONG)
def test_what_the_standard_ones_refuse(case):
    with pytest.raises((AttributeError, TypeError)):
        WRONG[case](THEIRS)
    with pytest.raises((AttributeError, TypeError)):
        WRONG[case](OURS)


@given(st.integers(), st.text(), st.lists(st.integers()).map(tuple))
def test_values_go_in_and_come_out(a, b, c):
    one = OURS.Triple(a, b, c)
    assert records.values(one) == (a, b, c)
    assert records.replace(one, b="") == OURS.Triple(a, "", c)


@records.dataclass(frozen=True, slots=True)
class Sent:
    what: Mapping[str, int]


def test_it_can_be_sent_to_another_process():
    assert pickle.loads(pickle.dumps(Sent({"a": 1}))) == Sent({"a": 1})


def test_init_is_compiled_once_and_for_the_class_that_has_it():
    made = classes(records)
    assert made.Triple.__init__ is made.Pair.__init__
    made.Triple(1)
    assert made.Triple.__init__ is not made.Pair.__init__
    first = made.Triple.__init__
    made.Triple(2)
    assert made.Triple.__init__ is first and made.Pair(1).a == 1
