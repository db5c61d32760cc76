"""Where a remark stands after the patches that follow it."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from report_cases import ALLOC, DIR, SCOPE, evidence, frame, review, reviewed
from reviewbot.model.patch import DiffLine, FileChange, Hunk
from reviewbot.model.review import PatchReview
from reviewbot.patch import parse
from reviewbot.report.remarks import columns, remarks_of, suggestion, worst_first

HEAD = "--- a/fs/toy/alloc.c\n+++ b/fs/toy/alloc.c\n"


def after(diff: str, line: int = 23, path: str = "fs/toy/alloc.c") -> tuple[str, int]:
    """Where a remark of the first patch on this line is after the diff."""
    first = reviewed([(ALLOC, {"line": line, "path": path})], number=1, total=2)
    second = reviewed(diff=diff, number=2, total=2)
    assert second.files or not diff
    (remark,) = remarks_of(review(first, second), frame())
    return remark.finding.path, remark.finding.line


@pytest.mark.parametrize(
    ("hunks", "line", "wanted"),
    [
        pytest.param("@@ -30,2 +30,3 @@\n a\n+b\n c\n", 23, 23, id="below"),
        pytest.param("@@ -10,2 +10,3 @@\n a\n+b\n c\n", 23, 24, id="above"),
        pytest.param("@@ -10,3 +10,1 @@\n a\n-b\n-c\n", 23, 21, id="lines above are gone"),
        pytest.param("@@ -2,1 +2,2 @@\n a\n+b\n@@ -10,3 +11,1 @@\n a\n-b\n-c\n", 23, 22, id="two hunks above"),
        pytest.param("@@ -2,1 +2,2 @@\n a\n+b\n@@ -30,3 +31,1 @@\n a\n-b\n-c\n", 23, 24, id="one above, one below"),
        pytest.param("@@ -22,3 +22,5 @@\n a\n+x\n+y\n b\n c\n", 23, 25, id="in the hunk, kept"),
        pytest.param("@@ -22,3 +22,4 @@\n a\n-b\n+x\n+b\n c\n", 23, 24, id="in the hunk, put back"),
        pytest.param("@@ -22,3 +22,4 @@\n a\n-b\n+x\n+  b\n c\n", 23, 24, id="in the hunk, indented"),
        pytest.param("@@ -22,3 +22,2 @@\n a\n-b\n c\n", 23, 23, id="gone: the line behind"),
        pytest.param("@@ -22,2 +22,1 @@\n a\n-b\n", 23, 22, id="gone, at the end: the line before"),
        pytest.param("@@ -22,3 +0,0 @@\n-a\n-b\n-c\n", 23, 22, id="gone with all around it"),
        pytest.param("@@ -10,0 +11,2 @@\n+a\n+b\n", 23, 25, id="without context, above"),
        pytest.param("@@ -23,0 +24,2 @@\n+a\n+b\n", 23, 23, id="without context, right below"),
        pytest.param("@@ -22,0 +23,2 @@\n+a\n+b\n", 23, 25, id="without context, right above"),
    ],
)
def test_a_line_after_the_hunks_of_a_later_patch(hunks, line, wanted):
    assert after(HEAD + hunks, line) == ("fs/toy/alloc.c", wanted)


def test_another_file_does_not_move_it():
    assert after("--- a/fs/toy/b.c\n+++ b/fs/toy/b.c\n@@ -1,1 +1,2 @@\n a\n+b\n") == ("fs/toy/alloc.c", 23)


def test_a_file_that_is_renamed_takes_it_along_and_a_copy_does_not():
    moved = "diff --git a/fs/toy/alloc.c b/fs/toy/new.c\nrename from fs/toy/alloc.c\nrename to fs/toy/new.c\n"
    hunk = "--- a/fs/toy/alloc.c\n+++ b/fs/toy/new.c\n@@ -1,1 +1,2 @@\n a\n+b\n"
    assert after(moved + hunk) == ("fs/toy/new.c", 24)
    assert after(moved) == ("fs/toy/new.c", 23)
    assert after((moved + hunk).replace("rename", "copy")) == ("fs/toy/alloc.c", 23)


def test_a_file_that_is_deleted_has_it_where_it_was():
    gone = "--- a/fs/toy/alloc.c\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-a\n-b\n"
    assert after(gone, 2) == ("fs/toy/alloc.c", 2)


def test_evidence_moves_too_and_is_not_repeated_on_the_line_itself():
    first = reviewed([ALLOC], number=1, total=2)
    shown = evidence(first.files, SCOPE), evidence(first.files, ALLOC), evidence(first.files, DIR)
    first = replace(first, findings=(replace(first.findings[0], evidence=shown),))
    second = reviewed(diff=HEAD + "@@ -18,1 +18,2 @@\n a\n+b\n", number=2, total=2)
    (remark,) = remarks_of(review(first, second), frame())
    assert remark.finding.line == 24
    assert [(one.path, one.line) for one in remark.finding.evidence] == [("fs/toy/alloc.c", 17), ("fs/toy/dir.c", 2)]


@given(st.data())
def test_a_line_that_stays_is_found_again(data):
    """Any edits of a file whose lines all differ, cut into hunks anyhow: what is still there is where we say."""
    old = [f"line {number}" for number in range(1, data.draw(st.integers(1, 30)) + 1)]
    lines, new = [], []
    for number, text in enumerate(old, 1):
        for extra in range(data.draw(st.integers(0, 2))):
            new.append(f"new {number}.{extra}")
            lines.append(DiffLine("+", new[-1], None, len(new)))
        if data.draw(st.booleans()):
            new.append(text)
            lines.append(DiffLine(" ", text, number, len(new)))
        else:
            lines.append(DiffLine("-", text, number, None))
    cuts = sorted(data.draw(st.sets(st.integers(0, len(lines)), max_size=6)) | {0, len(lines)})
    parts = [lines[start:end] for start, end in pairwise(cuts)]
    hunks = tuple(Hunk("@@", "", tuple(part)) for part in parts if any(line.mark != " " for line in part))
    change = FileChange("fs/toy/alloc.c", "fs/toy/alloc.c", hunks)
    number = data.draw(st.integers(1, len(old)))
    first = reviewed([(ALLOC, {"line": number})], number=1, total=2)
    second = PatchReview(first.patch, (), (), "diff", (change,))
    (remark,) = remarks_of(review(first, second), frame())
    if old[number - 1] in new:
        assert new[remark.finding.line - 1] == old[number - 1]
    else:
        assert remark.finding.line >= 1


def test_worst_first():
    given = review(
        reviewed(
            [
                (SCOPE, {"severity": "note", "rule": "3"}),
                (ALLOC, {"severity": "error", "confidence": "medium", "rule": "2"}),
                (DIR, {"severity": "error", "rule": "1"}),
            ]
        )
    )
    assert [remark.finding.rule for remark in worst_first(remarks_of(given, frame()))] == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("text", "indent", "code"),
    [("\treturn 0; ", "\t", "return 0;"), ("x", "", "x"), (" \t ", "", ""), ("", "", ""), ("\tx\r", "\t", "x")],
)
def test_columns(text, indent, code):
    assert columns(text) == (indent, code)


@pytest.mark.parametrize("text", ["\tx = y;\r", "\tx\udce9;", "\tx\u202e;"])
def test_no_suggestion_for_a_line_that_would_not_arrive_as_it_is(text):
    (found,) = reviewed([(ALLOC, {"line_text": text, "fix": "\tx;"})]).findings
    assert suggestion(found) is None
    assert suggestion(replace(found, line_text="\tx = y;")) == "\tx;"


def test_a_large_series_with_many_remarks_is_quick():
    """200 patches that each touch a file with hundreds of remarks: a walk a remark would take minutes."""
    hunks = "".join(f"@@ -{at},2 +{at},2 @@\n a\n-b\n+c\n" for at in range(1, 4000, 2))
    files, _ = parse.parse_diff(HEAD + hunks)
    asks = [(ALLOC, {"line": at, "fingerprint": str(at)}) for at in range(1, 2000)]
    first = reviewed(asks, number=1, total=200)
    rest = [PatchReview(first.patch, (), (), "diff", files)] * 40
    assert len(remarks_of(review(first, *rest), frame())) == 1999
