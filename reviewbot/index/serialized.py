"""Turns what a file says into bytes and back, so that it can be kept."""

from __future__ import annotations

import zlib

import msgspec

from reviewbot.program.helpers.words import HelperNames
from reviewbot.program.operations.words import FileOperations, Put
from reviewbot.review.neighbourhood.function_words import FileWords, FunctionWords

FORMAT = 5  # of the bytes
_Plain = tuple[
    int,
    list[FunctionWords],
    list[str],
    list[str],
    list[str],
    dict[str, dict[str, str]],
    tuple[Put, ...],
    list[str],
    list[str],
]
_decoder = msgspec.msgpack.Decoder(_Plain)
_encoder = msgspec.msgpack.Encoder()


def to_bytes(file: FileWords) -> bytes:
    """What a file says, as bytes."""
    names = sorted(file.macros), sorted(file.runs), sorted(file.waits)
    helpers = sorted(file.helpers.takers), sorted(file.helpers.givers)
    plain = file.size, [*file.functions.values()], *names, file.operations.structures, file.operations.puts, *helpers
    return zlib.compress(_encoder.encode(plain), 1)


def from_bytes(data: bytes) -> FileWords:
    """The opposite of to_bytes(). Raises ValueError for bytes that it has not made."""
    try:
        size, functions, macros, runs, waits, structures, puts, takers, givers = _decoder.decode(zlib.decompress(data))
    except (zlib.error, msgspec.DecodeError) as error:
        raise ValueError(str(error)) from error
    operations = FileOperations(structures, puts)
    helpers = HelperNames(frozenset(takers), frozenset(givers))
    return FileWords(size, functions, frozenset(macros), frozenset(runs), frozenset(waits), operations, helpers)
