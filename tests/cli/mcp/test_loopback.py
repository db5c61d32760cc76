"""`reviewbot mcp --listen PORT`: the same tools by HTTP, for who knows the token."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import NamedTuple

import httpx
import pytest

from answers import checked
from command import THREADS, Command

pytest.importorskip("mcp", reason="mcp is missing: pip install -e '.[dev]'")

import anyio
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client

TOKEN = "a-token-of-this-test"
GREETING = {
    "jsonrpc": "2.0",
    "id": 0,
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
}
ACCEPT = {"Accept": "application/json, text/event-stream"}


class Listening(NamedTuple):
    port: int
    process: subprocess.Popen

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/mcp"

    def post(self, message: object, **headers: str) -> httpx.Response:
        return httpx.post(self.url, json=message, headers={**ACCEPT, **headers}, timeout=20, trust_env=False)


@pytest.fixture
def server(command: Command) -> Iterator[Listening]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [sys.executable, "-m", "reviewbot", "mcp", "--listen", str(port)]
    env = {**command.env, "REVIEWBOT_MCP_TOKEN": TOKEN}
    with subprocess.Popen(words, env=env, cwd=command.work, stderr=subprocess.PIPE) as process:
        try:
            end = time.monotonic() + 20
            while True:
                with socket.socket() as asked:
                    if asked.connect_ex(("127.0.0.1", port)) == 0:
                        break
                assert process.poll() is None and time.monotonic() < end
                time.sleep(0.05)
            yield Listening(port, process)
        finally:
            process.kill()


def test_the_librarys_client_gets_the_same_answer(command, server):
    found = []

    async def ask() -> None:
        async with (
            create_mcp_http_client(headers={"Authorization": f"Bearer {TOKEN}"}) as http,
            Client(streamable_http_client(server.url, http_client=http)) as client,
        ):
            asked = {"patch": (THREADS / "demo.mbox").read_text(), "kernel": "6.10"}
            found.append(await client.call_tool("review_patch", asked))

    anyio.run(ask)
    done = command("thread", THREADS / "demo.mbox", "--kernel", "6.10", "--format", "json")
    assert checked(json.dumps(found[0].structured_content)) == json.loads(done.out)


def test_who_does_not_know_the_token_gets_nothing(server):
    for given in ({}, {"Authorization": "Bearer x"}, {"Authorization": TOKEN}, {"Authorization": f"Bearer {TOKEN}x"}):
        assert server.post(GREETING, **given).status_code == 401
    known = {"Authorization": f"Bearer {TOKEN}"}
    assert server.post(GREETING, **known).json()["result"]["serverInfo"]["name"] == "reviewbot"
    assert server.post(GREETING, **known, Host="evil.example").status_code in (403, 421)
    assert server.post(GREETING, **known, Origin="https://evil.example").status_code == 403


def test_it_listens_to_this_machine_alone(server):
    others = {one[4][0] for one in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)} - {"127.0.0.1"}
    for other in sorted(others):
        with socket.socket() as asked:
            asked.settimeout(2)
            assert asked.connect_ex((other, server.port)) != 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it(server, number):
    server.process.send_signal(number)
    assert server.process.wait(10) == 128 + number


def test_it_wants_a_token_and_a_port(command):
    for token in ("", "short"):
        done = command("mcp", "--listen", "8765", REVIEWBOT_MCP_TOKEN=token)
        assert (done.code, done.out) == (2, "")
        assert "--listen needs a token of 16 characters or more in $REVIEWBOT_MCP_TOKEN" in done.err
    for port in ("0", "65536", "-1", "x", "1e3"):
        done = command("mcp", f"--listen={port}")
        assert (done.code, "is no port: it is a number from 1 to 65535" in done.err) == (
            2,
            True,
        )
