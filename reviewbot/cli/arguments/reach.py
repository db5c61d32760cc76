"""Declares the command reach. Imports nothing that it needs to run."""

from __future__ import annotations

from pathlib import Path

from reviewbot.cli.arguments.b4 import AddCommand, Commands
from reviewbot.cli.arguments.index import add_switch

SCOPES = ("atomic", "nofs", "noio", "noreclaim")
FORMATS = ("text", "json")

ABOUT = """\
Show what FUNCTION calls, directly or not, that breaks in a scope; with
--callers, who calls it inside that scope. Calls are followed, and results left
out, as thread and range do it. An empty answer is no proof.

The scopes:
  atomic       nothing may sleep
  nofs         reclaim must not enter a file system
  noio         reclaim must not wait for I/O
  noreclaim    reclaim must not be entered at all
The last three show what a memalloc scope around the call would have to cover.

With an index (reviewbot index) calls are followed through the whole tree,
without one through the folder of the file that defines the function.
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
    command = add_command(commands, "reach", "show what a function reaches, or who calls it", ABOUT, EXAMPLES)
    command.add_argument("function", metavar="FUNCTION", help="its name")
    command.add_argument("revision", metavar="REV", nargs="?", help="a commit, HEAD if none is named")
    command.add_argument(
        "--scope", choices=SCOPES, default=SCOPES[0], help=f"where it is called (default: {SCOPES[0]})"
    )
    command.add_argument("--callers", action="store_true", help="show who calls it there")
    command.add_argument("--file", metavar="PATH", help="file that defines it, where several do")
    command.add_argument("--tree", metavar="PATH", type=Path, help="repository to use instead of the current one")
    add_switch(command)
    command.add_argument("--format", metavar="NAME", choices=FORMATS, default=FORMATS[0], help=", ".join(FORMATS))
