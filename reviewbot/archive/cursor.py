"""Writes down where the reading of an archive stopped, and which mails were handed out of late, as one line of text.

A cursor is kept by others and comes back. One that cannot be read, or is of another kind of archive, is none: reading
begins at the first day again, and whoever keeps the mails knows those that he has.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import TypeVar

import msgspec

_LONGEST = 2_000_000  # characters
_WIDTH = 8  # characters of a mark, out of 64 each: of 50,000 mails two have the same by a chance of 1 to 200,000
T = TypeVar("T", bound=msgspec.Struct)


def text_of_place(place: msgspec.Struct) -> str:
    """A place as text."""
    return msgspec.json.encode(place).decode()


def place_in(text: str, kind: type[T]) -> T | None:
    """The place that a text says, None for "" and for what says none of this kind."""
    if not text or len(text) > _LONGEST:
        return None
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.DecodeError, UnicodeError):
        return None


def mark_of(data: bytes) -> str:
    """A short mark that tells a mail, or the name of its file, from others."""
    import base64

    return base64.b64encode(hashlib.sha256(data).digest()[: _WIDTH * 6 // 8]).decode()


def marks_text(marks: Iterable[str]) -> str:
    """Marks as one text."""
    return "".join(marks)


def marks_in(marks: str) -> list[str]:
    """The marks of such a text."""
    return [marks[at : at + _WIDTH] for at in range(0, len(marks), _WIDTH)]
