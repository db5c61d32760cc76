"""Turns a file that was prepared and cut into bytes and back; its fragments stand in them as places in its text."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from reviewbot.frontend.fragments import Fragment
from reviewbot.frontend.preprocess.directives import Macro
from reviewbot.frontend.preprocess.prepare import Prepared
from reviewbot.frontend.stitch import StitchedText, Stretch

_LEVEL = 1  # of zlib; it also tells bytes that are damaged


class _Place(NamedTuple):
    """A fragment without its text, and how long that is."""

    prefix: str
    length: int
    suffix: str
    offset: int
    line: int
    name: str
    starts: bool
    ends: bool
    macro: bool


class _Plain(NamedTuple):
    text: str
    marks: list[tuple[int, str]]
    macros: tuple[Macro, ...]
    places: list[_Place]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Plain)


def shown_to_bytes(one: StitchedText) -> bytes | None:
    """A prepared text as bytes; None where a fragment is no piece of it. Raises ValueError for what is no Unicode."""
    ready, parts = one.prepared, one.fragments
    if any(part.parts or not ready.text.startswith(part.text, part.offset) for part in parts):
        return None
    plain = _Plain(ready.text, [*ready.marks.items()], ready.macros, [*map(_place, parts)])
    return zlib.compress(_encoder.encode(plain), _LEVEL)


def shown_from_bytes(data: bytes, stretch: Stretch) -> StitchedText:
    """The opposite, for the same stretch. Raises ValueError for bytes that were not made so."""
    try:
        plain = _decoder.decode(zlib.decompress(data))
    except (zlib.error, msgspec.DecodeError) as error:
        raise ValueError(str(error)) from error
    return StitchedText(stretch, Prepared(plain.text, dict(plain.marks), plain.macros), tuple(_fragments(plain)))


def _place(part: Fragment) -> _Place:
    shape = part.prefix, len(part.text), part.suffix, part.offset, part.line
    return _Place(*shape, part.name, part.starts, part.ends, part.macro)


def _fragments(plain: _Plain) -> Iterator[Fragment]:
    for one in plain.places:
        text = plain.text[one.offset : one.offset + one.length]
        shape = one.prefix, text, one.suffix, one.offset, one.line
        yield Fragment(*shape, one.name, one.starts, one.ends, one.macro)
