"""`reviewbot drafts send` by git send-email, to a real SMTP server on loopback: what it gets, and how often."""

from __future__ import annotations

import fcntl
import time
from email.parser import BytesParser
from email.policy import default

import pytest
from msgspec.structs import replace

from httpserver import serve
from mailtools import has_send_email
from report_cases import DIFF, NOW, SCOPE, SENDER, mail, review, reviewed, texts
from reviewbot.memory import drafts, outbox
from reviewbot.model.patch import Address
from reviewbot.report.reply.message import Options, compose
from smtpsink import HANGS_UP, REFUSES, TAKES_AND_HANGS_UP, WELL, sink
from waiting import kept, memory_file, new_of, opened, waits

pytestmark = pytest.mark.skipif(not has_send_email(), reason="git send-email is not installed")
PARENT = "20260304.1@author.example"
HARD = """\
[sendemail]
	to = extra@list.example
	cc = extra@list.example
	tocmd = "echo extra@list.example;:"
	cccmd = "echo extra@list.example;:"
	headercmd = "echo X-Extra: 1;:"
	suppresscc = all
	suppressfrom = true
	signedoffbycc = true
	confirm = always
	annotate = true
	thread = true
	chainreplyto = true
	xmailer = true
	transferencoding = base64
	from = Somebody Else <else@review.example>
	validate = true
"""


@pytest.fixture
def server():
    with sink() as started:
        yield started


@pytest.fixture
def archive(server, command):
    """The archive of the list: it has what the server has taken, and the patch."""

    def answer(handler):
        asked = handler.path.split("/")[2].replace("%40", "@")
        if archived.broken:
            handler.send(archived.broken, b"<html>", "text/html")
        elif asked == PARENT or asked in server.ids():
            handler.send(200, f"Message-ID: <{asked}>\n\nhello\n".encode(), "text/plain")
        else:
            handler.send(404, b"", "text/plain")

    with serve(answer) as archived:
        archived.broken = 0
        config = command.home / ".config" / "reviewbot" / "config.toml"
        config.parent.mkdir(parents=True)
        config.write_text(f'[lore]\nurl = "http://{archived.name}/all"\ntimeout = 2\n')
        yield archived


def set_up(command, server, more=""):
    (command.home / ".gitconfig").write_text(
        "[user]\n\tname = Ida Reviewer\n\temail = ida@review.example\n"
        f"[sendemail]\n\tsmtpserver = 127.0.0.1\n\tsmtpserverport = {server.port}\n{more}"
    )


def message(content: bytes):
    return BytesParser(policy=default).parsebytes(content)


@pytest.mark.parametrize("more", ["", HARD], ids=["plain", "odd settings"])
def test_a_mail_goes_out_as_it_is(command, server, more):
    given = mail(
        author=Address("Doe, Jöhn (TI)", "john@ti.example"),
        references=tuple(f"{n}.{'x' * 90}@author.example" for n in range(9)),
        cc=(Address('O"Neil, Ünal', "un@maint.example"), Address("", "ida2@review.example")),
    )
    waits(command, state="approved", made=review(reviewed([SCOPE], given=given)))
    set_up(command, server, more)
    done = command("drafts", "send", "--yes")
    assert (done.code, done.err) == (0, "draft 1 is sent\n")
    (taken,) = server.taken
    one = kept(command)
    before, after = message(one.content), message(taken.content)
    for name in ("From", "To", "Cc", "Subject", "Message-ID", "In-Reply-To", "MIME-Version", "Content-Type"):
        assert str(after[name]) == str(before[name]), name
    assert after["References"].split() == before["References"].split()
    assert after["Content-Transfer-Encoding"] == before["Content-Transfer-Encoding"]
    assert taken.content.partition(b"\n\n")[2] == one.content.partition(b"\n\n")[2]
    assert {name.lower() for name in after} == {name.lower() for name in before}
    assert taken.sender == "ida@review.example"
    assert sorted(taken.recipients) == sorted(each.addr_spec for n in ("To", "Cc") for each in before[n].addresses)
    assert one.state == "sent"
    assert command("drafts", "send", "--yes").err == "no draft is approved: reviewbot drafts list shows what waits\n"
    assert len(server.taken) == 1


@pytest.mark.parametrize("name", ["Jörg Ünal", "Doe, Ida (TI)", "Ida \\ Reviewer", "漢字", "ida"])
def test_the_sender_is_that_of_the_mail(command, server, name):
    """With another one git would put a line into the text."""
    whole = review(reviewed([SCOPE]))
    (draft,) = compose(whole, replace(SENDER, name=name), texts(), Options(NOW, "d")).drafts
    with opened(command) as memory:
        with memory.writing():
            number = drafts.add_draft(memory, new_of(draft, whole), 1.0)
        drafts.approve(memory, number, 2.0)
    set_up(command, server)
    assert command("drafts", "send", "--yes").code == 0
    assert str(message(server.taken[0].content)["From"]) == str(message(draft.content)["From"])
    assert server.taken[0].content.partition(b"\n\n")[2] == draft.content.partition(b"\n\n")[2]


@pytest.mark.parametrize("odd", ["\r", "x" * 1000], ids=["return", "long"])
def test_an_encoded_body_is_not_encoded_again(command, server, odd):
    tail = f"{'Cc: a@evil.example':<74}" * 3
    made = review(reviewed([SCOPE], diff=DIFF.replace(SCOPE, f"{odd}{tail} {SCOPE}")))
    waits(command, state="approved", made=made)
    set_up(command, server)
    assert b"quoted-printable" in kept(command).content
    assert command("drafts", "send", "--yes").code == 0
    assert server.taken[0].content.partition(b"\n\n")[2] == kept(command).content.partition(b"\n\n")[2]
    assert "a@evil.example" not in server.taken[0].recipients


def test_a_dry_run_says_all_and_does_nothing(command, server):
    waits(command, 2, state="approved")
    set_up(command, server, '\tbcc = me@review.example\n[sendemail "work"]\n\tsmtpserver = 192.0.2.1\n')
    done = command("drafts", "send", "--dry-run")
    assert done.code == 0
    assert "git -c sendemail.headercmd=true" in done.out
    assert "  Server: 127.0.0.1\n" in done.out
    to = ("ada@author.example", "toy-devel@lists.example", "max@maint.example", "me@review.example")
    assert [done.out.count(f"  RCPT TO:<{each}>\n") for each in to] == [2] * 4
    work = command("drafts", "send", "--dry-run", "--identity", "work").out
    assert "--identity=work" in work
    assert "  Server: 192.0.2.1\n" in work
    assert (server.taken, kept(command).state) == ([], "approved")
    with opened(command) as memory:
        assert memory.rows("SELECT * FROM outbox") == []


def test_only_what_is_approved_goes_out(command, server):
    waits(command, 3)
    set_up(command, server)
    command("drafts", "approve", "2")
    refused = command("drafts", "send", "1", "2", "--yes")
    assert (refused.code, server.taken) == (2, [])
    assert "draft 1 is waiting, and not approved: reviewbot drafts approve 1" in refused.err
    assert command("drafts", "send", "--yes").code == 0
    assert [kept(command, n).state for n in (1, 2, 3)] == ["waiting", "sent", "waiting"]
    with opened(command) as memory, memory.writing():
        drafts.outdated(memory, 3, "v2 came", 1.0)
    assert "draft 3 is late (v2 came), and not approved" in command("drafts", "send", "3", "--yes").err
    assert len(server.taken) == 1


def test_another_sender_is_said(command, server):
    waits(command, state="approved")
    set_up(command, server)
    with (command.home / ".gitconfig").open("a") as file:
        file.write("[user]\n\temail = new@review.example\n")
    done = command("drafts", "send", "--yes")
    assert "draft 1 is from ida@review.example, and [mail] says new@review.example now" in done.err
    assert len(server.taken) == 1


def test_nobody_there_to_be_asked(command, server):
    waits(command, state="approved")
    set_up(command, server)
    done = command("drafts", "send")
    assert (done.code, server.taken) == (2, [])
    assert "--yes sends them without a question" in done.err


def test_without_git_send_email(command, tmp_path):
    waits(command, state="approved")
    (tmp_path / "core").mkdir()
    done = command.fresh("drafts", "send", "--yes", GIT_EXEC_PATH=str(tmp_path / "core"))
    assert done.code == 3
    assert "git send-email is not installed; Debian and Ubuntu have it in the package git-email" in done.err
    assert kept(command).state == "approved"


# --- what goes wrong ---


def test_a_server_that_is_not_there_took_nothing(command, server):
    waits(command, state="approved")
    set_up(command, server)
    with sink() as other:
        port = other.port
    done = command("drafts", "send", "--yes", GIT_CONFIG_COUNT="1", GIT_CONFIG_KEY_0="sendemail.smtpserverport",
                   GIT_CONFIG_VALUE_0=str(port))  # fmt: skip
    assert done.code == 1
    assert "draft 1 is not sent: git send-email ended with" in done.err
    assert command("drafts", "send", "--yes").code == 0
    assert set(server.ids().values()) == {1}


@pytest.mark.parametrize("behaves", [REFUSES, HANGS_UP, TAKES_AND_HANGS_UP])
def test_who_does_not_know_asks_the_archive(command, server, archive, behaves):
    waits(command, state="approved")
    set_up(command, server)
    server.behaves = behaves
    done = command("drafts", "send", "--yes")
    assert done.code == 1
    assert "nobody knows whether draft 1 went out: git send-email ended with" in done.err
    assert "drafts send --settle 1=sent (or =unsent)" in done.err
    server.behaves = WELL
    assert "is being sent, or was cut short" in command("drafts", "drop", "1", "--reason", "late").err
    again = command("drafts", "send", "--yes")
    if behaves == TAKES_AND_HANGS_UP:
        assert (again.code, again.err) == (0, "draft 1 went out by git send-email: the archive has it\n")
        assert kept(command).state == "sent"
    else:
        assert again.code == 1
        assert "the archive does not have it yet; in 15 minutes that will be certain" in again.err
        _older(command, 16)
        last = command("drafts", "send", "--yes")
        assert last.code == 0, last.err
        assert "draft 1 did not go out by git send-email (the archive does not have it): it is approved" in last.err
        assert "draft 1 is sent" in last.err
    assert set(server.ids().values()) == {1}


@pytest.mark.parametrize(
    ("broken", "why"), [(503, "answered 503"), (200, "something else than the mail"), (302, "answered 302")]
)
def test_an_odd_answer_of_the_archive_settles_nothing(command, server, archive, broken, why):
    waits(command, state="approved")
    set_up(command, server)
    _cut_short(command)
    archive.broken = broken
    _older(command, 600)
    done = command("drafts", "send", "--yes")
    assert (done.code, why in done.err, server.taken) == (1, True, [])
    dry = command("drafts", "send", "--dry-run")
    assert dry.out == "draft 1 was cut short on its way by git send-email: the archive would be asked\n\n"


def test_an_archive_without_the_patch_settles_nothing(command, server, archive):
    given = mail(message_id="elsewhere@author.example")
    waits(command, state="approved", made=review(reviewed([SCOPE], given=given)))
    set_up(command, server)
    _cut_short(command)
    _older(command, 600)
    done = command("drafts", "send", "--yes")
    assert (done.code, server.taken) == (1, [])
    assert "does not have the mail that it answers either" in done.err


def test_no_archive_settles_nothing(command, server, archive):
    waits(command, state="approved")
    set_up(command, server)
    _cut_short(command)
    config = command.home / ".config" / "reviewbot" / "config.toml"
    config.write_text('[lore]\nurl = "http://127.0.0.1:1/all"\ntimeout = 2\n')
    done = command("drafts", "send", "--yes")
    assert (done.code, server.taken) == (1, [])
    assert "cannot reach 127.0.0.1:1" in done.err


def test_the_archive_of_the_list_is_asked(command, server, archive):
    waits(command, state="approved")
    set_up(command, server)
    _cut_short(command)
    _older(command, 600)
    config = command.home / ".config" / "reviewbot" / "config.toml"
    lists = f'[[list]]\nname = "toy-devel"\narchive = "http://{archive.name}/toy-devel"\n'
    config.write_text(f'[lore]\nurl = "http://127.0.0.1:1/all"\n{lists}')
    assert command("drafts", "send", "--yes").code == 0
    assert {path.split("/")[1] for path, _ in archive.seen} == {"toy-devel"}
    assert set(server.ids().values()) == {1}


def test_somebody_knows(command, server):
    waits(command, 2, state="approved")
    set_up(command, server)
    _cut_short(command, 1)
    _cut_short(command, 2)
    done = command("drafts", "send", "--settle", "1=sent", "--settle", "2=unsent")
    assert done.code == 0
    assert "draft 1 went out by git send-email: as you say" in done.err
    assert "draft 2 did not go out by git send-email (as you say): it is approved as before" in done.err
    assert [kept(command, n).state for n in (1, 2)] == ["sent", "approved"]
    assert server.taken == []
    assert "nothing of it was cut short" in command("drafts", "send", "--settle", "1=unsent").err
    assert "it is N=sent or N=unsent" in command("drafts", "send", "--settle", "1=perhaps").err


def test_two_runs_never_send_at_once(command, server):
    waits(command, state="approved")
    set_up(command, server)
    place = memory_file(command)
    with place.with_name(f"{place.name}.sending").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = command("drafts", "send", "--yes")
    assert (done.code, server.taken) == (3, [])
    assert "drafts are being sent by another run, or git send-email still works for one" in done.err


def _cut_short(command, number=1):
    """As a run that was killed has left it."""
    with opened(command) as memory:
        outbox.begin(memory, number, "git send-email", time.time())


def _older(command, minutes):
    with opened(command) as memory, memory.writing():
        memory.run("UPDATE outbox SET began = began - ?", minutes * 60)
