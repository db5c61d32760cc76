"""`reviewbot mcp` by hand: what is on the wire, and how it ends."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from command import THREADS, Command
from httpserver import serve

pytest.importorskip("mcp", reason="mcp is missing: pip install -e '.[dev]'")

from mcp_client import only, said

DEMO = (THREADS / "demo.mbox").read_text()
GREETING = {
    "jsonrpc": "2.0",
    "id": 0,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}
READY = {"jsonrpc": "2.0", "method": "notifications/initialized"}


class Wire:
    """The server's two pipes."""

    def __init__(self, process: subprocess.Popen) -> None:
        self.process = process

    def send(self, *messages: dict | bytes) -> None:
        for one in messages:
            self.process.stdin.write(one if isinstance(one, bytes) else json.dumps(one).encode() + b"\n")
        self.process.stdin.flush()

    def receive(self) -> dict:
        return json.loads(self.process.stdout.readline())

    def children(self) -> list[str]:
        return Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()


@contextmanager
def wire(command: Command, *options: object) -> Iterator[Wire]:
    with subprocess.Popen(
        [sys.executable, "-m", "reviewbot", "mcp", *map(str, options)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=command.env,
        cwd=command.work,
    ) as process:
        try:
            yield Wire(process)
        finally:
            process.kill()


def call(number: int, name: str, arguments: dict) -> dict:
    return {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": {"name": name, "arguments": arguments}}


def _gone(process: str) -> bool:
    """Whether a process has ended; whoever got it after its parent may not have noticed yet."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def until(true: Callable[[], object], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.fixture
def slow(command: Command) -> Iterator[tuple[Command, tuple[object, ...]]]:
    """Options with which the fetch of a mail takes long, and one of any other mail does not end."""

    def silent(handler) -> None:
        handler.send_response(200)
        handler.end_headers()
        until(lambda: stop, 60)

    stop: list[int] = []
    with serve(silent) as server:
        (command.work / "slow.toml").write_text(f'[lore]\nurl = "http://{server.name}/all"\n[mcp]\nseconds = 3\n')
        try:
            yield command, ("--lore", "--config", "slow.toml")
        finally:
            stop.append(1)


def test_nothing_but_the_protocol_is_on_standard_output(command):
    with wire(command) as server:
        server.send(GREETING, READY, call(1, "review_patch", {"patch": DEMO}), call(2, "explain_rule", {"rule": "no"}))
        assert server.receive()["result"]["serverInfo"]["name"] == "reviewbot"
        found = {one["id"]: one["result"] for one in (server.receive(), server.receive())}
        assert found[2]["isError"]
        assert found[1]["structuredContent"]["schema"] == 1
        server.process.stdin.close()
        assert server.process.wait(10) == 0
        assert (server.process.stdout.read(), server.process.stderr.read()) == (b"", b"")


ODD = (
    b"\n",
    b"no JSON\n",
    b"[" * 1_000_000 + b"\n",
    b"{" * 100_000 + b"\n",
    b'{"jsonrpc": "2.0", "id": 9, "method": "no/such"}\n',
    b'{"jsonrpc": "2.0", "id": 9, "method": "tools/call", "params": []}\n',
    b'{"jsonrpc": "2.0", "id": {}, "method": 7}\n',
    b"\xff\xfe\x00\x01" * 1000 + b"\n",
    b'{"jsonrpc": "2.0", "id": 9, "method": "tools/call", "params": {"name": "matrix", "arguments": "x"}}\n',
    b'"' + b"\\u0000" * 2_000_000 + b'"\n',
    rb'{"jsonrpc": "2.0", "id": 9, "method": "tools/call", "params": {"name": "review_patch", "arguments": '
    rb'{"patch": "\ud800\udcff"}}}' + b"\n",
)


def test_a_line_that_is_no_message_does_not_end_it(command):
    with wire(command) as server:
        server.send(GREETING, READY, *ODD, call(1, "matrix", {"name": "__GFP_FS"}))
        got = server.receive()
        while got.get("id") != 1:
            got = server.receive()
        assert got["result"]["structuredContent"]["flags"]


def test_a_message_without_end_ends_it(command):
    (command.work / "small.toml").write_text("[mcp]\nbytes = 1000\n")
    with wire(command, "--config", "small.toml") as server:
        server.send(GREETING, READY)
        server.receive()
        with pytest.raises(BrokenPipeError):
            for _ in range(1000):
                server.send(b"x" * 100_000)
        assert server.process.wait(10) == 3
        assert server.process.stderr.read() == b"reviewbot: the client sent a message of more than 10006000 bytes\n"


def test_a_call_that_takes_too_long_is_stopped_and_said(slow):
    command, options = slow
    begin = time.monotonic()
    found = only(command, "review_patch", {"message_id": "a@example.org"}, *options)
    assert (
        said(found)
        == "it was stopped after 3 s (seconds under [mcp] in config.toml): ask for less, such as fewer commits"
    )
    assert time.monotonic() - begin < 15


def test_a_call_that_is_cancelled_leaves_nothing_behind(slow):
    command, options = slow
    with wire(command, *options) as server:
        server.send(GREETING, READY, call(1, "review_patch", {"message_id": "a@example.org"}))
        server.receive()
        until(server.children)
        cancel = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}}
        server.send(cancel, call(2, "matrix", {"name": "__GFP_FS"}))
        assert server.receive()["id"] == 2
        until(lambda: not server.children())


@pytest.mark.parametrize("how", ["closed", signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_it_ends_with_its_client_and_takes_what_it_started_along(slow, how):
    command, options = slow
    with wire(command, *options) as server:
        server.send(GREETING, READY, call(1, "review_patch", {"message_id": "a@example.org"}))
        server.receive()
        until(server.children)
        (child,) = server.children()
        if how == "closed":
            server.process.stdin.close()
        else:
            server.process.send_signal(how)
        assert server.process.wait(10) == (0 if how == "closed" else 128 + how)
        assert _gone(child)


def test_too_many_calls_at_once_are_refused(slow):
    command, options = slow
    with wire(command, *options) as server:
        server.send(GREETING, READY)
        server.receive()
        server.send(*(call(number, "review_patch", {"message_id": "a@example.org"}) for number in range(1, 21)))
        got = server.receive()
        assert got["result"]["isError"]
        assert got["result"]["content"][0]["text"] == "too many calls at once: 2 run and 16 wait; try again later"


def test_it_reads_a_file_as_well(command):
    (command.work / "calls").write_text("".join(f"{json.dumps(one)}\n" for one in (GREETING, READY)))
    with (command.work / "calls").open("rb") as calls:
        done = subprocess.run(
            [sys.executable, "-m", "reviewbot", "mcp"], stdin=calls, capture_output=True, env=command.env, timeout=20
        )
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout)["id"] == 0
