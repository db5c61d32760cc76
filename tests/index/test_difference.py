"""Two trees and the paths that differ."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reviewbot.index.difference import difference
from trees import Trees

FILES = st.dictionaries(st.sampled_from(["a", "b/c", "b/d", "b/e/f", "g/h"]), st.sampled_from(["1", "2"]))


@given(FILES, FILES)
def test_it_gives_what_differs(old: dict[str, str], new: dict[str, str]) -> None:
    trees = Trees({"old": old, "new": new})
    found = dict(difference(trees.listing, "old", "new"))
    assert found.keys() == {path for path in old.keys() | new.keys() if old.get(path) != new.get(path)}
    texts = {path: trees.contents([id_])[id_] for path, id_ in found.items() if id_}
    assert texts == {path: new[path].encode() for path in found if path in new}


def test_folders_that_are_the_same_are_not_listed() -> None:
    listings = {
        "old": {"a/": "1", "b/": "2", "c": "3"},
        "new": {"a/": "1", "b/": "4", "c": "3"},
        "2": {"d": "5"},
        "4": {"d": "6"},
    }
    asked: list[str] = []

    def listing(tree: str) -> dict[str, str]:
        asked.append(tree)
        return listings[tree]

    assert [*difference(listing, "old", "new")] == [("b/d", "6")]
    assert sorted(asked) == ["2", "4", "new", "old"]


def test_a_file_that_becomes_a_folder() -> None:
    trees = Trees({"old": {"a": "1"}, "new": {"a/b": "1"}})
    assert [path for path, _ in difference(trees.listing, "old", "new")] == ["a", "a/b"]
