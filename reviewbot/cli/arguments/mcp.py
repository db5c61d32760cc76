"""Declares the command mcp. Imports nothing that it needs to run."""

from __future__ import annotations

import argparse
from pathlib import Path

from reviewbot.cli.arguments.b4 import AddCommand, Commands

_LAST_PORT = 65535

ABOUT = """\
Answer other programs by the Model Context Protocol on standard input and
output, so that a reviewer that is a language model can ask for evidence. The
tools are review_patch, explain_rule and matrix; with --tree also review_range
and reach. Nothing is written. Nothing is fetched, unless --lore allows it, and
of the files of this machine only those of the trees are read.

A program starts this server and ends it; docs/programs.md says how to tell it.
For programs that speak only HTTP, --listen PORT serves
http://127.0.0.1:PORT/mcp.
"""

EXAMPLES = """\
examples:
  reviewbot mcp
  reviewbot mcp --tree ~/linux --lore
  claude mcp add --transport stdio reviewbot -- reviewbot mcp --tree ~/linux

"""


def _port(text: str) -> int:
    number = int(text) if text.isascii() and text.isdecimal() else 0
    if not 0 < number <= _LAST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: it is a number from 1 to {_LAST_PORT}")
    return number


def add_mcp(commands: Commands, add_command: AddCommand) -> None:
    """Add the command with its options."""
    command = add_command(commands, "mcp", "answer language models (Model Context Protocol)", ABOUT, EXAMPLES)
    command.add_argument(
        "--tree",
        metavar="DIR",
        type=Path,
        action="append",
        default=[],
        help="a git tree that clients may ask about (repeatable; the first is the default)",
    )
    command.add_argument(
        "--listen",
        metavar="PORT",
        type=_port,
        help="by HTTP on 127.0.0.1 instead, with the token in $REVIEWBOT_MCP_TOKEN",
    )
    command.add_argument("--lore", action="store_true", help="clients may name message ids, fetched from [lore] url")
