"""Mails that nobody should send, in; an answer or one clear line, soon, out."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from letters import diff, mail, series
from reviewbot.mail.message import parse_message
from reviewbot.mail.series import newest
from reviewbot.model.errors import ReviewbotError

HEADERS = """From To Cc Reply-To Subject Date Message-ID References In-Reply-To Auto-Submitted MIME-Version
Content-Type Content-Transfer-Encoding Content-Disposition"""
WORDS = """< > @ , ; " ( ) a@b x ä =? ?= =?utf-8?q? [PATCH 2/3] v2 9999/9999 Re: multipart/mixed; boundary=x text/plain;
charset=utf-16 charset=idna base64 quoted-printable message/rfc822 text/x-patch format=flowed filename*=
utf-8''%ff name*0="""
MARKS = """---
--
--x
--x--
> diff --git a/a b/a
Content-Type: text/plain
=3D=
@@ -1,999999999 +1 @@
GIT binary patch
From x
Index: a
base-commit: 1234567
 x """
NAMES = st.sampled_from(HEADERS.split())
SCRAPS = st.sampled_from([*WORDS.split(), "\r", "\t", " ", "\0", "\udcff"])
LINES = st.sampled_from([*diff().split("\n"), *MARKS.split("\n"), "-- ", "\r", "\x0c"])
VALUES = st.lists(SCRAPS, max_size=8).map("".join)
HEADS = st.lists(st.tuples(NAMES, VALUES | st.text(max_size=20)), max_size=8)
BODIES = st.lists(LINES, max_size=25).map("\n".join)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(HEADS, BODIES), min_size=1, max_size=3))
def test_mangled_mails_raise_nothing_but_our_errors(mails):
    raws = [
        "".join([*(f"{name}: {value}\n" for name, value in head), "\n", body]).encode("utf-8", "surrogatepass")
        for head, body in mails
    ]
    try:
        found = newest(raws)
    except ReviewbotError as error:
        assert "\n" not in str(error)
    else:
        assert all(one.diff.endswith("\n") for one in found.patches)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(series(1, 2) + series(2, 2, to="v1-1")), max_size=6), st.data())
def test_threads_with_holes_and_loops_lose_nothing(mails, data):
    loops = [raw.replace(b"<v1-0@", f"<v2-{data.draw(st.integers(0, 2))}@".encode()) for raw in mails]
    diffs = {parse_message(raw).diff for raw in loops} - {""}
    try:
        found = newest(loops)
    except ReviewbotError:
        assert not diffs
        return
    assert found.patches
    assert len({one.number for one in found.patches}) == len(found.patches)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_bytes_that_mean_nothing(raw):
    try:
        newest([raw])
    except ReviewbotError as error:
        assert str(error)


@pytest.mark.parametrize(
    "raw",
    [
        mail("[PATCH] x", "\n".join(["-- "] * 200_000)),
        mail("[PATCH] x", diff().replace("int two", "\nx") + "-- \n" * 200_000),
        mail("[PATCH] x", diff() + "@@ -1,999999999 +1,999999999 @@\n" + "-- \n\n" * 100_000),
        mail("[PATCH] x", "diff --git a/x b/x\n" * 100_000),
        mail("[PATCH] x", "--- \n" * 200_000),
        mail("[PATCH] " + "[" * 20_000, diff()),
        mail("[PATCH] " + "x]" * 20_000, diff()),
        mail("re: " * 20_000, diff()),
        mail("=?utf-8?q?" * 10_000, diff()),
        mail("[PATCH] x", diff(), extra="To: " + "a@example.org, " * 5_000 + "\n"),
        mail("[PATCH] x", diff(), extra="References: " + "<a@example.org>" * 5_000 + "\n"),
        mail("[PATCH] x", "Signed-off-by: " * 50_000 + "\n" + diff()),
        mail("[PATCH] x", "\n" * 500_000 + diff()),
        mail("[PATCH] x", "word \n" * 300_000 + diff(), extra="Content-Type: text/plain; format=flowed\n"),
        b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(3_000)),
        b"Content-Type: message/rfc822\n\n" * 3_000,
        mail("[PATCH v" + "9" * 10_000 + " 1/2] x", diff()),
    ],
)
@pytest.mark.alone
def test_hostile_mails_do_not_hold_it_up(raw):
    start = time.process_time()
    try:
        newest([raw])
    except ReviewbotError as error:
        assert len(str(error)) < 1_000
    assert time.process_time() - start < 5
