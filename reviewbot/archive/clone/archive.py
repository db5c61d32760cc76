"""Reads mails from a public-inbox that was cloned with git, by what is in its commits: no index is needed."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path

from msgspec import Struct

from reviewbot.archive import cursor as cursors
from reviewbot.archive.batches import Step, batches
from reviewbot.archive.clone.epoch import EpochMails, MailCommit
from reviewbot.archive.clone.layout import epochs_of
from reviewbot.archive.heads import mail_head
from reviewbot.archive.port import HOUR, ArchiveOptions, Arrival, Batch
from reviewbot.archive.threads import Filed, Threads
from reviewbot.git.repository import Repository
from reviewbot.mail.mailbox import begins_with_header, printable_name
from reviewbot.model.errors import ConfigError

_REMEMBERED = 300  # blobs of mails that were read last


class EpochPlace(Struct, frozen=True):
    """Where the reading of an epoch stopped: at a commit of such a time; `read`: marks of the mails just before."""

    commit: str
    time: float
    read: str


class ClonePlace(Struct, frozen=True):
    """Where the reading of a clone stopped, by the names of its epochs."""

    since: float
    epochs: Mapping[str, EpochPlace]


class _Place:
    """An EpochPlace that moves."""

    def __init__(self, commit: str, time: float, read: deque[str]) -> None:
        self.commit, self.time, self.read = commit, time, read

    def move(self, mail: MailCommit, mark: str) -> None:
        self.commit, self.time = mail.commit, mail.time
        if mail.blob:
            self.read.append(mark)


class _Reached:
    """A ClonePlace that moves."""

    def __init__(self, place: ClonePlace) -> None:
        self.since = place.since
        self.epochs = {
            name: _Place(one.commit, one.time, deque(cursors.marks_in(one.read), _REMEMBERED))
            for name, one in place.epochs.items()
        }

    def written(self) -> str:
        epochs = {
            name: EpochPlace(one.commit, one.time, cursors.marks_text(one.read))
            for name, one in self.epochs.items()
            if one.commit
        }
        return cursors.text_of_place(ClonePlace(self.since, epochs))


class ClonedArchive:
    """A clone. A mail is new whose commit is. Where history was rewritten, times of commits tell what is new.

    Mails that were taken away again are left out. Threads: see archive.threads for what is bounded.
    """

    def __init__(self, path: Path, options: ArchiveOptions) -> None:
        self._path, self._options = path, options
        self._name = printable_name(str(path))
        self._threads: tuple[tuple[float, ...], Threads[tuple[Path, str]]] | None = None

    def new(self, cursor: str, since: float) -> Iterator[Batch]:
        """See Archive."""
        reached = _Reached(cursors.place_in(cursor, ClonePlace) or ClonePlace(float(since), {}))
        yield from batches(self._steps(reached), reached.written, cursor)

    def named(self, _title: str, _author: str, _since: float) -> tuple[bytes, ...]:
        """See Archive: new() hands out every mail."""
        return ()

    def thread(self, message_id: str) -> tuple[bytes, ...]:
        """See Archive."""
        epochs = self._epochs()
        state = tuple(_state(one) for one in epochs)
        if self._threads is None or self._threads[0] != state:
            self._threads = (state, Threads(self._heads(epochs)))
        found: list[bytes] = []
        size = 0
        wanted = self._threads[1].of(message_id)
        for epoch in epochs:
            blobs = [blob for folder, blob in wanted if folder == epoch]
            if not blobs:
                continue
            with Repository(epoch, called=self._name) as repository:
                for blob in blobs:
                    one = repository.blob(blob, self._options.mail_bytes)
                    size += len(one.content or b"") if one else 0
                    if one and one.content and size <= self._options.mailbox_bytes:
                        found.append(one.content)
        return tuple(found)

    def _epochs(self) -> tuple[Path, ...]:
        found = epochs_of(self._path)
        if not found:
            raise ConfigError(f"{self._name}: there is no public-inbox any more")
        return found

    def _steps(self, reached: _Reached) -> Iterator[Step]:
        for epoch in self._epochs():
            with Repository(epoch, called=self._name) as repository:
                mails = EpochMails(repository)
                if not mails.is_mail():
                    raise ConfigError(f"{printable_name(str(epoch))} is a git repository, but none of a public-inbox")
                if mails.head:
                    yield from self._of_epoch(epoch.name, mails, reached)

    def _of_epoch(self, name: str, mails: EpochMails, reached: _Reached) -> Iterator[Step]:
        place = reached.epochs.get(name)
        if place is not None and place.commit == mails.head:
            return
        since = reached.since
        known: frozenset[str] = frozenset()
        if place is None:
            place = reached.epochs[name] = _Place("", 0.0, deque(maxlen=_REMEMBERED))
            after = mails.before(since) if since > 0 else ""
        elif mails.follows(place.commit):
            after = place.commit
        else:
            yield f"the history of {name} of {self._name} was rewritten: going on by the time of its mails"
            since = max(since, place.time - HOUR)
            after, known = mails.before(since), frozenset(place.read)
        gone = mails.taken_away(after)
        for mail in mails.mails(after):
            mark = cursors.mark_of(mail.blob.encode())
            is_new = mail.blob and mail.time >= since and mail.blob not in gone and mark not in known
            step = self._step(mails.repository, mail) if is_new else None
            place.move(mail, mark)
            yield step

    def _step(self, repository: Repository, mail: MailCommit) -> Step:
        found = repository.blob(mail.blob, self._options.mail_bytes)
        if found is None:
            return f"a mail of {self._name} is not in the clone: {mail.blob}"
        if found.content is None:
            limit = self._options.mail_bytes
            return f"a mail of {self._name} is larger than {limit} bytes (mail_bytes in config.toml): {mail.blob}"
        if not begins_with_header(found.content):  # a purge leaves nothing of a mail
            return f"a part of {self._name} is no mail: {mail.blob}" if found.content.strip() else None
        return Arrival(found.content, mail.time)

    def _heads(self, epochs: tuple[Path, ...]) -> Iterator[Filed[tuple[Path, str]]]:
        for epoch in reversed(epochs):
            with Repository(epoch, called=self._name) as repository:
                mails = EpochMails(repository)
                for mail in mails.newest() if mails.head else ():
                    found = repository.blob(mail.blob, self._options.mail_bytes)
                    if found and found.content:
                        yield Filed((epoch, mail.blob), mail_head(found.content))


def _state(epoch: Path) -> float:
    """The time at which a branch was moved last."""
    folder = epoch / ".git" if (epoch / ".git").exists() else epoch
    files = (folder / "HEAD", folder / "packed-refs", *(folder / "refs" / "heads").glob("*"))
    return max((one.stat().st_mtime for one in files if one.is_file()), default=0.0)
