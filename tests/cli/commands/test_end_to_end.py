"""The main job on real parts: a thread out of a public-inbox, its replies drafted, put back and taken by tools."""

from __future__ import annotations

import email
import hashlib
import json
import mailbox
import re
import subprocess
from contextlib import closing
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest

from command import THREADS, Command
from inbox import ADDRESS, Inbox
from mailtools import has_send_email

COVER = "20240610081502.4711-1-mira.holt@example.org"
LIST = b"linux-fsdevel@lists.example.org"
BROKEN = "20240610081502.4711-2-mira.holt@example.org"


def settings(folder: Path, inbox: Inbox) -> Path:
    """A configuration as a user of that archive would write it."""
    path = folder / "reviewbot.toml"
    path.write_text(
        f'[lore]\nurl = "{inbox.url}/"\n[mail]\nname = "Ada Reader"\nemail = "ada@reader.example.org"\n',
        encoding="utf-8",
    )
    return path


@pytest.fixture(scope="module")
def archive(inbox: Inbox) -> Inbox:
    """The demo thread, as its list would have archived it; the list's address is the archive's."""
    with closing(mailbox.mbox(THREADS / "demo.mbox", create=False)) as box:
        for message in box:
            inbox.deliver(bytes(message).replace(LIST, ADDRESS.encode()))
    return inbox


def drafts(folder: Path) -> list[Path]:
    return sorted((folder / "new").iterdir())


def parsed(path: Path) -> EmailMessage:
    message = email.message_from_bytes(path.read_bytes(), policy=default)
    assert isinstance(message, EmailMessage)
    return message


def test_a_thread_is_fetched_reviewed_and_its_drafts_thread_below_the_patch(
    archive: Inbox, command: Command, tmp_path: Path
) -> None:
    config = settings(tmp_path, archive)
    done = command("thread", COVER, "--config", config, "--kernel", "6.11", "--drafts", tmp_path / "out")
    assert done.code == 1, done.err
    written = drafts(tmp_path / "out")
    assert written
    for path in written:
        archive.deliver(path.read_bytes())
    for path in written:
        message = parsed(path)
        own, parent = message["Message-ID"].strip("<>"), message["In-Reply-To"].strip("<>")
        thread = archive.thread_mbox(parent).decode("utf-8", "replace")
        assert f"Message-ID: <{own}>" in thread or f"Message-Id: <{own}>" in thread
        page = archive.thread_html(parent)
        assert own in page
        assert references(message)[-1] == parent
        below = depth(page, parent), depth(page, own)
        assert below[1] == below[0] + 1, "the thread view does not show the draft below the patch"


def references(message: EmailMessage) -> list[str]:
    return re.findall(r"<([^<>\s]+)>", message["References"])


def depth(page: str, message_id: str) -> int:
    """How deep the thread overview shows a mail: a date, two blanks a level, a "` " before every reply."""
    row = page.index("id=r" + hashlib.sha1(message_id.encode(), usedforsecurity=False).hexdigest())
    match = re.search(r"\n\d{4}-\d\d-\d\d [ \d]\d:\d\d ( *)(`?)[^\n]*\n[^\n]*\n?$", page[:row])
    assert match, page[row - 200 : row]
    return len(match.group(1)) // 2 + bool(match.group(2))


def test_a_second_run_writes_nothing_new(archive: Inbox, command: Command, tmp_path: Path) -> None:
    config = settings(tmp_path, archive)
    first = command("thread", COVER, "--config", config, "--kernel", "6.11", "--drafts", tmp_path / "out")
    before = {path: path.read_bytes() for path in drafts(tmp_path / "out")}
    again = command("thread", COVER, "--config", config, "--kernel", "6.11", "--drafts", tmp_path / "out")
    assert (first.code, again.code) == (1, 1)
    assert {path: path.read_bytes() for path in drafts(tmp_path / "out")} == before


def test_url_message_id_and_mbox_give_the_same_review(archive: Inbox, command: Command, tmp_path: Path) -> None:
    config = settings(tmp_path, archive)
    sources = (COVER, f"<{BROKEN}>", f"{archive.url}/{COVER}/", THREADS / "demo.mbox")
    said = []
    for source in sources:
        done = command("thread", source, "--config", config, "--kernel", "6.11", "--format", "json")
        assert done.code == 1, done.err
        said.append([patch["findings"] for patch in json.loads(done.out)["patches"]])
    assert all(one == said[0] for one in said)


@pytest.mark.skipif(not has_send_email(), reason="git send-email is not installed (Debian package git-email)")
def test_git_send_email_takes_every_draft(archive: Inbox, command: Command, tmp_path: Path) -> None:
    config = settings(tmp_path, archive)
    command("thread", COVER, "--config", config, "--kernel", "6.11", "--drafts", tmp_path / "out")
    for path in drafts(tmp_path / "out"):
        done = subprocess.run(
            [
                *("git", "-c", "sendemail.confirm=never", "send-email", "--dry-run", "--suppress-cc=all"),
                *("--from=ada@reader.example.org", "--to=list@example.org", str(path)),
            ],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**command.env, "GIT_CONFIG_GLOBAL": "/dev/null"},
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert f"In-Reply-To: {parsed(path)['In-Reply-To']}" in done.stdout


def test_a_clean_thread_says_one_line_and_writes_no_draft(command: Command, tmp_path: Path) -> None:
    config = tmp_path / "c.toml"
    config.write_text('[mail]\nname = "Ada Reader"\nemail = "ada@reader.example.org"\n', encoding="utf-8")
    done = command("thread", THREADS / "clean.mbox", "--config", config, "--drafts", tmp_path / "out")
    assert done.code == 0, done.err
    assert len(done.out.strip().split("\n")) == 1
    assert not (tmp_path / "out").exists() or not drafts(tmp_path / "out")
