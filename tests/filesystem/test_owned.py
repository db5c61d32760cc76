"""Files that are written beside those of others."""

from __future__ import annotations

import pytest

from reviewbot.filesystem.owned import replace_owned
from reviewbot.model.errors import InputError

MARK = b"<ours>"


def ours(text: str) -> bytes:
    return MARK + text.encode()


def tree(folder) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_is_ours_is_replaced_and_what_is_gone_removed(tmp_path):
    folder = tmp_path / "a" / "b"
    assert replace_owned(folder, {"i.html": ours("1"), "rules/x.html": ours("1")}, MARK) == []
    (folder / "notes.html").write_text("mine")
    (folder / "rules" / "y.txt").write_bytes(ours("of another kind"))
    assert replace_owned(folder, {"i.html": ours("2"), "rules/z.html": ours("2")}, MARK) == [folder / "rules/x.html"]
    assert tree(folder) == {
        "i.html": ours("2"),
        "rules/z.html": ours("2"),
        "notes.html": b"mine",
        "rules/y.txt": ours("of another kind"),
    }


@pytest.mark.parametrize("kind", ["file", "folder", "link", "late mark"])
def test_what_is_not_ours_stops_it_before_anything_is_written(tmp_path, kind):
    there, elsewhere = tmp_path / "z.html", tmp_path / "elsewhere"
    elsewhere.write_bytes(ours("of a link"))
    if kind == "folder":
        there.mkdir()
    elif kind == "link":
        there.symlink_to(elsewhere)
    else:
        there.write_bytes(b"mine" if kind == "file" else b" " * 1024 + MARK)
    before = tree(tmp_path)
    with pytest.raises(InputError, match=r"z\.html is there already and was not written by reviewbot"):
        replace_owned(tmp_path, {"a.html": ours("1"), "z.html": ours("1")}, MARK)
    assert tree(tmp_path) == before


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "a").write_text("a file")
    with pytest.raises(InputError, match=r"cannot make .*/a"):
        replace_owned(tmp_path / "a" / "b", {"x.html": ours("1")}, MARK)
