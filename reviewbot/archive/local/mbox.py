"""Reads mails from an mbox that others append to, also from one that is packed with gzip, in parts of a few MB."""

from __future__ import annotations

import gzip
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple, Self, cast

from msgspec import Struct

from reviewbot.archive import cursor as cursors
from reviewbot.archive.batches import Step, batches
from reviewbot.archive.heads import mail_head
from reviewbot.archive.port import ArchiveOptions, Arrival, Batch
from reviewbot.archive.threads import LOOKED_AT, Filed, Threads
from reviewbot.filesystem.files import reason_of
from reviewbot.mail import mailbox
from reviewbot.model.errors import InputError

_PART = 4 << 20  # bytes that are read at once
_TOLD_BY = 1_000  # bytes at the beginning, and before the place: they tell whether it is still the same file
_LINE = 4_096  # bytes of a "From " line
_WRITING = 60.0  # seconds for another program to end the mail that it writes


class Marked(Struct, frozen=True):
    """A mark of so many bytes."""

    size: int
    mark: str

    @classmethod
    def of(cls, data: bytes) -> Self:
        """The mark of some bytes."""
        return cls(len(data), cursors.mark_of(data))


class MboxPlace(Struct, frozen=True):
    """What was read: all before `offset`, in bytes, unpacked. `begin`, `end`: its first and its last bytes."""

    offset: int
    begin: Marked
    end: Marked
    since: float


class _Piece(NamedTuple):
    """A part of the file, mostly from one "From " line to the next. `data` is None where it is too large for a mail."""

    start: int
    end: int
    data: bytes | None
    is_last: bool = False


class MboxArchive:
    """An mbox. A mail is new that stands behind those that were read; a file that was replaced is read from its begin.

    `now`: seconds since 1970.
    """

    def __init__(self, path: Path, options: ArchiveOptions, now: Callable[[], float]) -> None:
        self._path, self._options, self._now = path, options, now
        self._name = mailbox.printable_name(str(path))
        self._threads: tuple[tuple[int, float], Threads[tuple[int, int]]] | None = None

    def new(self, cursor: str, since: float) -> Iterator[Batch]:
        """See Archive."""
        place = cursors.place_in(cursor, MboxPlace) or _start(float(since))
        reached = [place]
        yield from batches(self._steps(place, reached), lambda: cursors.text_of_place(reached[-1]), cursor)

    def _steps(self, place: MboxPlace, reached: list[MboxPlace]) -> Iterator[Step]:
        with self._opened() as stream:
            begin = stream.read(_TOLD_BY)
            if not _is_same(stream, begin, place):
                yield f"{self._name} was replaced by another file: reading it from its beginning"
                place = _start(place.since)
            stream.seek(place.offset)
            for piece in self._pieces(stream, place.offset):
                if self._is_being_written(piece):
                    return
                tail = (piece.data or b"")[-_TOLD_BY:]
                reached[:] = [MboxPlace(piece.end, Marked.of(begin[: piece.end]), Marked.of(tail), place.since)]
                yield self._step(piece, place.since)

    def named(self, _title: str, _author: str, _since: float) -> tuple[bytes, ...]:
        """See Archive: new() hands out every mail."""
        return ()

    def thread(self, message_id: str) -> tuple[bytes, ...]:
        """See Archive, and archive.threads for what is bounded."""
        stat = self._path.stat()
        state = (stat.st_size, stat.st_mtime)
        if self._threads is None or self._threads[0] != state:
            self._threads = (state, Threads(self._heads()))
        found: list[bytes] = []
        size = 0
        with self._opened() as stream:
            for start, end in sorted(self._threads[1].of(message_id)):
                size += end - start
                if size > self._options.mailbox_bytes:
                    break
                stream.seek(start)
                found.append(mailbox.unescaped(stream.read(end - start)))
        return tuple(found)

    def _heads(self) -> Iterator[Filed[tuple[int, int]]]:
        with self._opened() as stream:
            pieces = self._pieces(stream, 0)
            kept = deque(
                (
                    Filed((one.start, one.end), mail_head(mailbox.unescaped(one.data)))
                    for one in pieces
                    if one.data is not None
                ),
                LOOKED_AT,
            )
        return reversed(kept)

    def _step(self, piece: _Piece, since: float) -> Step:
        if piece.data is None or piece.end - piece.start > self._options.mail_bytes:
            limit = self._options.mail_bytes
            return f"a mail of {self._name} is larger than {limit} bytes (mail_bytes in config.toml)"
        raw = mailbox.unescaped(piece.data)
        # without a "From " line it is one mail that was saved, or the rest of one of which half was there before
        if not mailbox.begins_with_header(raw) or (piece.start and raw == piece.data):
            return f"a part of {self._name} at byte {piece.start} is no mail" if raw.strip() else None
        when = mail_head(raw).when
        return Arrival(raw, when) if not when or when >= since else None

    def _is_being_written(self, piece: _Piece) -> bool:
        """Whether another program may still be at this mail."""
        if not piece.is_last or piece.data is None or piece.data.endswith((b"\n\n", b"\n\r\n")):
            return False
        return self._now() - self._path.stat().st_mtime < _WRITING

    def _pieces(self, stream: BinaryIO, at: int) -> Iterator[_Piece]:
        """The pieces from a place on where one begins. What stands before the first one is left out."""
        held, large_from, is_first = b"", -1, True
        while True:
            part = stream.read(_PART)
            held += part
            if is_first:  # empty lines behind the mail that was read last
                begun = held.lstrip(b"\r\n")
                at, held = at + len(held) - len(begun), begun
            places = mailbox.beginnings(held)
            until = places[0] if places else len(held)  # of what began before, or stands before the first of all
            if large_from >= 0 and (places or not part):
                yield _Piece(large_from, at + until, None, is_last=not places)
                large_from = -1
            elif is_first and (places or not part) and held[:until].strip():
                yield _Piece(at, at + until, held[:until], is_last=not places)
            is_first = is_first and not places
            yield from self._between(held, at, places, is_whole=not part)
            if not part:
                return
            keep = places[-1] if places else 0
            if len(held) - keep > self._options.mail_bytes:
                large_from = large_from if large_from >= 0 else at + keep
                keep, is_first = max(len(held) - _LINE, keep), False
            at, held = at + keep, held[keep:]

    @staticmethod
    def _between(held: bytes, at: int, places: list[int], *, is_whole: bool) -> Iterator[_Piece]:
        """The pieces that begin at some places; the last one only if all of it is held."""
        ends = [*places[1:], len(held)] if is_whole else places[1:]
        for start, end in zip(places, ends, strict=False):
            yield _Piece(at + start, at + end, held[start:end], is_whole and end == len(held))

    @contextmanager
    def _opened(self) -> Iterator[BinaryIO]:
        """The file, unpacked."""
        try:
            with self._path.open("rb") as plain:
                if plain.read(2) != b"\x1f\x8b":
                    plain.seek(0)
                    yield plain
                else:
                    plain.seek(0)
                    with gzip.GzipFile(fileobj=plain) as packed:
                        yield cast(BinaryIO, packed)
        except EOFError as error:
            raise InputError(f"{self._name} is cut short (its gzip stream has no end): fetch it again") from error
        except (zlib.error, gzip.BadGzipFile) as error:
            raise InputError(f"{self._name} is no sound gzip file ({error}): fetch it again") from error
        except OSError as error:
            raise InputError(f"cannot read {self._name}: {reason_of(error)}") from error


def _start(since: float) -> MboxPlace:
    return MboxPlace(0, Marked.of(b""), Marked.of(b""), since)


def _is_same(stream: BinaryIO, begin: bytes, place: MboxPlace) -> bool:
    """Whether what was read before still stands there. `begin`: the first bytes of the file."""
    stream.seek(max(0, place.offset - place.end.size))
    end = stream.read(place.end.size)
    return (Marked.of(begin[: place.begin.size]), Marked.of(end)) == (place.begin, place.end)
