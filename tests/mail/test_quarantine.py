"""One mail that stops whoever reads it: the others of its thread are reviewed, and it is named."""

from __future__ import annotations

import os
import re
import signal
import time

import pytest

from letters import check, diff, keys, mail, patch, series
from reviewbot.integrations.b4.message import read_message as handed_over
from reviewbot.mail import body, message, quarantine
from reviewbot.mail.headers import decoded_words, timestamp
from reviewbot.mail.patch_files import read_patches
from reviewbot.mail.series import newest
from reviewbot.model.errors import InputError
from reviewbot.support import workers
from reviewbot.support.timeout import TooSlow
from reviewbot.support.workers import in_process

LARGE = "x\n" * 40_000


def unstoppable() -> None:
    """What no signal interrupts: a search that begins anew at each of very many blanks."""
    re.search(r"\s+#", " " * 400_000)


# --- what ends the reading of a mail ---


@pytest.mark.parametrize(
    "error", [RecursionError(), ValueError(), ZeroDivisionError(), AssertionError(), MemoryError(), OSError()]
)
@pytest.mark.parametrize("part", ["headers.text", "body.pieces", "extract.split_text", "headers.timestamp"])
def test_whatever_a_mail_raises_it_alone_is_left_out(monkeypatch, error, part):
    owner, name = part.split(".")
    real = getattr(getattr(message, owner), name)
    seen = []

    def picky(*args):
        seen.append(args)
        if len(seen) == 1:
            raise error
        return real(*args)

    monkeypatch.setattr(getattr(message, owner), name, picky)
    found = newest([mail("Re: spam", key="spam"), *series(1, 2)])
    assert keys(found) == ["v1-1", "v1-2"]
    assert [one.reason for one in found.unread] == [
        f"a mail <spam@example.org> cannot be parsed ({type(error).__name__})"
    ]


def test_a_mail_that_is_slow_is_named_and_the_rest_is_reviewed(monkeypatch):
    real = message.parse_message

    def slow(raw):
        while b"spam" in raw:
            pass
        return real(raw)

    monkeypatch.setattr(message, "parse_message", slow)
    found = newest([mail("Re: spam", key="spam"), *series(1, 2)], seconds=0.5)
    assert keys(found) == ["v1-1", "v1-2"]
    assert "a mail <spam@example.org> not finished after" in found.unread[0].reason
    assert "[limits]" in found.unread[0].reason


def test_a_large_mail_is_ended_where_no_signal_reaches(monkeypatch):
    monkeypatch.setattr(message, "parse_message", lambda raw: unstoppable())
    begin = time.monotonic()
    with pytest.raises(InputError, match=r"a mail <big@example\.org> .*not finished after"):
        quarantine.read_quarantined(mail("Re: spam", LARGE, "big"), 0.5)
    with pytest.raises(InputError, match="not finished after"):
        handed_over(mail("[PATCH] x", LARGE), 0.5)
    assert time.monotonic() - begin < 20  # it would take minutes


def test_a_large_mail_is_read_as_a_small_one_is():
    raw = patch("[PATCH] x", "one") + LARGE.encode()
    assert quarantine.read_quarantined(raw, 10) == quarantine.read_quarantined(raw)
    broken = b"Message-ID: <one@example.org>\n" + b"Content-Type: message/rfc822\n\n" * 3_000
    for seconds in (10, None):
        with pytest.raises(InputError, match=r"a mail <one@example\.org> cannot be parsed \(RecursionError\)"):
            quarantine.read_quarantined(broken, seconds)


def test_the_time_for_a_thread_is_bounded(monkeypatch):
    monkeypatch.setattr("reviewbot.mail.series._TOTAL", 0)
    with pytest.raises(InputError, match=r"3 of 3 mails: the time for all of them was up \(seconds under \[limits\]"):
        newest(series(1, 2), seconds=5)


def test_putting_a_thread_in_order_is_bounded(monkeypatch):
    def slow(sent):
        while True:
            pass

    monkeypatch.setattr("reviewbot.mail.versions.histories", slow)
    with pytest.raises(InputError, match="finding the series among 3 mails was not finished after"):
        newest(series(1, 2), seconds=0.3)


def test_one_broken_file_among_several(tmp_path, monkeypatch):
    good, bad = tmp_path / "good.eml", tmp_path / "bad.eml"
    good.write_bytes(patch("[PATCH] x", "one"))
    bad.write_bytes(b"Message-ID: <bad@example.org>\n" + b"Content-Type: message/rfc822\n\n" * 3_000)
    found = read_patches([str(bad), str(good)], None, 10**6, seconds=10)
    assert len(found.patches) == 1
    assert "bad.eml: a mail <bad@example.org> cannot be parsed" in found.unread[0].reason
    with pytest.raises(InputError, match="cannot be parsed"):
        read_patches([str(bad)], None, 10**6, seconds=10)


# --- a process of its own ---


def test_work_apart():
    assert in_process(lambda: os.getpid(), 10) != os.getpid()
    with pytest.raises(KeyError, match="odd"):
        in_process(lambda: {}["odd"], 10)
    with pytest.raises(InputError, match=r"ended the process that read it \(-9\)"):
        in_process(lambda: os.kill(os.getpid(), signal.SIGKILL), 10)
    with pytest.raises(TooSlow):
        in_process(unstoppable, 0.2)
    with pytest.raises(TooSlow):
        in_process(lambda: 1, 0)


def test_work_apart_where_the_system_cannot_fork(monkeypatch):
    monkeypatch.setattr(workers.multiprocessing, "get_all_start_methods", lambda: ["spawn"])
    assert in_process(lambda: os.getpid(), 10) == os.getpid()
    with pytest.raises(TooSlow):
        in_process(lambda: time.sleep(5), 0.2)


# --- what b4 is not shown ---


@pytest.mark.parametrize(
    "subject",
    [
        "Re: =?utf-8?b?A?=",
        "=?utf-8?b?A?=",
        "[PATCH 1/2] =?utf-8?b?A?= <a@b>",
        "Re: =?utf-8?q?=3D=3Futf-8=3Fb=3FA=3F=3D?=",
    ],
)
def test_an_encoded_word_that_is_none_loses_no_other_mail(subject):
    found = newest([mail(subject, key="spam", to="v1-1"), *series(1, 2)])
    assert keys(found) == ["v1-1", "v1-2"]
    assert [one for one in found.unread if "b4" in one.reason] == []


def test_a_title_is_decoded_once():
    found = newest([patch("[PATCH v2] =?utf-8?q?=3D=3Futf-8=3Fq=3Fx=3F=3D_a=5B1=5D?=", "one")])
    assert (found.version, found.subject) == (2, "=?utf-8?q?x?= a[1]")


def test_a_long_title_is_kept():
    title = "word " * 100 + "end"
    assert newest([patch(f"[PATCH v3] {title}", "one")]).subject == title


@pytest.mark.parametrize(
    "line",
    [
        "Link: " + "a" * 3_000,
        "Link: " + "a #" * 1_000,
        "a: b\n" * 20_000,
        "Signed-off-by: " + "x" * 3_000 + "\n<" * 500,
    ],
)
def test_no_text_of_a_mail_reaches_b4(line):
    """The first takes b4 minutes."""
    begin = time.process_time()
    found = check([patch("[PATCH] x", "one").replace(b"\n---\n", f"\n{line}\n---\n".encode(), 1)], ["one"])
    assert line.rstrip("\n") in found.patches[0].body
    assert keys(newest([mail("Re: [PATCH] x", line, "two", to="one"), patch("[PATCH] x", "one")])) == ["one"]
    assert time.process_time() - begin < 5


def test_a_trailer_sent_without_re_is_no_missing_patch():
    given = mail("[PATCH 1/2] thing: part 1", "Reviewed-by: Bob <bob@example.org>\n", "given", to="v1-1")
    check([*series(1, 2), given], ["v1-1", "v1-2"])


def test_a_cover_letter_below_the_last_one_may_have_trailers():
    text = (
        "All of it.\n\nTested-by: Bob <bob@example.org>\n\n 2 files changed, 2 insertions(+)\n\nbase-commit: 1234567\n"
    )
    cover = mail("[PATCH v2 0/2] thing", text, "v2-0", to="v1-0")
    found = check([*series(1, 2), cover, *series(2, 2, to="v1-0")[1:]], ["v2-1", "v2-2"], version=2)
    assert found.cover.message_id == "v2-0@example.org"
    assert found.base == "1234567"


# --- dates and charsets ---


@pytest.mark.parametrize(
    "date",
    [
        "Fri, 1 Jan 99999 00:00:00 +0000",
        "Fri, 31 Dec 9999 23:59:59 -9999",
        "Fri, 1 Jan 2024 00:00:00 +9999999",
        "Fri, 1 Jan 2024 00:00:00 -" + "9" * 5_000,
        "1 Jan " + "9" * 5_000,
        "\0",
        ":" * 5_000,
    ],
)
def test_a_patch_with_a_date_that_is_none_is_reviewed(date):
    raw = patch("[PATCH] x", "one")
    check([re.sub(rb"Date: .*", b"Date: " + date.encode(), raw)], ["one"])
    assert 0 <= timestamp(date) < 253_402_300_800


@pytest.mark.parametrize(
    "name",
    [
        "punycode-",
        "-PunyCode",
        "_idna",
        "unicode escape",
        "raw unicode-escape",
        "undefined",
        "\0",
        "x" * 9_000,
        "\udcff",
    ],
)
def test_charsets_that_nobody_may_ask_for(name):
    assert body.codec(name) == ""
    assert body.decoded_payload(b"\\u0041 xn--a", name)[0] == "\\u0041 xn--a"
    if name.isascii() and name.isprintable() and " " not in name:
        assert decoded_words(f"=?{name}?q?\\u0041?=")[:60] in ("\\u0041", f"=?{name}?q?\\u0041?="[:60])


def test_a_patch_in_a_charset_that_is_none():
    raw = mail("[PATCH] x", diff(), "one", extra='Content-Type: text/plain; charset="punycode-"\n')
    check([raw], ["one"])


@pytest.mark.parametrize("value", ['text/plain; a="' + ";" * 200_000, "text/plain" + "; a=b" * 40_000])
def test_a_long_content_type_is_cut(value):
    begin = time.process_time()
    found = newest([mail("[PATCH] x", diff(), "one", extra=f"Content-Type: {value}\n")])
    assert found.patches[0].diff == diff()
    assert [one.reason for one in found.patches[0].unread] == [
        "a header Content-Type was not read to its end: it is too long"
    ]
    assert time.process_time() - begin < 5
