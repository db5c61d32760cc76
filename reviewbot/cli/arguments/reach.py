"""Declares the command reach. Imports nothing that it needs to run."""

from __future__ import annotations

from pathlib import Path

from reviewbot.cli.arguments.b4 import AddCommand, Commands
from reviewbot.cli.arguments.index import add_switch

SCOPES = ("atomic", "nofs", "noio", "noreclaim")
FORMATS = ("text", "json")

ABOUT = """\
Say what a function reaches that breaks in a scope; with --callers, who calls it
while it is in that scope. It is the question of a review, asked by hand: calls
are followed as far as thread and range follow them, and what these would not
remark on is not told either. That nothing is found proves nothing.

The scopes:
  atomic       nothing may sleep
  nofs         reclaim must not enter a file system
  noio         reclaim must not wait for I/O
  noreclaim    reclaim must not be entered at all
The last three are about code that no memalloc scope protects yet: what is found
is what such a scope would have to cover.

With an index (reviewbot index) calls are followed through the whole tree, else
through the folder of the file that defines the function.
"""

EXAMPLES = """\
examples:
  reviewbot reach register_console
  reviewbot reach register_console v6.12 --tree ~/linux --scope noreclaim
  reviewbot reach bio_alloc_bioset --callers
  reviewbot reach probe --file drivers/exfoo/main.c     one of several
  reviewbot reach register_console --format json | jq '.answers[].chain'

"""


def add_reach(commands: Commands, add_command: AddCommand) -> None:
    """Add the command with its options."""
    command = add_command(commands, "reach", "say what a function reaches, or who calls it", ABOUT, EXAMPLES)
    command.add_argument("function", metavar="FUNCTION", help="its name")
    command.add_argument("revision", metavar="REV", nargs="?", help="a commit, HEAD if none is named")
    command.add_argument("--scope", choices=SCOPES, default=SCOPES[0], help=f"where it is called ({SCOPES[0]})")
    command.add_argument("--callers", action="store_true", help="who calls it there, not what it reaches")
    command.add_argument("--file", metavar="PATH", help="the file of the tree that defines it, where several do")
    command.add_argument("--tree", metavar="PATH", type=Path, help="that repository, not the one around this folder")
    add_switch(command)
    command.add_argument("--format", metavar="NAME", choices=FORMATS, default=FORMATS[0], help=", ".join(FORMATS))
