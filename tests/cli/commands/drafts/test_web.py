"""`reviewbot drafts web` as somebody calls it: what it prints, how it ends, and where a browser is sent."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from kept_drafts import fill

ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)/[\w-]{43}/\n")


@pytest.fixture
def start(command):
    """Starts it; gives the process and the address that it prints."""
    running = []

    def started(*options: str, **env: str) -> tuple[subprocess.Popen[str], str]:
        words = [sys.executable, "-m", "reviewbot", "drafts", "web", *options]
        whole = {**command.env, **env}
        process = subprocess.Popen(
            words, cwd=command.work, env=whole, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        running.append(process)
        line = process.stdout.readline()
        assert ADDRESS.fullmatch(line), line + process.stderr.read()
        return process, line.strip()

    yield started
    for process in running:
        process.kill()
        process.communicate()


def page(address: str) -> str:
    with urllib.request.urlopen(address, timeout=10) as answer:
        return answer.read().decode()


def test_it_serves_the_memory_until_it_is_stopped(command, start):
    fill(command.home / ".local/state/reviewbot/memory.sqlite", time.time())
    process, address = start()
    assert "<h1>Re: [PATCH 1/3] exfoo" in page(address)
    with socket.create_connection(
        ("127.0.0.1", int(ADDRESS.match(f"{address}\n")[1]))
    ):  # who says nothing is not waited for
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=10)
    assert (process.returncode, out) == (130, "")
    first, last = err.splitlines()
    assert first.endswith("until you press Ctrl-C; reviewbot drafts send sends what you approve")
    assert last == "reviewbot: interrupted"


def test_each_start_has_an_address_of_its_own(start):
    first, second = (start("-q")[1] for _ in range(2))
    token = first.split("/")[3]
    with pytest.raises(urllib.error.HTTPError, match="403"):
        page(second.replace(second.split("/")[3], token))


def test_the_browser_gets_an_address_that_works_once(command, start):
    """What it is given can be read by other users of the machine."""
    seen = command.home / "seen"
    program = command.home / "browser"
    program.write_text(f'#!/bin/sh\nprintf "%s" "$1" > {seen}.part && mv {seen}.part {seen}\n')
    program.chmod(0o700)
    _, address = start("--open", BROWSER=f"{program} %s")
    for _ in range(100):
        if seen.exists():
            break
        time.sleep(0.1)
    given = seen.read_text()
    assert given != address and address.split("/")[3] not in given
    assert "There are no drafts yet." in page(given)
    with pytest.raises(urllib.error.HTTPError, match="403"):
        page(given)


def test_where_there_is_no_browser_it_says_so(command, start):
    process, _ = start("--open", BROWSER=f"{command.home}/none %s", PATH=str(command.home))
    lines = [process.stderr.readline() for _ in range(2)]
    assert lines[1] == "no browser could be opened: go to the address above yourself\n"


def test_a_port_can_be_chosen_and_may_be_taken(command, start):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    _, address = start("--port", str(port))
    assert f":{port}/" in address
    done = command("drafts", "web", "--port", str(port))
    assert (done.code, done.out) == (2, "")
    assert done.err == f"reviewbot: port {port} cannot be listened to: address already in use\n"


@pytest.mark.parametrize("port", ["-1", "65536", "x", "9" * 5_000, ""])
def test_what_is_no_port_is_said(command, port):
    done = command("drafts", "web", f"--port={port}")
    assert done.code == 2 and "is no port: it is a number up to 65535" in done.err


def test_a_memory_that_is_none_is_said_at_once(command):
    path = command.home / ".local/state/reviewbot/memory.sqlite"
    path.parent.mkdir(parents=True)
    path.write_text("my notes " * 1_000)
    done = command("drafts", "web")
    assert (done.code, done.out) == (2, "")
    assert "is no memory of reviewbot" in done.err


def test_what_it_needs_is_not_imported_for_others(command):
    """It takes time that nobody else should wait for."""
    known = "import sys, reviewbot.cli.arguments.parser as p; p.parser(); print('http.server' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", known], env={**os.environ, **command.env}, capture_output=True, text=True
    )
    assert done.stdout == "False\n", done.stderr
