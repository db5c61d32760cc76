"""The options of `reviewbot watch`, and its texts."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from reviewbot.cli.arguments.b4 import AddCommand, Commands

ABOUT = """\
Watch mailing lists: read what is new, review what is due, and keep drafts of
replies for a person to read. One pass, for a timer; with --every it stays.
The lists stand in config.toml, each in a table [[list]].

It sends nothing. `reviewbot drafts` shows what it has drafted.
"""

EXAMPLES = """\
examples:
  reviewbot watch                    one pass over all lists
  reviewbot watch --every 10m        a pass every ten minutes
  reviewbot watch --list linux-mm    that list alone
  reviewbot watch --status           what it waits for
  reviewbot watch --replay linux-mm.git --memory old.sqlite
                                     a whole archive, as if it came in now

"""

_TIME = re.compile(r"([1-9][0-9]{0,5})(s|m|h|d)?")
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, None: 60}


def add_watch(commands: Commands, add_command: AddCommand) -> None:
    """Add the command with its options."""
    command = add_command(commands, "watch", "watch mailing lists and draft replies", ABOUT, EXAMPLES)
    command.add_argument(
        "--list", metavar="NAME", action="append", default=[], help="only the list of that name (repeatable)"
    )
    command.add_argument("--every", metavar="TIME", type=_time, help="stay, and do a pass every 90s, 10m, 2h or 1d")
    command.add_argument("--status", action="store_true", help="show what is waited for, and end")
    command.add_argument(
        "--replay",
        metavar="ARCHIVE",
        help="review a whole clone, maildir or mbox as if it came in now",
    )
    command.add_argument(
        "--executor",
        metavar="NAME",
        type=_executor,
        default="processes",
        help="with --replay: processes of this machine (the default), or dask[:ADDRESS] of a scheduler",
    )
    add_memory(command)


def add_memory(command: argparse.ArgumentParser) -> None:
    """Add the option of commands that use the memory."""
    command.add_argument("--memory", metavar="FILE", type=Path, help="memory to use instead of the usual one")


def _executor(text: str) -> str:
    if text != "processes" and text.partition(":")[0] != "dask":
        raise argparse.ArgumentTypeError(f"{text!r} is neither processes nor dask[:ADDRESS]")
    return text


def _time(text: str) -> float:
    """A time in seconds; without a letter it is in minutes."""
    found = _TIME.fullmatch(text.strip())
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no time (write it like 90s, 10m, 2h or 1d)")
    return float(found[1]) * _SECONDS[found[2]]
