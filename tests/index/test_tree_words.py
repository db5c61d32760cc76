"""What an index says of a tree is what was read of the tree itself, whatever tree like it was noted."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from noting import READER, TEXTS, note
from reviewbot.index.tree_index import TreeIndex
from reviewbot.review.neighbourhood.function_words import FileWords, FunctionWords
from reviewbot.review.neighbourhood.word_tables import WordTables
from reviewbot.support.timeout import TooSlow
from trees import Trees

TABLES = ("structuring", "pointing", "putting", "through", "storing")
NAMES = [f"exfoo_{name}" for name in ("one", "two", "three", "four")] + ["exfoo_ops", "fill", "exfoo_ops.fill", ".fill"]
PATHS = ["a.c", "fs/b.c", "fs/exfoo/c.h", "fs/exfoo/d.c", "include/e.h", "fs/Kconfig"]
FILES = st.dictionaries(st.sampled_from(PATHS), st.sampled_from(TEXTS), min_size=1)


@contextmanager
def index(trees: Trees, *noted: str) -> Iterator[TreeIndex]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "words.sqlite")
        for name in noted:
            note(path, trees, name)
        yield TreeIndex(path, lambda line: pytest.fail(line))


def read(files: Mapping[str, str]) -> WordTables:
    made = WordTables()
    for path, text in files.items():
        if path.endswith((".c", ".h")):
            made.add(path, READER.read(path, text.encode()))
    return made


@given(st.lists(FILES, min_size=1, max_size=5), st.data())
def test_it_says_what_the_tree_says(states: list[dict[str, str]], data: st.DataObject) -> None:
    made = {f"{at}": one for at, one in enumerate(states)}
    trees = Trees(made)
    noted = data.draw(st.lists(st.sampled_from([*made]), min_size=1, max_size=2, unique=True))
    with index(trees, *noted) as known:
        for name in [*made, *data.draw(st.lists(st.sampled_from([*made]), max_size=3))]:
            words = known.words(name, trees, READER.read)
            fresh = read(made[name])
            assert words is not None
            for one in NAMES:
                for asked in ("defining", "calling", "running", "macros", "locking", "waiting", *TABLES):
                    assert {*getattr(words, asked)(one)} == {*getattr(fresh, asked)(one)}, (asked, one)
            for path in PATHS:
                assert words.functions(path) == fresh.functions(path)
                assert words.operations(path) == fresh.operations(path)
                if path.endswith((".c", ".h")):
                    assert words.text(path) == (made[name][path].encode() if path in made[name] else None)


def test_only_contents_that_no_noted_tree_has_are_read() -> None:
    first = {f"fs/{at}.c": TEXTS[0].replace("one", f"f{at}") for at in range(9)}
    trees = Trees({"0": first, "1": {**first, "fs/3.c": TEXTS[1]}, "2": {**first, "fs/3.c": TEXTS[2]}})
    with index(trees, "0", "1") as known:
        for name, count in (("0", 0), ("1", 0), ("2", 1), ("1", 0)):
            trees.asked.clear()
            known.words(name, trees, READER.read)
            assert len(trees.asked) == count, name


def test_to_note_a_tree_reads_each_content_once(tmp_path: Path) -> None:
    trees = Trees({"0": {"a.c": TEXTS[0], "b.c": TEXTS[0], "c.h": TEXTS[0]}, "1": {"a.c": TEXTS[0], "d.c": TEXTS[1]}})
    note(tmp_path / "words", trees, "0")
    assert len(trees.asked) == 2  # what a header defines is for others
    note(tmp_path / "words", trees, "1")
    assert len(trees.asked) == 3


def test_a_content_that_is_not_here_is_not_taken_for_an_empty_one(tmp_path: Path) -> None:
    """A partial clone has not all of them; once they are there, they are read."""

    class Partial(Trees):
        here = False

        def contents(self, names):
            found = super().contents(names)
            return (
                found
                if self.here
                else {name: None if text == TEXTS[1].encode() else text for name, text in found.items()}
            )

    trees = Partial({"0": {"a.c": TEXTS[0], "fs/b.c": TEXTS[1]}})
    for trees.here in (False, True):
        note(tmp_path / "words", trees, "0")
        words = TreeIndex(tmp_path / "words", lambda line: pytest.fail(line)).words("0", trees, READER.read)
        assert words is not None
        assert words.functions("a.c")
        assert bool(words.functions("fs/b.c")) == trees.here


def test_where_the_time_is_up_in_the_middle_nothing_half_read_is_left() -> None:
    files = {f"fs/{at}.c": TEXTS[0].replace("one", f"f{at}") for at in range(9)}
    other = {path: text.replace("two", "three") for path, text in files.items()}
    trees = Trees({"0": files, "1": other})
    at = 0

    def slow(path: str, text: bytes, known: Mapping[str, FunctionWords]) -> FileWords:
        nonlocal at
        at += 1
        if at == 5:
            raise TooSlow
        return READER.read(path, text, known)

    with index(trees, "0") as known:
        with suppress(TooSlow):
            known.words("1", trees, slow)
        words = known.words("1", trees, slow)
        assert words is not None
        assert {*words.calling("exfoo_three")} == set(other)
        assert not words.calling("exfoo_two")


def test_a_tree_that_has_little_to_do_with_a_noted_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trees = Trees({"0": {"a.c": TEXTS[0]}, "1": {f"{at}.c": TEXTS[1] for at in range(9)}, "2": {"a.c": TEXTS[2]}})
    monkeypatch.setattr("reviewbot.index.tree_words.MOST_OTHER", 5)
    monkeypatch.setattr("reviewbot.index.tree_index.MOST_OTHER", 5)
    note(tmp_path / "words", trees, "0")
    said: list[str] = []
    known = TreeIndex(tmp_path / "words", said.append)
    assert known.covers("2", trees)
    assert known.words("2", trees, READER.read) is not None
    assert not known.covers("1", trees)
    assert known.words("1", trees, READER.read) is None
    assert said == ["the index has no tree like this one, and is not used; `reviewbot index REV` adds one"] * 2
