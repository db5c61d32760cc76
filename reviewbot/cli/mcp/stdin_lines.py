"""Reads standard input line by line for the server: bounded, and so that it can be cancelled at any time."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable

import anyio

_CHUNK = 1 << 16


async def stdin_lines(descriptor: int, longest: int, refuse: Callable[[str], None]) -> AsyncIterator[str]:
    """The lines of a file, a pipe or a terminal; they end before one of more than `longest` bytes, with `refuse`."""
    parts: list[bytes] = []
    size = 0
    while chunk := await _chunk(descriptor):
        *whole, rest = chunk.split(b"\n")
        for line in whole:
            if size + len(line) > longest:
                break
            yield b"".join((*parts, line)).decode("utf-8", "replace")
            parts, size = [], 0
        parts.append(rest)
        size += len(rest)
        if size > longest:
            refuse(f"the client sent a message of more than {longest} bytes")
            return
    if size:
        yield b"".join(parts).decode("utf-8", "replace")


async def _chunk(descriptor: int) -> bytes:
    try:
        await anyio.wait_readable(descriptor)
    except PermissionError:  # a regular file can always be read, and cannot be waited for
        await anyio.lowlevel.checkpoint()
    try:
        return os.read(descriptor, _CHUNK)
    except (BlockingIOError, InterruptedError):
        return await _chunk(descriptor)
    except OSError:  # closed, or a terminal that is gone
        return b""
