"""Turns what a file says into bytes and back, so that it can be kept."""

from __future__ import annotations

import zlib

import msgspec

from reviewbot.review.neighbourhood.function_words import FileWords, FunctionWords

FORMAT = 3  # of the bytes
_Plain = tuple[int, list[FunctionWords], list[str], list[str], list[str]]
_decoder = msgspec.msgpack.Decoder(_Plain)
_encoder = msgspec.msgpack.Encoder()


def to_bytes(file: FileWords) -> bytes:
    """What a file says, as bytes."""
    plain = file.size, [*file.functions.values()], sorted(file.macros), sorted(file.runs), sorted(file.waits)
    return zlib.compress(_encoder.encode(plain), 1)


def from_bytes(data: bytes) -> FileWords:
    """The opposite of to_bytes(). Raises ValueError for bytes that it has not made."""
    try:
        size, functions, macros, runs, waits = _decoder.decode(zlib.decompress(data))
    except (zlib.error, msgspec.DecodeError) as error:
        raise ValueError(str(error)) from error
    return FileWords(size, functions, frozenset(macros), frozenset(runs), frozenset(waits))
