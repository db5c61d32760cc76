"""Runs mail programs as a person does: an environment of their own, and a terminal to draw on."""

from __future__ import annotations

import os
import select
import subprocess
import time
from pathlib import Path


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


def in_terminal(command: list[str], env: dict[str, str], keys: str = "") -> str:
    """Run a program on a terminal of its own, press a key each time it has drawn and waits, and return what it drew."""
    ours, theirs = os.openpty()
    child = subprocess.Popen(command, env=env, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
    os.close(theirs)
    drawn, until = b"", time.monotonic() + 20
    while time.monotonic() < until:
        ready, _, _ = select.select([ours], [], [], 1.0)
        if ready:
            try:
                drawn += os.read(ours, 65536)
            except OSError:  # the way a terminal says that its program has ended
                break
        elif keys:
            os.write(ours, keys[0].encode())
            keys = keys[1:]
    os.close(ours)
    assert child.wait(timeout=10) == 0, drawn
    return drawn.decode("utf-8", "replace")
