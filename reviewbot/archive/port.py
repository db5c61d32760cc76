"""Defines what an archive of mails gives: what is new in it, and the thread of a message."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from msgspec import Struct


class Arrival(Struct, frozen=True):
    """A raw mail. `when`: when it arrived, in seconds since 1970 as far as that is known, else 0."""

    raw: bytes
    when: float


class Batch(Struct, frozen=True):
    """Some mails, and the cursor to go on from after them; `wrong`: lines on what could not be read."""

    mails: tuple[Arrival, ...]
    cursor: str
    wrong: tuple[str, ...] = ()


class Archive(Protocol):
    """An archive of mails. What it does raises FetchError or InputError."""

    def new(self, cursor: str, since: float) -> Iterator[Batch]:
        """The mails that arrived after `cursor`, oldest first; with "" those since a time in seconds since 1970."""

    def thread(self, message_id: str) -> tuple[bytes, ...]:
        """All mails of the thread of a message that the archive has."""
