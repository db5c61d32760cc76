"""Declares the commands that print tables: rule and matrix. Imports nothing that they need to run."""

from __future__ import annotations

from reviewbot.cli.arguments.b4 import AddCommand, Commands


def _add_rule(commands: Commands, add_command: AddCommand) -> None:
    rule = add_command(commands, "rule", "list the rules, or explain one")
    rule.add_argument("id", metavar="ID", nargs="?", help="a rule, as remarks name it (default: list all)")


def _add_matrix(commands: Commands, add_command: AddCommand) -> None:
    matrix = add_command(commands, "matrix", "show the flag-scope matrix, or one flag or scope of it")
    matrix.add_argument("name", metavar="FLAG|SCOPE", nargs="?", help="such as __GFP_NOFAIL, memalloc_nofs_save")


KNOWN = {"rule": _add_rule, "matrix": _add_matrix}
