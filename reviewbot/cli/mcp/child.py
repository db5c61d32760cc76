"""Runs reviewbot as a process of its own for one call, within bounds; when the call is cancelled, the process ends.

So a call cannot disturb another one, or the protocol on standard output, whatever a client sends.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

import anyio

from reviewbot.cli.mcp.tools import Asked

if TYPE_CHECKING:
    from anyio.abc import ByteReceiveStream, ByteSendStream, Process

LARGEST = 10_000_000  # bytes of an answer: more than any model reads
_SAID = 100_000  # bytes of what went wrong
_GRACE = 2  # seconds to clean up after the signal to end
_CHUNK = 1 << 16


class Answered(NamedTuple):
    """What a run has printed. `code`: its exit code; `cut`: more than LARGEST bytes, and so ended."""

    code: int
    out: bytes
    said: str
    cut: bool


async def run_asked(asked: Asked) -> Answered:
    """Run a command line to its end. Cancelling it ends the process and all that it has started."""
    words = (sys.executable, "-P", "-m", "reviewbot", *asked.words)
    process = await anyio.open_process(words, start_new_session=True)
    out, said = bytearray(), bytearray()
    cut = False

    async def keep(stream: ByteReceiveStream, kept: bytearray, most: int) -> None:
        nonlocal cut
        async for chunk in stream:
            kept += chunk[: most - len(kept)]
            if len(kept) == most and stream is process.stdout:
                cut = True
                _signal(process, signal.SIGTERM)

    try:
        assert process.stdin is not None and process.stdout is not None and process.stderr is not None
        async with anyio.create_task_group() as group:
            group.start_soon(_feed, process.stdin, asked.stdin)
            group.start_soon(keep, process.stdout, out, LARGEST)
            group.start_soon(keep, process.stderr, said, _SAID)
        code = await process.wait()
    finally:
        with anyio.CancelScope(shield=True):
            await _end(process)
    return Answered(code, bytes(out), said.decode("utf-8", "replace"), cut)


async def _feed(stream: ByteSendStream, content: bytes) -> None:
    # it may end before it has read all
    with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
        for at in range(0, len(content), _CHUNK):
            await stream.send(content[at : at + _CHUNK])
    with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError, OSError):
        await stream.aclose()


async def _end(process: Process) -> None:
    """End a process that is still there, with its children; close its pipes."""
    if process.returncode is None:
        _signal(process, signal.SIGTERM)
        with anyio.move_on_after(_GRACE):
            await process.wait()
    _signal(process, signal.SIGKILL)  # the group may have others in it
    await process.aclose()


def _signal(process: Process, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
