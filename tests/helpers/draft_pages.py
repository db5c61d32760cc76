"""The pages of the drafts of one memory, served on loopback, and plain requests to them."""

from __future__ import annotations

import re
import socket
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reviewbot.cli.loopback.pages import DraftPages
from reviewbot.cli.loopback.server import LoopbackServer
from reviewbot.config import data_path
from reviewbot.memory import drafts
from reviewbot.memory.drafts import KeptDraft
from reviewbot.memory.memory import Memory

NOW = 1_800_000_000.0
ARCHIVE = "https://lore.kernel.org/all"
CAREFUL = 0.5  # seconds after which keys decide, and more


class Served:
    """`now` can be moved; `said`: what the server had to say."""

    def __init__(self, memory: Path) -> None:
        self.memory, self.now = memory, NOW
        self.said: list[str] = []
        self.pages = DraftPages(memory, [data_path("rules")], lambda: self.now, ARCHIVE)
        self.server = LoopbackServer(0, self.pages.answer, self.said.append)
        self.host = f"127.0.0.1:{self.server.server_port}"
        self.top = f"http://{self.host}{self.pages.start}"

    def draft(self, number: int) -> KeptDraft:
        with Memory.open(self.memory) as memory:
            found = drafts.draft(memory, number)
        assert found is not None
        return found

    def raw(self, data: bytes, patience: float = 10) -> bytes:
        """All that comes back for some bytes."""
        with socket.create_connection(("127.0.0.1", self.server.server_port), patience) as client:
            client.sendall(data)
            got = b""
            try:
                while part := client.recv(65_536):
                    got += part
            except ConnectionResetError:
                pass
            return got

    def ask(
        self, path: str = "", form: dict[str, str] | None = None, **headers: str
    ) -> tuple[int, dict[str, str], str]:
        """Status, header and text of an answer. A header that is given as "" is left out, "_" stands for "-"."""
        body = b"" if form is None else urllib.parse.urlencode(form).encode()
        given = {"Host": self.host}
        if form is not None:
            given |= {"Origin": f"http://{self.host}", "Content-Type": "application/x-www-form-urlencoded"}
            given |= {"Content-Length": str(len(body))}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        whole = path if path.startswith("/") else self.pages.start + path
        lines = [f"{'GET' if form is None else 'POST'} {whole} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in given.items() if value]
        head, _, text = self.raw("\r\n".join([*lines, "", ""]).encode() + body).decode().partition("\r\n\r\n")
        first, *rest = head.split("\r\n")
        return int(first.split()[1]), dict(row.split(": ", 1) for row in rest), text

    def form(self, number: int, **fields: str) -> dict[str, str]:
        """The fields of a form on the page of a draft, with those that a button adds."""
        _, _, text = self.ask(f"drafts/{number}")
        return {**dict(re.findall(r'type="hidden" name="(secret|seen)" value="([^"]+)"', text)), **fields}


@contextmanager
def serve_drafts(memory: Path) -> Iterator[Served]:
    served = Served(memory)
    thread = threading.Thread(target=served.server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield served
    finally:
        served.server.shutdown()
        thread.join()
        served.server.server_close()
    assert served.said == []


def at(browser, served) -> str:
    """The page that is shown, below the top."""
    return browser.address().removeprefix(served.top)


def ready(browser, served, path: str = "", **how: object) -> None:
    browser.open(served.top, path, **how)
    browser.wait(CAREFUL)
