"""Runs the command that a person gives: opens the memory and hands it over."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path

from reviewbot.cli.session import session_options
from reviewbot.memory.memory import Memory, memory_path


def drafts(options: argparse.Namespace, now: Callable[[], float] = time.time) -> int:
    """Do it, and give the exit code. `now`: the clock, in seconds since 1970."""
    setup = session_options(options)
    file = setup.config.memory.file
    with Memory.open(Path(file).expanduser() if file else memory_path(os.environ)) as memory:
        from reviewbot.cli.commands.drafts.web import drafts_web

        return drafts_web(options, setup, memory, now)
