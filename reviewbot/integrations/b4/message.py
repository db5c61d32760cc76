"""Parses the message that b4 gives to a check, and its number in the series.

b4 writes a body that it has decoded below the original headers (LoreMessage.get_msg_as_bytes() of b4 0.16). So
Content-Transfer-Encoding no longer holds: decoded once more, quoted-printable loses what stands behind each "=", and
base64 the whole patch. Of a multipart message only the text is left, in UTF-8.
"""

from __future__ import annotations

import re

from reviewbot.mail import headers, message, quarantine
from reviewbot.mail.message import MailMessage
from reviewbot.model.errors import InputError
from reviewbot.model.patch import Patch
from reviewbot.support.patterns import pattern

_FROM = pattern(rb"From [^\n]*\n")
_END = pattern(rb"\r?\n\r?\n")
_HEADER = pattern(rb"[!-9;-~]+[ \t]*:")
_CODING = pattern(rb"^Content-Transfer-Encoding[ \t]*:[^\n]*\n(?:[ \t][^\n]*\n)*", re.I | re.M)
_MIME = pattern(rb"^(?:Content-[!-9;-~]+|MIME-Version)[ \t]*:[^\n]*\n(?:[ \t][^\n]*\n)*", re.I | re.M)
_MULTIPART = pattern(rb"^Content-Type[ \t]*:\s*(?:multipart|message)/", re.I | re.M)
_PREFIX = pattern(r"\s*\[([^\]]*)\]")
_COUNTER = pattern(r"\b([0-9]{1,4})/([0-9]{1,4})\b")


def read_message(raw: bytes, seconds: float | None = None) -> MailMessage:
    """Read one message without decoding its body, within `seconds`; None for no limit. Raises InputError."""
    raw = raw.lstrip(b"\r\n")
    raw = raw[found.end() :] if (found := _FROM.match(raw)) else raw
    if not raw.strip():
        raise InputError("there is no message on standard input")
    if not _HEADER.match(raw):
        raise InputError("standard input holds no message: it does not begin with headers")
    end = _END.search(raw)
    head, body = (raw[: end.start()] + b"\n", raw[end.end() :]) if end else (raw.rstrip(b"\n") + b"\n", b"")
    if b"\0" in head:
        raise InputError("standard input holds no message: there are NUL bytes in its headers")
    return quarantine.read_quarantined(
        (_MIME if _MULTIPART.search(head) else _CODING).sub(b"", head) + b"\n" + body, seconds
    )


def part_of_total(subject: str) -> tuple[int, int] | None:
    """(2, 7) for "[PATCH 2/7] ...", (1, 1) for a patch without numbers, None for a subject of no patch."""
    plain = headers.plain_subject(subject)
    if plain.startswith("Re: "):
        return None
    at, tagged, numbers = 0, False, None
    while prefix := _PREFIX.match(plain, at):
        at = prefix.end()
        tagged = tagged or "patch" in prefix[1].lower()
        numbers = _COUNTER.search(prefix[1]) or numbers
    if numbers:
        return int(numbers[1]), int(numbers[2])
    return (1, 1) if tagged else None


def title(subject: str) -> str:
    """A subject without its prefixes in brackets."""
    plain, at = headers.plain_subject(subject), 0
    while prefix := _PREFIX.match(plain, at):
        at = prefix.end()
    return plain[at:].strip() or "(no subject)"


def patch(mail: MailMessage) -> Patch:
    """The patch of a message with a diff. Of the message's notes only those are kept that say a diff was not read.

    The others do not matter here: a message of `b4 prep --check`, say, has no message id yet.
    """
    number, total = part_of_total(mail.mail.subject) or (1, 1)
    lost = tuple(note for note in mail.notes if note.reason.endswith(message.FIRST_ALONE))
    return Patch(
        number,
        total,
        title(mail.mail.subject),
        mail.message,
        mail.diff,
        mail.mail,
        unread=lost,
    )
