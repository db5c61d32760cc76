"""Reviews made by hand for somebody at a prompt: a line a remark, with nothing in it that a terminal would act on."""

from __future__ import annotations

import re

import pytest
from msgspec.structs import replace

from report_cases import ALLOC, SCOPE, evidence, frame, review, reviewed
from reviewbot.model.patch import Unread
from reviewbot.report.terminal import text
from reviewbot.report.terminal.local import Viewpoint, local_lines, render


def shown(given, desk=None, **bars):
    return text.without_styles(local_lines(given, frame(**bars), desk or Viewpoint(summary=False))).splitlines()


def test_a_remark_is_two_lines_below_its_patch():
    given = review(reviewed([SCOPE]))
    title, remark, code = shown(given)
    one = given.patches[0].findings[0]
    assert title == "1/1 toy: fill 1"
    assert remark == f"{one.path}:{one.line}: error: {one.message} [toy-scope, high]"
    assert code == f"{one.line:>7} | {one.line_text.expandtabs()}"
    assert render(given, frame()).splitlines()[:3] == [title, remark, code]


@pytest.mark.parametrize(
    ("top", "here", "expected"),
    [
        ("", "", "fs/toy/toy.c"),
        ("/linux", "", "fs/toy/toy.c"),
        ("/linux", "/linux", "fs/toy/toy.c"),
        ("/linux", "/linux/fs", "toy/toy.c"),
        ("/linux", "/linux/mm/x", "../../fs/toy/toy.c"),
        ("/linux", "/", "linux/fs/toy/toy.c"),
        ("/linux", "/home/me", "../../linux/fs/toy/toy.c"),
    ],
)
def test_paths_are_those_of_a_folder(top, here, expected):
    assert Viewpoint(top, here).name("fs/toy/toy.c") == expected


def test_only_what_has_a_remark_has_a_title():
    given = review(reviewed([], number=1, total=2), reviewed([SCOPE], number=2, total=2))
    assert [line[:4] for line in shown(given) if line[:1].isdigit()] == ["2/2 "]


def test_a_resolved_remark_is_not_shown_and_counted_below_the_line():
    given = review(reviewed([(SCOPE, {"resolved_by": "not staged"}), ALLOC]))
    assert len(shown(given)) == 3
    assert shown(given, Viewpoint())[-1].startswith("1 remark (1 error) and 1 resolved later in the series on ")


def test_the_bars():
    given = review(reviewed([(SCOPE, {"severity": "note", "confidence": "low"}), ALLOC]))
    assert len(shown(given)) == 5
    assert len(shown(given, min_severity="warning")) == 3
    assert len(shown(given, min_confidence="medium")) == 3


def test_lines_are_those_after_what_was_not_reviewed():
    given = review(reviewed([SCOPE]))
    line = given.patches[0].findings[0].line
    path = given.patches[0].findings[0].path
    diff = f"diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n@@ -1,0 +1,2 @@\n+one\n+two\n"
    later = reviewed([], diff=diff).files
    assert shown(given, Viewpoint(later=later, summary=False))[1].startswith(f"{path}:{line + 2}: ")


def test_the_reasoning():
    given = reviewed([SCOPE])
    finding = replace(given.findings[0], evidence=(evidence(given.files, ALLOC),), fix="\tbetter();")
    whole = review(replace(given, findings=(finding,)))
    told = "\n".join(shown(whole, Viewpoint(explain=True, summary=False)))
    assert f"    > +{finding.line_text.expandtabs()}" in told
    assert ": note: scope entered in toy_fill()\n" in told
    assert "    This scope takes direct reclaim" in told
    assert "Better: better();" in told
    assert "reviewbot rule toy-scope says more." in told


def test_nothing_in_it_is_acted_on_by_a_terminal():
    evil = "\x1b[2J\u202e\x07"
    hostile = {"path": f"fs/{evil}.c", "message": evil, "line_text": evil, "question": evil, "function": evil}
    given = replace(review(reviewed([(SCOPE, hostile)])), unread=(Unread(evil, evil),))
    for explain in (False, True):
        assert not {"\x1b", "\u202e", "\x07"} & set(
            "".join(shown(given, Viewpoint("/x", "/x", what=evil, explain=explain)))
        )


def test_what_was_not_looked_at_comes_after_the_remarks():
    given = replace(review(reviewed([SCOPE])), unread=(Unread("fs/b.c", "too long"), Unread(None, "a mail")))
    assert shown(given)[-2:] == ["fs/b.c: not looked at: too long", "not looked at: a mail"]


def test_colours_change_nothing_but_colours():
    given = review(reviewed([SCOPE, ALLOC]))
    desk = Viewpoint(explain=True, what="staged changes")
    out = re.sub(r"\x1b\[[0-9;]*m", "", text.painted(local_lines(given, frame(), desk), 40))
    assert out == text.without_styles(local_lines(given, frame(), desk))
    assert " on staged changes, " in out
