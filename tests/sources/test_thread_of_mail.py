"""One mail of a thread, from a pipe or a file: all its thread is reviewed, and what a stranger wrote leads nowhere."""

from __future__ import annotations

import json
import re

import pytest

from command import THREADS, Done, diff, mail
from inbox import free_port
from reviewbot.mail import mailbox

REPLY = (
    b"From: Ada Reader <ada@reader.example.org>\nTo: kernel@example.org\nDate: Tue, 11 Jun 2024 10:15:02 +0200\n"
    b"Subject: Re: [PATCH 2/3] exfoo: read all extents at once\n"
    b"Message-ID: <answer@reader.example.org>\nIn-Reply-To: <20240610081502.4711-3-mira.holt@example.org>\n\nFine.\n"
)


def demo() -> tuple[bytes, ...]:
    return mailbox.split_mbox((THREADS / "demo.mbox").read_bytes())


@pytest.fixture(scope="module")
def archive(inbox):
    for one in (*demo(), REPLY):
        inbox.deliver(re.sub(rb"linux-fsdevel@lists.example.org", b"kernel@example.org", one))
    return inbox


@pytest.fixture
def ask(command):
    def run(url: str, given: bytes, *options: str, source: str = "-") -> Done:
        (command.work / "r.toml").write_text(f'[lore]\nurl = "{url}"\ntimeout = 5\n')
        asked = ("thread", "--of-mail", source, "--config", "r.toml", "--kernel", "6.10", *options)
        return command(*asked, stdin=given)

    return run


def remarks(done: Done) -> list[str]:
    return [found["rule"] for patch in json.loads(done.out)["patches"] for found in patch["findings"]]


@pytest.mark.parametrize("given", [*demo(), REPLY, b"From x Mon Jun 10 10:00:00 2024\n" + REPLY])
def test_any_mail_of_a_thread_names_all_of_it(archive, ask, command, given):
    whole = remarks(command("thread", THREADS / "demo.mbox", "--kernel", "6.10", "--format", "json"))
    done = ask(archive.url, given, "--format", "json")
    assert (done.code, remarks(done)) == (1, whole), done.err


def test_a_file_will_do(archive, ask, command):
    (command.work / "me@host").write_bytes(REPLY)
    assert ask(archive.url, b"", source="me@host").code == 1


def test_a_patch_whose_server_is_away_can_be_reviewed_alone(ask, command):
    done = ask(f"http://127.0.0.1:{free_port()}/all", mail(diff=diff()))
    assert (done.code, done.out) == (3, "")
    assert done.err.endswith("; to review this mail alone, leave out --of-mail\n")
    assert command("thread", "-", stdin=mail(diff=diff())).code == 1


def test_a_mail_without_a_patch_has_no_such_way_out(ask):
    done = ask(f"http://127.0.0.1:{free_port()}/all", REPLY)
    assert (done.code, "--of-mail" in done.err, "save the thread as an mbox" in done.err) == (3, False, True)


def test_a_thread_that_the_server_does_not_have(archive, ask):
    done = ask(archive.url, mail(diff=diff()))
    assert done.code == 3
    assert "not on this server: 1.made@example.org" in done.err and "leave out --of-mail" in done.err


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (b"Subject: x\n\nno id\n", "the mail has no Message-ID"),
        (b"Message-ID: <http://127.0.0.1/all/other@example.org>\n\nx\n", "no server can be asked for"),
        (b"Message-ID: <a\x1b]'\"\\@example.org>\n\nx\n", "no server can be asked for"),
        (b"Message-ID: <" + b"a" * 600 + b"@example.org>\n\nx\n", "no server can be asked for"),
        (
            b"From a Mon Jun 10 10:00:00 2024\nSubject: a\n\na\n\nFrom b Mon Jun 10 10:00:00 2024\nSubject: b\n\nb\n",
            "one mail, ",
        ),
        (b"just text\n", "is not a mail"),
        (b"", "empty"),
    ],
)
def test_what_names_no_thread_is_said_before_any_server_is_asked(ask, given, said):
    done = ask("http://127.0.0.1:9/all", given)
    assert (done.code, done.out) == (3, "")
    assert said in done.err and "127.0.0.1:9" not in done.err and "\x1b" not in done.err


def test_a_message_id_is_no_mail(ask):
    done = ask("http://127.0.0.1:9/all", b"", source="answer@reader.example.org")
    assert (done.code, done.out) == (2, "")
    assert "leave --of-mail out" in done.err
