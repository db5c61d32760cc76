"""Where something holds, in numbers and in words."""

from __future__ import annotations

from msgspec.structs import replace

from engines import engine
from reviewbot.report.site.history import History, marked, ranges, spells


def history(*versions: tuple[int, int]) -> History:
    kernel = engine("6.12").kernel
    return History(tuple(replace(kernel, version=version) for version in versions), ((),) * len(versions))


LISTED = history((6, 8), (6, 9), (6, 10), (6, 11), (6, 12))


def test_ranges_are_the_runs_of_true():
    assert ranges([True, True, False, True]) == ((0, 1), (3, 3))
    assert ranges([False]) == ()
    assert marked(((0, 1), (3, 3))) == "0-1,3-3"


def test_versions_in_words():
    said = {at: LISTED.words(at) for at in (((0, 4),), ((1, 3),), ((2, 2),), ((1, 4),), ((0, 2),), ((0, 0), (2, 4)))}
    assert [*said.values()] == ["", "6.9 to 6.11", "6.10", "6.9 and later", "up to 6.10", "up to 6.8, 6.10 and later"]


def test_a_value_is_told_once_with_all_its_ranges():
    found = spells(["a", None, "b", "a", "a"])
    assert [(one.value, one.where) for one in found] == [("a", ((0, 0), (3, 4))), ("b", ((2, 2),))]
