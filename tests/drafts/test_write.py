"""Drafts in a folder, as mutt, git send-email and a second run meet them; and the templates."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from email.parser import BytesParser
from email.policy import default
from pathlib import Path

import pytest
from msgspec.structs import replace

from mailtools import clean_env, has_send_email, in_terminal
from placing import MADE, write_drafts
from report_cases import ALLOC, SCOPE, TEMPLATES, composed, mail, only, review, reviewed
from reviewbot.drafts import write
from reviewbot.drafts.write import load_texts
from reviewbot.model.errors import ConfigError, InputError, UsageError
from reviewbot.model.patch import Address

needs_mutt = pytest.mark.skipif(shutil.which("mutt") is None, reason="mutt is not installed")


def one(**given):
    return only(review(reviewed([SCOPE], given=mail(**given))))


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_maildir(tmp_path):
    folder = tmp_path / "some" / "drafts"
    draft = one()
    done = write_drafts([draft], folder)
    assert (done.kept, done.gone, done.wrong) == ([], [], [])
    assert sorted(path.name for path in folder.iterdir()) == ["cur", "new", "tmp"]
    unique = draft.message_id.split("@")[0].split(".")[1]
    assert done.written == [folder / "new" / f"0001-toy-fill.{unique}.eml"]
    assert files(folder) == {f"new/{done.written[0].name}": draft.content}


def test_a_second_run_writes_nothing(tmp_path):
    patches = [reviewed([SCOPE], number=number, total=2) for number in (1, 2)]
    first = write_drafts(composed(review(*patches)).drafts, tmp_path)
    before = files(tmp_path)
    second = write_drafts(composed(review(*patches)).drafts, tmp_path)
    assert (second.written, second.kept, second.gone) == ([], first.written, [])
    assert files(tmp_path) == before


def test_what_the_user_edited_is_kept(tmp_path):
    (path,) = write_drafts([one()], tmp_path).written
    path.write_bytes(path.read_bytes().replace(b"Is it certain", b"Is it really certain"))
    edited = path.read_bytes()
    done = write_drafts([one()], tmp_path)
    assert (done.written, done.kept) == ([], [path])
    assert path.read_bytes() == edited


def test_what_a_mail_program_moved_is_kept(tmp_path):
    (path,) = write_drafts([one()], tmp_path).written
    moved = path.rename(tmp_path / "cur" / "1234.R5.host:2,S")
    done = write_drafts([one()], tmp_path)
    assert (done.written, done.kept) == ([], [moved])


def test_a_name_that_is_taken_is_not_overwritten(tmp_path):
    (path,) = write_drafts([one()], tmp_path).written
    path.write_text("the user wrote something else here\n")
    done = write_drafts([one()], tmp_path)
    assert (done.written, done.kept) == ([], [path])
    assert path.read_text() == "the user wrote something else here\n"


def test_a_new_finding_is_a_new_draft(tmp_path):
    write_drafts([one()], tmp_path)
    done = write_drafts([only(review(reviewed([SCOPE, ALLOC])))], tmp_path)
    assert (len(done.written), done.kept, done.gone) == (1, [], [])


@pytest.mark.parametrize(
    "subject", ["../../etc/passwd", "/etc/passwd", "a/../b\0c", ".. .", "x" * 4000, "\x1b[2J", "漢"]
)
def test_nothing_is_written_outside(tmp_path, subject):
    folder = tmp_path / "in" / "side"
    odd = replace(one(), message_id="../../up/x@y", subject=subject, asks="f" * 24)
    assert len(write_drafts([one(subject=subject), odd], folder).written) == 2
    assert {path.parent for path in tmp_path.rglob("*.eml")} == {folder / "new"}
    assert all(len(path.name) < 100 and path.name.isascii() for path in (folder / "new").iterdir())


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match=r"file is a file; drafts need a folder"):
        write_drafts([one()], tmp_path / "file")
    with pytest.raises(InputError, match="cannot write drafts to"):
        write.write_drafts(MADE, [one()], tmp_path / "file" / "below", None, 0.0)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match="permission denied"):
        write_drafts([one()], tmp_path / "drafts")


def test_a_full_disk_leaves_nothing_half(tmp_path, monkeypatch):
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match="the disk is full"):
        write_drafts([one()], tmp_path)
    assert files(tmp_path) == {}


def test_a_file_that_may_not_grow_is_not_there_half(tmp_path):
    """As on a disk that fills up while a draft is written."""
    script = f"""
import resource, sys
sys.path[:0] = [{str(Path(__file__).parent)!r}, {str(Path(__file__).parents[1] / "helpers")!r}]
from test_write import MADE, one
from reviewbot.drafts.write import write_drafts
resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500))
write_drafts(MADE, [one()], __import__("pathlib").Path({str(tmp_path)!r}), None, 0.0)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert "file too large" in done.stderr
    assert files(tmp_path) == {}


# --- real programs ---


@pytest.mark.skipif(not has_send_email(), reason="git send-email is not installed")
def test_git_send_email_takes_the_draft(tmp_path):
    given = mail(
        2,
        3,
        author=Address("Doe, Jöhn (TI)", "john@ti.example"),
        references=tuple(f"{n}.{'x' * 90}@author.example" for n in range(9)),
    )
    patch = reviewed([SCOPE], number=2, total=3, given=given)
    (path,) = write_drafts(composed(review(patch)).drafts, tmp_path / "drafts").written
    done = subprocess.run(
        [
            *("git", "-c", "user.name=Ida Reviewer", "-c", "user.email=ida@review.example"),
            *("-c", "sendemail.from=Ida Reviewer <ida@review.example>", "-c", "sendemail.smtpserver=/bin/false"),
            *("send-email", "--dry-run", "--confirm=never", "--to=extra@list.example", str(path)),
        ],
        cwd=tmp_path,
        env=clean_env(tmp_path),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Dry-OK" in done.stdout
    sent = BytesParser(policy=default).parsebytes(done.stdout.partition("\nFrom:")[2].join(["From:", ""]).encode())
    assert sent["In-Reply-To"] == "<20260304.2@author.example>"
    assert sent["References"].split() == [*(f"<{given}>" for given in given.references), "<20260304.2@author.example>"]
    assert sent["Message-ID"].startswith("<reviewbot.")
    assert sent["Auto-Submitted"] is None
    assert sent["Subject"] == "Re: [PATCH v2 2/3] toy: fill 2"
    assert {address.addr_spec for address in sent["To"].addresses} == {"extra@list.example", "john@ti.example"}
    assert "Doe, Jöhn (TI)" in {address.display_name for address in sent["To"].addresses}
    assert {address.addr_spec for address in sent["Cc"].addresses} >= {"toy-devel@lists.example", "max@maint.example"}


@needs_mutt
def test_mutt_opens_the_folder(tmp_path):
    write_drafts([one(subject="[PATCH] toy: fill it up")], tmp_path / "drafts")
    (tmp_path / "muttrc").write_text(f"set folder={tmp_path}\n")
    command = ["mutt", "-n", "-F", str(tmp_path / "muttrc"), "-R", "-f", str(tmp_path / "drafts"), "-e", "exec exit"]
    drawn = in_terminal(command, clean_env(tmp_path))
    assert "Msgs:1" in drawn
    assert "Re: [PATCH] toy: fill it up" in drawn


@needs_mutt
def test_mutt_sends_the_draft_as_a_postponed_message(tmp_path):
    draft = only(review(reviewed([SCOPE], number=2, total=3, given=mail(2, 3))))
    write_drafts([draft], tmp_path / "drafts")
    sink = tmp_path / "sink"
    sink.write_text(f"#!/bin/sh\ncat > {tmp_path}/sent.eml\n")
    sink.chmod(0o700)
    (tmp_path / "muttrc").write_text(
        f"set folder={tmp_path}\nset postponed={tmp_path}/drafts\nset sendmail={sink}\n"
        f"set editor=true\nset copy=no\nset tmpdir={tmp_path}\n"
    )
    # the second answer is for a slow machine: mutt asks whether the text was modified if a second passed meanwhile
    in_terminal(["mutt", "-n", "-F", str(tmp_path / "muttrc"), "-p"], clean_env(tmp_path), keys="yy")
    message = BytesParser(policy=default).parsebytes((tmp_path / "sent.eml").read_bytes())
    assert message["Message-ID"] == f"<{draft.message_id}>"
    assert message["In-Reply-To"] == "<20260304.2@author.example>"
    assert message["References"] == "<cover@author.example> <20260304.2@author.example>"
    assert message["Auto-Submitted"] is None
    assert message.get_content() == draft.content.partition(b"\n\n")[2].decode()


# --- templates ---


@pytest.fixture
def templates(tmp_path):
    return Path(shutil.copytree(TEMPLATES, tmp_path / "templates"))


def test_templates_are_the_users(templates):
    (templates / "reply.txt").write_text("Hallo ${firstname},\n\n$reply\n\n$signature\n", encoding="utf-8")
    (templates / "signature.txt").write_text("Ida, $$5 a line\n", encoding="utf-8")
    assert load_texts(templates, TEMPLATES).reply.startswith("Hallo")


def test_a_template_that_is_not_the_users_is_the_shipped_one(tmp_path):
    (tmp_path / "again.txt").write_text("Ditto.\n")
    loaded = load_texts(tmp_path, TEMPLATES)
    assert loaded.again == "Ditto.\n"
    assert loaded.reply == (TEMPLATES / "reply.txt").read_text()
    with pytest.raises(ConfigError, match="no such folder of templates"):
        load_texts(tmp_path / "none", TEMPLATES)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (
            "reply.txt",
            "$reply ${nonsense}",
            r"reply.txt: unknown placeholder \$\{nonsense\}; known here: \$\{contact\}",
        ),
        ("reply.txt", "only text", r"reply.txt: the placeholder \$\{reply\} is missing"),
        ("series.txt", "$reply", r"series.txt: the placeholder \$\{places\} is missing"),
        ("signature.txt", "costs 5 $", r"signature.txt: stray \$"),
        ("service.txt", "No way out.", r"service.txt: the placeholder \$\{contact\} is missing"),
        ("again.txt", "$reply", r"again.txt: unknown placeholder \$\{reply\}; known here: none"),
        ("reply.txt", b"\xff$reply", r"reply.txt: is not UTF-8"),
    ],
)
def test_a_template_that_cannot_be_filled(templates, name, text, message):
    (templates / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigError, match=message):
        load_texts(templates, TEMPLATES)
