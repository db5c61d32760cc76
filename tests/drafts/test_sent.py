"""Drafts for mails that mean harm, as git send-email and mutt hand them to sendmail."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from email.parser import BytesParser
from email.policy import default
from pathlib import Path

import pytest
from msgspec.structs import replace

from command import THREADS, diff
from command import mail as raw_mail
from mailtools import clean_env, has_send_email, in_terminal
from placing import write_drafts
from report_cases import DIFF, NOW, SCOPE, SENDER, composed, mail, only, review, reviewed, texts
from reviewbot.mail import message as mails
from reviewbot.model.patch import Address
from reviewbot.report.reply.headers import reachable_address, usable_address
from reviewbot.report.reply.message import Options, compose

needs_send_email = pytest.mark.skipif(not has_send_email(), reason="git send-email is not installed")
GOOD = {"ada@author.example", "toy-devel@lists.example", "max@maint.example", "ida@review.example"}
HARM = (
    *(
        "-X/tmp/f@example.org",
        "-oQ/tmp@example.org",
        "--@example.org",
        "|/bin/sh@example.org",
        "/etc/passwd@example.org",
    ),
    *(":include:/etc/passwd@example.org", "a@-example.org", "a@example.org-", "a@example..org", "a@.example.org"),
    *('"|sh"@example.org', '"-X"@example.org', '"a b"@example.org', "a`id`@example.org", "a$HOME@example.org"),
    *(
        "a{b}@example.org",
        "a;id@example.org",
        "a\\b@example.org",
        "!a@example.org",
        "a!b@example.org",
        "~a@example.org",
    ),
    *("a%b@example.org", "@a:b@example.org", "a(b)@example.org", "a&b@example.org", "a*@example.org", "a?@example.org"),
    *("a\x00@example.org", "a\x7f@example.org", "a\n@example.org", "a\r-X@example.org", "a\tb@example.org"),
    *("\ufffda@example.org", "a@localhost", f"{'a' * 65}@example.org", f"a@{'b' * 64}.org", f"a@{'b.' * 128}org"),
    *("a@[1.2.3.4]x", "a@[]", "a@b_.org.", "=?utf-8?q?a?=@example.org", "+a@example.org", "'a'@example.org"),
)


def sent(folder: Path, path: Path, *options: str) -> tuple[list[str], bytes]:
    """What sendmail gets for a draft: its arguments and its input."""
    program = folder / "sendmail"
    program.write_text(
        f"#!{sys.executable}\nimport json, sys\n"
        f"open({str(folder / 'argv')!r}, 'w').write(json.dumps(sys.argv[1:]))\n"
        f"open({str(folder / 'mail')!r}, 'wb').write(sys.stdin.buffer.read())\n"
    )
    program.chmod(0o755)
    done = subprocess.run(
        [
            *("git", "-c", "user.name=Ida Reviewer", "-c", "user.email=ida@review.example"),
            *("-c", f"sendemail.smtpserver={program}", "-c", "sendemail.from=Ida Reviewer <ida@review.example>"),
            *("send-email", "--confirm=never", *options, str(path)),
        ],
        cwd=folder,
        env=clean_env(folder),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return json.loads((folder / "argv").read_text()), (folder / "mail").read_bytes()


@pytest.mark.parametrize("email", HARM, ids=ascii)
def test_no_address_for_a_mail_program(email):
    assert not reachable_address(email)


@pytest.mark.parametrize(
    "email",
    [
        *(
            "a@b.example",
            "_a@b.example",
            "a.b+c@b.example",
            "bounce+x=y.z@b-c.example",
            "o'neil@b.example",
            "a@[192.0.2.1]",
        ),
        *("SRS0=a1+b=c2=d.example=e@f.example", "x_y-z~1@b_c.example", "9@8.example", f"{'a' * 64}@b.example"),
    ],
)
def test_an_address_for_a_mail_program(email):
    assert usable_address(email)
    assert reachable_address(email)


@needs_send_email
def test_no_address_of_a_mail_becomes_an_option(tmp_path):
    """All at once, wherever addresses come from."""
    bad = tuple(Address("A", email) for email in HARM)
    given = mail(to=(*mail().to, *bad), cc=(*mail().cc, *bad), reply_to=bad)
    drafted = composed(review(reviewed([SCOPE], given=given)))
    (path,) = write_drafts(drafted.drafts, tmp_path / "drafts").written
    argv, _ = sent(tmp_path, path)
    assert argv[0] == "-i"
    assert set(argv[1:]) == GOOD
    (note,) = drafted.skipped
    assert note.reason.startswith("no draft goes to -X/tmp/f@example.org, -oQ/tmp@example.org, --@example.org, ")
    assert note.reason.endswith(f" and {len(HARM) - 5} more: no address that a mail program can be handed")


def test_an_author_without_a_usable_address_gets_no_draft():
    for email in HARM:
        drafted = composed(review(reviewed([SCOPE], given=mail(author=Address("A", email)))))
        assert drafted.drafts == ()
        assert "its author has no address that a reply can go to" in drafted.skipped[0].reason


@pytest.mark.parametrize("policy", ["list", "none"])
def test_who_would_not_get_it_is_not_named(policy):
    given = mail(cc=(Address("", "-X@example.org"),))
    assert composed(review(reviewed([SCOPE], given=given)), cc=policy).skipped == ()


@needs_send_email
@pytest.mark.parametrize(
    "name",
    [
        'A" <-X@evil.example>, "B',
        "A <-X@evil.example>",
        "a@evil.example, b@evil.example",
        "x\\",
        'x\\" <a@evil.example>',
        "(a@evil.example",
        "group: a@evil.example;",
        "a@evil.example (",
        "Cc: a@evil.example",
        "Cc: <a@evil.example>",
        "=?utf-8?q?=3Ca=40evil=2Eexample=3E?=",
        "\r\nBcc: a@evil.example",
        "J\u00f6hn <a@evil.example>, x",
        "x" * 66 + " Cc: a@evil.example",
        "x" * 66 + " Reviewed-by: A <a@evil.example>",
        "x" * 60 + " Acked-By: A <a@evil.example> cc: a@evil.example",
        ">",
    ],
    ids=ascii,
)
def test_a_name_of_a_mail_is_no_address(tmp_path, name):
    """Nor in the line that says who wrote, from which git send-email takes trailers."""
    given = mail(author=Address(name, "ada@author.example"), cc=(Address(name, "max@maint.example"),), date=name)
    (path,) = write_drafts([only(review(reviewed([SCOPE], given=given)))], tmp_path / "drafts").written
    argv, content = sent(tmp_path, path)
    assert set(argv[1:]) == GOOD
    message = BytesParser(policy=default).parsebytes(content)
    assert message["In-Reply-To"] == "<20260304.1@author.example>"
    assert message["Bcc"] is None


@needs_send_email
@pytest.mark.parametrize("field", ["subject", "date"])
@pytest.mark.parametrize("text", ["[PATCH] Cc: a@evil.example", "Cc: a@evil.example", "x\nCc: a@evil.example"])
def test_a_subject_or_a_date_is_no_header(tmp_path, field, text):
    given = mail(**{field: text})
    (path,) = write_drafts([only(review(reviewed([SCOPE], given=given)))], tmp_path / "drafts").written
    argv, content = sent(tmp_path, path)
    assert set(argv[1:]) == GOOD
    assert b"evil" not in content.partition(b"\n\n")[0] or field == "subject"


@needs_send_email
@pytest.mark.parametrize("odd", ["\r", "\0", "x" * 1000])
def test_a_line_that_is_broken_on_its_way_names_nobody(tmp_path, odd):
    """git send-email reads the body as it travels, and an encoding breaks lines: one of these begins one."""
    tail = "".join(f"{'Cc: a@evil.example':<74}" for _ in range(80))
    given = DIFF.replace(SCOPE, f"{odd}{tail} {SCOPE}")
    draft = only(review(reviewed([SCOPE], diff=given)))
    assert b"quoted-printable" in draft.content
    assert all(len(line) <= 78 for line in draft.content.split(b"\n"))
    (path,) = write_drafts([draft], tmp_path / "drafts").written
    assert set(sent(tmp_path, path)[0][1:]) == GOOD
    message = BytesParser(policy=default).parsebytes(draft.content)
    assert tail.rstrip() in message.get_payload(decode=True).decode()


@needs_send_email
def test_a_path_in_a_question_names_nobody(tmp_path):
    path = f"fs/{'x' * 64} Cc: a@evil.example b.c"
    patch = reviewed([("nowhere to be seen", {"path": path, "function": ""})])
    (draft,) = composed(review(patch)).drafts
    assert b"\n Cc: a@evil.example" in draft.content
    (path,) = write_drafts([draft], tmp_path / "drafts").written
    assert set(sent(tmp_path, path)[0][1:]) == GOOD


def test_a_name_at_the_start_of_a_line_is_no_trailer():
    """Where a template of the user's has it there."""
    given = mail(author=Address("Acked-by: A <a@evil.example>", "ada@author.example"))
    own = replace(texts(), reply="$fromname wrote:\n$reply\nReported-by: me\n$signature")
    (draft,) = compose(review(reviewed([SCOPE], given=given)), SENDER, own, Options(NOW, "d1")).drafts
    lines = draft.content.decode().split("\n")
    assert " Acked-by: A <a@evil.example> wrote:" in lines
    assert "Reported-by: me" in lines


def test_references_have_a_bound():
    ids = tuple(f"{number}@a.example" for number in range(2000))
    found = BytesParser(policy=default).parsebytes(only(review(reviewed([SCOPE], given=mail(references=ids)))).content)
    words = found["References"].split()
    assert (len(words), words[0], words[-2:]) == (
        *(51, "<0@a.example>", ["<1999@a.example>", "<20260304.1@author.example>"]),
    )


def test_an_address_is_read_as_it_stands_or_not_at_all():
    """Without a character that is in it, it is another address."""
    raw = raw_mail(diff=diff()).replace(
        b"To: list@lists.example.org", b'To: a\x01b@x.example, "a b"@x.example, c@x.example'
    )
    raw = raw.replace(b"Mira Holt <mira.holt@example.org>", b"A <-X/tmp/f@example.org>")
    read = mails.parse_message(raw)
    assert [one.email for one in read.mail.to] == ["a\ufffdb@x.example", '"a b"@x.example', "c@x.example"]
    assert [reachable_address(one.email) for one in read.mail.to] == [False, False, True]


@needs_send_email
def test_the_whole_way_of_such_a_mail(command):
    """From the mail to the line that says who is left out."""
    raw = raw_mail(diff=diff()).replace(b"To: list@", b"To: A <-X/tmp/f@example.org>, |id@example.org, list@")
    who = {"GIT_CONFIG_COUNT": "2", "GIT_CONFIG_KEY_0": "user.name", "GIT_CONFIG_VALUE_0": "Ida"}
    who |= {"GIT_CONFIG_KEY_1": "user.email", "GIT_CONFIG_VALUE_1": "ida@review.example"}
    done = command("thread", "-", "--kernel", "6.12", "--drafts", "d", "--min-confidence", "low", stdin=raw, **who)
    assert done.code == 1, done.err
    assert (
        "no draft goes to -X/tmp/f@example.org, |id@example.org: no address that a mail program can be handed"
        in done.err
    )
    (path,) = (command.work / "d" / "new").iterdir()
    argv, _ = sent(command.work, path)
    assert set(argv[1:]) == {"mira.holt@example.org", "list@lists.example.org", "ida@review.example"}


@pytest.mark.skipif(shutil.which("mutt") is None, reason="mutt is not installed")
def test_mutt_hands_over_the_same(tmp_path):
    given = mail(cc=tuple(Address("A", email) for email in HARM), to=(Address('x" <-X@evil.example>', "t@x.example"),))
    write_drafts([only(review(reviewed([SCOPE], given=given)))], tmp_path / "drafts")
    sink = tmp_path / "sink"
    sink.write_text(f"#!/bin/sh\nprintf '%s\\n' \"$@\" > {tmp_path}/argv\ncat > {tmp_path}/sent.eml\n")
    sink.chmod(0o700)
    (tmp_path / "muttrc").write_text(
        f"set folder={tmp_path}\nset postponed={tmp_path}/drafts\nset sendmail={sink}\n"
        f"set editor=true\nset copy=no\nset tmpdir={tmp_path}\n"
    )
    in_terminal(["mutt", "-n", "-F", str(tmp_path / "muttrc"), "-p"], clean_env(tmp_path), keys="yy")
    argv = (tmp_path / "argv").read_text().split("\n")[:-1]
    assert [word for word in argv if "@" in word] == ["ada@author.example", "t@x.example"]
    assert (tmp_path / "sent.eml").exists()


def test_a_draft_that_nobody_can_get_is_not_called_unsure(command):
    raw = raw_mail(diff=diff()).replace(b"Mira Holt <mira.holt@example.org>", b"A <-X/tmp/f@example.org>")
    given = ("thread", "-", "--kernel", "6.12", "--config", THREADS / "demo.toml", "--min-confidence", "low")
    done = command(*given, "--drafts", "d", stdin=raw)
    assert "its author has no address that a reply can go to" in done.err
    assert "sure enough" not in done.err
