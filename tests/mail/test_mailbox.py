"""Bytes on disk or stdin in, raw mails out: every shape a user may hand over, sound and broken."""

from __future__ import annotations

import gzip
import io
import os

import pytest

from reviewbot.mail import mailbox
from reviewbot.model.errors import InputError

LIMIT = 20_000
ONE = b"From: A <a@example.org>\nSubject: one\nMessage-ID: <1@example.org>\n\nfirst\n"
TWO = b"From: B <b@example.org>\nSubject: two\nMessage-ID: <2@example.org>\n\nsecond\n"
LINE = b"From a@example.org Mon Jan  5 10:00:00 2026\n"
GIT_LINE = b"From 0123456789012345678901234567890123456789 Mon Sep 17 00:00:00 2001\n"


def from_bytes(data, limit=LIMIT, total=mailbox.TOTAL):
    return mailbox.read_mails("-", io.BytesIO(data), limit, total=total)


def says(call, *words):
    with pytest.raises(InputError) as caught:
        call()
    line = str(caught.value)
    assert "\n" not in line
    for word in words:
        assert word in line
    return line


def test_a_single_mail():
    assert from_bytes(ONE) == ((ONE,), ())


def test_an_mbox():
    mails, unread = from_bytes(LINE + ONE + b"\n" + LINE + TWO)
    assert mails == (ONE + b"\n", TWO)
    assert unread == ()


def test_an_mbox_with_crlf():
    mails, _ = from_bytes((LINE + ONE + b"\n" + LINE + TWO).replace(b"\n", b"\r\n"))
    assert [mail.count(b"\r\n") for mail in mails] == [6, 5]


def test_format_patch_files_joined_without_a_blank_line():
    mails, _ = from_bytes(GIT_LINE + ONE + GIT_LINE + TWO)
    assert mails == (ONE, TWO)


def test_a_sentence_beginning_with_from_is_no_separator():
    text = ONE + b"\nFrom here on it works.\nFrom what I see 10:00 2026 is fine.\n"
    assert from_bytes(LINE + text)[0] == (text,)


def test_escaped_from_lines_lose_one_mark():
    mails, _ = from_bytes(LINE + ONE + b">From me\n>>From you\n> From us\n")
    assert mails[0].endswith(b"\nFrom me\n>From you\n> From us\n")


def test_a_lone_mail_and_format_patch_escape_nothing():
    text = ONE + b">From me\n"
    assert from_bytes(text)[0] == (text,)
    assert from_bytes(GIT_LINE + text)[0] == (text,)


def test_gzip_is_known_by_its_bytes(tmp_path):
    path = tmp_path / "thread"
    path.write_bytes(gzip.compress(LINE + ONE + b"\n" + LINE + TWO))
    assert len(mailbox.read_mails(str(path), io.BytesIO(), LIMIT)[0]) == 2


def test_a_truncated_gzip():
    says(lambda: from_bytes(gzip.compress(os.urandom(5000))[:-900]), "stdin is cut short", "fetch it again")


def test_a_damaged_gzip():
    data = bytearray(gzip.compress(LINE + ONE * 50))
    data[15:25] = b"\xff" * 10
    says(lambda: from_bytes(bytes(data)), "no sound gzip", "fetch it again")


def test_a_gzip_bomb_is_unpacked_up_to_the_limit_only(monkeypatch):
    read = []
    plain = gzip.GzipFile.read

    def counting(self, size=-1):
        data = plain(self, size)
        read.append((size, len(data)))
        return data

    monkeypatch.setattr(gzip.GzipFile, "read", counting)
    says(lambda: from_bytes(gzip.compress(ONE + b"x" * 50_000_000), total=LIMIT * 8), "too large (limit 20000 bytes")
    assert read == [(LIMIT * 8 + 1,) * 2]


def test_a_large_mail_does_not_take_the_mbox_along():
    mails, unread = from_bytes(LINE + ONE + b"\n" + LINE + TWO + b"y" * LIMIT + b"\n\n" + LINE + ONE)
    assert len(mails) == 2
    assert [one.reason for one in unread] == [
        "mail 2 of stdin is too large (limit 20000 bytes, mail_bytes in config.toml)"
    ]


def test_a_20_mb_mail():
    says(lambda: from_bytes(ONE + b"z" * 20_000_000, 10_000_000), "stdin is too large (limit 10000000 bytes")


def test_an_endless_mbox_is_read_up_to_the_limit():
    mails, unread = from_bytes((LINE + ONE + b"w" * 10_000 + b"\n\n") * 100, total=160_000)
    assert 10 <= len(mails) <= 16
    assert unread[-1].reason == (
        "the rest of stdin was not read: it is too large (limit 160000 bytes, mailbox_bytes in config.toml)"
    )


def test_too_many_mails(monkeypatch):
    monkeypatch.setattr(mailbox, "MAILS", 3)
    mails, unread = from_bytes((LINE + ONE + b"\n") * 5)
    assert len(mails) == 3
    assert unread[0].reason == "the rest of stdin was not read: there are too many mails in it"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", ["stdin is empty"]),
        (b"\n \r\n\n", ["stdin is empty"]),
        (b"\0" * 5000, ["not a mail", "NUL bytes"]),
        (b"\x7fELF\x02\x01\x01\0\0\0\0", ["not a mail", "NUL bytes"]),
        (b"\xff\xd8\xff\xe0 rubbish \x9c\x81", ["not a mail", "no headers found"]),
        (b"diff --git a/x b/x\n--- a/x\n+++ b/x\n", ["bare diff", "git format-patch"]),
        (b"<html><body>hello</body></html>", ["no headers found"]),
        ("From: a@example.org\nSubject: x\n\nhi\n".encode("utf-16"), ["NUL bytes"]),
        (b"\x1f\x8b", ["cut short"]),
        (b"\x1f\x8bxxxxxxxxxxxxxxxx", ["gzip"]),
    ],
)
def test_what_is_no_mail(data, words):
    says(lambda: from_bytes(data), *words)


def test_nul_bytes_in_a_body_are_left_to_the_diff_reader():
    assert from_bytes(ONE + b"\0\n")[0] == (ONE + b"\0\n",)


def test_one_bad_mail_in_an_mbox():
    mails, unread = from_bytes(LINE + b"nothing here\n\n" + LINE + ONE)
    assert mails == (ONE,)
    assert unread[0].reason.startswith("mail 1 of stdin is not a mail")


# --- paths ---


def maildir(folder, **files):
    for part in ("cur", "new", "tmp"):
        (folder / part).mkdir()
    for name, data in files.items():
        part, _, name = name.partition("_")
        (folder / part / name).write_bytes(data)
    return str(folder)


def test_a_maildir(tmp_path):
    source = maildir(tmp_path, new_2=TWO, cur_1=LINE + ONE, tmp_3=b"half a mail", **{"cur_.hidden": b"x"})
    (tmp_path / "cur" / "folder").mkdir()
    assert mailbox.read_mails(source, io.BytesIO(), LIMIT) == ((ONE, TWO), ())


def test_a_maildir_with_an_empty_file(tmp_path):
    mails, unread = mailbox.read_mails(maildir(tmp_path, new_1=b"", new_2=TWO), io.BytesIO(), LIMIT)
    assert mails == (TWO,)
    assert "is empty" in unread[0].reason


def test_an_empty_maildir(tmp_path):
    says(lambda: mailbox.read_mails(maildir(tmp_path), io.BytesIO(), LIMIT), "holds no mail")


def test_a_directory_that_is_no_maildir(tmp_path):
    (tmp_path / "cur").mkdir()
    says(lambda: mailbox.read_mails(str(tmp_path), io.BytesIO(), LIMIT), "is a directory but no maildir")


def test_no_such_file(tmp_path):
    says(lambda: mailbox.read_mails(str(tmp_path / "gone\x1b[31m"), io.BytesIO(), LIMIT), "no such file", "gone?[31m")


def test_an_unreadable_file(tmp_path, monkeypatch):
    path = tmp_path / "mail"
    path.write_bytes(ONE)

    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("reviewbot.filesystem.pipes.os.open", refuse)
    says(lambda: mailbox.read_mails(str(path), io.BytesIO(), LIMIT), "cannot read", "Permission denied")


@pytest.mark.parametrize("name", ["a\0b", "x" * 5000])
def test_a_name_that_cannot_be_a_file(name):
    says(lambda: mailbox.read_mails(name, io.BytesIO(), LIMIT), "cannot read")


def test_a_pipe_is_read_like_a_file(tmp_path):
    reading, writing = os.pipe()
    os.write(writing, ONE)
    os.close(writing)
    assert mailbox.read_mails(f"/dev/fd/{reading}", io.BytesIO(), LIMIT)[0] == (ONE,)
    os.close(reading)


def test_an_endless_device():
    says(lambda: mailbox.read_mails("/dev/zero", io.BytesIO(), LIMIT), "too large")
