"""What a terminal and a pipe show."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from msgspec.structs import replace

from report_cases import ALLOC, DIFF, SCOPE, evidence, review, reviewed
from reviewbot.model.patch import Unread
from reviewbot.report.terminal.text import View, painted, render_plain, report_lines

VIEW = View("6.12")


def test_whole_report():
    patch = reviewed([ALLOC])
    found = replace(patch.findings[0], evidence=(evidence(patch.files, SCOPE),))
    patch = replace(patch, findings=(found,), unread=(Unread("fs/x.c", "a hunk is truncated"),))
    assert (
        render_plain(review(patch), VIEW)
        == """\
1/1 toy: fill 1

  error (high) toy-scope in toy_fill()
    fs/toy/alloc.c:23
         20          two = 2;
         21          three = 3;
         22          four = 4;
    >    23 +        t->buf = toy_alloc(t->len, TOY_KERNEL);
         24          five = 5;
         25          return err;
    a scope that takes reclaim away
    scope entered: fs/toy/alloc.c:17 in toy_fill()
            unsigned int flags = toy_save(TOY_NORECLAIM);

  not looked at: fs/x.c: a hunk is truncated

1 remark (1 error) on 1 patch, 4 added lines, kernel 6.12 (1 not looked at: fs/x.c)
"""
    )


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (review(reviewed()), "clean: 1 patch, 4 added lines, kernel 6.12"),
        (review(reviewed(), reviewed()), "clean: 2 patches, 8 added lines, kernel 6.12"),
        (review(), "no patch to look at"),
    ],
)
def test_clean_is_one_line(given, line):
    assert render_plain(given, VIEW) == f"{line}\n"


def test_abstention_is_not_clean():
    text = render_plain(review(reviewed(diff=DIFF[:-20])), VIEW)
    assert "not looked at: fs/toy/dir.c: " in text
    assert "nothing found in what was read: 1 patch" in text
    assert "clean" not in text
    beside = render_plain(review(reviewed(), unread=(Unread(None, "2/2 never came"),)), VIEW)
    assert beside.startswith("not looked at: 2/2 never came\n\n")


def test_bars_are_named():
    given = review(reviewed([(SCOPE, {"confidence": "low"})]))
    assert render_plain(given, View("6.12", min_confidence="medium")) == (
        "clean: 1 patch, 4 added lines, kernel 6.12 (1 below the bar)\n"
    )


def test_resolved_later():
    text = render_plain(review(reviewed([SCOPE, (ALLOC, {"resolved_by": "5/7"})])), VIEW)
    assert "    resolved by 5/7\n" in text
    assert "1 remark (1 error) and 1 resolved later in the series on 1 patch" in text


def test_explain_adds_the_question():
    given = review(reviewed([SCOPE]))
    assert "Is it certain" not in render_plain(given, VIEW)
    assert "Is it certain" in render_plain(given, View("6.12", explain=True))


def test_line_beside_the_diff_is_shown_for_itself():
    assert "    > somewhere_else();\n" in render_plain(review(reviewed(["\tsomewhere_else();"])), VIEW).replace(
        ">         s", "> s"
    )


HOSTILE = DIFF.replace("toy_save(TOY", "toy_save(\x1b]0;owned\x07\x9b2J[bold red]x[/]\u202e\u2028\udce9TOY")


def hostile():
    patch = reviewed([SCOPE], diff=HOSTILE)
    mailed = replace(patch.patch, subject="\x1b[2J[blink]subject[/blink]\r\n")
    return review(replace(patch, patch=mailed, unread=(Unread("\x1b.c", "bad \x07"),)))


def test_nothing_of_a_mail_reaches_the_terminal_raw():
    text = render_plain(hostile(), VIEW)
    assert not set(text) & set("\x1b\x07\x9b\u202e\u2028\r\udce9")
    assert "toy_save(\\x1b]0;owned\\x07\\x9b2J[bold red]x[/]\\u202e\\u2028\\xe9TOY" in text
    text.encode("utf-8")


@pytest.mark.parametrize("given", [hostile(), review(reviewed([SCOPE, ALLOC])), review(reviewed())])
def test_rich_prints_the_same_lines(given):
    assert re.sub(r"\x1b\[[0-9;]*m", "", painted(report_lines(given, VIEW), 60)) == render_plain(given, VIEW)


def test_rich_colours(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    assert "\x1b[1;31merror\x1b[0m" in painted(report_lines(review(reviewed([SCOPE])), VIEW), 80)


def test_long_lines_are_clipped_in_code_and_wrapped_in_prose():
    diff = DIFF.replace("toy_save(TOY_NORECLAIM)", "toy_save(" + "x" * 5000 + ")")
    text = render_plain(review(reviewed([(SCOPE, {"message": "many words " * 30})], diff=diff)), VIEW)
    assert max(map(len, text.splitlines())) < 450
    assert all(len(line) <= 80 for line in text.splitlines() if "many" in line)


def test_a_pipe_needs_no_rich():
    code = "import sys, reviewbot.report.terminal.text; sys.exit('rich' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
