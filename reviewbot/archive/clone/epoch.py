"""Reads the commits of one git repository of a public-inbox: each adds a mail, or takes one away."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from typing import NamedTuple

from reviewbot.git.repository import FOREVER, Repository
from reviewbot.model.errors import InputError
from reviewbot.support.patterns import pattern

_COMMIT = pattern(rb"([0-9a-f]{40,64}) ([0-9]{1,12})")
_CHANGE = pattern(rb":[0-7]{6} [0-7]{6} [0-9a-f]{40,64} ([0-9a-f]{40,64}) ([AMD])\t(m|d|[0-9a-f]{2}/[0-9a-f]{38})")
_TAKEN = b"d"  # the file of a mail that was taken away, of format 2
_TOP = pattern(rb"m|d|[0-9a-f]{2}")
_OLD_ENOUGH = 2_000  # commits in a row that are older: then all before them are taken for older
_COMMAND = ("log", "--raw", "--no-abbrev", "--no-renames", "--no-color", "--no-show-signature", "--format=%H %ct")


class MailCommit(NamedTuple):
    """A commit that adds a mail: its id, its time, which is that at which the mail came, and the blob of the mail."""

    commit: str
    time: float
    blob: str


class _Change(NamedTuple):
    new: str
    kind: bytes
    path: bytes

    @property
    def adds(self) -> bool:
        return self.kind != b"D" and self.path != _TAKEN


class _Log(NamedTuple):
    commit: str
    time: float
    changes: list[_Change]

    def added(self) -> list[MailCommit]:
        return [MailCommit(self.commit, self.time, one.new) for one in self.changes if one.adds]


class EpochMails:
    """The mails of a repository, up to `head`, its newest commit as it was when this was made; "" for none."""

    def __init__(self, repository: Repository) -> None:
        self.repository = repository
        repository.allow(FOREVER)
        self.head = repository.commit("HEAD") or ""

    def is_mail(self) -> bool:
        """Whether the repository is one of mails, or empty."""
        tree = self.repository.tree(self.head) if self.head else None
        entries = self.repository.some(tree, None) if tree else {}
        return not self.head or not entries or any(_TOP.fullmatch(name) for name in entries)

    def follows(self, commit: str) -> bool:
        """Whether the newest commit was made upon this one, which a purge of a mail undoes."""
        if self.repository.known(commit) is None:
            return False
        return self.repository.run("merge-base", "--is-ancestor", commit, self.head).code == 0

    def before(self, since: float) -> str:
        """The newest commit that is followed by none from before `since`, nearly; "" for the beginning.

        Times of commits are those at which mails came, and a few of them are out of order.
        """
        last, old = "", 0
        asked = ("rev-list", "--timestamp", self.head)
        with closing(self._lines(*asked)) as lines:
            for line in lines:
                time, _, commit = line.partition(b" ")
                if float(time) >= since:
                    last, old = "", 0
                    continue
                last = last or commit.decode("ascii")
                old += 1
                if old >= _OLD_ENOUGH:
                    return last
        return last

    def taken_away(self, after: str) -> frozenset[str]:
        """The blobs of the mails that commits behind one take away. `after`: "" for all."""
        gone: set[str] = set()
        for log in self._log("--diff-filter=AMD", self._range(after), "--", "d"):
            gone.update(one.new for one in log.changes if one.path == _TAKEN)
        return frozenset(gone)

    def mails(self, after: str) -> Iterator[MailCommit]:
        """The mails that commits behind one add, the oldest first. Raises InputError where git does not get to the end.

        A commit without a mail has "" for it.
        """
        last = after
        for log in self._log("--reverse", self._range(after)):
            last = log.commit
            added = log.added()
            yield from added or (MailCommit(log.commit, log.time, ""),)
        if last != self.head:
            raise InputError(f"git cannot read the history of {self.repository.path} to its end: run git fsck there")

    def newest(self) -> Iterator[MailCommit]:
        """All mails, the newest first."""
        return (one for log in self._log(self.head) for one in log.added())

    def _range(self, after: str) -> str:
        return f"{after}..{self.head}" if after else self.head

    def _log(self, *asked: str) -> Iterator[_Log]:
        log = None
        with closing(self._lines(*_COMMAND, *asked)) as lines:
            for line in lines:
                if found := _CHANGE.fullmatch(line):
                    if log:
                        log.changes.append(_Change(found[1].decode(), found[2], found[3]))
                elif found := _COMMIT.fullmatch(line):
                    if log:
                        yield log
                    log = _Log(found[1].decode(), float(found[2]), [])
        if log:
            yield log

    def _lines(self, *asked: str) -> Generator[bytes]:
        with closing(self.repository.lines(*asked, stdin=b"", until=float("inf"))) as parts:
            for part in parts:
                yield from part
