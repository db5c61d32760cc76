"""Declares the command index. Imports nothing that it needs to run."""

from __future__ import annotations

import argparse
from pathlib import Path

ABOUT = """\
Read every C file of a tree and note its functions: what they call, which locks
they hold, what they allocate. With an index, thread --tree, range, local and b4
follow calls through the whole tree, without one only through the folders that a
patch touches. An index is used where there is one (unless --no-index says
otherwise), and never built unasked.

It is one file in your cache, for all repositories. A tree that is much like an
indexed one needs no index of its own. After a large pull, run it again: it only
reads contents that it has not seen. You can delete it at any time.
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
    command.add_argument("--tree", metavar="PATH", type=Path, help="repository to use instead of the current one")
    asked = command.add_mutually_exclusive_group()
    asked.add_argument("--status", action="store_true", help="show what is indexed, how old it is and how large")
    asked.add_argument("--remove", action="store_true", help="delete it")


def add_switch(command: argparse.ArgumentParser) -> None:
    """Add the option of commands that use the index."""
    command.add_argument("--no-index", action="store_true", help="follow calls in the same folders only")
