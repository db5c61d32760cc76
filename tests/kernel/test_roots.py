"""_roots.toml: what a root may say, which rows of rules it makes, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from reviewbot.config import data_path
from reviewbot.kernel import rules
from reviewbot.kernel.roots import contexts
from reviewbot.model.errors import ConfigError
from reviewbot.model.kernel import Data

BUILT_IN = data_path("rules")
ROOT = """
[[root]]
function = "exfoo_receiver"
context = "io"
"""
NOFS = ROOT.replace('"io"', '"nofs"')


def rows(tmp_path: Path, *texts: str, at: tuple[int, int] = (6, 12)) -> list[dict[str, Data]]:
    """What two rules list of functions called exfoo_..., with folders of these roots."""
    folders = [BUILT_IN]
    for number, text in enumerate(texts):
        folder = tmp_path / f"own{number}"
        folder.mkdir(exist_ok=True)
        (folder / "_roots.toml").write_text(text)
        folders.append(folder)
    two = ("reclaim-recursion", "sleep-in-atomic")
    every = [row for rule in rules.load(folders, at)[1] if rule.id in two for row in rule.rows]
    return [dict(row) for row in every if "exfoo" in str(row.get("functions"))]


def test_a_root_makes_a_row_with_what_its_context_forbids(tmp_path: Path) -> None:
    (row,) = rows(tmp_path, f'{ROOT}file = "drivers/exfoo/*.c"\nnote = "replies  come in."\nsource = "a.c: run()"\n')
    assert (row["functions"], row["context"], row["bit"]) == (("exfoo_receiver",), "io", "__GFP_IO")
    assert (row["file"], row["note"], row["source"]) == ("drivers/exfoo/*.c", "replies come in", "a.c: run()")
    (plain,) = rows(tmp_path, ROOT)
    assert {"file", "note"}.isdisjoint(plain)


@pytest.mark.parametrize("context", ["atomic", "io", "nofs", "reclaim"])
def test_each_context(tmp_path: Path, context: str) -> None:
    assert {row["context"] for row in rows(tmp_path, ROOT.replace('"io"', f'"{context}"'))} == {context}


def test_a_row_without_roots_is_not_there() -> None:
    _, found = rules.load([BUILT_IN], (6, 12))
    assert all("functions" in row for rule in found for row in rule.rows if "context" in row)


def test_a_root_has_a_life(tmp_path: Path) -> None:
    text = f'{ROOT}until = "6.9"\n{NOFS}since = "6.9"\n'
    assert [row["context"] for row in rows(tmp_path, text, at=(6, 8))] == ["io"]
    assert [row["context"] for row in rows(tmp_path, text, at=(6, 9))] == ["nofs"]


def test_statics_of_one_name(tmp_path: Path) -> None:
    text = f'{ROOT}file = "a.c"\n{NOFS}file = "b.c"\n'
    assert {(row["file"], row["context"]) for row in rows(tmp_path, text)} == {("a.c", "io"), ("b.c", "nofs")}


def test_a_later_folder_goes_before(tmp_path: Path) -> None:
    two = f'{ROOT}file = "a.c"\n{ROOT}file = "b.c"\n'
    assert [row["context"] for row in rows(tmp_path, two, f'{NOFS}file = "b.c"\n')] == ["io", "nofs"]
    assert [row["context"] for row in rows(tmp_path, two, NOFS)] == ["nofs"]  # of any file


WRONG = {
    "context": (ROOT.replace('"io"', '"irq"'), r"root 'exfoo_receiver': unknown context 'irq' \(did you mean"),
    "no context": (ROOT.replace('context = "io"', ""), r"root 'exfoo_receiver': context is missing"),
    "no function": ('[[root]]\ncontext = "io"\n', r"root 1: function is missing"),
    "empty function": (ROOT.replace("exfoo_receiver", ""), r"root 1: function must be one name .* not ''"),
    "wildcard": (ROOT.replace("receiver", "*"), r"must be one name of a function, without \* and \(\), not 'exfoo_\*'"),
    "call": (ROOT.replace("receiver", "receiver()"), r"must be one name of a function"),
    "list": (ROOT.replace('"exfoo_receiver"', '["exfoo_a"]'), r"function must be a text, not \['exfoo_a'\]"),
    "key": (f'{ROOT}why = "x"\n', r"unknown key 'why'; allowed: context, file, function, note, since, source, until"),
    "file": (f'{ROOT}file = "/usr/src/a.c"\n', r"file must be a path in the tree or a pattern"),
    "folder": (f'{ROOT}file = "drivers/exfoo/"\n', r"file must be a path in the tree or a pattern"),
    "empty file": (f'{ROOT}file = ""\n', r"file must be a path in the tree or a pattern"),
    "life": (f'{ROOT}since = "late"\n', r"since must be a version"),
    "twice": (ROOT + ROOT, r"stands twice for 6\.12; one of them must go, or file, since or until must part them"),
    "two contexts": (ROOT + NOFS, r"has the context io as well for 6\.12"),
    "two contexts in a file": (f'{ROOT}file = "a.c"\n{NOFS}', r"has the context io as well"),
    "table": ("[roots]\n", r"unknown key 'roots'; allowed: root"),
    "no list": ("root = 3\n", r"root must be a list of tables"),
}


@pytest.mark.parametrize(("text", "message"), WRONG.values(), ids=WRONG)
def test_an_error_names_the_root_and_what_is_allowed(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as error:
        rows(tmp_path, text)
    assert "own0/_roots.toml" in str(error.value)


def test_one_context_in_all_files_and_in_one_is_no_error(tmp_path: Path) -> None:
    assert len(rows(tmp_path, f'{ROOT}{ROOT}file = "a.c"\nnote = "here it matters"\n')) == 2


def test_contexts_are_those_of_rows() -> None:
    assert contexts([{"row": [{"context": "io"}, {"a": 1}]}, {}, {"row": [{"context": "nofs"}]}]) == {
        "io": None,
        "nofs": None,
    }


def test_the_built_in_roots_name_a_file_and_a_reason() -> None:
    _, found = rules.load([BUILT_IN], (6, 12))
    listed = [row for rule in found for row in rule.rows if "context" in row]
    assert len(listed) > 60
    assert all(row.get("file") and row.get("note") for row in listed)
