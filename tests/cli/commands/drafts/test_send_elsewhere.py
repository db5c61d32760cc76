"""`reviewbot drafts send` into a maildir, and what a person is asked before."""

from __future__ import annotations

import shutil
import sys
from email.parser import BytesParser
from email.policy import default

import pytest

from mailtools import clean_env, in_terminal
from report_cases import SCOPE, mail, review, reviewed
from reviewbot.memory import outbox
from reviewbot.model.patch import Address
from waiting import kept, opened, waits


@pytest.fixture
def who(command):
    (command.home / ".gitconfig").write_text("[user]\n\tname = Ida Reviewer\n\temail = ida@review.example\n")
    return command


# --- a maildir ---


def test_a_draft_is_put_into_a_maildir(who):
    waits(who, 2, state="approved")
    dry = who("drafts", "send", "--dry-run", "--maildir", "box")
    assert "  put into box/new/draft-1." in dry.out
    assert not (who.work / "box").exists()
    done = who("drafts", "send", "--maildir", "box", "--yes")
    assert done.code == 0
    paths = sorted((who.work / "box" / "new").iterdir())
    assert [path.read_bytes() for path in paths] == [kept(who, n).content for n in (1, 2)]
    assert done.err == "".join(f"draft {n} is in box/new/{path.name}\n" for n, path in enumerate(paths, 1))
    assert kept(who).state == "sent"


def test_the_configuration_names_a_maildir(who):
    waits(who, 2, state="approved")
    config = who.home / "config.toml"
    config.write_text('[send]\nmaildir = "~/box"\n')
    assert who("drafts", "send", "1", "--yes", "--config", config).code == 0
    assert len(list((who.home / "box" / "new").iterdir())) == 1
    assert "Server: localhost" in who("drafts", "send", "--git", "--dry-run", "--config", config).out
    config.write_text('[send]\nmaildir = "~/box"\nimap = "Drafts"\n')
    assert "are both set" in who("drafts", "send", "--yes", "--config", config).err


def test_what_cannot_be_put_there_is_still_approved(who):
    waits(who, state="approved")
    (who.work / "box").write_text("a file")
    done = who("drafts", "send", "--maildir", "box", "--yes")
    assert (done.code, kept(who).state) == (1, "approved")
    assert "draft 1 is not sent: it cannot be put into box: box is a file; drafts need a folder" in done.err
    with opened(who) as memory:
        assert outbox.unsettled(memory) == []


def test_one_that_lies_there_was_put_there(who):
    """The run was killed before it could say so."""
    waits(who, state="approved")
    assert who("drafts", "send", "--maildir", "box", "--yes").code == 0
    with opened(who) as memory, memory.writing():
        memory.run("UPDATE drafts SET state = 'approved'")
        memory.run("UPDATE outbox SET ended = NULL")
    done = who("drafts", "send", "--yes")
    assert done.code == 0
    assert f"draft 1 went out by maildir {who.work / 'box'}: it lies there" in done.err
    assert kept(who).state == "sent"


@pytest.mark.skipif(shutil.which("mutt") is None, reason="mutt is not installed")
def test_mutt_sends_what_was_put_there(who, tmp_path):
    given = mail(2, 3, author=Address("Doe, Jöhn (TI)", "john@ti.example"))
    waits(who, state="approved", made=review(reviewed([SCOPE], number=2, total=3, given=given)))
    assert who("drafts", "send", "--maildir", tmp_path / "box", "--yes").code == 0
    sink = tmp_path / "sink"
    sink.write_text(f"#!/bin/sh\ncat > {tmp_path}/sent.eml\n")
    sink.chmod(0o700)
    (tmp_path / "muttrc").write_text(
        f"set folder={tmp_path}\nset postponed={tmp_path}/box\nset sendmail={sink}\nset editor=true\nset copy=no\n"
        f"set tmpdir={tmp_path}\n"
    )
    in_terminal(["mutt", "-n", "-F", str(tmp_path / "muttrc"), "-p"], clean_env(tmp_path), keys="yy")
    message = BytesParser(policy=default).parsebytes((tmp_path / "sent.eml").read_bytes())
    one = kept(who)
    assert (message["Message-ID"], message["In-Reply-To"]) == (f"<{one.message_id}>", f"<{one.in_reply_to}>")
    assert message["To"].addresses[0].display_name == "Doe, Jöhn (TI)"


def test_a_person_is_asked_before_each(who):
    waits(who, 4, state="approved")
    env = {**who.env, **clean_env(who.home), "PYTHONPATH": who.env["PYTHONPATH"]}
    words = [sys.executable, "-m", "reviewbot", "drafts", "send", "--maildir", str(who.work / "box")]
    keys = [("Send this", "y\n"), ("draft 2: Re", "\n"), ("draft 3: Re", "YES\n"), ("draft 4: Re", "q\n")]
    drawn = in_terminal(words, env, keys=keys)
    assert f"Send this to maildir {who.work}/box?" in drawn.replace("\r\n", "")
    assert [kept(who, n).state for n in (1, 2, 3, 4)] == ["sent", "approved", "sent", "approved"]
