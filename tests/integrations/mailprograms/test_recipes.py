"""The recipes of docs/mail-programs.md, run by the real mail programs against a public-inbox on loopback."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import reviewbot
from command import THREADS
from inbox import ADDRESS, Inbox
from mailtools import Stuck, clean_env, in_terminal
from pages import block, page
from reviewbot.mail import mailbox

PAGE = page("docs/mail-programs.md")
COVER = "20240610081502.4711-1-mira.holt@example.org"
FOUND = "4 remarks (3 errors, 1 warning) on 3 patches"


def needs(program: str, package: str = ""):
    return pytest.mark.skipif(
        shutil.which(program) is None, reason=f"{program} is not installed (Debian package {package or program})"
    )


def mails() -> list[bytes]:
    return [one.replace(b"linux-fsdevel@lists.example.org", ADDRESS.encode()) for one in demo()]


def demo() -> tuple[bytes, ...]:
    return mailbox.split_mbox((THREADS / "demo.mbox").read_bytes())


@pytest.fixture(scope="module")
def archive(inbox: Inbox) -> Inbox:
    for one in mails():
        inbox.deliver(one)
    inbox.refresh()
    return inbox


class Desk:
    """Somebody with a home, who has installed reviewbot and whose settings name the archive."""

    def __init__(self, home: Path, archive: Inbox) -> None:
        self.home, self.archive = home, archive
        programs, settings = home / "bin", home / ".config/reviewbot"
        programs.mkdir()
        settings.mkdir(parents=True)
        top = Path(reviewbot.__file__).parents[1]
        program = programs / "reviewbot"
        # what it has said stays, whatever the mail program makes of it
        program.write_text(
            f'#!/bin/sh\nPYTHONPATH={top} {sys.executable} -m reviewbot "$@" >{home}/said 2>{home}/complained\n'
            f'code=$?\necho "$@" >{home}/asked; cat {home}/said; cat {home}/complained >&2; exit $code\n'
        )
        program.chmod(0o755)
        (settings / "config.toml").write_text(
            f'[lore]\nurl = "{archive.url}"\n[kernel]\nversion = "6.10"\n'
            '[mail]\nname = "Ada Reader"\nemail = "ada@reader.example.org"\n'
        )
        self.env = {
            **clean_env(home),
            "PATH": f"{programs}:{os.environ['PATH']}",
            "XDG_CACHE_HOME": os.environ["XDG_CACHE_HOME"],
            "PAGER": "cat",
        }

    def maildir(self, *given: bytes) -> Path:
        folder = self.home / "Mail/inbox"
        for part in ("cur", "new", "tmp"):
            (folder / part).mkdir(parents=True)
        for number, one in enumerate(given):
            (folder / "new" / f"{1718000000 + number}.M1P1.host").write_bytes(one)
        return folder

    def sendmail(self) -> Path:
        """A program that takes a mail to be sent."""
        program = self.home / "bin/sendmail"
        program.write_text(f"#!/bin/sh\nexec cat >{self.home}/sent\n")
        program.chmod(0o755)
        return program

    def said(self) -> str:
        return (self.home / "said").read_text()

    def drafts(self) -> list[Path]:
        return sorted((self.home / "Mail/replies").glob("[cn]*/*"))


@pytest.fixture
def desk(tmp_path: Path, archive: Inbox) -> Desk:
    return Desk(tmp_path, archive)


# --- mutt, neomutt ---


@pytest.fixture(params=[pytest.param("mutt", marks=needs("mutt")), pytest.param("neomutt", marks=needs("neomutt"))])
def mutt(request, desk: Desk) -> list[str]:
    """A mutt with the macros of the page, for a user who has it decode what it pipes, at a folder of one patch."""
    settings = desk.home / "muttrc"
    own = f"set pipe_decode wait_key=no confirmcreate=no sort=threads editor=true sendmail={desk.sendmail()} copy=no\n"
    settings.write_text(own + block(PAGE, "## mutt and neomutt"))
    return [request.param, "-n", "-F", str(settings), "-f", str(desk.maildir(mails()[2]))]


@needs("less")
def test_a_key_of_mutt_reviews_the_thread_of_the_mail_that_is_open(mutt, desk):
    drawn = in_terminal(mutt, desk.env, [("[Msgs:1", ",r"), ("scope-leak in exfoo_extents_prefetch()", "q"), "q"])
    assert "unsafe-scope in exfoo_index_init()" in drawn, "less shows it"
    assert FOUND in desk.said()


def test_keys_of_mutt_draft_replies_and_send_one(mutt, desk):
    keys = [("[Msgs:1", ",d"), ("Press any key", "x"), ("[Msgs:1", ",e"), ("Postponed", "\r"), ("y:Send", "y")]
    in_terminal(mutt, desk.env, [*keys, ("Mail sent", "q")])
    assert len(desk.drafts()) == 2, "of three: the one that was sent has left"
    sent = (desk.home / "sent").read_text()
    assert "To: Mira Holt <mira.holt@example.org>\n" in sent and "\n> +" in sent


def test_a_tagged_thread_of_mutt_is_reviewed_without_a_server(mutt, desk):
    """Copied to an mbox it is whole; piped it looks like one mail, and that is said."""
    for number, one in enumerate(demo()):
        (desk.home / "Mail/inbox/new" / f"{1718000000 + number}.M1P1.host").write_bytes(one)
    keys = [("[Msgs:5", "\x1bt"), ("Tag:5", ";C"), ("to mailbox", "\x01\x0b~/thread.mbox\r"), ";|"]
    keys += [("Pipe to command", "reviewbot thread -\r"), ("Press any key", "x")]
    in_terminal(mutt, desk.env, [*keys, "q"])
    assert "not looked at: the mail holds more than one patch" in desk.said()
    done = shell(desk, "reviewbot thread thread.mbox")
    assert (done.returncode, FOUND in done.stdout) == (1, True), done.stderr


# --- aerc ---


def in_aerc(desk: Desk, keys: list[tuple[str, str]]) -> None:
    """Press keys in aerc. Version 0.14 now and then takes nothing more of what its worker says: it is started again."""
    for _ in range(19):
        with contextlib.suppress(Stuck):
            in_terminal(["aerc"], desk.env, keys, patience=12)
            return
    in_terminal(["aerc"], desk.env, keys, patience=60)


@pytest.mark.alone  # beside others it does so nearly each time
@needs("aerc")
@needs("less")
def test_keys_of_aerc_review_a_thread_and_draft_replies(desk):
    settings = desk.home / ".config/aerc"
    settings.mkdir()
    (settings / "accounts.conf").write_text(
        f"[home]\nsource = maildir://{desk.maildir(mails()[2]).parent}\ndefault = inbox\n"
        "from = Ada Reader <ada@reader.example.org>\n"
    )
    (settings / "accounts.conf").chmod(0o600)
    own = "q = :quit<Enter>\n[terminal]\n$noinherit = true\n"
    (settings / "binds.conf").write_text(f"[messages]\n{block(PAGE, '## aerc')}{own}")
    opened, closed = "all extents", ("Process complete", "x")
    in_aerc(desk, [(opened, ",r"), ("scope-leak", "q"), closed, (opened, "q")])
    in_aerc(desk, [(opened, ",d"), closed, (opened, "q")])
    assert FOUND in desk.said()
    assert len(desk.drafts()) == 3


# --- lei, b4 ---


def lines(title: str) -> list[str]:
    part = PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    return re.findall(r"^    (\S.*)$", part, re.M)


def shell(desk: Desk, line: str) -> subprocess.CompletedProcess[str]:
    env = {**desk.env, "XDG_RUNTIME_DIR": str(desk.home / "run")}
    (desk.home / "run").mkdir(mode=0o700, exist_ok=True)
    return subprocess.run(["sh", "-c", line], cwd=desk.home, env=env, capture_output=True, text=True, timeout=120)


@needs("lei")
@needs("curl")
def test_lei_gets_a_thread_for_review(desk):
    (line,) = lines("lei")
    asked = line.replace("https://lore.kernel.org/all", desk.archive.url).replace("20240610.1-1-a@example.org", COVER)
    try:
        done = shell(desk, asked)
    finally:
        shell(desk, "lei daemon-kill")
    assert (done.returncode, FOUND in done.stdout) == (1, True), done.stderr


def test_b4_gets_a_thread_for_review(desk):
    (line,) = lines("b4 mbox")
    (desk.home / ".gitconfig").write_text(f"[b4]\nmidmask = {desk.archive.url}/%s\n")
    desk.env["PATH"] += f":{sysconfig.get_path('scripts')}"
    done = shell(desk, line.replace("20240610.1-1-a@example.org", COVER))
    assert (done.returncode, FOUND in done.stdout) == (1, True), done.stderr
