"""Declares the command index. Imports nothing that it needs to run."""

from __future__ import annotations

import argparse
from pathlib import Path

ABOUT = """\
Note what every C file of a tree says: which functions it defines, what they
call, hold and ask for. With it, thread --tree, range, local and b4 follow calls
through the whole tree; without, through the folders that a patch touches. It is
used by itself where it is there (--no-index goes without), and never made
unasked.

It is one file in the cache of this user, for all repositories. A tree that is
much like one that was noted needs no index of its own: what differs is read.
Run it again after a large pull: only contents that it has not seen are read.
It can be deleted at any time.
"""

EXAMPLES = """\
examples:
  reviewbot index                        the commit that is checked out
  reviewbot index v6.12 --tree ~/linux
  reviewbot index --status
  reviewbot index --remove

"""


def add(command: argparse.ArgumentParser) -> None:
    """Add the options of `index`."""
    command.add_argument("revision", metavar="REV", nargs="?", help="a commit, HEAD if none is named")
    command.add_argument("--tree", metavar="PATH", type=Path, help="that repository, not the one around this folder")
    asked = command.add_mutually_exclusive_group()
    asked.add_argument(
        "--status", action="store_true", help="say what is noted, how old it is, and how much space it takes"
    )
    asked.add_argument("--remove", action="store_true", help="delete it")


def add_switch(command: argparse.ArgumentParser) -> None:
    """Add the option of commands that use the index."""
    command.add_argument("--no-index", action="store_true", help="follow calls without the index, in the same folders")
