"""Looks functions and their analyses up in what is kept from run to run, before they are worked out.

A key is a digest of all that they depend on: the text, the facts of the kernel, and what the file says of the words in
it. The program that made them is up to whoever keeps them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cached_property
from hashlib import blake2b
from typing import Protocol, TypeVar

import msgspec

from reviewbot.dataflow.analysis import FunctionAnalysis
from reviewbot.dataflow.scope_table import ScopeTable
from reviewbot.frontend.instructions import Function
from reviewbot.frontend.stitch import StitchedText, Stretch
from reviewbot.model.kernel import Kernel, Mask
from reviewbot.program.recorded.shown import shown_from_bytes, shown_to_bytes
from reviewbot.program.recorded.solved import (
    functions_from_bytes,
    functions_to_bytes,
    solved_from_bytes,
    solved_to_bytes,
)

_DIGEST = 16  # bytes
_encoder = msgspec.msgpack.Encoder(order="deterministic", enc_hook=dict)
Kept = TypeVar("Kept")


class Records(Protocol):
    """Bytes by key that are kept from run to run, where that can be."""

    def find(self, key: bytes) -> bytes | None:
        """What is kept under a key, None for nothing."""

    def keep(self, key: bytes, data: bytes) -> None:
        """Keep something for later runs."""

    def settle(self) -> None:
        """Write what was kept since the last time; nothing of it is lost after that."""


class FunctionRecords:
    """The functions and analyses of one kernel, in some records."""

    def __init__(self, records: Records, kernel: Kernel) -> None:
        self._records, self._kernel = records, kernel

    @cached_property
    def _facts(self) -> bytes:
        return blake2b(_encoder.encode(self._kernel), digest_size=_DIGEST).digest()

    def settle(self) -> None:
        """See Records."""
        self._records.settle()

    def functions(self, said: object, make: Callable[[], tuple[Function, ...]]) -> tuple[Function, ...]:
        """Functions that were read; `said`: all that they depend on but the kernel; `make`: reads them."""
        key = self._key(b"f", said)
        found = self._found(key, functions_from_bytes)
        return found if found is not None else self._kept(key, make(), functions_to_bytes)

    def shown(self, stretch: Stretch, make: Callable[[], StitchedText]) -> StitchedText:
        """A whole file that was prepared and cut."""
        key = self._key(b"s", (stretch.text, stretch.section, stretch.row))
        found = self._found(key, lambda data: shown_from_bytes(data, stretch))
        return found if found is not None else self._kept(key, make(), shown_to_bytes)

    def flow(self, said: object, function: Function, lookup: ScopeTable, masks: Mapping[str, Mask]) -> FunctionAnalysis:
        """The analysis of a function; `said`: all that it depends on but the kernel."""
        key = self._key(b"a", said)
        solved = self._found(key, solved_from_bytes)
        if solved is not None and len(solved.at) == len(function.steps):
            return FunctionAnalysis(function, lookup, masks, solved)
        return self._kept(key, FunctionAnalysis(function, lookup, masks), solved_to_bytes)

    def _key(self, kind: bytes, said: object) -> bytes | None:
        """None for a text that is no Unicode: it is never kept."""
        try:
            return blake2b(kind + self._facts + _encoder.encode(said), digest_size=_DIGEST).digest()
        except UnicodeEncodeError:
            return None

    def _found(self, key: bytes | None, read: Callable[[bytes], Kept]) -> Kept | None:
        data = self._records.find(key) if key is not None else None
        try:
            return read(data) if data is not None else None
        except ValueError:  # damaged; it is worked out again
            return None

    def _kept(self, key: bytes | None, made: Kept, write: Callable[[Kept], bytes | None]) -> Kept:
        with suppress(UnicodeEncodeError):
            data = write(made) if key is not None else None
            if key is not None and data is not None:
                self._records.keep(key, data)
        return made
