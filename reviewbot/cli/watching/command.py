"""Runs `reviewbot watch`: one pass over the lists of config.toml, or one every so often, or a replay of an archive."""

from __future__ import annotations

import argparse
import fcntl
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from reviewbot.cli import streams
from reviewbot.cli.session import SessionOptions, session_options
from reviewbot.cli.watching.status import counted, status_lines
from reviewbot.cli.watching.watcher import Watcher
from reviewbot.memory import drafts, judged
from reviewbot.memory.memory import Memory
from reviewbot.model.errors import ConfigError, UsageError
from reviewbot.watch.list_pass import ListResult
from reviewbot.watch.one_pass import run_pass
from reviewbot.watch.settings import ListOptions

_FAILED = 3


def watch(options: argparse.Namespace) -> int:
    """Watch the lists; 3 if one could not be read. Raises ConfigError where there is none."""
    given = session_options(options)
    path = given.memory_file
    if options.status:
        with Memory.open(path) as memory:
            streams.put(status_lines(memory, given.config.lists, time.time()))
        return 0
    if options.replay is not None:
        from reviewbot.cli.watching.replay import run_replay

        return run_replay(options, given)
    lists = _chosen(given.config.lists, options.list)
    watcher = Watcher(given)
    with Memory.open(path) as memory:
        code = _pass(given, memory, lists, watcher)
        while options.every is not None:
            time.sleep(options.every)
            code = _pass(given, memory, lists, watcher)
    return code


def _pass(given: SessionOptions, memory: Memory, lists: Sequence[ListOptions], watcher: Watcher) -> int:
    """Do one pass, unless another run is at it; the exit code."""
    with alone_with(memory.path) as alone:
        if not alone:
            given.say("another watch is at work on this memory: nothing was done")
            return 0
        return _say(given, memory, run_pass(memory, lists, given.config.watch, watcher.ports()))


def _chosen(lists: Sequence[ListOptions], names: Sequence[str]) -> Sequence[ListOptions]:
    if not lists:
        raise ConfigError("no list to watch: add a table [[list]] to config.toml, with name and archive")
    unknown = [name for name in names if name not in {one.name for one in lists}]
    if unknown:
        raise UsageError(f"--list {unknown[0]}: no such list (there are {', '.join(one.name for one in lists)})")
    return [one for one in lists if not names or one.name in names]


def _say(given: SessionOptions, memory: Memory, results: Sequence[ListResult]) -> int:
    """Say what a pass did; the exit code."""
    for one in results:
        if one.wrong:
            given.say(f"{one.name}: {one.wrong}")
        what = (counted(one.mails, "new mail"), f"{one.series} series reviewed", counted(one.drafts, "new draft"))
        late = f", {counted(one.late, 'draft')} late" if one.late else ""
        given.say(f"{one.name}: {', '.join(what)}{late}")
    for rule, record in judged.records(memory).items():
        if given.config.watch.bar.demotes(record):
            said = f"{record.wrong} of {record.judged} questions were wrong (reviewbot rule --stats)"
            given.say(f"{rule} is left out of drafts: {said}")
    waiting = len(drafts.kept(memory, (drafts.WAITING,)))
    if waiting:
        given.say(f"{counted(waiting, 'draft')} to read: reviewbot drafts list")
    return _FAILED if any(one.wrong for one in results) else 0


@contextmanager
def alone_with(path: Path) -> Iterator[bool]:
    """Whether no other run watches with this memory, until the end of `with`."""
    lock = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield True
    except BlockingIOError:
        yield False
    finally:
        os.close(lock)
