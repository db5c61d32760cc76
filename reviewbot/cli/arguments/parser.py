"""Makes the parser of the whole command line.

Only the command that the first word names gets its options. Imports nothing that a command needs to run.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NoReturn

from reviewbot import __version__
from reviewbot.cli import streams
from reviewbot.cli.arguments import b4, explain, mistakes, patchwork
from reviewbot.cli.arguments import index as indexargs
from reviewbot.cli.arguments import local as localargs
from reviewbot.cli.arguments import mcp as mcpargs
from reviewbot.cli.arguments import reach as reachargs
from reviewbot.cli.arguments import watch as watchargs
from reviewbot.cli.arguments.help import ABOUT, EXAMPLES, EXIT_CODES, RANGE, RANGE_EXAMPLES, THREAD, THREAD_EXAMPLES
from reviewbot.cli.arguments.lists import drafts as draftargs
from reviewbot.model.review import CONFIDENCES, SEVERITIES
from reviewbot.report.registry import FORMATS, NAMES
from reviewbot.report.unread import UNREAD


class _Parser(argparse.ArgumentParser):
    """A parser that prints through cli.streams: a script may pass words of a message to it."""

    @property
    def commands(self) -> Mapping[str, argparse.ArgumentParser]:
        """The parsers of the commands that it has, by name."""
        return next((each.choices for each in self._actions if isinstance(each, argparse._SubParsersAction)), {})

    def print_help(self, _file: object = None) -> None:
        streams.put(self.format_help())

    def error(self, message: str) -> NoReturn:
        streams.say(f"{self.prog}: {mistakes.plain(message, self._option_string_actions)} ({self.prog} --help)")
        raise SystemExit(2)


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        streams.put(f"reviewbot {__version__}\n")
        parser.exit()


def options_of(words: Sequence[str]) -> argparse.Namespace:
    """The options of a command line, without the program's name. Raises SystemExit once it has said what is wrong."""
    whole = parser(words[0] if words else "")
    options, rest = whole.parse_known_args(words)
    if rest:
        whole.commands[options.command].error(f"unrecognized arguments: {' '.join(rest)}")
    return options


def parser(first: str = "") -> _Parser:
    """The parser. If `first`, the first word, is a command, it has the options of that alone, which takes less time."""
    whole = _Parser(
        prog="reviewbot",
        description=ABOUT,
        epilog=EXAMPLES + EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    whole.add_argument("--version", action=_Version, nargs=0, help="show its version and end")
    base: argparse.ArgumentParser = whole  # whose subparsers are of no special class to a type checker
    commands = base.add_subparsers(prog="reviewbot", dest="command", metavar="COMMAND", required=True)
    known: dict[str, Callable[[b4.Commands], None]] = {
        "thread": _add_thread,
        "local": _add_local,
        "range": _add_range,
        **{name: partial(add, add_command=_add_command) for name, add in explain.KNOWN.items()},
        "reach": partial(reachargs.add_reach, add_command=_add_command),
        "index": _add_index,
        "watch": partial(watchargs.add_watch, add_command=_add_command),
        "drafts": partial(draftargs.add_drafts, add_command=_add_command),
        "mcp": partial(mcpargs.add_mcp, add_command=_add_command),
        **{name: partial(add, add_command=_add_command) for name, add in b4.KNOWN.items()},
    }
    for name in (first,) if first in known else known:
        known[name](commands)
    return whole


def _add_local(commands: b4.Commands) -> None:
    local = _add_command(commands, "local", "review your own changes", localargs.ABOUT, localargs.EXAMPLES)
    localargs.add(local, _add_output, _add_gate)


def _add_index(commands: b4.Commands) -> None:
    command = _add_command(
        commands, "index", "index a tree, to follow calls in it", indexargs.ABOUT, indexargs.EXAMPLES
    )
    indexargs.add(command)


def _add_command(
    commands: b4.Commands,
    name: str,
    help_: str,
    description: str = "",
    examples: str = "",
) -> argparse.ArgumentParser:
    """Add a command with the options that all commands share."""
    command = commands.add_parser(
        name,
        help=help_,
        description=description or f"{help_[0].upper()}{help_[1:]}.",
        epilog=examples + EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    shared = command.add_argument_group("shared options")
    shared.add_argument("--kernel", metavar="VERSION", help="kernel version to check against, such as 6.12")
    shared.add_argument(
        "--rules",
        metavar="DIR",
        type=Path,
        action="append",
        default=[],
        help="additional rules directory (repeatable)",
    )
    shared.add_argument("--config", metavar="FILE", type=Path, help="instead of ~/.config/reviewbot/config.toml")
    loudness = shared.add_mutually_exclusive_group()
    loudness.add_argument("-v", "--verbose", action="store_true", help="show progress on stderr")
    loudness.add_argument("-q", "--quiet", action="store_true", help="only errors on stderr")
    return command


def _add_thread(commands: b4.Commands) -> None:
    thread = _add_command(commands, "thread", "review a thread of a mailing list", THREAD, THREAD_EXAMPLES)
    thread.add_argument("source", metavar="SOURCE", help="a message id, a URL, an mbox, a mail, a maildir, or -")
    thread.add_argument("--of-mail", action="store_true", help="SOURCE is one mail: review the thread it belongs to")
    thread.add_argument(
        "--tree", metavar="PATH", type=Path, help="kernel git tree, to read whole files instead of hunks only"
    )
    thread.add_argument("--base", metavar="REV", help="apply the series to this commit of the tree")
    indexargs.add_switch(thread)
    thread.add_argument("--drafts", metavar="DIR", type=Path, help="write reply drafts into this maildir")
    thread.add_argument("--again", action="store_true", help="with --drafts: also write those that you sent or deleted")
    _add_output(thread, NAMES, f"{', '.join(NAMES)} (the drafts, as an mbox)")
    _add_gate(thread)
    patchwork.add(thread)


def _add_range(commands: b4.Commands) -> None:
    command = _add_command(commands, "range", "review commits of a git repository", RANGE, RANGE_EXAMPLES)
    command.add_argument("range", metavar="RANGE", nargs="?", help="BASE..TIP, or one commit")
    command.add_argument(
        "--since-merge-base", metavar="BRANCH", help="what HEAD (or COMMIT) has and BRANCH had not when they parted"
    )
    command.add_argument("--tree", metavar="PATH", type=Path, help="repository to use instead of the current one")
    indexargs.add_switch(command)
    _add_output(command, tuple(FORMATS), ", ".join(FORMATS))
    _add_gate(command)
    patchwork.add(command)


def _add_output(command: argparse.ArgumentParser, names: Sequence[str], listed: str) -> None:
    """Add the options that say which remarks of a command go where."""
    command.add_argument("--format", metavar="NAME", choices=names, help=f"output format on stdout: {listed}")
    command.add_argument(
        "--output",
        metavar="NAME=FILE",
        action="append",
        default=[],
        help="write that format to FILE (- for stdout, repeatable)",
    )
    command.add_argument("--min-severity", choices=SEVERITIES, help="hide remarks below this severity")
    command.add_argument("--min-confidence", choices=CONFIDENCES, help="hide remarks below this confidence")
    command.add_argument("--explain", action="store_true", help="also show the text that a draft would use")
    explain.add_color(command)


def _add_gate(command: argparse.ArgumentParser) -> None:
    """Add the options that decide on the exit code of a command."""
    gate = command.add_argument_group("as a gate")
    verdict = gate.add_mutually_exclusive_group()
    verdict.add_argument(
        "--fail-on", choices=(*reversed(SEVERITIES), "never"), help="lowest severity that makes the exit code 1"
    )
    verdict.add_argument("--exit-zero", action="store_true", help="the same as --fail-on never")
    gate.add_argument(
        "--unread",
        choices=UNREAD,
        help="what to do if not all could be read: say it, or exit with 3",
    )
    gate.add_argument("--baseline", metavar="FILE", type=Path, help="known remarks to ignore")
    gate.add_argument(
        "--write-baseline",
        metavar="FILE",
        type=Path,
        help="write all remarks, plus those of --baseline, to FILE",
    )
