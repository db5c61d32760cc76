"""Declares the command drafts web. Imports nothing that it needs to run."""

from __future__ import annotations

import argparse

from reviewbot.cli.arguments.b4 import AddCommand, Commands

_LAST_PORT = 65535

ABOUT = """\
Show the drafts that wait in your browser: the mail, the patch with the remarks
in place, what they rest on. You approve, edit or drop them there; press ? for
the keys. Nothing is sent: `reviewbot drafts send` does that.

It prints an address and serves it until you press Ctrl-C. Only this machine is
answered, and only who knows the address.
"""

EXAMPLES = """\
examples:
  reviewbot drafts web --open
  reviewbot drafts web --port 8017     the same port each time, for ssh -L

"""


def _port(text: str) -> int:
    number = int(text) if text.isascii() and text.isdecimal() and len(text) <= len(str(_LAST_PORT)) else -1
    if not 0 <= number <= _LAST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: it is a number up to {_LAST_PORT}")
    return number


def add_web(commands: Commands, add_command: AddCommand) -> None:
    """Add the command with its options."""
    command = add_command(commands, "web", "decide about drafts in a browser", ABOUT, EXAMPLES)
    command.add_argument(
        "--port", metavar="PORT", type=_port, default=0, help="the port to listen on, else one that is free"
    )
    command.add_argument("--open", action="store_true", help="open your browser there")
