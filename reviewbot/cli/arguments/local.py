"""Declares the command local. Imports nothing that it needs to run."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from reviewbot.cli.arguments.index import add_switch
from reviewbot.report.registry import LOCAL

ABOUT = """\
Review unsent work: commits that are not upstream, staged changes and unstaged
changes, each as one patch. Or patch files. The repository is not changed, and
none of its hooks is run.

The base is that of b4, if it prepares the branch, else the upstream of the
branch, else the default branch of the remote. -v shows it, --base sets it.

PATCH is a file from git format-patch, git diff or a mail program. Several files
are one series, in order. They are applied in a temporary place, to the
repository around the current folder; what does not apply is read as hunks.
"""

EXAMPLES = """\
examples:
  reviewbot local                        everything that is not upstream
  reviewbot local --staged               what git commit would record
  reviewbot local -e                     open the editor at each remark
  reviewbot local --explain --base v6.12
  reviewbot local outgoing/*.patch
  git diff | reviewbot local -
  reviewbot local --staged -q --fail-on warning      in .git/hooks/pre-commit
  vim -q <(reviewbot local)              use the output as a quickfix list

"""


def add(command: argparse.ArgumentParser, add_output: Callable[..., None], add_gate: Callable[..., None]) -> None:
    """Add the options of `local`. The two functions add those that it shares with other commands."""
    command.add_argument("patches", metavar="PATCH", nargs="*", help="review these patch files instead")
    command.add_argument("--staged", action="store_true", help="staged changes only, as for a pre-commit hook")
    command.add_argument("--base", metavar="REV", help="base of your changes, or commit that PATCH applies to")
    command.add_argument("--untracked", action="store_true", help="include untracked files")
    command.add_argument("-e", "--edit", action="store_true", help="open git's editor at each remark")
    command.add_argument("--tree", metavar="PATH", type=Path, help="repository to use instead of the current one")
    add_switch(command)
    add_output(command, tuple(LOCAL), ", ".join(LOCAL))
    add_gate(command)
