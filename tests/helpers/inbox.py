"""A public-inbox of Debian's, served on loopback: mails go in as a mail server would hand them over."""

from __future__ import annotations

import gzip
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PROGRAMS = ("public-inbox-init", "public-inbox-mda", "public-inbox-httpd", "git")
ADDRESS = "kernel@example.org"
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def missing() -> str:
    """Why there can be no inbox here, "" if there can."""
    absent = [program for program in PROGRAMS if shutil.which(program) is None]
    return f"{', '.join(absent)} not installed (Debian package public-inbox)" if absent else ""


class Inbox:
    """`url` is the archive, as a user would give it to reviewbot."""

    def __init__(self, home: Path, port: int) -> None:
        self.home = home
        self.port = port
        self.url = f"http://127.0.0.1:{port}/kernel"
        self.server: subprocess.Popen[bytes] | None = None
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "PI_CONFIG": str(home / "config"),
            "PI_EMERGENCY": str(home / "emergency"),
            "ORIGINAL_RECIPIENT": ADDRESS,
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
        }

    def deliver(self, raw: bytes) -> None:
        """Put one mail into the archive; what its filter turns down would land in the emergency maildir."""
        self.run("public-inbox-mda", stdin=raw)
        turned_down = [path for path in (self.home / "emergency").rglob("*") if path.is_file()]
        assert not turned_down, f"public-inbox-mda refused {turned_down[0].read_text(errors='replace')[:500]}"

    def refresh(self) -> None:
        """Have the search know all mails: its server looks for new ones every 30 seconds only."""
        assert self.server is not None
        self.server.send_signal(signal.SIGHUP)  # it reads its settings again, and with them opens its index
        await_answer(self, self.server)

    def thread_mbox(self, message_id: str) -> bytes:
        return gzip.decompress(self.get(message_id, "t.mbox.gz"))

    def thread_html(self, message_id: str) -> str:
        return self.get(message_id, "t/").decode()

    def get(self, message_id: str, view: str) -> bytes:
        with _DIRECT.open(f"{self.url}/{urllib.parse.quote(message_id, safe='')}/{view}", timeout=30) as answer:
            data: bytes = answer.read()
            return data

    def run(self, *command: str, stdin: bytes = b"") -> None:
        done = subprocess.run(command, input=stdin, env=self.env, cwd=self.home, capture_output=True, check=False)
        assert done.returncode == 0, f"{command[0]}: {done.stderr.decode(errors='replace')}"

    def answers(self) -> bool:
        try:
            with _DIRECT.open(self.url + "/", timeout=5):
                return True
        except urllib.error.HTTPError as error:  # an archive without a mail is a 404
            error.close()
            return True
        except OSError:
            return False


@contextmanager
def serve(home: Path) -> Iterator[Inbox]:
    """An empty archive under `home` and its server, which is gone afterwards with all that it started."""
    inbox = Inbox(home, free_port())
    (home / "emergency").mkdir(parents=True)
    inbox.run("public-inbox-init", "-V2", "-L", "full", "kernel", str(home / "inbox"), inbox.url, ADDRESS)
    inbox.run("git", "config", "-f", str(home / "config"), "publicinboxmda.spamcheck", "none")
    with (home / "httpd.log").open("wb") as log:
        server = subprocess.Popen(
            ["public-inbox-httpd", "-W0", "-l", f"127.0.0.1:{inbox.port}"],
            env=inbox.env,
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    inbox.server = server
    try:
        await_answer(inbox, server)
        yield inbox
    finally:
        stop(server)


@pytest.fixture(scope="module")
def inbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inbox]:
    """One archive a test module; its tests use message ids of their own."""
    if reason := missing():
        pytest.skip(reason)
    with serve(tmp_path_factory.mktemp("inbox")) as served:
        yield served


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def await_answer(inbox: Inbox, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while not inbox.answers():
        log = (inbox.home / "httpd.log").read_text(errors="replace")
        assert server.poll() is None, f"public-inbox-httpd ended: {log}"
        assert time.monotonic() < deadline, f"public-inbox-httpd does not answer: {log}"
        time.sleep(0.05)


def stop(server: subprocess.Popen[bytes]) -> None:
    """End the server's whole process group: it keeps git processes of its own."""
    for signum in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(server.pid, signum)
            server.wait(timeout=10)
        except ProcessLookupError:
            break
        except subprocess.TimeoutExpired:
            continue
    server.wait()
