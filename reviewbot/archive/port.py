"""Says what every archive of mails can do, whatever holds the mails: hand out what is new, and whole threads."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from reviewbot.web.pace import Pace

MAILS = 200  # of a batch
BATCH_BYTES = 20_000_000  # a batch ends with the mail that passes this
DAY = 86_400.0
HOUR = 3_600.0


class Arrival(Struct, frozen=True):
    """A mail, as it lies in the archive.

    `when`: the seconds since 1970 at which the archive got it, as far as that is known, else those of its Date; 0
    where neither can be read.
    """

    raw: bytes
    when: float


class Batch(Struct, frozen=True):
    """Some mails that are new, and where to go on once all of them are worked off.

    `cursor`: a text to keep as it is; `wrong`: lines about what could not be read, in plain words and printable.
    """

    mails: tuple[Arrival, ...]
    cursor: str
    wrong: tuple[str, ...] = ()


class Archive(Protocol):
    """A place that mails come from."""

    def new(self, cursor: str, since: float) -> Iterator[Batch]:
        """The mails that arrived after `cursor`, oldest first; with "", those that arrived at or after `since`.

        Batches are bounded, and made as they are asked for: one can be worked off, and its cursor kept, before the
        next is read. So a run that was killed goes on where it stopped. The last one may have no mails, and a cursor
        that has to be kept all the same. Raises FetchError or another InputError where no more can be read now; what
        was handed out before stays valid.
        """

    def thread(self, message_id: str) -> tuple[bytes, ...]:
        """All mails of the thread of a message, as far as they are in this archive; () where the message is not.

        A message that came to several lists may be there several times. Raises InputError.
        """

    def named(self, title: str, author: str, since: float) -> tuple[bytes, ...]:
        """The mails of an author with such a title since a time that new() may not hand out, as no search finds them.

        `title`: without [PATCH]. So a version that is sent alone, and has no word that is searched for, is not missed.
        Raises InputError.
        """


class ArchiveOptions(Struct, frozen=True):
    """What an archive may do and cost. Times in seconds.

    `query`: what a server is asked for beside the time; "" for the words that the rules of `folders` look for, and
    without folders for every mail; `contact`: an address for whoever runs the server; `hosts`: where redirects may
    lead, beside the server itself; `mail_bytes`, `mailbox_bytes`: of one mail, and of one answer or thread, unpacked;
    `timeout`: without a byte; `asking`: for one request, with redirects; `patience`: for one with all that is tried
    again; `tries`: how often; `window`: of time that is asked for at once; `overlap`: that is asked for again, as mails
    come to a server late; `pace`: of all requests of the run; `draw`: from 0 to 1, by which waits differ.
    """

    query: str = ""
    folders: tuple[Path, ...] = ()
    contact: str = ""
    hosts: tuple[str, ...] = ()
    mail_bytes: int = 10_000_000
    mailbox_bytes: int = 50_000_000
    timeout: float = 20
    asking: float = 120
    patience: float = 600
    tries: int = 5
    window: float = DAY
    overlap: float = 3 * HOUR
    pace: Pace | None = None
    draw: Callable[[], float] = random.random
