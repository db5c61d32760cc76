"""Lists drafts, as text of a given width or as JSON, and says how old they are."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

from reviewbot import __version__
from reviewbot.drafts.mail_text import header_of
from reviewbot.mail import headers
from reviewbot.memory.drafts import KeptDraft, Point
from reviewbot.model.patch import Address
from reviewbot.report.answers.head import SCHEMA, Json, answer_text
from reviewbot.report.terminal.text import Line
from reviewbot.support.escape import visible

_NARROWEST = 60
_INDENT = " " * 6
_WIDEST_LIST = 18
_STYLES = {"waiting": "", "approved": "clean", "sent": "faint", "dropped": "faint", "placed": "", "handled": "faint"}


def draft_rows(found: Sequence[KeptDraft], now: float, width: int) -> Iterator[Line]:
    """Three lines for each draft: what it is and to whom, its subject, and why it was made or what became of it."""
    width = max(width, _NARROWEST)
    lists = [_cut(visible(re.split(r"[@.]", one.list)[0]), _WIDEST_LIST) for one in found]
    number = max(2, *(len(str(one.number)) for one in found))
    room = max(map(_columns, lists))
    head = f"{'NR':>{number}}  {'AGE':>4}  {_padded('LIST', room) + '  ' if room else ''}SURE    STATE     TO"
    yield ((head, "head"),)
    for one, name in zip(found, lists, strict=True):
        before = f"{one.number:>{number}}  {time_span(now - one.made):>4}  "
        before += f"{_padded(name, max(room, 4))}  " if room else ""
        before += f"{one.confidence:<6}  "
        to = _cut(visible(addressed(one.mail)), width - _columns(before) - 10)
        yield ((before, ""), (f"{one.state:<8}  ", _STYLES.get(one.state, "")), (to, ""))
        yield ((_INDENT + _cut(visible(one.subject), width - len(_INDENT)), "rule"),)
        told = one.reason if one.state in ("waiting", "approved") else fate(one, now)
        if told:
            yield ((_INDENT + _cut(visible(told), width - len(_INDENT)), "faint"),)


def fate(one: KeptDraft, now: float) -> str:
    """What became of a draft, in words."""
    when = f"{time_span(now - one.changed)} ago" if now - one.changed >= 60 else "just now"
    if one.state == "dropped":
        return f"dropped as {one.note}, {when}"
    if one.state == "late":
        return f"too late, {when}: {one.note}" if one.note else f"too late, {when}"
    if one.state == "placed":
        return f"lies in {one.folder}"
    if one.state == "handled":
        return f"gone from {one.folder}, seen {when}"
    return f"{one.state}, {when}"


def time_span(seconds: float) -> str:
    """A span of time in one unit: "5m", "3h", "12d"."""
    minutes = max(0, int(seconds // 60))
    if minutes < 120:
        return f"{minutes}m"
    return f"{minutes // 60}h" if minutes < 48 * 60 else f"{minutes // 1440}d"


def people_in(mail: bytes, name: str = "to") -> tuple[Address, ...]:
    """The addresses in a field of a mail's header."""
    return headers.addresses(header_of(mail), name)


def addressed(mail: bytes) -> str:
    """To whom a mail goes, in words."""
    first, *others = [str(one.name or one.email) for one in people_in(mail)] or [""]
    return f"{first} and {len(others)} more" if others else first


def drafts_json(found: Sequence[tuple[KeptDraft, Sequence[Point]]]) -> str:
    """The drafts with what they ask about, as an object of the schema."""
    return answer_text(
        {"schema": SCHEMA, "reviewbot": __version__, "drafts": [_object(one, points) for one, points in found]}
    )


def _object(one: KeptDraft, points: Sequence[Point]) -> Json:
    people: dict[str, Json] = {
        name: [address.email for address in people_in(one.mail, name)] for name in ("from", "to", "cc")
    }
    plain = (
        "message_id",
        "in_reply_to",
        "list",
        "version",
        "subject",
        "author",
        "confidence",
        "reason",
        "state",
        "note",
    )
    return {
        "number": one.number,
        **{name: getattr(one, name) for name in plain},
        **people,
        "state": one.state,
        "note": one.note,
        "folder": one.folder,
        "edited": one.edited is not None,
        "made": int(one.made),
        "changed": int(one.changed),
        "points": [
            {key: getattr(point, key) for key in ("fingerprint", "rule", "path", "function", "line", "confidence")}
            for point in points
        ],
    }


# --- columns ---


def _columns(text: str) -> int:
    """The columns that a text takes on a terminal."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(one) else 1 + (unicodedata.east_asian_width(one) in "WF") for one in text)


def _cut(text: str, columns: int) -> str:
    if _columns(text) <= columns:
        return text
    while text and _columns(text) > columns - 3:
        text = text[: max(0, min(len(text) - 1, columns))]
    return f"{text.rstrip()}..."


def _padded(text: str, columns: int) -> str:
    return text + " " * max(0, columns - _columns(text))
