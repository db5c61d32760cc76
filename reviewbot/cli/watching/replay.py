"""Runs `reviewbot watch --replay`: reviews a whole archive as if its mails had just arrived, and counts by rule."""

from __future__ import annotations

import argparse
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from msgspec.structs import replace

from reviewbot.cli import progress, streams
from reviewbot.cli.session import SessionOptions
from reviewbot.cli.watching.looking import Executor, in_processes
from reviewbot.cli.watching.status import counted
from reviewbot.cli.watching.watcher import Watcher
from reviewbot.memory import findings, queue
from reviewbot.memory.findings import FATES
from reviewbot.memory.memory import Memory
from reviewbot.model.errors import UsageError
from reviewbot.report.terminal.tabulated import tabulated
from reviewbot.watch.look import Looked
from reviewbot.watch.one_pass import clock_of, replay
from reviewbot.watch.settings import ListOptions

LOCAL = "processes"
_NO_ARCHIVE = None


def run_replay(options: argparse.Namespace, given: SessionOptions) -> int:
    """Replay an archive into a memory of its own, and print a summary."""
    if options.memory is None:
        raise UsageError("--replay needs a memory of its own, that your drafts are not mixed with: --memory FILE")
    if options.every is not None:
        raise UsageError("--replay reads an archive once: leave --every out")
    watched = _watched(options, given)
    watcher = Watcher(given)
    archive = watcher.archive(watched)
    with Memory.open(options.memory) as memory, progress.tally(given.quiet) as show:
        clock = clock_of(memory, watched.name, time.time())
        tally = _Tally(show)
        ports = watcher.ports()._replace(
            archive=lambda _: _NO_ARCHIVE,
            look=lambda works: tally.count(_executor(options.executor)(given, [watched], works)),
            now=clock,
        )
        result = replay(memory, archive, watched, given.config.watch, ports, clock)
        seconds = max(time.monotonic() - tally.begun, 0.001)
        streams.put(summary(memory))
        given.say(
            f"{counted(result.mails, 'new mail')}, {result.series} series reviewed,"
            f" {counted(result.drafts, 'draft')} in {seconds:.0f} s"
            f" ({result.mails / seconds:.0f} mails a second)"
        )
    return 0


def _watched(options: argparse.Namespace, given: SessionOptions) -> ListOptions:
    """The list by whose settings the archive is replayed: that of --list, or one without any."""
    if len(options.list) > 1:
        raise UsageError("--replay takes one --list, whose settings count")
    name = options.list[0] if options.list else Path(options.replay).stem or "replay"
    known = next((one for one in given.config.lists if one.name == name), None)
    if options.list and known is None:
        raise UsageError(f"--list {name}: no such list in config.toml")
    base = known or ListOptions(name, options.replay)
    return replace(base, archive=options.replay)


def _executor(text: str) -> Executor:
    """What looks at works, by --executor."""
    if text == LOCAL:
        return in_processes
    from reviewbot.cli.watching import dask_executor

    return dask_executor.executor_at(text.partition(":")[2])


class _Tally:
    """Counts what is done, and shows it now and then."""

    def __init__(self, show: Callable[[str], None]) -> None:
        self.begun, self._show = time.monotonic(), show

    def count(self, results: Iterable[Looked]) -> Iterator[Looked]:
        """The same results, counted."""
        for number, looked in enumerate(results, 1):
            self._show(f"{number} series, {number / max(time.monotonic() - self.begun, 0.1):.0f} a second")
            yield looked


def summary(memory: Memory) -> str:
    """A table of what became of the findings, by list and rule, and a line on the series of each list."""
    rows: list[tuple[str, ...]] = [("LIST", *map(str.upper, FATES), "RULE")]
    for (name, rule), counts in findings.by_rule(memory).items():
        rows.append((name, *(str(counts.get(fate, 0)) for fate in FATES), rule))
    lines = [tabulated(rows, shutil.get_terminal_size().columns, 1)] if len(rows) > 1 else ["no remark\n"]
    counted = queue.counts(memory)
    for name in sorted({name for name, _ in counted}):
        said = ", ".join(f"{count} {state}" for (one, state), count in sorted(counted.items()) if one == name)
        lines.append(f"{name}: {said}\n")
    return "".join(lines)
