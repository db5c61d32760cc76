"""Keeps Ctrl-C from this program while another one has the terminal: an editor, a pager, git send-email."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

# for the shell that starts it: a handler that does nothing, and not one that ignores, which the program would inherit
PATIENT = "trap : INT QUIT"


@contextmanager
def patient() -> Iterator[None]:
    """Let Ctrl-C and Ctrl-\\ pass by inside; they reach the other program, which knows what to do."""
    before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGQUIT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
