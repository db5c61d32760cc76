"""`reviewbot drafts send` into a maildir, and into a folder of a real IMAP server on loopback."""

from __future__ import annotations

import imaplib
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from email.parser import BytesParser
from email.policy import default
from pathlib import Path

import pytest

from mailtools import clean_env, in_terminal
from report_cases import SCOPE, mail, review, reviewed
from reviewbot.integrations.mailing.imap_folder import _quoted
from reviewbot.memory import outbox
from reviewbot.model.patch import Address
from waiting import kept, opened, waits

DOVECOT = shutil.which("dovecot", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
needs_dovecot = pytest.mark.skipif(DOVECOT is None, reason="dovecot is not installed (Debian package dovecot-imapd)")
FOLDER = "Entwürfe & mehr/a"


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


# --- IMAP ---


@pytest.mark.parametrize(
    ("name", "quoted"),
    [
        ("Drafts", '"Drafts"'),
        ("a b/c", '"a b/c"'),
        ('a"b\\c', '"a\\"b\\\\c"'),
        ("Entwürfe", '"Entw&APw-rfe"'),
        ("a&b", '"a&-b"'),
        ("&&", '"&-&-"'),
        ("&ü", '"&ACYA,A-"'),
        ("台北", '"&U,BTFw-"'),
    ],
)
def test_a_name_of_a_folder_as_imap_has_it(name, quoted):
    assert _quoted(name) == quoted


@pytest.fixture
def imap(tmp_path):
    """A dovecot of one user, with one folder."""
    root = os.getuid() == 0  # then it wants users of its own, who may not enter a folder of root's
    top = Path(tempfile.mkdtemp(prefix="reviewbot-dovecot-")) if root else tmp_path / "dovecot"
    for name in ("run", "state", "mail"):
        (top / name).mkdir(parents=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    owner = 65534 if root else os.getuid()  # no mail is root's
    me = f"{owner}:{owner if root else os.getgid()}"
    if root:
        shutil.chown(top / "mail", owner, owner)
    own, group = (subprocess.run(["id", one], capture_output=True, text=True).stdout.strip() for one in ("-un", "-gn"))
    internal, login = ("dovecot", "dovenull") if root else (own, own)
    group = internal if root else group
    top.chmod(0o755)
    (top / "users").write_text(f"ida:{{PLAIN}}secret:{me}::{top}::\n")
    (top / "conf").write_text(f"""
base_dir = {top}/run
state_dir = {top}/state
log_path = {top}/log
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
default_internal_user = {internal}
default_internal_group = {group}
default_login_user = {login}
first_valid_uid = 1
first_valid_gid = 1
auth_failure_delay = 0
mail_location = maildir:{top}/mail
passdb {{
  driver = passwd-file
  args = {top}/users
}}
userdb {{
  driver = passwd-file
  args = {top}/users
}}
namespace inbox {{
  inbox = yes
  separator = /
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service anvil {{
  chroot =
}}
""")
    server = subprocess.Popen([DOVECOT, "-F", "-c", str(top / "conf")], stderr=subprocess.PIPE, text=True)
    try:
        until = time.monotonic() + 20
        while True:
            try:
                with imaplib.IMAP4("127.0.0.1", port) as client:
                    client.login("ida", "secret")
                    assert client.create(_quoted(FOLDER))[0] == "OK"
                break
            except (OSError, imaplib.IMAP4.error):
                if time.monotonic() > until or server.poll() is not None:
                    log = top / "log"
                    pytest.fail(f"dovecot does not start: {log.read_text() if log.exists() else server.stderr.read()}")
                time.sleep(0.1)
        yield port
    finally:
        server.terminate()
        server.wait(timeout=30)
        server.stderr.close()
        shutil.rmtree(top, ignore_errors=True)


def found(port: int) -> list[tuple[bytes, bytes]]:
    """The flags and the content of what lies in the folder."""
    with imaplib.IMAP4("127.0.0.1", port) as client:
        client.login("ida", "secret")
        _, count = client.select(_quoted(FOLDER), readonly=True)
        if count == [b"0"]:
            return []
        _, parts = client.fetch("1:*", "(FLAGS BODY.PEEK[])")
    return [(part[0], part[1]) for part in parts if isinstance(part, tuple)]


def set_up(command, port, password="secret", more=""):
    with (command.home / ".gitconfig").open("a") as file:
        file.write(f"[imap]\n\thost = imap://127.0.0.1\n\tport = {port}\n\tuser = ida\n{more}")
        if password:
            file.write(f"\tpass = {password}\n")


@needs_dovecot
def test_a_draft_is_put_into_a_folder_of_a_server(who, imap):
    waits(who, 2, state="approved")
    set_up(who, imap)
    dry = who("drafts", "send", "--dry-run", "--imap", FOLDER)
    assert f"  put into the folder {FOLDER} of 127.0.0.1 as ida\n" in dry.out
    assert found(imap) == []
    done = who("drafts", "send", "--imap", FOLDER, "--yes")
    assert (done.code, done.err) == (0, "".join(f"draft {n} is in {FOLDER} of 127.0.0.1\n" for n in (1, 2)))
    there = found(imap)
    assert [content.replace(b"\r\n", b"\n") for _, content in there] == [kept(who, n).content for n in (1, 2)]
    assert all(rb"\Draft" in flags for flags, _ in there)
    with opened(who) as memory, memory.writing():  # as if it had been killed before it could say so
        memory.run("UPDATE drafts SET state = 'approved'")
        memory.run("UPDATE outbox SET ended = NULL")
    again = who("drafts", "send", "--imap", FOLDER, "--yes")
    assert (again.code, again.err.count("it lies there"), len(found(imap))) == (0, 2, 2)


@needs_dovecot
def test_a_credential_helper_has_the_password(who, imap):
    waits(who, state="approved")
    helper = who.home / "helper"
    heard = who.home / "heard"
    answer = '[ "$1" != get ] || echo password=secret'
    helper.write_text(f'#!/bin/sh\necho "$1" >> {heard}\ncat >> {heard}\n{answer}\n')
    helper.chmod(0o755)
    set_up(who, imap, "", f"[credential]\n\thelper = {helper}\n[imap]\n")
    assert who("drafts", "send", "--imap", FOLDER, "--yes").code == 0
    assert len(found(imap)) == 1
    asked = heard.read_text()
    assert re.findall(r"^(?:get|store|erase)$", asked, re.M) == ["get", "store"]
    assert f"host=127.0.0.1:{imap}\nusername=ida\n" in asked


@needs_dovecot
@pytest.mark.parametrize(
    ("password", "folder", "said"),
    [("wrong", FOLDER, "does not let ida in"), ("secret", "Nowhere", "folder Nowhere: ")],
)
def test_what_a_server_refuses_is_still_approved(who, imap, password, folder, said):
    waits(who, state="approved")
    set_up(who, imap, password)
    done = who("drafts", "send", "--imap", folder, "--yes")
    assert (done.code, said in done.err, kept(who).state) == (1, True, "approved")
    with opened(who) as memory:
        assert outbox.unsettled(memory) == []


def test_no_server(who):
    waits(who, state="approved")
    done = who("drafts", "send", "--imap", "Drafts", "--yes")
    assert (done.code, "git's settings name no IMAP server" in done.err) == (2, True)
    set_up(who, 1)
    done = who("drafts", "send", "--imap", "Drafts", "--yes")
    assert (done.code, kept(who).state) == (1, "approved")
    assert "cannot reach 127.0.0.1: " in done.err


@pytest.mark.parametrize("answers", [b"", b"* OK ready\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"x" * 100_000])
def test_what_is_no_imap_server(who, answers):
    waits(who, state="approved")
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            peer, _ = server.accept()
            peer.sendall(answers)
            peer.close()

        thread = threading.Thread(target=serve)
        thread.start()
        set_up(who, server.getsockname()[1])
        done = who("drafts", "send", "--imap", "Drafts", "--yes")
        thread.join()
    assert (done.code, kept(who).state) == (1, "approved")
    assert "cannot reach 127.0.0.1: " in done.err
    assert "mistake of reviewbot's own" not in done.err


def test_a_password_goes_nowhere_without_encryption(who, monkeypatch):
    from reviewbot.integrations.mailing import imap_folder
    from reviewbot.integrations.mailing.imap_settings import ImapSettings

    class Plain:
        capabilities = ("IMAP4REV1",)

        def __init__(self, *_, **__):
            self.ended = False

        def shutdown(self):
            self.ended = True

    monkeypatch.setattr(imap_folder.imaplib, "IMAP4", type("Plain", (Plain,), {"error": OSError, "abort": OSError}))
    with pytest.raises(OSError, match="it offers no encryption, and a password is not sent without"):
        imap_folder._connected(ImapSettings("imap.example.org", 143, False, "ida", "secret"))


@pytest.mark.parametrize("host", ["ftp://x", "imap://", "imaps://x:99999999", "imap://x:y"])
def test_a_host_that_is_none(who, host):
    waits(who, state="approved")
    with (who.home / ".gitconfig").open("a") as file:
        file.write(f"[imap]\n\thost = {host}\n")
    done = who("drafts", "send", "--imap", "Drafts", "--yes")
    assert (done.code, "imap." in done.err) == (2, True), done.err
