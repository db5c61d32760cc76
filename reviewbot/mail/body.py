"""Decodes the text parts of a message: undoes transfer encoding, charset, format=flowed and CRLF.

Bytes that fit no charset become surrogates (surrogateescape), so that a diff keeps them.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from contextlib import suppress
from email.message import Message
from typing import TYPE_CHECKING

from msgspec import Struct

from reviewbot.support.patterns import pattern

if TYPE_CHECKING:
    from email.policy import Compat32
else:  # the same; email.policy loads what reads addresses too, which no mail is read with here
    Compat32 = type(Message().policy)

_PATCH_NAME = pattern(r"\.(?:patch|diff|txt)$", re.I)
_PATCH_TYPES = frozenset({"text/x-patch", "text/x-diff", "text/patch", "application/x-patch", "application/x-diff"})
# codecs of Python that are no charsets: they rewrite backslashes or host names, one in quadratic time
_NO_CHARSETS = frozenset({"unicode-escape", "raw-unicode-escape", "idna", "punycode", "undefined"})
_CHARSET = 60  # characters of a charset's name
_CR_HEADER = pattern(r"^(?:diff |--- |\+\+\+ )[^\n]*\r$", re.M)
_GIT_LINE = pattern(r"(?:diff |index |--- |\+\+\+ |@@|old |new |deleted |similarity |rename |copy |-- $)")


_LONGEST = 1_000  # characters of a header that says what a part is: Python's time for it grows with the square


class Policy(Compat32):
    """The policy of Python's parser for messages: compat32, with a bound for the length of Content-* headers."""

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        """The name and the raw value of a header; of a Content-* header the first 1,000 characters."""
        name, value = super().header_source_parse(sourcelines)
        return name, value[:_LONGEST] if name[:8].lower() == "content-" else value


class TextPart(Struct, frozen=True):
    """One text part. `name`: the file name of an attachment, "" for the message's own text."""

    text: str
    name: str = ""
    wrong: str = ""  # the declared charset, where the bytes are neither in it nor UTF-8


def pieces(message: Message) -> tuple[TextPart, ...]:
    """The parts that may hold a commit message or a diff, in their order: plain text, and patches by type or name."""
    return tuple(_pieces(message))


def cut(message: Message) -> str:
    """The name of a header that Policy has cut, "" where there is none."""
    headers = (header for part in message.walk() for header in part.raw_items())
    return next((name for name, value in headers if name[:8].lower() == "content-" and len(value) >= _LONGEST), "")


def has_html(message: Message) -> bool:
    """Whether a part of the message is HTML."""
    return any(part.get_content_type() == "text/html" for part in message.walk())


def _pieces(message: Message) -> Iterator[TextPart]:
    for part in message.walk():
        if part.is_multipart():
            continue
        kind, name = part.get_content_type(), _filename(part)
        if kind != "text/plain" and kind not in _PATCH_TYPES and not _PATCH_NAME.search(name):
            continue
        payload = part.get_payload(decode=True)
        if not isinstance(payload, bytes):
            continue
        text, failed = decoded_payload(payload, _parameter(part, "charset"))
        text = unix_lines(text)
        if _parameter(part, "format").lower() == "flowed":
            text = unflowed(text, _parameter(part, "delsp").lower() == "yes")
        yield TextPart(text, name, failed)


def _filename(part: Message) -> str:
    try:
        return part.get_filename("") or ""
    except (LookupError, ValueError, TypeError):  # broken RFC 2231 parameters
        return ""


def _parameter(part: Message, name: str) -> str:
    try:
        value = part.get_param(name, "")
    except (LookupError, ValueError, TypeError):
        return ""
    return (value[2] if isinstance(value, tuple) else str(value)).strip()


def decoded_payload(payload: bytes, charset: str) -> tuple[str, str]:
    """The text, and "", or the declared charset where the bytes are neither in it nor in UTF-8."""
    wanted = codec(charset)
    if wanted:
        with suppress(LookupError, ValueError):  # UnicodeError is a ValueError
            return payload.decode(wanted), ""
    try:
        return payload.decode("utf-8"), ""
    except UnicodeDecodeError:
        return payload.decode("utf-8", "surrogateescape"), charset


def codec(charset: str) -> str:
    """The name of Python's codec for a charset; "" if it has none, or one that is no charset, in whatever spelling."""
    try:
        name = codecs.lookup(charset[:_CHARSET]).name
    except (LookupError, ValueError):  # a NUL in the name, say
        return ""
    return "" if name in _NO_CHARSETS else name


def unix_lines(text: str) -> str:
    """Remove the CRs of the transport, and only those: in a message of mixed line ends they are the file's own."""
    ends = text.count("\n")
    crs = text.count("\r\n")
    if crs and (crs == ends or _CR_HEADER.search(text)):
        return text.replace("\r\n", "\n")
    return text


def unflowed(text: str, delsp: bool) -> str:
    """Undo format=flowed (RFC 3676): join paragraphs; in a diff join only lines that cannot be lines of a diff.

    Many mailers claim the format and do not space-stuff (RFC 3676, 4.4): a stuffed diff has two blanks before every
    context line, so the leading blank is removed only where that holds. `delsp`: the blank before a break goes too.
    """
    lines = text.split("\n")
    start = next((i for i, line in enumerate(lines) if line.startswith(("diff --git ", "--- a/"))), len(lines))
    prose, diff = lines[:start], lines[start:]
    stuffed = [line for line in diff if line.startswith(" ")]
    if stuffed and all(line.startswith("  ") or line == " " for line in stuffed):
        diff = [line[1:] if line.startswith(" ") else line for line in diff]
    return "\n".join([*_joined_prose(prose, delsp), *_joined_diff(diff, delsp)])


def _joined_prose(lines: list[str], delsp: bool) -> list[str]:
    texts = [line[1:] if line.startswith(" ") else line for line in lines]
    soft = [bool(text) and not text.startswith(">") for text in texts]
    return _joined(texts, soft, delsp, quotes=">")


def _joined_diff(lines: list[str], delsp: bool) -> list[str]:
    soft = [not (line[:1] in ("", " ", "+", "-", "\\") or _GIT_LINE.match(line)) for line in lines]
    return _joined(lines, soft, delsp)


def _joined(lines: list[str], soft: list[bool], delsp: bool, quotes: str = "\n") -> list[str]:
    """Append each line that is `soft` to the one before, if that ends with a blank and is no signature mark."""
    runs: list[list[str]] = []
    for at, line in enumerate(lines):
        above = lines[at - 1] if at else ""
        if soft[at] and above.endswith(" ") and above != "-- " and not above.startswith(quotes):
            if delsp:
                runs[-1][-1] = runs[-1][-1][:-1]
            runs[-1].append(line)
        else:
            runs.append([line])
    return ["".join(run) for run in runs]
