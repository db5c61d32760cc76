"""A parsed mail in; its text parts as strings out: transfer encoding, charset, format=flowed and CRLF undone.

Bytes that fit no charset come through as surrogates (surrogateescape), so that a diff keeps them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from email.message import Message

from reviewbot.patterns import pattern
from reviewbot.records import dataclass

_PATCH_NAME = pattern(r"\.(?:patch|diff|txt)$", re.I)
_PATCH_TYPES = frozenset({"text/x-patch", "text/x-diff", "text/patch", "application/x-patch", "application/x-diff"})
# codecs that Python knows and nobody may ask for: they rewrite backslashes or host names, one in quadratic time
_NO_CHARSETS = frozenset({"unicode_escape", "raw_unicode_escape", "idna", "punycode", "undefined"})
_CR_HEADER = pattern(r"^(?:diff |--- |\+\+\+ )[^\n]*\r$", re.M)
_GIT_LINE = pattern(r"(?:diff |index |--- |\+\+\+ |@@|old |new |deleted |similarity |rename |copy |-- $)")


@dataclass(frozen=True, slots=True)
class Piece:
    """One text part; `name` is that of an attachment, "" for the mail's own text."""

    text: str
    name: str = ""
    wrong: str = ""  # the declared charset, where the bytes are neither in it nor UTF-8


def pieces(message: Message) -> tuple[Piece, ...]:
    """The parts that may hold a commit message or a diff, in the order of the mail."""
    return tuple(_pieces(message))


def has_html(message: Message) -> bool:
    return any(part.get_content_type() == "text/html" for part in message.walk())


def _pieces(message: Message) -> Iterator[Piece]:
    for part in message.walk():
        if part.is_multipart():
            continue
        kind, name = part.get_content_type(), _filename(part)
        if kind != "text/plain" and kind not in _PATCH_TYPES and not _PATCH_NAME.search(name):
            continue
        payload = part.get_payload(decode=True)
        if not isinstance(payload, bytes):
            continue
        text, failed = decoded(payload, _parameter(part, "charset"))
        text = unix_lines(text)
        if _parameter(part, "format").lower() == "flowed":
            text = unflowed(text, _parameter(part, "delsp").lower() == "yes")
        yield Piece(text, name, failed)


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


def decoded(payload: bytes, charset: str) -> tuple[str, str]:
    """The text, and the declared charset where neither that nor UTF-8 fits the bytes."""
    wanted = charset.lower()
    if wanted and wanted.replace("-", "_") not in _NO_CHARSETS:
        with suppress(LookupError, ValueError):  # UnicodeError is a ValueError, so is a NUL in the name
            return payload.decode(wanted), ""
    try:
        return payload.decode("utf-8"), ""
    except UnicodeDecodeError:
        return payload.decode("utf-8", "surrogateescape"), charset


def unix_lines(text: str) -> str:
    """Take the CR of the transport away, and only that: in a mail of mixed line ends it is the file's own."""
    ends = text.count("\n")
    crs = text.count("\r\n")
    if crs and (crs == ends or _CR_HEADER.search(text)):
        return text.replace("\r\n", "\n")
    return text


def unflowed(text: str, delsp: bool) -> str:
    """Undo format=flowed (RFC 3676): paragraphs are joined; in a diff only what cannot be a line of one is.

    Many mailers claim the format and do not stuff: a stuffed diff has two blanks before every
    context line, so the leading blank is taken away only where that holds.
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
    """Put each line that may (`soft`) to the one before, where that ends with a blank and is no signature mark."""
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
