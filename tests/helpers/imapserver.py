"""A real IMAP server on loopback: dovecot with one user, one folder, and a certificate of its own."""

from __future__ import annotations

import contextlib
import imaplib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

DOVECOT = shutil.which("dovecot", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
needs_dovecot = pytest.mark.skipif(DOVECOT is None, reason="dovecot is not installed (Debian package dovecot-imapd)")
USER, PASSWORD = "ida", "secret"


class ImapServer:
    """Its ports, its certificate, and what lies in its folder. `folder` is written as IMAP has it."""

    def __init__(self, top: Path, folder: str) -> None:
        self.top, self.folder = top, folder
        self.port, self.tls_port = _free_ports(2)
        self.config, self.certificate = top / "conf", top / "certificate.pem"

    def found(self) -> list[tuple[bytes, bytes]]:
        """The flags and the content of what lies in the folder."""
        with imaplib.IMAP4("127.0.0.1", self.port) as client:
            client.login(USER, PASSWORD)
            _, count = client.select(self.folder, readonly=True)
            if count == [b"0"]:
                return []
            _, parts = client.fetch("1:*", "(FLAGS BODY.PEEK[])")
        return [(part[0], part[1]) for part in parts if isinstance(part, tuple)]

    def encrypted_logins(self) -> int:
        """How many there were; the server writes its log when it comes to it, so a first one is waited for."""
        until = time.monotonic() + 20
        while True:
            lines = (self.top / "log").read_text().splitlines()
            count = sum(f"Login: user=<{USER}>" in line and ", TLS, " in line for line in lines)
            if count or time.monotonic() > until:
                return count
            time.sleep(0.1)

    def greets(self) -> bool:
        """Whether it is there; then its folder is too."""
        try:
            with imaplib.IMAP4("127.0.0.1", self.port) as client:
                client.login(USER, PASSWORD)
                assert client.create(self.folder)[0] == "OK"
        except (OSError, imaplib.IMAP4.error):
            return False
        return True


@contextlib.contextmanager
def imap_server(tmp_path: Path, folder: str, tls: bool = False) -> Iterator[ImapServer]:
    """A dovecot of one user, with one folder. `tls`: it has a certificate for localhost, and offers STARTTLS."""
    root = os.getuid() == 0  # then it wants users of its own, who may not enter a folder of root's
    top = Path(tempfile.mkdtemp(prefix="reviewbot-dovecot-")) if root else tmp_path / "dovecot"
    for name in ("run", "state", "mail"):
        (top / name).mkdir(parents=True)
    top.chmod(0o755)
    made = ImapServer(top, folder)
    _configure(made, root, tls)
    server = subprocess.Popen([DOVECOT, "-F", "-c", str(made.config)], stderr=subprocess.PIPE, text=True)
    try:
        until = time.monotonic() + 20
        while not made.greets():
            if time.monotonic() > until or server.poll() is not None:
                log = top / "log"
                pytest.fail(f"dovecot does not start: {log.read_text() if log.exists() else server.stderr.read()}")
            time.sleep(0.1)
        yield made
    finally:
        server.terminate()
        server.wait(timeout=30)
        server.stderr.close()
        shutil.rmtree(top, ignore_errors=True)


def _configure(made: ImapServer, root: bool, tls: bool) -> None:
    top = made.top
    owner = 65534 if root else os.getuid()  # no mail is root's
    me = f"{owner}:{owner if root else os.getgid()}"
    if root:
        shutil.chown(top / "mail", owner, owner)
    own, group = (subprocess.run(["id", one], capture_output=True, text=True).stdout.strip() for one in ("-un", "-gn"))
    internal, login = ("dovecot", "dovenull") if root else (own, own)
    group = internal if root else group
    (top / "users").write_text(f"{USER}:{{PLAIN}}{PASSWORD}:{me}::{top}::\n")
    secure = "ssl = no"
    if tls:
        _certify(made.certificate, top / "key.pem")
        secure = f"ssl = yes\nssl_cert = <{made.certificate}\nssl_key = <{top}/key.pem"
    made.config.write_text(f"""
base_dir = {top}/run
state_dir = {top}/state
log_path = {top}/log
protocols = imap
listen = 127.0.0.1
{secure}
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
    port = {made.port}
  }}
  inet_listener imaps {{
    port = {made.tls_port if tls else 0}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
}}
""")


def _certify(certificate: Path, key: Path) -> None:
    """A certificate for localhost that is its own authority."""
    asked = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    named = ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*asked, *named], check=True, capture_output=True)


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
