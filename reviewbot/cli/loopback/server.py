"""Answers HTTP on 127.0.0.1: a bounded number of requests at once, each of a bounded size and in a bounded time.

A thread takes one request, and its connection ends with it. Where all threads are taken, whoever has kept us waiting
for a request the longest is hung up on: what is slow holds up nobody else.
"""

from __future__ import annotations

import io
import socket
import socketserver
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from msgspec import Struct

from reviewbot.cli.loopback.gate import gate_refusal

HOST = "127.0.0.1"
_THREADS = 32
_SECONDS = 10  # for a whole request to come, and for its answer to be taken
_PATIENCE = 1  # seconds until a thread is free
_HEAD = 32_768  # bytes of a request before its form
# forms say where they come from, which they would not with no-referrer; no other site is told anything
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
    "Connection": "close",
}
TEXT, HTML = "text/plain", "text/html"


class PageRequest(Struct, frozen=True):
    """A request that is heard. `path`: with what follows a "?"; `form`: as it was sent, None for GET."""

    path: str
    form: bytes | None = None


class PageAnswer(Struct, frozen=True):
    """What is answered. `location`: where the browser goes on, "" for nowhere."""

    status: int
    text: str
    kind: str = TEXT
    location: str = ""


class LoopbackServer(ThreadingHTTPServer):
    """Listens on 127.0.0.1 once it is made; `answering` answers each request, in a thread of its own."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(
        self, port: int, answering: Callable[[PageRequest], PageAnswer], complain: Callable[[str], None]
    ) -> None:
        self.answering = answering
        self._complain = complain
        self._free = threading.BoundedSemaphore(_THREADS)
        self._awaited: dict[socket.socket, None] = {}  # connections whose request is not whole, the oldest first
        self._lock = threading.Lock()
        super().__init__((HOST, port), _Handler)
        self.names = frozenset((f"{HOST}:{self.server_port}", f"localhost:{self.server_port}"))

    def server_bind(self) -> None:
        """Bind, without asking anybody for the name of this machine."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = HOST, self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        """Give a connection to a thread."""
        if not self._free.acquire(blocking=False):
            self._hang_up()
            if not self._free.acquire(timeout=_PATIENCE):
                self.shutdown_request(request)
                return
        with self._lock:
            self._awaited[request] = None
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer a connection, in a thread."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.arrived(request)
            self._free.release()

    def arrived(self, request: socket.socket) -> None:
        """Note that a request is whole."""
        with self._lock:
            self._awaited.pop(request, None)

    def _hang_up(self) -> None:
        with self._lock:
            oldest = next(iter(self._awaited), None)
        if oldest is not None:
            with suppress(OSError):
                oldest.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say what went wrong in a thread, unless it is a browser that has gone."""
        error = sys.exception()
        if not isinstance(error, OSError):
            self._complain(f"a mistake of reviewbot's own, please report it: {type(error).__name__}: {error}")


class _Incoming(io.RawIOBase):
    """What comes over a connection, up to a number of bytes and a time."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection, self._end = connection, time.monotonic() + _SECONDS
        self._left = _HEAD
        self.cut = False

    def allow(self, more: int) -> None:
        """Let more bytes come."""
        self._left += more

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read what is there. Raises TimeoutError."""
        left = self._end - time.monotonic()
        self.cut = self.cut or self._left <= 0
        if self.cut or left <= 0:
            if left <= 0:
                raise TimeoutError
            return 0
        self._connection.settimeout(left)
        count = self._connection.recv_into(memoryview(buffer)[: self._left])
        self._connection.settimeout(_SECONDS)
        self._left -= count
        return count


class _Handler(BaseHTTPRequestHandler):
    server: LoopbackServer
    timeout = _SECONDS

    def setup(self) -> None:
        super().setup()
        self._incoming = _Incoming(self.connection)
        self.rfile = io.BufferedReader(self._incoming)

    def do_GET(self) -> None:
        self._answer(None)

    def do_POST(self) -> None:
        self._answer(self.headers)

    def _answer(self, form: Any) -> None:
        if self.request_version == "HTTP/0.9":  # an answer to it has no header
            return
        refused = (431, "the header is too long") if self._incoming.cut else None
        refused = refused or gate_refusal(self.command, self.headers, self.server.names)
        if refused is not None:
            self._put(PageAnswer(*refused))
            return
        content = None
        if form is not None:
            length = int(self.headers["Content-Length"])
            self._incoming.allow(length)
            content = self.rfile.read(length)
            if len(content) != length:
                return
        self.server.arrived(self.connection)
        self._put(self.server.answering(PageRequest(self.path, content)))

    def _put(self, answer: PageAnswer) -> None:
        body = answer.text.encode("utf-8", "replace")
        self.send_response_only(answer.status)
        told = {"Content-Type": f"{answer.kind}; charset=utf-8", "Content-Length": str(len(body)), **_HEADERS}
        for name, value in {**told, **({"Location": answer.location} if answer.location else {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer what is no request, in place of the page that the library has for that."""
        self._put(PageAnswer(int(code), "this is no request that is answered here"))

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: whatever is asked here, nobody waits for a line about it."""
