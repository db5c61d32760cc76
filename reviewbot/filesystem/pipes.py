"""Opens files to read or write without waiting for ever where a path is a named pipe.

To open one waits for its other end (fifo(7)), which no time limit of ours would end. Here the other end has PATIENCE
seconds to appear.
"""

from __future__ import annotations

import errno
import io
import os
import select
import stat
import time
from pathlib import Path
from typing import BinaryIO

PATIENCE = 3.0  # seconds in which the program at the other end may begin
_PAUSE = 0.02


def open_reading(path: Path) -> BinaryIO:
    """Open a file, device or pipe to read. Raises OSError; so does reading from a pipe that nobody writes to."""
    number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        kind = os.fstat(number).st_mode
        if stat.S_ISDIR(kind):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if stat.S_ISFIFO(kind):
            return io.BufferedReader(_Pipe(number))
        os.set_blocking(number, True)
    except BaseException:
        os.close(number)
        raise
    return os.fdopen(number, "rb")


def open_writing(path: Path, flags: int) -> BinaryIO:
    """Open a file, device or pipe to write; `flags` are those of open(2).

    Raises OSError, also for a pipe that nobody reads.
    """
    until = time.monotonic() + PATIENCE
    while True:
        try:
            number = os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)
            break
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            if time.monotonic() > until:
                raise OSError(errno.ENXIO, "nobody reads from this pipe") from error
            time.sleep(_PAUSE)
    os.set_blocking(number, True)
    return os.fdopen(number, "wb")


class _Pipe(io.RawIOBase):
    """A pipe opened without waiting: an empty read is its end only after data has come, or once the patience is up."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._until: float | None = time.monotonic() + PATIENCE  # None once something has come

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        while True:
            try:
                count = os.readv(self._number, [buffer])
            except BlockingIOError:  # somebody has it open
                select.select([self._number], [], [])
                self._until = None
                continue
            if count or self._until is None:
                self._until = None
                return count
            if time.monotonic() > self._until:
                raise OSError(errno.ENXIO, "nobody writes to this pipe")
            time.sleep(_PAUSE)

    def close(self) -> None:
        if not self.closed:
            os.close(self._number)
        super().close()
