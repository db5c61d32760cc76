"""Runs one command line and turns every error into an exit code.

Results go to standard output, all else to standard error. Every exception becomes an exit code here and nowhere else.
Commands are imported when they run: --help, --version and a typing mistake answer at once.
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from reviewbot.cli import streams
from reviewbot.cli.arguments.parser import options_of
from reviewbot.model.errors import ReviewbotError, UsageError

STOPS = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated", signal.SIGHUP: "hung up"}


STOPPED = 128  # and the number of the signal


PATIENCE = 5  # seconds after a signal in which another one does not interrupt the cleanup


PIPE_CLOSED = 141  # 128 + SIGPIPE: the reader of the output closed the pipe


UNEXPECTED = 3


class _Stopped(BaseException):
    """A signal has asked the run to end. It is no Exception, so that only cleanup code sees it."""

    def __init__(self, number: int) -> None:
        self.number = signal.Signals(number)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and give its exit code. `argv`: without the program's name. Raises nothing.

    A program may call it any number of times, in its main thread. sys.stdin, sys.stdout and sys.stderr may be anything
    that reads or writes text; they, signal handlers and the environment are unchanged afterwards.
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
    """The options; an exit code if argparse has printed the help or an error."""
    try:
        return options_of(sys.argv[1:] if argv is None else argv)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 2


@contextmanager
def _stoppable() -> Iterator[None]:
    """Turn signals into _Stopped, so that a run cleans up before it ends. Ignored ones (nohup) stay ignored."""
    last = -float(PATIENCE)

    def stop(number: int, _frame: FrameType | None) -> None:
        nonlocal last
        if time.monotonic() - last >= PATIENCE:  # a closed terminal sends two of them
            last = time.monotonic()
            raise _Stopped(number)

    if threading.current_thread() is not threading.main_thread():
        raise UsageError("only the main thread of a program can run this: what takes too long is ended by a signal")
    # a handler that was not installed from Python (None) could not be restored
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
    if options.command in ("check", "agent", "setup"):
        return _run_for_b4(options)
    if options.command == "index":
        from reviewbot.cli.commands.index import index

        return index(options)
    if options.command == "reach":
        from reviewbot.cli.commands.reach import reach

        return reach(options)
    if options.command == "pages":
        from reviewbot.cli.commands.pages import pages

        return pages(options)
    if options.command == "local":
        from reviewbot.cli.commands.local import local

        return local(options)
    if options.command == "watch":
        from reviewbot.cli.commands.watch import watch

        return watch(options)
    if options.command == "drafts":
        from reviewbot.cli.commands.drafts.command import drafts

        return drafts(options)
    if options.command == "mcp":
        from reviewbot.cli.mcp.command import mcp

        return mcp(options)
    from reviewbot.cli.commands import explain as tables

    printers = {
        "rule": tables.print_rule,
        "matrix": tables.print_matrix,
        "explain": tables.print_remark,
        "schema": tables.print_schema,
    }
    return printers[options.command](options)


def _run_for_b4(options: argparse.Namespace) -> int:
    if options.command == "check":
        from reviewbot.cli.commands.b4_check import b4_check

        return b4_check(options)
    if options.command == "agent":
        from reviewbot.cli.commands.b4_agent import agent

        return agent(options)
    from reviewbot.cli.commands.b4_setup import setup

    return setup(options)


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
