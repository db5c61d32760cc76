"""What b4 gets wrong, exits on, asks or says aloud: threads in, and nothing of that out."""

from __future__ import annotations

import email.charset
import logging
import os
import socket
import subprocess
import sys
import time
from email.mime.text import MIMEText
from pathlib import Path

import pytest

from letters import BOB, check, diff, keys, mail, patch, series
from reviewbot.mail import series as edge
from reviewbot.mail.series import newest
from reviewbot.model.errors import InputError


@pytest.fixture(autouse=True)
def no_network_and_no_programs(monkeypatch):
    """b4 must reach for nothing: no socket, no git, no gpg."""

    def refuse(*args, **kwargs):
        raise AssertionError("something outside was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(subprocess, "Popen", refuse)


# --- copies, ids, broken mails ---


def test_the_same_mail_through_two_lists():  # trap 19
    copy = patch("[list] [PATCH 1/2] thing: part 1", "v1-1", "v1 = 1", to="v1-0", name="f1", extra="List-Id: <b>\n")
    found = check([copy + b"_______\nfooter\n", *series(1, 2)], ["v1-1", "v1-2"])
    assert found.patches[0].mail.subject == "[PATCH 1/2] thing: part 1"


def test_two_mails_with_one_id_and_different_patches():
    forged = patch("[PATCH 1/2] thing: part 1", "v1-1", "x = 66", to="v1-0", by=BOB, name="f1")
    check([*series(1, 2), forged], ["v1-1", "v1-2"], ["two mails with different patches have the id v1-1@example.org"])


def test_a_mail_without_message_id():  # trap 17
    first, again = newest([patch("[PATCH] x", None)]), newest([patch("[PATCH] x", None)])
    assert first.message_id == again.message_id
    assert first.message_id.endswith("@no-message-id.invalid")
    assert "has no Message-ID" in first.patches[0].unread[0].reason


@pytest.mark.parametrize(
    "error", [SystemExit(1), SystemExit(128), ValueError("odd"), KeyError("midmask"), RecursionError()]
)
def test_b4_gives_up_on_one_mail(monkeypatch, error):  # trap 12
    import b4

    class Picky(b4.LoreSubject):
        def __init__(self, subject):
            if "2/3" in subject:
                raise error
            super().__init__(subject)

    monkeypatch.setattr(b4, "LoreSubject", Picky)
    check(series(1, 3), ["v1-1", "v1-3"], ["b4 could not read the mail", "patch 2/3 is not in this thread"])


@pytest.mark.parametrize("error", [SystemExit(1), IndexError()])
def test_b4_gives_up_on_the_thread(monkeypatch, error):
    import b4

    def refuse(*args, **kwargs):
        raise error

    monkeypatch.setattr(b4.LoreSeries, "add_patch", refuse)
    found = check(series(1, 3), ["v1-1", "v1-2", "v1-3"], ["b4 gave up on this thread"])
    assert found.cover.message_id == "v1-0@example.org"


def test_writing_directions_and_odd_letters_do_not_end_the_program():  # trap 12
    found = newest([patch("[PATCH] x\u202e: do", "one", "c = '\u202e\u2066'")])
    assert found.subject == "x: do"
    assert "\u202e\u2066" in found.patches[0].diff


@pytest.mark.parametrize(
    "date", ["", "yesterday", "Mon, 99 Foo 2026 99:99:99 +9999", "Thu, 1 Jan 1970 00:00:00 -9900", "0" * 400]
)
def test_dates_that_are_none(date):
    message = patch("[PATCH] x", "one").replace(b"Date: ", b"Date: " + date.encode() + b"\nX-Date: ", 1)
    assert keys(newest([message])) == ["one"]


def test_no_mail_at_all():
    with pytest.raises(InputError, match="no mail"):
        newest([])


# --- b4 leaves no trace and takes no orders ---


def test_settings_of_the_user_and_the_repository_are_not_read(tmp_path, monkeypatch):  # traps 1, 2, 13
    import b4

    (tmp_path / ".git").mkdir()
    for name in (".b4-config", ".gitconfig"):
        (tmp_path / name).write_text(
            "[b4]\n\tmidmask = https://elsewhere.example/%s\n\tattestation-policy = hardfail\n"
        )
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(b4, "MAIN_CONFIG", {})
    signed = patch(
        "[PATCH] x",
        "one",
        extra="DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=k; b=AAAA\nX-Developer-Signature: v=1; b=AAAA\n",
    )
    newest([signed])
    assert b4.MAIN_CONFIG["attestation-policy"] == "off"
    assert b4.MAIN_CONFIG["midmask"] == b4.DEFAULT_CONFIG["midmask"]
    assert b4.can_network is False


def test_nothing_is_written(tmp_path, monkeypatch):  # trap 3
    for name in ("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    newest(series(1, 3))
    assert list(tmp_path.iterdir()) == []


def test_one_run_does_not_change_the_next():  # traps 4, 5
    import b4

    first = newest(series(1, 2))
    settings = dict(b4.MAIN_CONFIG)
    link = "See https://lore.example/r/abc@example.org/\n"
    newest([mail("[PATCH 0/1] other", link, "c"), patch("[PATCH 1/1] other", "p", to="c")], "p@example.org")
    assert settings == b4.MAIN_CONFIG
    assert b4.LORENODE is None
    assert b4.REQSESSION is None
    assert newest(series(1, 2)) == first


def test_reviewers_are_not_looked_up(monkeypatch):  # traps 6, 7
    import b4

    def refuse(*args, **kwargs):
        raise AssertionError("lore was asked")

    for name in ("get_pi_search_results", "get_pi_thread_by_msgid", "get_lore_node", "get_requests_session"):
        monkeypatch.setattr(b4, name, refuse)
    monkeypatch.setattr(b4, "can_network", True)
    check(series(1, 3), ["v1-1", "v1-2", "v1-3"])


def test_mails_of_ours_are_coded_as_before():  # trap 18
    edge._b4()
    assert MIMEText("ä", _charset="utf-8")["Content-Transfer-Encoding"] == "base64"
    assert email.charset.CHARSETS["utf-8"] == (email.charset.SHORTEST, email.charset.BASE64, "utf-8")


def test_b4_says_nothing(capfd):  # trap 18
    program = (
        "from letters import patch, series; from reviewbot.mail.series import newest\n"
        "twice = [patch('[PATCH 1/2] thing: part 1', f'd{n}', f'x = {n}') for n in range(3)]\n"
        "newest([*series(1, 2)[:2], *twice, patch('[PATCH] y', 'y').replace(b'Date:', b'Date: never X:')])\n"
    )

    tests = Path(__file__).parents[1]
    paths = os.pathsep.join((str(tests / "helpers"), str(tests.parent)))
    # subprocess is closed in this module
    code = os.spawnve(os.P_WAIT, sys.executable, [sys.executable, "-c", program], {**os.environ, "PYTHONPATH": paths})
    assert code == 0
    assert capfd.readouterr() == ("", "")
    assert not logging.getLogger("b4").propagate


# --- bytes ---


def test_the_diff_is_byte_for_byte_what_was_sent():  # trap 16
    change = diff().replace("+kept = 1;", "+kept = 1; \t \r\n+\xa0latin\x0c").replace(" int two;", " \n int two;")
    raw = mail("[PATCH] x", "", "one") + b"Why.\n---\n" + change.encode("latin-1") + b"-- \n2.43.0\n"
    assert newest([raw]).patches[0].diff.encode("utf-8", "surrogateescape") == change.encode("latin-1")


def test_the_stated_coding_is_undone_once():  # trap 16
    body = "Why.\n---\n" + diff(line="x=20, y=3D")
    quoted = body.replace("=", "=3D")
    raw = mail("[PATCH] x", quoted, "one", extra="Content-Transfer-Encoding: quoted-printable\n")
    assert newest([raw]).patches[0].diff == diff(line="x=20, y=3D")


@pytest.mark.alone
def test_a_hundred_mails_are_quick():
    messages = [m for version in range(1, 6) for m in series(version, 20)]
    newest(messages[:1] + messages[1:2])
    start = time.process_time()
    found = newest(messages)
    assert len(found.patches) == 20
    assert time.process_time() - start < 2


@pytest.mark.alone
def test_one_mail_is_quick():
    message = patch("[PATCH] x", "one")
    newest([message])
    start = time.process_time()
    for _ in range(10):
        newest([message])
    assert (time.process_time() - start) / 10 < 0.03
