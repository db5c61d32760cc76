"""`reviewbot drafts send` into a folder of a real IMAP server on loopback."""

from __future__ import annotations

import os
import re
import shutil
import socket
import sys
import threading

import pytest

from imapserver import PASSWORD, USER, imap_server, needs_dovecot
from reviewbot.integrations.mailing.imap_folder import _quoted
from reviewbot.memory import outbox
from waiting import kept, opened, waits

FOLDER = "Entwürfe & mehr/a"


@pytest.fixture
def who(command):
    (command.home / ".gitconfig").write_text("[user]\n\tname = Ida Reviewer\n\temail = ida@review.example\n")
    return command


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
    with imap_server(tmp_path, _quoted(FOLDER)) as server:
        yield server


def set_up(command, port, password=PASSWORD, more="", host="imap://127.0.0.1"):
    with (command.home / ".gitconfig").open("a") as file:
        file.write(f"[imap]\n\thost = {host}\n\tport = {port}\n\tuser = {USER}\n{more}")
        if password:
            file.write(f"\tpass = {password}\n")


@needs_dovecot
def test_a_draft_is_put_into_a_folder_of_a_server(who, imap):
    waits(who, 2, state="approved")
    set_up(who, imap.port)
    dry = who("drafts", "send", "--dry-run", "--imap", FOLDER)
    assert f"  put into the folder {FOLDER} of 127.0.0.1 as ida\n" in dry.out
    assert imap.found() == []
    done = who("drafts", "send", "--imap", FOLDER, "--yes")
    assert (done.code, done.err) == (0, "".join(f"draft {n} is in {FOLDER} of 127.0.0.1\n" for n in (1, 2)))
    there = imap.found()
    assert [content.replace(b"\r\n", b"\n") for _, content in there] == [kept(who, n).content for n in (1, 2)]
    assert all(rb"\Draft" in flags for flags, _ in there)
    with opened(who) as memory, memory.writing():  # as if it had been killed before it could say so
        memory.run("UPDATE drafts SET state = 'approved'")
        memory.run("UPDATE outbox SET ended = NULL")
    again = who("drafts", "send", "--imap", FOLDER, "--yes")
    assert (again.code, again.err.count("it lies there"), len(imap.found())) == (0, 2, 2)


@needs_dovecot
def test_a_credential_helper_has_the_password(who, imap):
    waits(who, state="approved")
    helper = who.home / "helper"
    heard = who.home / "heard"
    answer = '[ "$1" != get ] || echo password=secret'
    helper.write_text(f'#!/bin/sh\necho "$1" >> {heard}\ncat >> {heard}\n{answer}\n')
    helper.chmod(0o755)
    set_up(who, imap.port, "", f"[credential]\n\thelper = {helper}\n[imap]\n")
    assert who("drafts", "send", "--imap", FOLDER, "--yes").code == 0
    assert len(imap.found()) == 1
    asked = heard.read_text()
    assert re.findall(r"^(?:get|store|erase)$", asked, re.M) == ["get", "store"]
    assert f"host=127.0.0.1:{imap.port}\nusername=ida\n" in asked


@needs_dovecot
@pytest.mark.parametrize(
    ("password", "folder", "said"),
    [("wrong", FOLDER, "does not let ida in"), ("secret", "Nowhere", "folder Nowhere: ")],
)
def test_what_a_server_refuses_is_still_approved(who, imap, password, folder, said):
    waits(who, state="approved")
    set_up(who, imap.port, password)
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


# --- encryption ---


@pytest.fixture
def secure(tmp_path):
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    with imap_server(tmp_path, _quoted(FOLDER), tls=True) as server:
        yield server


@pytest.fixture(params=["imaps", "starttls"])
def address(request, secure):
    """The host and the port of a server that encrypts from the start, or when it is asked to."""
    return ("imaps://{}", secure.tls_port) if request.param == "imaps" else ("imap://{}", secure.port)


@needs_dovecot
def test_a_draft_goes_over_an_encrypted_connection(who, secure, address):
    waits(who, state="approved")
    host, port = address
    set_up(who, port, host=host.format("localhost"))
    done = who("drafts", "send", "--imap", FOLDER, "--yes", SSL_CERT_FILE=str(secure.certificate))
    assert (done.code, done.err) == (0, f"draft 1 is in {FOLDER} of localhost\n")
    assert len(secure.found()) == 1
    assert secure.encrypted_logins() == 1, "those of the test itself are not encrypted"


@needs_dovecot
@pytest.mark.parametrize(("name", "trusted"), [("localhost", False), ("127.0.0.1", True)])
def test_a_password_is_not_told_to_somebody_else(who, secure, address, name, trusted):
    """The certificate is nobody's whom we know, or that of another host."""
    waits(who, state="approved")
    host, port = address
    set_up(who, port, host=host.format(name))
    env = {"SSL_CERT_FILE": str(secure.certificate)} if trusted else {}
    done = who("drafts", "send", "--imap", FOLDER, "--yes", **env)
    assert (done.code, kept(who).state, secure.found()) == (1, "approved", [])
    assert re.search(f"cannot reach {re.escape(name)}: .*certificate verify failed", done.err)


@needs_dovecot
def test_a_user_may_trust_any_certificate(who, secure, address):
    waits(who, state="approved")
    host, port = address
    set_up(who, port, more="\tsslverify = false\n", host=host.format("localhost"))
    assert who("drafts", "send", "--imap", FOLDER, "--yes").code == 0
    assert len(secure.found()) == 1


# --- a tunnel ---

RELAY = """
import os, socket, sys, threading
peer = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
def back():
    while said := peer.recv(65536):
        os.write(1, said)
threading.Thread(target=back, daemon=True).start()
while given := os.read(0, 65536):
    peer.sendall(given)
os._exit(0)
"""


@needs_dovecot
def test_a_tunnel_leads_to_a_server_that_wants_a_password(who, imap):
    waits(who, state="approved")
    relay = who.home / "relay.py"
    relay.write_text(RELAY)
    set_up(who, 1, more=f"\ttunnel = {sys.executable} {relay} {imap.port}\n", host="imap.example.org")
    dry = who("drafts", "send", "--imap", FOLDER, "--dry-run")
    assert "of the tunnel of imap.tunnel as ida" in dry.out
    done = who("drafts", "send", "--imap", FOLDER, "--yes")
    assert (done.code, done.err) == (0, f"draft 1 is in {FOLDER} of the tunnel of imap.tunnel\n")
    assert len(imap.found()) == 1


@needs_dovecot
def test_a_tunnel_leads_to_a_server_that_knows_who_comes(who, imap):
    """As `ssh host doveadm exec imap` does (RFC 3501, PREAUTH)."""
    waits(who, state="approved")
    become = "" if os.getuid() else "setpriv --reuid=65534 --regid=65534 --clear-groups "
    known = f"env -i PATH=/usr/bin:/usr/sbin:/bin HOME={imap.top} USER={USER}"
    with (who.home / ".gitconfig").open("a") as file:
        file.write(f"[imap]\n\ttunnel = {known} {become}doveadm -c {imap.config} exec imap\n")
    done = who("drafts", "send", "--imap", FOLDER, "--yes")
    said = done.err.splitlines()  # the server's own lines as well
    assert (done.code, said[-1]) == (0, f"draft 1 is in {FOLDER} of the tunnel of imap.tunnel")
    assert len(imap.found()) == 1


def test_a_tunnel_that_leads_nowhere(who):
    waits(who, state="approved")
    with (who.home / ".gitconfig").open("a") as file:
        file.write("[imap]\n\ttunnel = false\n")
    done = who("drafts", "send", "--imap", FOLDER, "--yes")
    assert (done.code, kept(who).state) == (1, "approved")
    assert "cannot reach the tunnel of imap.tunnel: " in done.err
