"""The file of an index: damaged, of another make, full, or written by two at once."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from noting import READER, TEXTS, note
from reviewbot.index.serialized import from_bytes, to_bytes
from reviewbot.index.store import CALLS, DEFINES, ReadContent, Store, content_key
from reviewbot.model.errors import DamagedDatabase, InputError
from trees import Trees

TREES = Trees({str(at): {f"fs/{at}.c": TEXTS[0].replace("one", f"f{at}")} for at in range(7)})


def content(name: str) -> ReadContent:
    file = READER.read("a.c", TEXTS[0].replace("one", name).encode())
    return ReadContent(name.encode(), to_bytes(file), (file.defines, file.calls, file.runs, file.macros, *[()] * 9))


def test_what_is_kept_of_a_file_comes_back() -> None:
    for text in TEXTS:
        file = READER.read("a.c", text.encode())
        assert vars(from_bytes(to_bytes(file))) == vars(file)


@pytest.mark.parametrize("data", [b"", b"x", to_bytes(READER.read("a.c", b""))[:-3]])
def test_bytes_that_are_none_of_ours(data: bytes) -> None:
    with pytest.raises(ValueError):
        from_bytes(data)


def test_the_key_tells_a_header_from_a_source() -> None:
    assert content_key("a.h", "00ff") != content_key("a.c", "00ff") == content_key("b.c", "00ff")


def test_the_last_four_trees_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "words"
    for name in "0123456":
        note(path, TREES, name)
    store = Store.open(path)
    assert store is not None
    assert [one.called for one in store.trees()] == [f"tree {at}" for at in (6, 5, 4, 3)]
    assert store.progress() == (4, None)
    store.close()


def test_the_number_of_a_content_that_is_gone_is_never_anothers(tmp_path: Path) -> None:
    """Its number stays where the names are, and would say that another one has them."""
    path = tmp_path / "words"
    for name in "01234560123":
        note(path, TREES, name)
        store = Store.open(path)
        assert store is not None
        tree = store.trees()[0]
        for at in range(7):
            found = [store.paths_of(tree.number, [one]) for one in store.naming(f"exfoo_f{at}", DEFINES)]
            assert [one for some in found for one in some] == ([f"fs/{at}.c"] if f"{at}" == name else [])
        store.close()


def test_what_is_not_written_to_its_end_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "words"
    with closing(Store.make(path)) as store:
        store.add([content("a")])
        with pytest.raises(KeyError):
            store.add_tree("t", "t", {"a.c": b"a", "b.c": b"nobody has read it"})
        assert store.trees() == []
        with pytest.raises(TypeError):
            store.add([content("b"), ReadContent(b"c", b"", (["d"], *[[]] * 11, 3))])  # type: ignore[list-item]
        assert store.numbers([b"a", b"b", b"c"]).keys() == {b"a"}
        assert [*store.naming("exfoo_two", CALLS)] == [1]


def test_an_index_that_is_not_there_or_of_another_make(tmp_path: Path) -> None:
    assert Store.open(tmp_path / "nothing") is None
    with closing(sqlite3.connect(tmp_path / "other")) as other:
        other.execute("PRAGMA user_version = 99")
    assert Store.open(tmp_path / "other") is None


def test_a_file_that_is_no_index(tmp_path: Path) -> None:
    (tmp_path / "words").write_text("not an index\n" * 100)
    for opened in (Store.open, Store.make):
        with pytest.raises(DamagedDatabase):
            opened(tmp_path / "words")


DAMAGES: dict[str, Callable[[sqlite3.Connection], object]] = {
    "words": lambda db: db.execute("UPDATE contents SET words = x'00'"),
    "gone": lambda db: db.execute("DELETE FROM contents"),
    "no table": lambda db: db.execute("DROP TABLE contents"),
}


@pytest.mark.parametrize("case", DAMAGES)
def test_an_index_that_does_not_hold_what_it_should(tmp_path: Path, case: str) -> None:
    note(tmp_path / "words", TREES, "0")
    with closing(sqlite3.connect(tmp_path / "words")) as db, db:
        DAMAGES[case](db)
    store = Store.open(tmp_path / "words")
    assert store is not None
    with pytest.raises(DamagedDatabase):
        store.words(1)
    store.close()


def test_no_room(tmp_path: Path) -> None:
    with closing(Store.make(tmp_path / "words")) as store:
        store.add([content("a")])
        store._db.run("PRAGMA max_page_count = 12")
        with pytest.raises(InputError, match=r"cannot be written: database or disk is full"):
            store.add([content(f"{at}_{'x' * 900}") for at in range(200)])
        assert store.numbers([b"a"])
        store.add([])


def test_nobody_may_write_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        Store.make(tmp_path / "no such folder" / "words")


def test_a_reader_sees_what_was_there_while_another_writes(tmp_path: Path) -> None:
    note(tmp_path / "words", TREES, "0")
    with closing(Store.make(tmp_path / "words")) as writer, writer._db.writing():
        writer._db.run("DELETE FROM contents")
        reader = Store.open(tmp_path / "words")
        assert reader is not None
        assert reader.words(1).functions
        reader.close()
