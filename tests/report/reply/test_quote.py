"""Which lines of a hunk are quoted around the ones somebody speaks about."""

from __future__ import annotations

import pytest

from reviewbot.model.patch import DiffLine, FileChange, Hunk
from reviewbot.report.reply.quote import CUT, DiffPosition, excerpt, places, quoted, statement


def hunk(marks: str) -> Hunk:
    return Hunk("@@", "", tuple(DiffLine(mark, f"\tline{at}", None, at) for at, mark in enumerate(marks)))


@pytest.mark.parametrize(
    ("marks", "asked", "around", "shown"),
    [
        ("   +   ", [3], {"before": 1}, [CUT, 2, 3]),
        ("   +   ", [3], {"before": 9, "after": 9}, [0, 1, 2, 3, 4, 5, 6]),
        ("   +   ", [3], {"before": 0, "after": 1}, [CUT, 3, 4]),
        (" +     ", [1], {"before": 0}, [0, 1]),  # a single line is not worth a cut
        ("  +   +", [2, 6], {"before": 2}, [0, 1, 2, 3, 4, 5, 6]),
        ("  +     +", [2, 8], {"before": 2}, [0, 1, 2, CUT, 6, 7, 8]),
        ("   +   ", [3], {"before": 0, "also": [0]}, [0, CUT, 3]),
        ("   +   ", [3], {"before": 0, "also": [0, 6, 99]}, [0, CUT, 3, CUT, 6]),
        ("--- +", [4], {"before": 2}, [CUT, 3, 4]),  # not half a run of removed lines
        (" -- +", [4], {"before": 3}, [0, 1, 2, 3, 4]),
        ("----+", [4], {"before": 2}, [CUT, 2, 3, 4]),  # unless nothing else would be left
    ],
)
def test_excerpt(marks, asked, around, shown):
    assert excerpt(hunk(marks), asked, **around) == shown


def test_a_file_that_comes_twice_is_found_where_it_comes_first():
    change = FileChange("a.c", "a.c", (hunk("  +"),))
    assert places([change, change])["a.c", 2] == DiffPosition(0, 0, 2)


def test_removed_lines_stand_nowhere_in_the_new_file():
    removed = Hunk("@@", "", (DiffLine("-", "gone", 1, None), DiffLine("+", "come", None, 1)))
    assert places([FileChange("a.c", "a.c", (removed,))]) == {("a.c", 1): DiffPosition(0, 0, 1)}


def test_quoted_is_the_line_as_it_was():
    assert quoted(Hunk("@@", "", (DiffLine("+", "\tx;  ", None, 1),)), 0) == "> +\tx;  "


def code(*rows: str) -> Hunk:
    return Hunk("@@", "", tuple(DiffLine(row[0], row[1:], None, at) for at, row in enumerate(rows)))


@pytest.mark.parametrize(
    ("rows", "at", "whole"),
    [
        (["+a = b(c,", "+      d);", "+e();"], 0, (0, 1)),
        (["+a = b(c,", "+      d);", "+e();"], 1, (0, 1)),
        (["+a = b(c,", "+      d);", "+e();"], 2, (2, 2)),
        (["+a =", "+  b(c);"], 1, (0, 1)),
        (["+gfp = GFP_NOFS |", "+      __GFP_NOFAIL;"], 0, (0, 1)),
        (["+a = b(c,", "-      GFP_KERNEL);", "+      GFP_NOFS);"], 0, (0, 2)),  # a removed row does not end it
        (["-a = b(c);", "+a = b(c,", "+      d);"], 2, (1, 2)),
        (["-a = b(c,", "+a();"], 0, (0, 0)),
        (["+if (!(a = b(c,", "+      d)))", "+\treturn;"], 0, (0, 1)),
        (["+for (i = 0; i < n;", "+     i++)", "+\tx();"], 1, (0, 1)),
        (['+a = b("(",', "+      ')');", "+e();"], 1, (0, 1)),
        (["+a = b(c, /* ( */", "+      d); // (", "+e();"], 0, (0, 1)),
        (["+/* (", "+ * (", "+ */", "+e();"], 3, (3, 3)),
        (["+#define A(x) (", "+e();"], 1, (1, 1)),
        (["+#define A(x) \\", "+\tb(x); \\", "+\tc(x)"], 1, (1, 1)),
        (["+\t.alloc = a,", "+\t.free = b,"], 0, (0, 0)),
        (["+      d);", "+e();"], 0, (0, 0)),  # begins above the hunk
        (["+a = b(c,", "+      d"], 0, (0, 0)),  # ends below it
        ([*["+x();"] * 40, "+a = b(c,", "+      d);"], 40, (40, 41)),
        (["+a = b(c,", *["+      d,"] * 40, "+      e);"], 0, (0, 0)),  # longer than anybody quotes
    ],
)
def test_a_statement_is_quoted_whole(rows, at, whole):
    assert statement(code(*rows), at) == whole
