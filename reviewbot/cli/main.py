"""The command line in, an exit code out; results go to stdout, everything else to stderr.

Every exception becomes an exit code here and nowhere else. Commands are imported when they run:
--help, --version and a typing mistake answer at once.
"""

from __future__ import annotations

import argparse
import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import NoReturn

from reviewbot import __version__
from reviewbot.cli import streams
from reviewbot.cli.arguments import b4, explain, patchwork
from reviewbot.cli.arguments import local as localargs
from reviewbot.model import CONFIDENCES, SEVERITIES, ReviewbotError, UsageError
from reviewbot.report.registry import FORMATS, NAMES
from reviewbot.report.unread import UNREAD

STOPS = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated", signal.SIGHUP: "hung up"}
STOPPED = 128  # and the number of the signal
PATIENCE = 5  # seconds after a signal in which another one does not disturb the clearing up
PIPE_CLOSED = 141  # 128 + SIGPIPE: who read the output had enough of it
UNEXPECTED = 3
GARBAGE = 50_000  # new objects after which garbage is looked for; a tenth of a check went into that

EXIT_CODES = """\
exit codes:
  0    reviewed, and nothing at or above the bar, or nothing there to review
  1    reviewed, and there are remarks (of the severity that --fail-on names)
  2    the command line or a configuration file cannot be meant
  3    could not look: no answer from the server, no patch in the mail, ...
       or looked, and could not post a check, or did not see everything and
       that is to fail (--unread); whatever the remarks are
  129  hung up (SIGHUP), as when the terminal is closed
  130  interrupted (SIGINT)
  143  terminated (SIGTERM)
"""

ABOUT = """\
Reviews Linux kernel patches for one thing: what a memory allocation may do
where it stands (GFP flags, memalloc_*_save() scopes, locks around it).
It writes text, reply drafts, and reports that CI systems and other programs
read. It never sends mail, and posts nothing unless --patchwork says where to.
"""

EXAMPLES = """\
examples:
  reviewbot thread series.mbox                   remarks on a saved thread
  reviewbot thread 20240610.1-1-a@example.org    fetch that thread first
  reviewbot thread series.mbox --drafts replies  and write replies to send
  git format-patch --stdout -3 | reviewbot thread -
  reviewbot range origin/master..HEAD            the commits of a branch
  reviewbot local                                what you are about to send
  reviewbot rule scope-leak                      why it says what it says
  reviewbot matrix __GFP_NOFAIL                  which scopes may touch a flag
  reviewbot setup b4                             make b4 run it on its patches

"""

THREAD = """\
Take the newest whole version of the series in SOURCE and say what its added
lines do wrong. A remark appears if it is sure enough for where it goes: see
[surface] in config.toml, or --min-confidence.

SOURCE is one of
  a message id    20240610.1-1-a@example.org, with or without <>
  a URL           of a message on lore.kernel.org or another allowed host
  a file          an mbox, or a single mail as saved by a mail program
  a folder        a maildir
  -               any of these two files, on standard input
"""

THREAD_EXAMPLES = """\
examples:
  reviewbot thread https://lore.kernel.org/all/20240610.1-1-a@example.org/
  reviewbot thread --kernel 6.12 --explain series.mbox
  reviewbot thread --tree ~/linux series.mbox
  reviewbot thread --format json series.mbox | jq '.patches[].findings[].rule'
  reviewbot thread --output sarif=review.sarif --output junit=t.xml series.mbox
  reviewbot thread --drafts replies series.mbox
  mutt -e 'set postponed=replies' -p     read, edit, and send them yourself
  reviewbot thread series.mbox --dry-run --patchwork https://pw.example.org

"""


RANGE = """\
Review commits of the git repository around the current folder, oldest first,
each against its parent and with whole files. What a later commit of the range
mends is named as resolved. Merges are skipped, and said so.

RANGE is one of
  BASE..TIP       the commits that are in TIP and not in BASE (HEAD where one
                  side is left out); BASE...TIP is refused, for it means two
                  things to git
  COMMIT          that one, against its parent; also beside --since-merge-base,
                  then all from there to it
"""

RANGE_EXAMPLES = """\
examples:
  reviewbot range origin/master..HEAD
  reviewbot range HEAD                           the last commit
  reviewbot range --since-merge-base v6.12       all since this left v6.12
  reviewbot range --tree ~/linux v6.12..v6.13 --format json
  reviewbot range main.. --output sarif=review.sarif --fail-on error
  reviewbot range main.. --write-baseline known.json   what is not news
  reviewbot range main.. --baseline known.json         and then what is

"""


class _Stopped(BaseException):
    """A signal asked for the end; no Exception, so that nothing but what clears up has a part in it."""

    def __init__(self, number: int) -> None:
        self.number = signal.Signals(number)


def entry() -> NoReturn:
    """What the installed `reviewbot` runs."""
    gc.set_threshold(GARBAGE)
    streams.open_closed_streams()
    code = main()
    streams.settle(drop=code >= STOPPED)
    if sys.getprofile() is None and sys.gettrace() is None:  # those write at the end what they have seen
        os._exit(code)  # main() has cleared up; to take the modules apart costs as much as the review of a patch
    raise SystemExit(code)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line; `argv` is without the program's name. Raises nothing: all becomes an exit code.

    A program may call it as often as it likes, in its main thread. sys.stdin, sys.stdout and sys.stderr may be anything
    that reads or writes text; they, the handlers of signals and the environment are afterwards as they were.
    """
    verbose = False
    try:
        with _stoppable():
            options = _parsed(argv)
            if isinstance(options, int):
                code = options
            else:
                verbose = options.verbose
                code = _run(options)
            streams.finish()
    except ReviewbotError as error:
        return _complain(str(error), error.exit_code)
    except _Stopped as stop:
        return _complain(STOPS[stop.number], STOPPED + stop.number)
    except streams.ReaderGone:
        return PIPE_CLOSED
    except OSError as error:
        return _complain(f"cannot go on: {error}", UNEXPECTED)
    except Exception as error:  # noqa: BLE001 - the last place that can turn one into a clear line
        return _unexpected(error, verbose)
    return code


def _parsed(argv: Sequence[str] | None) -> argparse.Namespace | int:
    """The options; an exit code where argparse has printed the help, or what was wrong."""
    try:
        words = sys.argv[1:] if argv is None else argv
        return _parser(words[0] if words else "").parse_args(words)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 2


@contextmanager
def _stoppable() -> Iterator[None]:
    """Let a signal end the work as an exception does, so that all is cleared up; not one that is ignored (nohup)."""
    last = -float(PATIENCE)

    def stop(number: int, _frame: FrameType | None) -> None:
        nonlocal last
        if time.monotonic() - last >= PATIENCE:  # a closed terminal sends two of them
            last = time.monotonic()
            raise _Stopped(number)

    if threading.current_thread() is not threading.main_thread():
        raise UsageError("only the main thread of a program can run this: what takes too long is ended by a signal")
    # one that was not installed from Python (None) could not be put back
    before = {number: handler for number in STOPS if (handler := signal.getsignal(number)) is not None}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _run(options: argparse.Namespace) -> int:
    if options.command == "thread":
        from reviewbot.cli.commands.thread import thread

        return thread(options)
    if options.command == "range":
        from reviewbot.cli.commands.range import range_

        return range_(options)
    if options.command == "check":
        from reviewbot.cli.commands.b4_check import b4_check

        return b4_check(options)
    if options.command == "agent":
        from reviewbot.cli.commands.b4_agent import agent

        return agent(options)
    if options.command == "setup":
        from reviewbot.cli.commands.b4_setup import setup

        return setup(options)
    if options.command == "local":
        from reviewbot.cli.commands.local import local

        return local(options)
    from reviewbot.cli.commands import explain as tables

    return tables.print_rule(options) if options.command == "rule" else tables.print_matrix(options)


def _complain(text: str, code: int) -> int:
    streams.say(f"reviewbot: {text}")
    return code


def _unexpected(error: Exception, verbose: bool) -> int:
    import traceback

    if verbose:
        for line in "".join(traceback.format_exception(error)).splitlines():
            streams.say(line)
    frame = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(frame.filename).name}:{frame.lineno}"
    more = "" if verbose else "; -v shows more"
    what = f"{type(error).__name__} at {where}: {error}"
    return _complain(
        f"a mistake of reviewbot's own, please report it with the mail it was given: {what}{more}", UNEXPECTED
    )


# --- arguments ---


class _Parser(argparse.ArgumentParser):
    """One that speaks as all else does, of what may come from a script that was handed a mail's words."""

    def print_help(self, _file: object = None) -> None:
        streams.put(self.format_help())

    def error(self, message: str) -> NoReturn:
        for line in self.format_usage().splitlines():
            streams.say(line)
        streams.say(f"{self.prog}: error: {message}")
        raise SystemExit(2)


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        streams.put(f"reviewbot {__version__}\n")
        parser.exit()


def _parser(first: str = "") -> argparse.ArgumentParser:
    """What reads a command line; where its first word is a command it knows that one alone, which takes less time."""
    parser: argparse.ArgumentParser = _Parser(
        prog="reviewbot",
        description=ABOUT,
        epilog=EXAMPLES + EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show its version and end")
    commands = parser.add_subparsers(prog="reviewbot", dest="command", metavar="COMMAND", required=True)
    known: dict[str, Callable[[b4.Commands], None]] = {
        "thread": _add_thread,
        "range": _add_range,
        **{name: partial(add, add_command=_add_command) for name, add in b4.KNOWN.items()},
        "local": _add_local,
        **{name: partial(add, add_command=_add_command) for name, add in explain.KNOWN.items()},
    }
    for name in (first,) if first in known else known:
        known[name](commands)
    return parser


def _add_local(commands: b4.Commands) -> None:
    local = _add_command(commands, "local", "review what you are about to send", localargs.ABOUT, localargs.EXAMPLES)
    localargs.add(local, _add_output, _add_gate)


def _add_command(
    commands: b4.Commands,
    name: str,
    help_: str,
    description: str = "",
    examples: str = "",
) -> argparse.ArgumentParser:
    """A command with the options that all of them share."""
    command = commands.add_parser(
        name,
        help=help_,
        description=description or f"{help_[0].upper()}{help_[1:]}.",
        epilog=examples + EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    shared = command.add_argument_group("shared options")
    shared.add_argument("--kernel", metavar="VERSION", help="judge by this kernel version, such as 6.12")
    shared.add_argument(
        "--rules",
        metavar="DIR",
        type=Path,
        action="append",
        default=[],
        help="rules and facts of your own (repeatable)",
    )
    shared.add_argument("--config", metavar="FILE", type=Path, help="instead of ~/.config/reviewbot/config.toml")
    loudness = shared.add_mutually_exclusive_group()
    loudness.add_argument("-v", "--verbose", action="store_true", help="say on stderr what is being done")
    loudness.add_argument("-q", "--quiet", action="store_true", help="nothing on stderr but errors")
    return command


def _add_thread(commands: b4.Commands) -> None:
    thread = _add_command(commands, "thread", "review a thread of a mailing list", THREAD, THREAD_EXAMPLES)
    thread.add_argument("source", metavar="SOURCE", help="a message id, a URL, an mbox, a mail, a maildir, or -")
    thread.add_argument(
        "--tree", metavar="PATH", type=Path, help="a git tree of the kernel: see whole files, not hunks alone"
    )
    thread.add_argument("--base", metavar="REV", help="apply the series to this commit of the tree")
    thread.add_argument("--drafts", metavar="DIR", type=Path, help="write replies into this maildir (made if missing)")
    thread.add_argument("--again", action="store_true", help="with --drafts: also those that were written and are gone")
    _add_output(thread, NAMES, f"{', '.join(NAMES)} (the drafts, as an mbox)")
    _add_gate(thread)
    patchwork.add(thread)


def _add_range(commands: b4.Commands) -> None:
    command = _add_command(commands, "range", "review commits of a git repository", RANGE, RANGE_EXAMPLES)
    command.add_argument("range", metavar="RANGE", nargs="?", help="BASE..TIP, or one commit")
    command.add_argument(
        "--since-merge-base", metavar="BRANCH", help="what HEAD (or COMMIT) has since it left that branch"
    )
    command.add_argument("--tree", metavar="PATH", type=Path, help="that repository, not the one around this folder")
    _add_output(command, tuple(FORMATS), ", ".join(FORMATS))
    _add_gate(command)
    patchwork.add(command)


def _add_output(command: argparse.ArgumentParser, names: Sequence[str], listed: str) -> None:
    """Where the remarks of a command go, and which of them."""
    command.add_argument("--format", metavar="NAME", choices=names, help=f"on stdout: {listed}")
    command.add_argument(
        "--output",
        metavar="NAME=FILE",
        action="append",
        default=[],
        help="that format into a file, - for stdout (repeatable)",
    )
    command.add_argument("--min-severity", choices=SEVERITIES, help="leave out what is less bad")
    command.add_argument("--min-confidence", choices=CONFIDENCES, help="leave out what is less sure")
    command.add_argument("--explain", action="store_true", help="with each remark, the question a draft asks")
    command.add_argument(
        "--color", choices=("auto", "always", "never"), default="auto", help="NO_COLOR in the environment: never"
    )


def _add_gate(command: argparse.ArgumentParser) -> None:
    """What makes a command's exit code 1."""
    gate = command.add_argument_group("as a gate")
    verdict = gate.add_mutually_exclusive_group()
    verdict.add_argument(
        "--fail-on", choices=(*reversed(SEVERITIES), "never"), help="how bad a remark must be for the exit code 1"
    )
    verdict.add_argument("--exit-zero", action="store_true", help="the same as --fail-on never")
    gate.add_argument(
        "--unread", choices=UNREAD, help="whether something that was not looked at is the exit code 3, or only said"
    )
    gate.add_argument("--baseline", metavar="FILE", type=Path, help="remarks that are known and not raised again")
    gate.add_argument(
        "--write-baseline", metavar="FILE", type=Path, help="put all remarks there, with those of --baseline"
    )
