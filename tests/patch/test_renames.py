"""renames.py: which functions the hunks of a file rename."""

from __future__ import annotations

import pytest

from reviewbot.patch import parse
from reviewbot.patch.renames import renamed


def change(*rows: str):
    body = "".join(f"{row}\n" for row in rows)
    old, new = (sum(row[:1] in (" ", mark) for row in rows) for mark in "-+")
    head = "diff --git a/fs/toy.c b/fs/toy.c\n--- a/fs/toy.c\n+++ b/fs/toy.c\n"
    (found,), _ = parse.parse_diff(f"{head}@@ -1,{old} +1,{new} @@\n{body}")
    return found


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        (("-static int toy_old(void)", "+static int toy_new(void)", " {"), {"toy_new": "toy_old"}),
        (("-int toy_old(int a,", "-\t    int b)", "+int toy_new(int a, int b)", " {"), {"toy_new": "toy_old"}),
        (("-toy_old(void)", "+toy_new(void)", " {"), {"toy_new": "toy_old"}),
        (("-int toy_old(int a)", "+int toy_old(int a, int b)", " {"), {}),
        (("-int toy_old(int a)", "-{", "-}"), {}),
        (("+int toy_new(int a)", "+{", "+}"), {}),
        (("-int toy_old(void)", " {", "+int toy_new(void)", " {"), {}),
        (("-int toy_old(void);", "+int toy_new(void);"), {}),
        (("-\ttoy_old(1);", "+\ttoy_new(1);"), {}),
        (("-\treturn toy_old(1);", "+\treturn toy_new(1);"), {}),
        (("-int a(void)", "-int b(void)", "+int b(void)", "+int c(void)"), {"c": "a"}),
        (("-int a(void)", "-{", "-}", "-int b(void)", "+int c(void)", " {"), {"c": "b"}),
        (("-int b(void)", "+int a(void)", "+{", "+}", "+int c(void)", " {"), {"a": "b"}),
    ],
)
def test_renamed(rows, found):
    assert renamed(change(*rows)) == found
