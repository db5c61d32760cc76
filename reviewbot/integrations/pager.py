"""Shows a text in the pager that git would use."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress

from reviewbot.integrations import foreground

_NOT_FOUND = 127  # what a shell says where there is no such program
_USUAL = {"LESS": "FRX", "LV": "-c"}  # as git sets them where the user has not


def paged(text: bytes) -> bool:
    """Show a text, and wait until it was read. False where there is no pager, or it cannot be started."""
    command = _command()
    if command in ("", "cat"):
        return False
    with foreground.patient():
        try:
            shell = ["sh", "-c", f"{foreground.PATIENT}\n{command}"]
            pager = subprocess.Popen(shell, stdin=subprocess.PIPE, env={**_USUAL, **os.environ})
        except OSError:
            return False
        with suppress(BrokenPipeError):  # who quits has seen enough
            pager.communicate(text)
        return pager.wait() != _NOT_FOUND


def _command() -> str:
    """$GIT_PAGER, core.pager, $PAGER or less, as git decides it."""
    try:
        asked = subprocess.run(["git", "var", "GIT_PAGER"], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return os.environ.get("PAGER", "less")
    return asked.stdout.strip()
