"""A real SMTP server on loopback that keeps what it gets, and counts each message; it can misbehave as a test says."""

from __future__ import annotations

import re
import socketserver
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

WELL, REFUSES, HANGS_UP, TAKES_AND_HANGS_UP = "well", "refuses", "hangs up", "takes and hangs up"
_ID = re.compile(rb"^Message-ID: <([^>]+)>", re.I | re.M)


class Taken(NamedTuple):
    """A message: from whom and to whom it came by the envelope, and what it says."""

    sender: str
    recipients: list[str]
    content: bytes


class Sink(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.port = self.server_address[1]
        self.behaves = WELL
        self.taken: list[Taken] = []
        self.hook: Callable[[str], object] = lambda _moment: None  # told "connected", "data", "taken"

    def ids(self) -> Counter[str]:
        """How often each message id came."""
        return Counter(found[1].decode() for one in self.taken if (found := _ID.search(one.content)))

    def handle_error(self, *_: object) -> None:
        return  # a client that was killed


class _Handler(socketserver.StreamRequestHandler):
    server: Sink

    def handle(self) -> None:
        self.server.hook("connected")
        self._say("220 sink ready")
        sender, recipients = "", []
        while line := self.rfile.readline(2000):
            word = line.strip().upper()
            if word.startswith(b"MAIL FROM:"):
                sender = _address(line)
                self._say("250 ok")
            elif word.startswith(b"RCPT TO:"):
                if self.server.behaves == REFUSES:
                    self._say("550 5.7.1 not for us")
                    continue
                recipients.append(_address(line))
                self._say("250 ok")
            elif word == b"DATA":
                self.server.hook("data")
                self._say("354 go on")
                content = self._data()
                if content is None or self.server.behaves == HANGS_UP:
                    return
                self.server.taken.append(Taken(sender, recipients, content))
                self.server.hook("taken")
                if self.server.behaves == TAKES_AND_HANGS_UP:
                    return
                self._say("250 taken")
            elif word == b"QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 sink")

    def _data(self) -> bytes | None:
        lines = []
        while line := self.rfile.readline():
            if line == b".\r\n":
                return b"".join(lines)
            lines.append(line.removeprefix(b".").replace(b"\r\n", b"\n"))
        return None

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


def _address(line: bytes) -> str:
    return line.partition(b"<")[2].partition(b">")[0].decode()


@contextmanager
def sink() -> Iterator[Sink]:
    with Sink() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
