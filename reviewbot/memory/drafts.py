"""Keeps drafts, what each asks about, and what became of it.

A draft waits until somebody approves or drops it. What is approved is handed out once: a row of the outbox is written
before, and its end afterwards. A draft in a maildir (`thread --drafts`) is handled by a mail program: all that is known
of it is whether it still lies there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from reviewbot.memory.memory import Memory
from reviewbot.model.errors import UsageError

WAITING, APPROVED, SENT, DROPPED, PLACED, HANDLED, LATE = STATES = (
    "waiting",  # for somebody to read it
    "approved",  # to be sent
    "sent",
    "dropped",  # by somebody, see WHY
    "placed",  # in a maildir, where a mail program has it
    "handled",  # it was in a maildir, and is gone: sent, or not wanted
    "late",  # a newer version of the series came before it was sent, or somebody else said it
)
OPEN = (WAITING, APPROVED)
WRONG, KNOWN, TOO_LATE = WHY = ("wrong", "known", "late")  # why a draft was dropped, as its note
_COLUMNS = (
    "number, message_id, asks, in_reply_to, series, version, list, subject, author, confidence, reason, content,"
    " edited, state, note, folder, made, changed"
)


class Point(Struct, frozen=True):
    """What a draft asks about: the identity of a finding. `line`: its text."""

    fingerprint: str
    rule: str
    path: str
    function: str
    line: str
    confidence: str


class NewDraft(Struct, frozen=True):
    """A draft to be kept; `reason`: a line on why it was made; `evidence`: see evidence.packed()."""

    message_id: str
    asks: str
    in_reply_to: str
    subject: str
    author: str
    confidence: str
    reason: str
    content: bytes
    points: tuple[Point, ...]
    series: int | None = None
    version: int = 1
    list: str = ""
    evidence: bytes | None = None
    folder: str = ""


class KeptDraft(Struct, frozen=True):
    """A draft of the memory. `note`: why it was dropped or is late; times in seconds since 1970."""

    number: int
    message_id: str
    asks: str
    in_reply_to: str
    series: int | None
    version: int
    list: str
    subject: str
    author: str
    confidence: str
    reason: str
    content: bytes
    edited: bytes | None
    state: str
    note: str
    folder: str
    made: float
    changed: float

    @property
    def mail(self) -> bytes:
        """The message as it will go out."""
        return self.content if self.edited is None else self.edited


def add_draft(memory: Memory, new: NewDraft, now: float) -> int:
    """Keep a draft, inside of writing(). Gives its number, 0 where one that asks the same there is known."""
    if memory.rows("SELECT 1 FROM drafts WHERE asks = ? AND folder = ?", new.asks, new.folder):
        return 0
    number = memory.run(
        "INSERT INTO drafts (message_id, asks, in_reply_to, series, version, list, subject, author, confidence, reason,"
        " content, evidence, state, note, folder, made, changed) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,'',?,?,?)",
        *(new.message_id, new.asks, new.in_reply_to, new.series, new.version, new.list, new.subject, new.author),
        *(new.confidence, new.reason, new.content, new.evidence, PLACED if new.folder else WAITING, new.folder),
        *(now, now),
    )
    for one in new.points:
        memory.run(
            "INSERT OR IGNORE INTO points VALUES (?,?,?,?,?,?,?)",
            *(number, one.fingerprint, one.rule, one.path, one.function, one.line, one.confidence),
        )
    return number


def kept(memory: Memory, states: Iterable[str] = STATES) -> Sequence[KeptDraft]:
    """The drafts in some states, the oldest first."""
    wanted = tuple(states)
    marks = ",".join("?" * len(wanted))
    asked = f"SELECT {_COLUMNS} FROM drafts WHERE state IN ({marks}) ORDER BY made, number"  # noqa: S608 - marks alone
    return [KeptDraft(*row) for row in memory.rows(asked, *wanted)]


def open_drafts(memory: Memory, number: int) -> Sequence[KeptDraft]:
    """The drafts of a series that wait or are approved."""
    asked = f"SELECT {_COLUMNS} FROM drafts WHERE series = ? AND state IN (?, ?)"  # noqa: S608 - names alone
    return [KeptDraft(*row) for row in memory.rows(asked, number, *OPEN)]


def draft(memory: Memory, number: int) -> KeptDraft | None:
    """The draft with a number."""
    asked = f"SELECT {_COLUMNS} FROM drafts WHERE number = ?"  # noqa: S608 - names of columns alone
    return next((KeptDraft(*row) for row in memory.rows(asked, number)), None)


def draft_evidence(memory: Memory, number: int) -> bytes | None:
    """What a draft was made of, see evidence.unpacked(); None where that is not kept."""
    return next((row[0] for row in memory.rows("SELECT evidence FROM drafts WHERE number = ?", number)), None)


def points(memory: Memory, number: int) -> Sequence[Point]:
    """What a draft asks about."""
    asked = "SELECT fingerprint, rule, path, function, line, confidence FROM points WHERE draft = ? ORDER BY path, line"
    return [Point(*row) for row in memory.rows(asked, number)]


def edit(memory: Memory, number: int, content: bytes, now: float, seen: float | None = None) -> None:
    """Keep what somebody made of a draft that is open."""
    with memory.writing():
        _change(memory, number, OPEN, "edited = ?", content, now, seen)


def approve(memory: Memory, number: int, now: float, seen: float | None = None) -> None:
    """Mark a draft that waits as one to be sent."""
    with memory.writing():
        _change(memory, number, OPEN, "state = ?", APPROVED, now, seen)


def hold(memory: Memory, number: int, now: float, seen: float | None = None) -> None:
    """Take the approval back."""
    with memory.writing():
        _change(memory, number, OPEN, "state = ?", WAITING, now, seen)


def drop(memory: Memory, number: int, why: str, now: float, seen: float | None = None) -> None:
    """Drop a draft that is open, for one of WHY; of a wrong one nothing is raised again for the same code."""
    with memory.writing():
        _change(memory, number, OPEN, "state = ?", DROPPED, now, seen)
        memory.run("UPDATE drafts SET note = ? WHERE number = ?", why, number)
        if why == WRONG:
            memory.run(
                "INSERT OR IGNORE INTO wrong SELECT fingerprint, rule, ? FROM points WHERE draft = ?", now, number
            )


def restore(memory: Memory, numbers: Iterable[int], now: float, seen: float | None = None) -> None:
    """Let drafts that were dropped wait again, all of them or none.

    What was marked wrong with them may be raised again, unless another draft was dropped for it as well.
    Raises UsageError where a newer version, or another draft that asks the same, has come since.
    """
    with memory.writing():
        for number in numbers:
            _change(memory, number, (DROPPED,), "state = ?", WAITING, now, seen)
            _require_newest(memory, number)
            memory.run("UPDATE drafts SET note = '' WHERE number = ?", number)
            memory.run(
                "DELETE FROM wrong WHERE fingerprint IN (SELECT fingerprint FROM points WHERE draft = ?)"
                " AND fingerprint NOT IN"
                " (SELECT fingerprint FROM points JOIN drafts ON number = draft WHERE state = ? AND note = ?)",
                *(number, DROPPED, WRONG),
            )


def outdated(memory: Memory, number: int, note: str, now: float) -> None:
    """Mark an open draft as late, inside of writing(): `note` says what came first."""
    memory.run(
        "UPDATE drafts SET state = ?, note = ?, changed = ? WHERE number = ? AND state IN (?, ?)"
        " AND number NOT IN (SELECT draft FROM outbox)",
        *(LATE, note, now, number, *OPEN),
    )


def place(memory: Memory, new: NewDraft, now: float) -> None:
    """Keep a draft that was written into a maildir, inside of writing(), also where one that asks the same was."""
    if not add_draft(memory, new, now):
        memory.run(
            "UPDATE drafts SET message_id = ?, content = ?, evidence = ?, state = ?, changed = ?"
            " WHERE asks = ? AND folder = ?",
            *(new.message_id, new.content, new.evidence, PLACED, now, new.asks, new.folder),
        )


def placed_in(memory: Memory, folder: str) -> Sequence[KeptDraft]:
    """The drafts that were ever written into a maildir."""
    asked = f"SELECT {_COLUMNS} FROM drafts WHERE folder = ? ORDER BY number"  # noqa: S608 - names of columns alone
    return [KeptDraft(*row) for row in memory.rows(asked, folder)]


def came_back(memory: Memory, number: int, now: float) -> None:
    """Mark a draft that lies in its maildir again, inside of writing()."""
    memory.run("UPDATE drafts SET state = ?, changed = ? WHERE number = ? AND state = ?", PLACED, now, number, HANDLED)


def handled(memory: Memory, number: int, now: float) -> None:
    """Mark a draft that is gone from its maildir, inside of writing()."""
    memory.run("UPDATE drafts SET state = ?, changed = ? WHERE number = ? AND state = ?", HANDLED, now, number, PLACED)


def _change(
    memory: Memory, number: int, states: Sequence[str], setting: str, value: object, now: float, seen: float | None
) -> None:
    """Change a draft that is in one of some states, and not on its way. Raises UsageError where it is not.

    `seen`: its time of change as somebody saw it, who decides about that and nothing newer; None for as it is.
    """
    found = draft(memory, number)
    if found is None:
        raise UsageError(f"there is no draft {number}")
    if found.state not in states:
        raise UsageError(f"draft {number} is {found.state}{f' ({found.note})' if found.note else ''}")
    if memory.rows("SELECT 1 FROM outbox WHERE draft = ?", number):
        raise UsageError(f"draft {number} is being sent, or was cut short on its way: run reviewbot drafts send")
    if seen is not None and found.changed != seen:
        raise UsageError(f"draft {number} was changed meanwhile: it is {found.state} now")
    memory.run(f"UPDATE drafts SET {setting}, changed = ? WHERE number = ?", value, now, number)  # noqa: S608 - ours


def _require_newest(memory: Memory, number: int) -> None:
    """Raise UsageError where a newer version was looked at, or another draft of the series asks the same."""
    newer = memory.rows(
        "SELECT max(versions.version) FROM versions JOIN drafts ON versions.series = drafts.series"
        " WHERE number = ? AND versions.version > drafts.version",
        number,
    )[0][0]
    if newer is not None:
        raise UsageError(f"draft {number} is too late: v{newer} is out")
    again = memory.rows(
        "SELECT other.number FROM drafts AS other JOIN drafts AS own ON own.number = ? AND own.series = other.series"
        " JOIN points ON points.draft = other.number WHERE other.number != own.number AND other.state IN (?, ?, ?)"
        " AND points.fingerprint IN (SELECT fingerprint FROM points WHERE draft = ?)",
        *(number, *OPEN, SENT, number),
    )
    if again:
        raise UsageError(f"draft {number} was asked anew: see draft {again[0][0]}")
