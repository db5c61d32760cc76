"""A probe: the change that asks about a function, and the tree that it stands in."""

from __future__ import annotations

import pytest

from reviewbot.index.difference import difference
from reviewbot.model.review import Evidence
from reviewbot.patch.parse import parse_diff
from reviewbot.review.probe.answers import in_order
from reviewbot.review.probe.changed_tree import ChangedTree
from reviewbot.review.probe.probe import beginning, calling, definitions
from trees import Trees

HEADS = {
    "int f(void)": ("void", ""),
    "int f()": ("void", ""),
    "int f(int a)": ("int a", "a"),
    "int f(int a, ...)": ("int a, ...", "a"),
    "static int\nf(struct x *x /* f(y) */, u8 b[8],\n  int (*g)(int, int))": (
        "struct x *x, u8 b[8], int (*g)(int, int)",
        "x, b, 0",
    ),
    "int __must_check f(char __user *buf, int n __maybe_unused)": (
        "char __user *buf, int n __maybe_unused",
        "buf, n",
    ),
    "/* f(z); */\nint f(unsigned long a)": ("unsigned long a", "a"),
    "int f(DECLARE(a, b), int c)": ("DECLARE(a, b), int c", "0, c"),
}


@pytest.mark.parametrize("head", HEADS)
def test_the_parameters_are_handed_on(head: str) -> None:
    text = f"{head}\n{{\n\treturn 0;\n}}\n".encode()
    probe = calling("a.c", text, "f", "lock();", "unlock();")
    declared, names = HEADS[head]
    added = probe.text.removeprefix(text).decode()
    assert added == f"\nvoid reviewbot_probe({declared})\n{{\n\tlock();\n\tf({names});\n\tunlock();\n}}\n"
    at = text.decode().split("\n")[probe.at - 1]
    assert at == probe.head
    assert "f(" in at


def test_the_change_is_the_diff() -> None:
    text = b"int e(void)\n{\n}\n\nint f(void)\n{\n\treturn 0;\n}\n"
    for probe in (calling("a/b c.c", text, "f", "", ""), beginning("a/b c.c", text, "f", "sleep();")):
        (change,), unread = parse_diff(probe.patch("1" * 40).diff)
        rows = probe.text.decode().split("\n")
        lines = [(line.new, line.text) for hunk in change.hunks for line in hunk.lines]
        assert (change.path, unread) == ("a/b c.c", ())
        assert lines == [(at, rows[at - 1]) for at in range(probe.first, probe.first + probe.added)]


def test_the_lines_of_the_real_file() -> None:
    probe = beginning("a.c", b"int f(void)\n{\n\treturn 0;\n}\n", "f", "sleep();")
    assert probe.text == b"int f(void)\n{\n\tsleep();\n\treturn 0;\n}\n"
    assert [probe.line("a.c", at) for at in range(1, 6)] == [1, 2, None, 3, 4]
    assert probe.line("b.c", 3) == 3


def test_a_declaration_is_no_definition() -> None:
    text = b"int f(void);\nint g(void)\n{\n\treturn f();\n}\n"
    assert definitions("a.c", text, "f") == []
    assert len(definitions("a.c", text, "g")) == 1


FILES = {"a/b/one.c": "one\n", "a/b/two.c": "two\n", "a/three.c": "three\n", "four.c": "four\n"}


@pytest.mark.parametrize("path", FILES)
def test_a_tree_that_differs_in_one_file(path: str) -> None:
    trees = Trees({"t": FILES})
    made = ChangedTree(trees, trees.read, "t", path, b"new\n")
    ((where, id_),) = difference(made.listing, "t", made.id)
    assert (where, made.contents([id_])) == (path, {id_: b"new\n"})
    assert {one: made.read(made.id, one) for one in FILES} == {
        one: b"new\n" if one == path else text.encode() for one, text in FILES.items()
    }
    folder, _, name = path.rpartition("/")
    assert made.files(made.id, folder) == {**trees.files("t", folder), name: id_}
    assert made.read("t", path) == FILES[path].encode()
    assert made.asked == {id_}


def test_lines_stand_in_the_order_of_the_calls() -> None:
    rows = [("b", "c(x);"), ("c", "kmalloc()"), ("a", "b();")]
    shown = [Evidence("a.c", at, function, text, "") for at, (function, text) in enumerate(rows)]
    assert [one.function for one in in_order(shown)] == ["a", "b", "c"]
