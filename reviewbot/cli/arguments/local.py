"""Declares the command local. Imports nothing that it needs to run."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from reviewbot.cli.arguments.index import add_switch
from reviewbot.report.registry import LOCAL

ABOUT = """\
Review what you are about to send: the commits that are not upstream yet, what
is staged, and what is not, each as a patch of its own. Or patch files, before
they are sent. Nothing of the repository is changed, and no hook of it is run.

Which commits those are is known by b4, where it prepares the branch, else by
the upstream of the branch, else by the default branch of the remote; -v says
which, and --base REV says it yourself.

PATCH is what git format-patch, diff, or a mail program wrote: several files
are one series, in order. They are applied to the repository around the current
folder, in a temporary place, where that fits; else their hunks are read.
"""

EXAMPLES = """\
examples:
  reviewbot local                        all that is not upstream
  reviewbot local --staged               what git commit would take
  reviewbot local -e                     and open the editor at each remark
  reviewbot local --explain --base v6.12
  reviewbot local outgoing/*.patch
  git diff | reviewbot local -
  reviewbot local --staged -q --fail-on warning      in .git/hooks/pre-commit
  vim -q <(reviewbot local)              what it prints is a quickfix list

"""


def add(command: argparse.ArgumentParser, add_output: Callable[..., None], add_gate: Callable[..., None]) -> None:
    """Add the options of `local`. The two functions add those that it shares with other commands."""
    command.add_argument("patches", metavar="PATCH", nargs="*", help="patch files, in order, instead of your changes")
    command.add_argument("--staged", action="store_true", help="only what is staged, as for a pre-commit hook")
    command.add_argument("--base", metavar="REV", help="what your commits go on from, or what PATCH applies to")
    command.add_argument("--untracked", action="store_true", help="files that git does not know yet as well")
    command.add_argument("-e", "--edit", action="store_true", help="open the editor of git at the remarks")
    command.add_argument("--tree", metavar="PATH", type=Path, help="that repository, not the one around this folder")
    add_switch(command)
    add_output(command, tuple(LOCAL), ", ".join(LOCAL))
    add_gate(command)
