"""Declares `reviewbot drafts` and what it does with drafts. Imports nothing that this needs to run."""

from __future__ import annotations

from reviewbot.cli.arguments.b4 import AddCommand, Commands
from reviewbot.cli.arguments.lists.web import add_web

ABOUT = "Work on the replies that wait in the memory.\n"


def add_drafts(commands: Commands, add_command: AddCommand) -> None:
    """Add the command, with a command of its own for each thing to do."""
    drafts = add_command(commands, "drafts", "read, edit, approve and send replies", ABOUT)
    actions = drafts.add_subparsers(prog="reviewbot drafts", dest="action", metavar="COMMAND", required=True)
    add_web(actions, add_command)
