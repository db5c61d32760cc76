"""Runs mail programs as a person does: an environment of their own, and a terminal to draw on."""

from __future__ import annotations

import fcntl
import os
import select
import struct
import subprocess
import termios
import time
from collections.abc import Sequence
from pathlib import Path

import pyte

ROWS, COLUMNS = 30, 100
PATIENCE = 150  # seconds


class Stuck(AssertionError):
    """A program that did not end, nor show what the next key waits for."""


def clean_env(home: Path) -> dict[str, str]:
    return {
        "HOME": str(home),
        "PATH": os.environ["PATH"],
        "TERM": "xterm",
        "LC_ALL": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1",
    }


def has_send_email() -> bool:
    exec_path = subprocess.run(["git", "--exec-path"], capture_output=True, text=True, check=True).stdout.strip()
    return Path(exec_path, "git-send-email").exists()


def in_terminal(
    command: list[str], env: dict[str, str], keys: Sequence[str | tuple[str, str]] = (), patience: float = PATIENCE
) -> str:
    """Run a program on a terminal of its own, and return what it drew.

    Each time it has drawn and waits it gets the next of `keys`, one or several at once; with a pair only when the first
    of it stands on the screen. Raises Stuck when `patience` seconds have passed since the last key.
    """
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    own = {"stdin": theirs, "stdout": theirs, "stderr": theirs, "start_new_session": True}
    # some open /dev/tty, which is the terminal of the session
    child = subprocess.Popen(command, env=env, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0), **own)
    os.close(theirs)
    screen = pyte.Screen(COLUMNS, ROWS)
    terminal = pyte.ByteStream(screen)
    drawn, left, until = b"", list(keys), time.monotonic() + patience
    while time.monotonic() < until:
        if select.select([ours], [], [], 0.5)[0]:
            try:
                drawn += (said := os.read(ours, 65536))
            except OSError:  # the way a terminal says that its program has ended
                break
            terminal.feed(said)
        elif left and (isinstance(left[0], str) or any(left[0][0] in line for line in screen.display)):
            given, until = left.pop(0), time.monotonic() + patience
            os.write(ours, (given if isinstance(given, str) else given[1]).encode())
    ended = time.monotonic() < until
    os.close(ours)
    shown = "\n".join(screen.display)
    try:
        if not ended:  # closing its terminal may have ended it, with any code
            raise Stuck(f"it waits for {left}:\n{shown}")
        assert child.wait(timeout=10) == 0, shown
    finally:
        child.kill()
        child.wait()
    assert not left, f"it did not wait for {left}:\n{shown}"
    return drawn.decode("utf-8", "replace")
