"""Runs reviewbot as a process: what the installed `reviewbot` and `python -m reviewbot` start.

The whole process is ours here, unlike in cli.main.main(), which a program may call.
"""

from __future__ import annotations

import gc
import os
import sys
from typing import NoReturn

_GARBAGE = 50_000  # new objects after which garbage is looked for; a tenth of a check went into that


def entry() -> NoReturn:
    """Run the command line of this process, and end it with its exit code."""
    gc.set_threshold(_GARBAGE)  # before the imports, which make most of the objects
    from reviewbot.cli import streams
    from reviewbot.cli.main import STOPPED, main

    streams.open_closed_streams()
    code = main()
    streams.settle(drop=code >= STOPPED)
    if sys.getprofile() is None and sys.gettrace() is None:  # those write at the end what they have seen
        os._exit(code)  # main() has cleared up; to take the modules apart costs as much as the review of a patch
    raise SystemExit(code)


if __name__ == "__main__":
    entry()
