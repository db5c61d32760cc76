"""newhits.py: what a patch copies is new, what it only moves is not."""

from __future__ import annotations

import pytest

from reviewbot.config import data_path
from reviewbot.kernel.rules import load
from reviewbot.model.patch import Patch
from reviewbot.review.engine import Engine

ENGINE = Engine(*load([data_path("rules")], (6, 12)))
WRONG = "\treturn kmalloc(8, GFP_ATOMIC | __GFP_NOFAIL);"
FIRST = (" static void *toy_first(struct toy *t)", " {", " \tt->first = 1;", f" {WRONG}", " }", " ")
LAST = (" static void toy_last(struct toy *t)", " {", " \tt->last = 1;", " }")
SECOND = ("+static void *toy_second(struct toy *t)", "+{", "+\tt->second = 1;", f"+{WRONG}", "+}", "+")
CALLS = (*FIRST[:3], f"-{WRONG}", "+\treturn toy_second(t);", *FIRST[4:])
INSIDE = (FIRST[0], "+{", f"+{WRONG}", "+}", "+", "+static void *toy_second(struct toy *t)", " {", f" {WRONG}", " }")
GONE = tuple(f"-{row[1:]}" for row in FIRST)
THERE = tuple(f"+{row[1:]}" for row in FIRST)
BESIDE = (*FIRST, *LAST[:3], "+\tt->more = 1;", " }")


def diff(path: str, rows: tuple[str, ...]) -> str:
    old, new = (sum(row[:1] in (" ", mark) for row in rows) for mark in "-+")
    head = f"diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n@@ -1,{old} +1,{new} @@\n"
    return head + "".join(f"{row}\n" for row in rows)


def wrong(*files: tuple[str, tuple[str, ...]]) -> list[tuple[str, str]]:
    """(path, function) of what is said of a patch to some files."""
    review = ENGINE.patch(Patch(1, 1, "toy", "", "".join(diff(*one) for one in files)))
    return [(one.path, one.function) for one in review.findings if one.rule == "nofail-cannot-sleep"]


@pytest.mark.parametrize(
    ("rows", "functions"),
    [
        ((*FIRST, *SECOND, *LAST), ["toy_second"]),
        ((*CALLS, *SECOND, *LAST), []),
        (INSIDE, ["toy_first"]),  # the diff has the lines of the first for those of the copy
    ],
)
def test_in_one_file(rows, functions):
    assert wrong(("fs/toy.c", rows)) == [("fs/toy.c", one) for one in functions]


def test_a_function_that_went_to_another_file_is_no_news():
    assert wrong(("fs/toy.c", (*GONE, *LAST)), ("fs/other.c", (*THERE, *LAST))) == []


def test_a_function_that_another_file_gets_as_well_is_news():
    assert wrong(("fs/toy.c", BESIDE), ("fs/other.c", (*THERE, *LAST))) == [("fs/other.c", "toy_first")]
