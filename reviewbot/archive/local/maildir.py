"""Reads mails from a maildir, whoever puts them there: a mail server, mbsync, procmail, `lei q`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct

from reviewbot.archive import cursor as cursors
from reviewbot.archive.batches import Step, batches
from reviewbot.archive.heads import HEAD, mail_head
from reviewbot.archive.port import ArchiveOptions, Arrival, Batch
from reviewbot.archive.threads import Filed, Threads
from reviewbot.filesystem.files import reason_of
from reviewbot.mail.mailbox import begins_with_header, printable_name
from reviewbot.model.errors import InputError

_REMEMBERED = 50_000  # names of a cursor: 400 kB
_PARTS = ("new", "cur")


class MaildirPlace(Struct, frozen=True):
    """Which files were read: those older than `floor`, by their time; of the others, those whose marks are `read`."""

    floor: float
    read: str


class _File(NamedTuple):
    time: float
    name: str
    path: Path

    @property
    def mark(self) -> str:
        """A mark of the name without the flags behind ":2,", which change when somebody reads the mail."""
        return cursors.mark_of(os.fsencode(self.name.partition(":2,")[0]))


class MaildirArchive:
    """A maildir. A mail is new by the name of its file; it arrived when the file was written.

    A cursor remembers the 50,000 newest names. A file that comes later and is older than those is not seen.
    """

    def __init__(self, folder: Path, options: ArchiveOptions) -> None:
        self._folder, self._options = folder, options
        self._threads: Threads[Path] | None = None

    def new(self, cursor: str, since: float) -> Iterator[Batch]:
        """See Archive."""
        place = cursors.place_in(cursor, MaildirPlace) or MaildirPlace(float(since), "")
        known = set(cursors.marks_in(place.read))
        files = [one for one in self._files() if one.time >= place.floor]
        marked = [(one, one.mark) for one in files]
        read = [(one.time, mark) for one, mark in marked if mark in known]  # those that are gone need not be remembered
        fresh = [(one, mark) for one, mark in marked if mark not in known]
        self._threads = None

        def steps() -> Iterator[Step]:
            for one, mark in fresh:
                step = self._step(one)
                read.append((one.time, mark))
                yield step

        def reached() -> str:
            kept = sorted(read)[-_REMEMBERED:]
            floor = kept[0][0] if len(read) > _REMEMBERED else place.floor
            return cursors.text_of_place(MaildirPlace(floor, cursors.marks_text(mark for _, mark in kept)))

        yield from batches(steps(), reached, cursor)

    def named(self, _title: str, _author: str, _since: float) -> tuple[bytes, ...]:
        """See Archive: new() hands out every mail."""
        return ()

    def thread(self, message_id: str) -> tuple[bytes, ...]:
        """See Archive, and archive.threads for what is bounded."""
        if self._threads is None:
            self._threads = Threads(self._heads())
        found = []
        size = 0
        for path in self._threads.of(message_id):
            try:
                raw = _read(path, self._options.mail_bytes)
            except OSError:  # somebody moved it
                continue
            size += len(raw)
            if size > self._options.mailbox_bytes:
                break
            if len(raw) <= self._options.mail_bytes:
                found.append(raw)
        return tuple(found)

    def _step(self, one: _File) -> Step:
        try:
            raw = _read(one.path, self._options.mail_bytes)
        except FileNotFoundError:  # moved from new/ to cur/ since: the next pass finds it by its name
            return self._moved(one)
        except OSError as error:
            return f"{printable_name(one.name)}: cannot be read ({reason_of(error)})"
        if len(raw) > self._options.mail_bytes:
            return (
                f"{printable_name(one.name)}: larger than {self._options.mail_bytes} bytes (mail_bytes in config.toml)"
            )
        if not begins_with_header(raw):
            return f"{printable_name(one.name)}: no mail (it does not begin with headers)" if raw.strip() else None
        return Arrival(raw, mail_head(raw).when or one.time)

    def _moved(self, one: _File) -> Step:
        for other in self._files():
            if other.mark == one.mark and other.path != one.path:
                return self._step(other)
        return None  # deleted

    def _files(self) -> list[_File]:
        found = []
        try:
            for part in _PARTS:
                with os.scandir(self._folder / part) as entries:
                    for entry in entries:
                        try:
                            if entry.name[0] != "." and entry.is_file():
                                found.append(_File(entry.stat().st_mtime, entry.name, Path(entry.path)))
                        except FileNotFoundError:
                            continue
        except OSError as error:
            raise InputError(f"cannot read {printable_name(str(self._folder))}: {reason_of(error)}") from error
        return sorted(found)

    def _heads(self) -> Iterator[Filed[Path]]:
        for one in reversed(self._files()):
            try:
                yield Filed(one.path, mail_head(_read(one.path, HEAD)))
            except OSError:
                continue


def _read(path: Path, most: int) -> bytes:
    """The bytes of a file, up to one more than `most`."""
    with path.open("rb") as stream:
        return stream.read(most + 1)
