"""Reads of a mail what an archive has to know of it, without parsing it: its id, what it answers, and when it came."""

from __future__ import annotations

import re
from typing import NamedTuple

from reviewbot.mail.headers import timestamp
from reviewbot.support.patterns import pattern

HEAD = 65_536  # bytes of a mail that are looked at: the headers of a list's mails have 5,000
_FIELD = pattern(
    rb"^(received|date|message-id|references|in-reply-to)[ \t]*+:((?:[^\n]*+)(?:\n[ \t][^\n]*+)*+)", re.I | re.M
)
_ID = pattern(rb"<([^<>\s]{1,998})>")
_END = pattern(rb"\r?\n\r?\n")
_ANSWERED = 30  # ids of References; of a longer list, those at its end
_DATE = 200  # bytes


class Head(NamedTuple):
    """What the headers of a mail say: ids without their brackets, "" for none; times in seconds since 1970, 0 for none.

    `received`: by the topmost Received that has a date, which the last server on the way wrote; `dated`: by Date.
    """

    message_id: bytes
    answers: tuple[bytes, ...]
    received: float
    dated: float

    @property
    def when(self) -> float:
        """When the mail came, else when it says that it was sent."""
        return self.received or self.dated


def mail_head(raw: bytes) -> Head:
    """The head of a mail."""
    top = raw[:HEAD]
    end = _END.search(top)
    fields: dict[bytes, list[bytes]] = {}
    for name, value in _FIELD.findall(top[: end.start()] if end else top):
        fields.setdefault(name.lower(), []).append(value)
    own = next((_ID.findall(value) for value in fields.get(b"message-id", ())), [])
    answered = [one for value in fields.get(b"references", ()) for one in _ID.findall(value)]
    direct = [one for value in fields.get(b"in-reply-to", ())[:1] for one in _ID.findall(value)[:1]]
    # the first of a list is the thread's, the last ones are the nearest
    kept = answered[:1] + answered[1:][-_ANSWERED:] + direct
    received = next((time for value in fields.get(b"received", ())[:5] if (time := _received(value))), 0.0)
    dated = next((time for value in fields.get(b"date", ())[:1] if (time := _time(value))), 0.0)
    return Head(own[0] if own else b"", tuple(dict.fromkeys(kept)), received, dated)


def _received(value: bytes) -> float:
    """The date behind the last semicolon (RFC 5322, 3.6.7)."""
    return _time(value.rpartition(b";")[2])


def _time(value: bytes) -> float:
    return timestamp(" ".join(value[:_DATE].decode("ascii", "replace").split()))
