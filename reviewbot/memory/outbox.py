"""Sees to it that a draft is handed out once.

A row is written before a draft is handed to a mail program, and its end afterwards. What has no end was cut short:
whether it went out only the archive of the list can tell, so nobody sends it again before that was asked.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from reviewbot.memory.drafts import APPROVED, SENT
from reviewbot.memory.memory import Memory
from reviewbot.model.errors import UsageError


class OnItsWay(Struct, frozen=True):
    """A draft that was handed out and has no end yet; `way`: how; `began`: in seconds since 1970."""

    draft: int
    message_id: str
    way: str
    began: float


def begin(memory: Memory, number: int, way: str, now: float) -> None:
    """Note that a draft is handed out now. Raises UsageError unless it is approved and not on its way."""
    with memory.writing():
        states = memory.rows("SELECT state FROM drafts WHERE number = ?", number)
        if not states or states[0][0] != APPROVED:
            raise UsageError(f"draft {number} is {states[0][0] if states else 'unknown'}: approve it first")
        if memory.rows("SELECT 1 FROM outbox WHERE draft = ?", number):
            raise UsageError(f"draft {number} is on its way already")
        memory.run("INSERT INTO outbox VALUES (?, ?, ?, NULL)", number, way, now)


def mark_sent(memory: Memory, number: int, now: float) -> None:
    """Note that it went out."""
    with memory.writing():
        memory.run("UPDATE outbox SET ended = ? WHERE draft = ? AND ended IS NULL", now, number)
        memory.run("UPDATE drafts SET state = ?, changed = ? WHERE number = ?", SENT, now, number)


def take_back(memory: Memory, number: int) -> None:
    """Note that it surely did not go out, so that it may be sent again."""
    with memory.writing():
        memory.run("DELETE FROM outbox WHERE draft = ? AND ended IS NULL", number)


def unsettled(memory: Memory) -> Sequence[OnItsWay]:
    """What was handed out and has no end, the oldest first."""
    asked = (
        "SELECT draft, message_id, way, began FROM outbox JOIN drafts ON number = draft WHERE ended IS NULL"
        " ORDER BY began"
    )
    return [OnItsWay(*row) for row in memory.rows(asked)]
