"""`reviewbot check`: what a message becomes in each of b4's two protocols, and what no message may do."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import time

import pytest

from b4mails import base64, handed_over, quoted_printable
from command import diff, mail
from reviewbot.cli import main
from reviewbot.integrations.b4.check_protocol import SERIES_TOOL, TOOL

ERROR = mail(diff=diff(line="\tp = kmalloc(8, GFP_ATOMIC | __GFP_NOFAIL);"))
WARNING = mail(diff=diff())
NOTE = mail(diff=diff(line="\tp = kmalloc(8, GFP_KERNEL | __GFP_IO);"))
LOW = WARNING.replace(b"-1,4 +1,5", b"-1,5 +1,5").replace(
    b"+\tp = kmalloc(8, GFP_KERNEL | GFP_NOFS);", b"-\tp = kmalloc(8, GFP_NOFS);\n+\tp = kmalloc(8, GFP_KERNEL);"
)
CLEAN = mail(diff=diff(line="\tp = kmalloc(8, GFP_KERNEL);"))
COVER = mail("[PATCH 0/3] exfoo: some patches")
NO_C = mail(diff=diff(path="Documentation/exfoo.rst"))


class Answer:
    """What `check` printed, as its protocol has it."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def rows(self):
        return json.loads(self.out)

    @property
    def row(self):
        (row,) = self.rows
        return row


@pytest.fixture
def check(monkeypatch, capsys, tmp_path):
    """Runs it in an empty folder that is no repository."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.delenv("B4_TRACKING_FILE", raising=False)

    def run(message: bytes, protocol: str = "review", *options: str) -> Answer:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(message)))
        code = main.main(["check", "--protocol", protocol, *options])
        return Answer(code, *capsys.readouterr())

    return run


@pytest.fixture
def settings(tmp_path):
    def write(text: str) -> None:
        (tmp_path / "config" / "reviewbot").mkdir(parents=True)
        (tmp_path / "config" / "reviewbot" / "config.toml").write_text(text)

    return write


@pytest.mark.parametrize(
    ("message", "status", "summary", "code"),
    [
        (ERROR, "fail", "1 error: kmalloc() uses __GFP_NOFAIL with a mask that cannot reclaim", 1),
        (WARNING, "warn", "1 warning: GFP_KERNEL contradicts GFP_NOFS", 1),
        (NOTE, "pass", "1 note: __GFP_IO has no effect", 1),
        (LOW, "pass", "nothing found", 0),
        (CLEAN, "pass", "nothing found", 0),
    ],
)
def test_the_worst_remark_is_the_status_of_the_patch(check, message, status, summary, code):
    answer = check(message)
    assert (answer.code, answer.err) == (code, "")
    assert answer.row["tool"] == TOOL
    assert answer.row["status"] == status
    assert answer.row["summary"].startswith(summary)
    assert set(answer.row) == {"tool", "status", "summary", "url", "details"}
    assert {type(value) for value in answer.row.values()} == {str}


@pytest.mark.parametrize(
    ("message", "line"),
    [
        (ERROR, "fs/exfoo/a.c:4: ERROR: nofail-cannot-sleep: kmalloc() uses __GFP_NOFAIL with"),
        (WARNING, "fs/exfoo/a.c:4: WARNING: conflicting-flags: GFP_KERNEL contradicts GFP_NOFS"),
        (NOTE, "fs/exfoo/a.c:4: NOTE: redundant-flag: __GFP_IO has no effect"),
    ],
)
def test_a_line_a_remark(check, message, line):
    answer = check(message, "prep")
    assert answer.out.startswith(line)
    assert answer.out.count("\n") == 1
    assert (answer.code, answer.err) == (1, "")


@pytest.mark.parametrize("message", [LOW, CLEAN, COVER, NO_C, mail("Re: [PATCH] exfoo: a patch", body="Yes.\n")])
def test_silence_is_no_line_at_all(check, message):
    answer = check(message, "prep", "-v")
    assert (answer.code, answer.out, answer.err) == (0, "", "")


@pytest.mark.parametrize("message", [COVER, NO_C, mail("[GIT PULL] exfoo", body="Please.\n")])
def test_what_is_no_patch_of_c_has_no_result(check, message):
    answer = check(message)
    assert (answer.code, answer.rows) == (0, [])


@pytest.mark.parametrize("coded", [quoted_printable, base64])
@pytest.mark.parametrize("message", [ERROR, CLEAN])
def test_the_body_is_not_decoded_twice(check, message, coded):
    """b4 leaves Content-Transfer-Encoding as it was, above a body that is no longer in it."""
    given = handed_over(coded(message))
    assert b"Content-Transfer-Encoding: " in given
    plain = check(message)
    assert check(given).rows == plain.rows


def test_a_charset_and_a_multipart_header_above_plain_text(check):
    latin = ERROR.replace(b"Why.", "Café.".encode("latin-1")).replace(
        b"\nMessage-ID", b"\nContent-Type: text/plain; charset=iso-8859-1\nMessage-ID"
    )
    many = ERROR.replace(b"\nMessage-ID", b'\nContent-Type: multipart/mixed;\n boundary="x"\nMessage-ID')
    for message in (latin, many, b"From 0123456789 Mon Sep 17 00:00:00 2001\n" + ERROR, ERROR.replace(b"\n", b"\r\n")):
        assert check(message).rows == check(ERROR).rows


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (b"", "there is no message on standard input"),
        (b"\n\n \n", "there is no message"),
        (b"what is this", "does not begin with headers"),
        (b"\0\1\2" * 100, "does not begin with headers"),
        (b"Subject: [PATCH] x\0\n\nbody\n", "NUL bytes"),
        (mail("[PATCH 2/3] exfoo: a patch"), "no diff was found in it"),
        (mail(diff="x" * 2000), "too large (limit 1500 bytes, mail_bytes in config.toml)"),
    ],
)
def test_what_cannot_be_read_is_a_clear_result(check, settings, message, why):
    settings("[limits]\nmail_bytes = 1500\n")
    answer = check(message)
    assert (answer.code, answer.err, answer.row["status"]) == (3, "", "warn")
    assert answer.row["summary"].startswith("could not look: ")
    assert why in answer.row["summary"]
    line = check(message, "prep")
    assert (line.code, line.err) == (3, "")
    assert line.out.startswith("could not look: ")
    assert (line.out.count("\n"), "ERROR:" in line.out) == (1, False)


def test_a_damaged_diff_is_no_pass(check):
    cut = mail(diff=diff().replace("@@ -1,4 +1,5 @@", "@@ -1,9 +1,10 @@"))
    answer = check(cut)
    assert answer.row["status"] == "warn"
    assert "not all of it was looked at" in answer.row["summary"]
    assert "not looked at: fs/exfoo/a.c: " in answer.row["details"]
    assert "not looked at: fs/exfoo/a.c: " in check(cut, "prep").out


def test_nothing_of_a_patch_decides_that_a_check_fails_or_reaches_the_terminal(check):
    hostile = mail(diff=diff("fs/ERROR: x/a.c", "\tp = kmalloc(8, GFP_KERNEL | GFP_NOFS); /* \x1b[31m \u202e */"))
    assert check(hostile, "prep").out.startswith("fs/ERROR : x/a.c:4: WARNING: ")
    assert "/* \\x1b[31m \\u202e */" in check(hostile).row["details"]


def test_a_patch_that_takes_too_long_is_said_to_be_unread(check, settings, monkeypatch):
    settings("[limits]\nseconds = 1\n")

    def slow(*_):
        while True:
            time.sleep(0.01)

    monkeypatch.setattr("reviewbot.review.engine.Engine.patch", slow)
    began = time.monotonic()
    answer = check(CLEAN)
    assert time.monotonic() - began < 5
    assert (answer.code, answer.row["status"]) == (0, "warn")
    assert "not finished after 1 s (seconds under [limits]" in answer.row["summary"]
    assert "not finished after 1 s" in check(CLEAN, "prep").out


def test_the_series_without_tracking_data(check):
    """A single patch is its own series; of several one alone says nothing about them."""
    assert check(ERROR, "review", "--series").row["tool"] == SERIES_TOOL
    assert check(ERROR.replace(b"[PATCH]", b"[PATCH 1/2]"), "review", "--series").rows == []
    assert check(COVER, "review", "--series").rows == []


def test_what_is_wrong_with_the_settings_is_an_answer(check, settings):
    settings("[rules]\ndisable = ['nonsense']\n")
    answer = check(CLEAN)
    assert (answer.code, answer.err, answer.row["status"]) == (2, "", "fail")
    assert "nonsense" in answer.row["summary"]
    line = check(CLEAN, "prep")
    assert (line.code, line.err) == (2, "")
    assert line.out.startswith("ERROR: could not look: ")


def test_options_and_settings_of_a_check(check, settings):
    settings('[surface]\nb4 = "high"\n[b4]\nurl = "https://example.org/gfp"\n')
    assert check(ERROR).row["url"] == "https://example.org/gfp"
    assert check(NOTE, "prep", "--min-severity", "warning").out == ""
    assert check(CLEAN, "prep", "--stamp", "0.1.0-abc").out == ""
    assert check(ERROR, "prep", "--series").code == 2
    refused = check(ERROR, "review", "--min-confidence", "low")
    assert (refused.code, refused.out) == (2, "")


def test_what_is_ignored_is_no_result(check, settings):
    settings('[[ignore]]\nrule = "conflicting-flags"\npath = "fs/exfoo/*"\nreason = "tested on the hardware"\n')
    assert (check(WARNING).row["status"], check(WARNING).code, check(WARNING, "prep").out) == ("pass", 0, "")
    assert check(ERROR).row["status"] == "fail"


def test_a_check_imports_no_more_than_it_needs(tmp_path):
    """b4, GitPython and the network take longer than all the rest; a check that says nothing needs no engine either."""
    code = (
        "import sys; from reviewbot.cli.main import main; main(['check', '--protocol', 'review']); print(*sys.modules)"
    )

    def loaded(message: bytes) -> set[str]:
        done = subprocess.run(
            [sys.executable, "-c", code], input=message, cwd=tmp_path, capture_output=True, check=True
        )
        return set(done.stdout.decode().splitlines()[-1].split())

    assert {"b4", "git", "httpx", "liblore", "rich", "requests"} & loaded(ERROR) == set()
    assert {"b4", "git", "httpx", "tree_sitter", "tomli._parser"} & loaded(COVER) <= {"tomli._parser"}
