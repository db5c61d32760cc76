"""Decodes raw mail headers into one-line texts, addresses, message ids and dates.

By RFC 5322 and RFC 2047, and by what mailers make of them. No header, however broken, raises.
"""

from __future__ import annotations

import binascii
import re
import unicodedata
from collections.abc import Iterator
from email.message import Message
from email.utils import getaddresses, mktime_tz, parsedate_tz

from reviewbot.mail import body
from reviewbot.model.patch import Address
from reviewbot.support.patterns import pattern

_LATEST = 253_402_300_799.0  # the end of the year 9999, the last that dates can be written of
_LONGEST = 100_000  # characters of one header
_PIECE = pattern(r'(?:"(?:[^"\\]++|\\.)*+(?:"|(?P<open>\\?\Z))|[^,"]++)++', re.S)
_ADDRESS = 1_000  # characters; Python's parser recurses, and its time grows with the square
_WORD = pattern(r"=\?([^?\s]{1,64})\?([bq])\?([^?]*)\?=", re.I)
_BETWEEN = pattern(r"\?=\s+(?==\?)")
_ID = pattern(r"<([^<>\s]+)>")
_BARE = pattern(r"[^\s<>,;:\"()\[\]]{1,64}@[^\s<>,;:\"()\[\]]{1,255}")
# overrides of the writing direction can make a line read as something else
_BIDI = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

_REPLY = pattern(r"(?:re|aw|fwd?|antw|回复|答复|回覆|转发|отв)\s?(?:\[\d+\]|\^\d+)?\s?[:：]\s*", re.I)
# short reply marks of other languages are subsystem names as well ("rv:"), so a [PATCH] must follow
_FOREIGN = pattern(r"\w{1,4}\s?[:：]\s*(?=\[[^\]]*patch)", re.I)
_BRACKETS = pattern(r"(?:\[[^\]]*\]\s*)+")


def header(message: Message, name: str) -> str:
    """All values of a header, raw, joined by ", ", at most 100,000 characters. `name` in lower case."""
    lines = (str(value) for key, value in message.raw_items() if key.lower() == name)
    return ", ".join(" ".join(_unescaped(line)[:_LONGEST].split()) for line in lines)[:_LONGEST]


def _unescaped(value: str) -> str:
    """A header with raw bytes above 127, which many have against RFC 5322, decoded: as UTF-8, else as Latin-1."""
    data = value.encode("utf-8", "surrogateescape")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def text(message: Message, name: str) -> str:
    """All values of a header, decoded and cleaned, joined by ", "; "" if there is none. `name` in lower case."""
    return clean(decoded_words(header(message, name)))


def clean(value: str) -> str:
    """The value as one line, without control characters, surrogates and marks of the writing direction."""
    spaced = (" " if char.isspace() else char for char in value)
    kept = (char for char in spaced if unicodedata.category(char) not in ("Cc", "Cs") and char not in _BIDI)
    return " ".join("".join(kept).split())


def decoded_words(value: str) -> str:
    """The value with its encoded words (RFC 2047) as text, and a character that two of them share put together."""
    out: list[str] = []
    held, charset, end = b"", "", 0
    value = _BETWEEN.sub("?=", value)
    for match in _WORD.finditer(value):
        name = match[1].split("*")[0].lower()
        data = _word(match[2].lower(), match[3])
        if match.start() != end or name != charset or data is None:
            out.append(_as_text(held, charset))
            held = b""
        out.append(value[end : match.start()])
        end, charset = match.end(), name
        if data is None:
            out.append(match[0])
        else:
            held += data
    return "".join([*out, _as_text(held, charset), value[end:]])


def _word(encoding: str, data: str) -> bytes | None:
    raw = data.encode("utf-8")
    try:
        return binascii.a2b_base64(raw + b"==") if encoding == "b" else binascii.a2b_qp(raw, header=True)
    except binascii.Error:
        return None


def _as_text(data: bytes, charset: str) -> str:
    try:
        return data.decode(body.codec(charset) or "utf-8", "replace")
    except (LookupError, ValueError):
        return data.decode("utf-8", "replace")


def addresses(message: Message, name: str) -> tuple[Address, ...]:
    """The addresses of a header, each once, in order. Names are decoded after the split: a comma in one stays there."""
    value = header(message, name)
    mailboxes = list(_parsed(value)) or list(_parsed(decoded_words(value)))
    if not mailboxes:
        mailboxes = [Address("", _marked(email)) for email in _BARE.findall(value)]
    return tuple({address.email.lower(): address for address in reversed(mailboxes)}.values())[::-1]


def _pieces(value: str) -> Iterator[str]:
    """The parts of an address header between commas. One in quotes does not separate, unless the quotes stay open."""
    for match in _PIECE.finditer(value):
        yield from [match[0]] if match["open"] is None else match[0].split(",")


def _parsed(value: str) -> Iterator[Address]:
    for piece in _pieces(value):
        if len(piece) > _ADDRESS:
            continue
        try:
            pairs = getaddresses([piece])
        except (RecursionError, ValueError, LookupError):
            continue
        for name, email in pairs:
            email = _marked(email)
            if "@" in email and (" " not in email or email.startswith('"')):
                yield Address(clean(decoded_words(name)), email)


def _marked(email: str) -> str:
    """An address with U+FFFD for each character that clean() removes: without one it would be another address."""
    kept = (char if char == " " or clean(char) else "\ufffd" for char in email)
    return "".join(kept)


def ids(message: Message, name: str) -> tuple[str, ...]:
    """The message ids of a header in their order, each once, without angle brackets."""
    value = header(message, name)
    words = _ID.findall(value) or [word for word in value.split() if "@" in word]
    return tuple(dict.fromkeys(clean(word) for word in words if clean(word)))


def timestamp(date: str) -> float:
    """The seconds since 1970 of an RFC 5322 date; 0 for an invalid one, and outside the years 1970 to 9999."""
    try:
        parts = parsedate_tz(date)
        when = float(mktime_tz(parts)) if parts and parts[0] >= 1970 else 0.0
    except (ValueError, OverflowError, TypeError, LookupError):
        return 0.0
    return when if 0 <= when <= _LATEST else 0.0


def plain_subject(subject: str) -> str:
    """The subject as b4 can read it: reply marks as "Re: ", counters and versions as words of their own.

    b4 misreads commas ("[PATCH v6,19/24]"), "1 of 3", "v2.1" and a reply mark behind a list's name
    ("[list] Re: [PATCH]").
    """
    brackets = _BRACKETS.match(subject)
    lead = brackets[0] if brackets and "patch" not in brackets[0].lower() else ""
    rest = subject[len(lead) :]
    mark = _REPLY.match(rest) or _FOREIGN.match(rest)
    reply = mark is not None
    while mark:
        rest = rest[mark.end() :]
        mark = _REPLY.match(rest) or _FOREIGN.match(rest)
    if not reply:
        rest = subject
    prefix = _BRACKETS.match(rest)
    if prefix:
        rest = _plain_prefix(prefix[0]) + rest[prefix.end() :]
    return "Re: " + rest if reply else rest


def _plain_prefix(prefix: str) -> str:
    prefix = re.sub(r"[,;]", " ", prefix)
    prefix = re.sub(r"\b(\d{1,4})\s?(?:/|of)\s?(\d{1,4})\b", r" \1/\2 ", prefix, flags=re.I)
    prefix = re.sub(r"\b(v\d{1,3})\.\d+\b", r"\1", prefix, flags=re.I)
    return re.sub(r"\bv\d{4,}", "", prefix, flags=re.I)
