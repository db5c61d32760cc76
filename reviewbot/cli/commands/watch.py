"""Runs `reviewbot watch`: one pass over the lists of config.toml, or one every so often, or a replay of an archive."""

from __future__ import annotations

import argparse
import fcntl
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from reviewbot import config
from reviewbot.archive.places import open_archive
from reviewbot.archive.port import Archive, ArchiveOptions
from reviewbot.cli import streams
from reviewbot.cli.looking import in_processes
from reviewbot.cli.session import SessionOptions, session_options
from reviewbot.drafts.write import load_texts
from reviewbot.kernel import rules
from reviewbot.memory import drafts
from reviewbot.memory.memory import Memory, memory_path
from reviewbot.model.errors import ConfigError, UsageError
from reviewbot.model.review import Review
from reviewbot.report.reply import message
from reviewbot.report.reply.message import DraftSet
from reviewbot.watch.list_pass import ListResult, Ports
from reviewbot.watch.look import Looked, ReviewWork
from reviewbot.watch.one_pass import run_pass
from reviewbot.watch.settings import ListOptions
from reviewbot.watch.settle import Desk
from reviewbot.web.pace import Pace

_FAILED = 3


def watch(options: argparse.Namespace) -> int:
    """Watch the lists; 3 if one could not be read. Raises ConfigError where there is none."""
    given = session_options(options)
    if options.status:
        from reviewbot.cli.commands.watch_status import status_lines

        with Memory.open(memory_file(options, given)) as memory:
            streams.put(status_lines(memory, given.config.lists, time.time()))
        return 0
    lists = _chosen(given.config.lists, options.list)
    watcher = Watcher(given)
    path = memory_file(options, given)
    with Memory.open(path) as memory, _alone(path) as alone:
        if not alone:
            given.say("another watch is at work on this memory: nothing was done")
            return 0
        code = _say(given, memory, run_pass(memory, lists, given.config.watch, watcher.ports()))
        while options.every is not None:
            time.sleep(options.every)
            code = _say(given, memory, run_pass(memory, lists, given.config.watch, watcher.ports()))
    return code


def memory_file(options: argparse.Namespace, given: SessionOptions) -> Path:
    """The file of the memory by options, configuration and environment."""
    named: Path | None = getattr(options, "memory", None)
    if named is not None:
        return named
    return Path(given.config.memory.file).expanduser() if given.config.memory.file else memory_path(os.environ)


def _chosen(lists: Sequence[ListOptions], names: Sequence[str]) -> Sequence[ListOptions]:
    if not lists:
        raise ConfigError("no list to watch: add a table [[list]] to config.toml, with name and archive")
    unknown = [name for name in names if name not in {one.name for one in lists}]
    if unknown:
        raise UsageError(f"--list {unknown[0]}: no such list (there are {', '.join(one.name for one in lists)})")
    return [one for one in lists if not names or one.name in names]


class Watcher:
    """Makes the ports of a pass. Raises ConfigError where the sender or the texts of drafts cannot be used."""

    def __init__(self, given: SessionOptions) -> None:
        self._given = given
        self._sender = config.sender(given.config)
        self._texts = load_texts(given.config.template_folder, config.data_path("templates"))
        self._digest = rules.digest(given.folders)
        self._pace = Pace(given.config.watch.requests, time.time, time.sleep)  # of all lists together

    def ports(self) -> Ports:
        """Those of a pass over servers and folders."""
        return Ports(
            archive=self._archive,
            look=self.look,
            desk=self.desk,
            now=time.time,
            own=self._sender.email,
            mail_bytes=self._given.config.limits.mail_bytes,
            say=self._given.say,
            tell=self._given.tell,
        )

    def look(self, works: Iterable[ReviewWork]) -> Iterator[Looked]:
        """Look at works in worker processes."""
        return in_processes(self._given, self._given.config.lists, works)

    def desk(self, given: ListOptions) -> Desk:
        """With what drafts of a list are made."""
        confidence = given.min_confidence or self._given.config.surface.of("mail")
        bar = self._given.config.watch.bar
        return Desk(lambda review: self._compose(review, given, confidence), confidence, bar, given.most)

    def _compose(self, review: Review, given: ListOptions, confidence: str) -> DraftSet:
        settings = self._given.config.mail
        options = message.Options(
            now=datetime.now().astimezone(),
            digest=self._digest,
            min_severity=self._given.config.report.min_severity,
            min_confidence=confidence,
            cc=given.cc or settings.cc,
            lists=settings.lists,
            agreed=settings.agreed,
            context=settings.context,
            common=settings.common,
            most=settings.most,
            pages=self._given.config.pages.url if settings.link_pages else "",
        )
        return message.compose(review, self._sender, self._texts, options)

    def _archive(self, given: ListOptions) -> Archive:
        lore = self._given.config.lore
        contact = self._given.config.watch.contact or self._given.config.mail.contact or self._sender.email
        return open_archive(
            given.archive,
            ArchiveOptions(
                folders=self._given.folders,
                query=given.query,
                contact=contact,
                hosts=lore.hosts,
                timeout=lore.timeout,
                asking=lore.seconds,
                mail_bytes=self._given.config.limits.mail_bytes,
                mailbox_bytes=self._given.config.limits.mailbox_bytes,
                pace=self._pace,
            ),
            now=time.time,
            sleep=time.sleep,
            say=self._given.tell,
        )


def _say(given: SessionOptions, memory: Memory, results: Sequence[ListResult]) -> int:
    """Say what a pass did; the exit code."""
    for one in results:
        if one.wrong:
            given.say(f"{one.name}: {one.wrong}")
        what = (_count(one.mails, "new mail"), f"{one.series} series reviewed", _count(one.drafts, "new draft"))
        late = f", {_count(one.late, 'draft')} late" if one.late else ""
        given.say(f"{one.name}: {', '.join(what)}{late}")
    waiting = len(drafts.kept(memory, (drafts.WAITING,)))
    if waiting:
        given.say(f"{_count(waiting, 'draft')} to read: reviewbot drafts list")
    return _FAILED if any(one.wrong for one in results) else 0


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


@contextmanager
def _alone(path: Path) -> Iterator[bool]:
    """Whether no other run watches with this memory, until the end of `with`."""
    lock = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield True
    except BlockingIOError:
        yield False
    finally:
        os.close(lock)
