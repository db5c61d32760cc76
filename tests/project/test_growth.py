"""Every regular expression that reads mails, diffs or C: its time grows with the length of what it reads."""

from __future__ import annotations

import re

import pytest

from growth import Found, expressions, worst
from letters import mail
from reviewbot.kernel import projects
from reviewbot.mail import headers, mailbox

ALL = list(expressions())
# what each of these is was slow once, and is written so that a text of its kind would be again
SLOW = {
    "search": [r"\s+#", r"(\w+)\s*\(", r"^From \S[^\r\n]*\d:\d\d[^\r\n]*\r?\n", r'"(?:\\.|[^"\\])*"', r"/\*.*?\*/"],
    "match": [r"a\s*\(?\s*b", r"a*a*b", r"(.*\S+)#", r"^--- ([^\t\n]+).*\n\+"],
}


@pytest.mark.parametrize("folder", sorted({found.where.split(".")[0].split(":")[0] for found in ALL}))
def test_no_expression_grows_faster_than_its_text(folder):
    own = [found for found in ALL if found.where.split(".")[0].split(":")[0] == folder]
    grown = {f"{found.where} ({found.use})": growth for found in own if (growth := worst(found)) is not None}
    assert grown == {}


@pytest.mark.parametrize(("use", "source"), [(use, source) for use, sources in SLOW.items() for source in sources])
def test_one_that_does_is_found(use, source):
    assert worst(Found("here", re.compile(source, re.M | re.S), use)) is not None


def test_the_expressions_are_found():
    known = {found.where for found in ALL}
    assert {
        "mail/mailbox._NEXT",
        "mail/headers._PIECE",
        "review/prefilter/masks._flag",
        "frontend/cut_functions._TOKEN",
        "frontend/function_bounds.NAME_BYTES",
        "support/diff_lines.HUNKS_BYTES",
        "mail/not_read._PULL",
    } <= known
    assert len(known) > 200


# --- what became of those that were slow ---


@pytest.mark.parametrize(
    ("value", "addresses"),
    [
        ('"' + '\\"' * 20_000, []),
        ('"a, b" <a@b.c>, d@e.f', ["a@b.c", "d@e.f"]),
        ('"open, a@b.c, d@e.f', ["a@b.c", "d@e.f"]),
        ('"a\\"", b" <a@b.c>, "x \\\\" <d@e.f>, "open <g@h.i>, j@k.l', ["a@b.c", "d@e.f", "g@h.i", "j@k.l"]),
    ],
)
def test_quotes_in_addresses(value, addresses):
    found = [one for piece in headers._pieces(value) for one in headers._BARE.findall(piece)]
    assert found == addresses


def test_a_line_that_only_begins_like_a_separator():
    line = b"From x" + b"1:11" * 100_000 + b"\rx"
    chunks = list(
        mailbox._split(b"From a@b Thu Jan  1 00:00:00 1970\n" + mail("[PATCH] x", "\n") + b"\n" + line, "x", 10**6)
    )
    assert len(chunks) == 1


def test_file_names_of_a_diff():
    diff = "--- a/x.c\t2024\n+++ b/x.c\t2024\n@@ -1 +1 @@\ndiff --git a/y b/y\n--- a/y\n+++ b/y\n@@ -1 +1 @@\n"
    assert projects._FILE.findall(diff) == [("", "", "a/x.c", "b/x.c"), ("a/y", "b/y", "", ""), ("", "", "a/y", "b/y")]
