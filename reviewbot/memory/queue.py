"""Keeps series and their mails, and when each is looked at next.

A series is all that belongs together: its versions and the replies to them, in one thread or several. It is known by
keys: the ids of its mails, its change id, its author and titles.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterable, Sequence

from msgspec import Struct

from reviewbot.memory.drafts import OPEN
from reviewbot.memory.memory import Memory

WAITS, PARTIAL, REVIEWED, HELD, ASIDE = STATES = (
    "waits",  # for people to speak first
    "partial",  # for patches that are not here yet
    "reviewed",
    "held",  # for a day on which there is room for its drafts
    "aside",  # nothing here is for us, see `reason`
)
_DUE = (WAITS, PARTIAL, HELD)
_COLUMNS = "number, list, subject, author, state, due, arrived, reason"
_LARGEST = 64 << 20  # bytes of one mail, unpacked


class QueuedSeries(Struct, frozen=True):
    """A series of the memory. `arrived`: when its last patch did; `due`: when it is looked at next."""

    number: int
    list: str
    subject: str
    author: str
    state: str
    due: float
    arrived: float
    reason: str


class KeptMail(Struct, frozen=True):
    """A mail of a series. `patch`: it sends one, or is a cover letter."""

    message_id: str
    arrived: float
    patch: bool
    raw: bytes


# --- where the reading of a list goes on ---


def cursor(memory: Memory, name: str) -> str:
    """The cursor of a list, "" where it was never read."""
    return next((row[0] for row in memory.rows("SELECT cursor FROM lists WHERE name = ?", name)), "")


def advance(memory: Memory, name: str, at: str, now: float) -> None:
    """Keep the cursor of a list, inside of writing()."""
    memory.run(
        "INSERT INTO lists VALUES (?, ?, ?, '') ON CONFLICT (name) DO UPDATE SET cursor = excluded.cursor,"
        " passed = excluded.passed",
        *(name, at, now),
    )


def said(memory: Memory, name: str, what: str, now: float) -> None:
    """Keep what the last pass said of a list: "" where all went well."""
    with memory.writing():
        memory.run(
            "INSERT INTO lists VALUES (?, '', ?, ?) ON CONFLICT (name) DO UPDATE SET said = excluded.said,"
            " passed = excluded.passed",
            *(name, now, what),
        )


def passes(memory: Memory) -> Sequence[tuple[str, float, str]]:
    """The lists that were read: name, end of the last pass in seconds since 1970, and what it said."""
    return [tuple(row) for row in memory.rows("SELECT name, passed, said FROM lists ORDER BY name")]


# --- series and mails ---


def knows(memory: Memory, message_id: str) -> bool:
    """Whether a mail was seen before."""
    return bool(memory.rows("SELECT 1 FROM mails WHERE id = ?", message_id))


def found(memory: Memory, key: str) -> QueuedSeries | None:
    """The series that is known by a key."""
    asked = f"SELECT {_COLUMNS} FROM series JOIN keys ON series = number WHERE key = ?"  # noqa: S608 - names alone
    return next((QueuedSeries(*row) for row in memory.rows(asked, key)), None)


def series(memory: Memory, number: int) -> QueuedSeries | None:
    """The series with a number."""
    asked = f"SELECT {_COLUMNS} FROM series WHERE number = ?"  # noqa: S608 - names of columns alone
    return next((QueuedSeries(*row) for row in memory.rows(asked, number)), None)


def begin(memory: Memory, name: str, subject: str, author: str, arrived: float) -> int:
    """Begin a series, inside of writing(); gives its number."""
    return memory.run(
        "INSERT INTO series (list, subject, author, state, due, arrived, reason) VALUES (?, ?, ?, ?, ?, ?, '')",
        *(name, subject, author, WAITS, arrived, arrived),
    )


def tie(memory: Memory, number: int, keys: Iterable[str], own: str = "") -> None:
    """Let a series be known by keys that no other has, and by `own` in any case; inside of writing()."""
    for key in keys:
        memory.run("INSERT OR IGNORE INTO keys VALUES (?, ?)", key, number)
    if own:
        memory.run("INSERT OR REPLACE INTO keys VALUES (?, ?)", own, number)


def put(memory: Memory, number: int, mail: KeptMail) -> None:
    """Keep a mail of a series, inside of writing()."""
    memory.run(
        "INSERT OR IGNORE INTO mails VALUES (?, ?, ?, ?, ?)",
        *(mail.message_id, number, mail.arrived, mail.patch, zlib.compress(mail.raw, 1)),
    )


def mails(memory: Memory, number: int) -> Sequence[KeptMail]:
    """The mails of a series, in the order in which they arrived."""
    asked = "SELECT id, arrived, patch, raw FROM mails WHERE series = ? AND raw IS NOT NULL ORDER BY arrived, id"
    return [
        KeptMail(name, arrived, bool(patch), zlib.decompressobj().decompress(raw, _LARGEST))
        for name, arrived, patch, raw in memory.rows(asked, number)
    ]


def mark(memory: Memory, number: int, state: str, due: float, reason: str = "") -> None:
    """Say what a series waits for, inside of writing()."""
    memory.run("UPDATE series SET state = ?, due = ?, reason = ? WHERE number = ?", state, due, reason, number)


def arrived(memory: Memory, number: int, when: float, at: float) -> None:
    """Note that a patch of a series has arrived, inside of writing(): the series is looked at `at` that time."""
    memory.run(
        "UPDATE series SET arrived = max(arrived, ?), state = ?, due = ?, reason = '' WHERE number = ?",
        *(when, WAITS, at, number),
    )


def name(memory: Memory, number: int, subject: str) -> None:
    """Say what the subject of a series is, inside of writing()."""
    memory.run("UPDATE series SET subject = ? WHERE number = ?", subject, number)


def due(memory: Memory, name: str, now: float, most: int) -> Sequence[QueuedSeries]:
    """Up to so many series of a list that are due, the oldest first."""
    asked = (
        f"SELECT {_COLUMNS} FROM series WHERE state IN (?, ?, ?) AND due <= ? AND list = ?"  # noqa: S608 - names alone
        " ORDER BY due, number LIMIT ?"
    )
    return [QueuedSeries(*row) for row in memory.rows(asked, *_DUE, now, name, most)]


def next_due(memory: Memory, name: str, apart: Collection[int]) -> float:
    """When the next series of a list is looked at, apart from some; infinity where there is none."""
    asked = "SELECT number, due FROM series WHERE list = ? AND state IN (?, ?, ?) ORDER BY due LIMIT ?"
    rows = memory.rows(asked, name, *_DUE, len(apart) + 1)
    return next((float(due) for number, due in rows if number not in apart), float("inf"))


def waiting(memory: Memory) -> Sequence[QueuedSeries]:
    """The series that are looked at some time, the next first."""
    asked = f"SELECT {_COLUMNS} FROM series WHERE state IN (?, ?, ?) ORDER BY due, number"  # noqa: S608 - names alone
    return [QueuedSeries(*row) for row in memory.rows(asked, *_DUE)]


def counts(memory: Memory) -> dict[tuple[str, str], int]:
    """How many series each list has in each state."""
    rows = memory.rows("SELECT list, state, count(*) FROM series GROUP BY list, state")
    return {(name, state): count for name, state, count in rows}


def forget(memory: Memory, before: float) -> None:
    """Let go of the mails of series whose last patch arrived before a time, unless they wait or a draft is open."""
    with memory.writing():
        memory.run(
            "UPDATE mails SET raw = NULL WHERE raw IS NOT NULL AND series IN (SELECT number FROM series"
            " WHERE arrived < ? AND state NOT IN (?, ?, ?)"
            " AND number NOT IN (SELECT series FROM drafts WHERE series IS NOT NULL AND state IN (?, ?)))",
            *(before, *_DUE, *OPEN),
        )
