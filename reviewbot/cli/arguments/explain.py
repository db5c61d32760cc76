"""Declares what shows what is known: rule, matrix, explain, schema and pages. Imports nothing that they need."""

from __future__ import annotations

import argparse
from pathlib import Path

from reviewbot.cli.arguments.b4 import AddCommand, Commands

FORMATS = ("text", "json")
COLORS = ("auto", "always", "never")
SCHEMAS = ("review", "explain", "rule", "matrix", "reach", "drafts", "stats")

EXPLAIN = """\
Print all that a saved report says of one remark: where it stands, the question,
why it matters, what to do, the lines and calls that show it, and the sources.
FINGERPRINT is what JSON, SARIF and GitLab reports name the remark by; its first
four digits are enough if no other remark of the report begins with them.
"""

EXPLAIN_EXAMPLES = """\
examples:
  reviewbot thread series.mbox --format json > review.json
  reviewbot explain ad91480f --report review.json
  reviewbot thread series.mbox --format json | reviewbot explain ad91 --report -

"""

SCHEMA = """\
Print the JSON Schema (2020-12) of what --format json prints. Without KIND it is
the whole file, of which each kind is a part.
"""

SCHEMA_EXAMPLES = """\
examples:
  reviewbot schema review > review.schema.json
  reviewbot thread series.mbox --format json > review.json
  check-jsonschema --schemafile review.schema.json review.json

"""


def _add_rule(commands: Commands, add_command: AddCommand) -> None:
    rule = add_command(commands, "rule", "list the rules, or explain one")
    rule.add_argument("id", metavar="ID", nargs="?", help="a rule, as remarks name it (default: list all)")
    rule.add_argument("--rows", action="store_true", help="also show the data of the check, and the known functions")
    rule.add_argument("--stats", action="store_true", help="what became of what it asked in drafts, and its precision")
    _add_format(rule)
    _add_names(rule)
    add_color(rule)


def _add_matrix(commands: Commands, add_command: AddCommand) -> None:
    matrix = add_command(commands, "matrix", "show the flag-scope matrix, or one flag or scope of it")
    matrix.add_argument("name", metavar="FLAG|SCOPE", nargs="?", help="such as __GFP_NOFAIL, memalloc_nofs_save")
    _add_format(matrix)
    _add_names(matrix)
    add_color(matrix)


def _add_explain(commands: Commands, add_command: AddCommand) -> None:
    command = add_command(commands, "explain", "print one remark of a saved report", EXPLAIN, EXPLAIN_EXAMPLES)
    command.add_argument("fingerprint", metavar="FINGERPRINT", help="that of the remark, or its first digits")
    command.add_argument("--report", metavar="FILE", type=Path, help="a report by --format json; - for stdin")
    _add_format(command)


def _add_schema(commands: Commands, add_command: AddCommand) -> None:
    command = add_command(commands, "schema", "print the schema of the JSON output", SCHEMA, SCHEMA_EXAMPLES)
    command.add_argument("kind", metavar="KIND", nargs="?", choices=SCHEMAS, help=", ".join(SCHEMAS))


def add_color(command: argparse.ArgumentParser) -> None:
    """Add the option that says whether text is coloured."""
    command.add_argument("--color", choices=COLORS, default=COLORS[0], help="auto: on a terminal without NO_COLOR")


def _add_names(command: argparse.ArgumentParser) -> None:
    command.add_argument("--names", action="store_true", help="only the names, one per line (for shell completion)")


def _add_format(command: argparse.ArgumentParser) -> None:
    command.add_argument("--format", metavar="NAME", choices=FORMATS, default=FORMATS[0], help=", ".join(FORMATS))


PAGES = """\
Write web pages into DIR: one for each rule, the flag-scope matrix, and the
scopes. They need no server and ask nobody for anything. All kernel versions are
on them; with --kernel, that one is chosen when a page is opened. Pages of an
earlier run are replaced, and files of others in DIR stay as they are.
"""

PAGES_EXAMPLES = """\
examples:
  reviewbot pages public
  reviewbot pages public --kernel 6.12 --rules my-rules

"""


def _add_pages(commands: Commands, add_command: AddCommand) -> None:
    pages = add_command(commands, "pages", "write web pages on the rules and the matrix", PAGES, PAGES_EXAMPLES)
    pages.add_argument("folder", metavar="DIR", type=Path, help="where they go (made if missing)")


KNOWN = {
    "rule": _add_rule,
    "matrix": _add_matrix,
    "explain": _add_explain,
    "schema": _add_schema,
    "pages": _add_pages,
}
