"""Lists drafts without their mails: what a list of them shows, of as many as it has room for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from reviewbot.memory.memory import Memory

_COLUMNS = "number, state, list, series, version, subject, confidence, reason, note, made, changed"


class ListedDraft(Struct, frozen=True):
    """A draft as a row of a list; see KeptDraft."""

    number: int
    state: str
    list: str
    series: int | None
    version: int
    subject: str
    confidence: str
    reason: str
    note: str
    made: float
    changed: float


def listed_drafts(memory: Memory, state: str, most: int, newest: bool = False) -> Sequence[ListedDraft]:
    """At most so many drafts in a state: those that were made first, or with `newest` those that were changed last."""
    order = "changed DESC, number DESC" if newest else "made, number"
    asked = f"SELECT {_COLUMNS} FROM drafts WHERE state = ? ORDER BY {order} LIMIT ?"  # noqa: S608 - ours alone
    return [ListedDraft(*row) for row in memory.rows(asked, state, most)]


def state_counts(memory: Memory) -> Mapping[str, int]:
    """How many drafts are in each state that has any."""
    return dict(memory.rows("SELECT state, count(*) FROM drafts GROUP BY state"))
