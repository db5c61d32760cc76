"""Bytes and some edits in, other bytes out: what mails, diffs and C look like when somebody has been at them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

_QUOTED = re.compile(rb'^"(.*)"$', re.MULTILINE)
_ESCAPE = re.compile(rb"\\(?:x([0-9a-f]{2})|(.))")


def _bare(word: bytes) -> bytes:
    return _ESCAPE.sub(lambda found: bytes.fromhex(found[1].decode()) if found[1] else found[2], word)


WORDS = Path(__file__).with_name("words.dict")
TOKENS = tuple(_bare(word) for word in _QUOTED.findall(WORDS.read_bytes()))
KINDS = ("insert", "delete", "repeat", "copy", "flip", "cut")
_MOST = 40  # times that something is repeated
_LARGEST = 20_000  # bytes: what is long is the matter of other tests


class Edit(NamedTuple):
    """`at`, `size`: a place and a length, as parts of 65,536 of what is there; `what` chooses among TOKENS."""

    kind: str
    at: int
    size: int
    what: int


def edited(data: bytes, edits: list[Edit]) -> bytes:
    for one in edits:
        at = one.at * (len(data) + 1) >> 16
        end = min(len(data), at + (one.size * min(len(data), 400) >> 16))
        token = TOKENS[one.what % len(TOKENS)]
        middle = {
            "insert": token,
            "delete": b"",
            "repeat": (token or data[at:end]) * (one.size % _MOST),
            "copy": data[at:end] * 2,
            "flip": bytes(byte ^ 1 << one.what % 8 for byte in data[at : at + 1]),
            "cut": b"",
        }[one.kind]
        rest = {"insert": at, "repeat": at, "delete": end, "copy": end, "flip": at + 1, "cut": len(data)}[one.kind]
        data = (data[:at] + middle + data[rest:])[:_LARGEST]
    return data
