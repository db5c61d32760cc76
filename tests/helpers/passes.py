"""One pass of a watcher, with the clock where it is told: run as a program, so that it can be killed.

python passes.py CONFIG MEMORY NOW
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from reading import desk
from reviewbot.cli.watching.watcher import Watcher
from reviewbot.memory.memory import Memory
from reviewbot.watch.list_pass import ListResult
from reviewbot.watch.one_pass import run_pass


def one_pass(config: Path, memory: Path, now: float) -> list[ListResult]:
    """The pass, at a time in seconds since 1970."""
    setup = desk("--config", str(config))
    begun = time.time()
    watcher = Watcher(setup, now=lambda: now + time.time() - begun)
    with Memory.open(memory) as opened:
        return run_pass(opened, setup.config.lists, setup.config.watch, watcher.ports())


if __name__ == "__main__":
    results = one_pass(Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3]))
    sys.exit(3 if any(one.wrong for one in results) else 0)
