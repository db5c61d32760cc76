"""Text in, on standard output or standard error out; and standard input, where there is one.

Nothing else here speaks to these three. A shell may have closed each of them (>&-), and a program that calls main() may
have put anything in its place that has write(). What comes from a mail gives no orders to a CI that reads along.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO, TextIO

from reviewbot.filesystem.files import reason_of
from reviewbot.model.errors import InputError
from reviewbot.support.ci_commands import TEXT, disarmed
from reviewbot.support.escape import visible


class ReaderGone(Exception):
    """Who read standard output had enough of it."""


# --- out ---


def put(text: str, spelling: str = TEXT) -> None:
    """Text for standard output. Raises ReaderGone, and InputError where it cannot be written."""
    if text:
        with _writing():
            sys.stdout.write(_encodable(disarmed(text, spelling), sys.stdout))


def put_report(content: bytes) -> None:
    """A report, which says itself how it is encoded and gives no orders; raises as put()."""
    if content:
        with _writing():
            binary = getattr(sys.stdout, "buffer", None)
            if binary is None:
                sys.stdout.write(_encodable(content.decode("utf-8", "backslashreplace"), sys.stdout))
            else:
                _flush(sys.stdout)
                binary.write(content)


def finish() -> None:
    """Have it written now, so that a full disk or a closed pipe is met here; raises as put()."""
    if sys.stdout is not None:
        with _writing():
            _flush(sys.stdout)


@contextmanager
def _writing() -> Iterator[None]:
    try:
        if sys.stdout is None:
            raise OSError(errno.EBADF, "it is closed")
        yield
    except BrokenPipeError as error:
        raise ReaderGone from error
    except ValueError as error:  # what Python says of a file that was closed
        raise InputError(f"cannot write to standard output: {error}") from error
    except OSError as error:
        raise InputError(f"cannot write to standard output: {reason_of(error)}") from error


def say(text: str) -> None:
    """A line for standard error. That nobody can hear it changes nothing of what was found."""
    if sys.stderr is not None:
        with suppress(OSError, ValueError):
            sys.stderr.write(_encodable(f"{disarmed(visible(text))}\n", sys.stderr))
            _flush(sys.stderr)


def _encodable(text: str, stream: TextIO) -> str:
    """What a mail holds must not end the run because the encoding of the terminal lacks it."""
    encoding = getattr(stream, "encoding", None)
    if not isinstance(encoding, str):
        return text
    try:
        return text.encode(encoding, "backslashreplace").decode(encoding)
    except LookupError:
        return text


def _flush(stream: TextIO) -> None:
    flush = getattr(stream, "flush", None)
    if flush is not None:
        flush()


def is_terminal(stream: TextIO | None) -> bool:
    """Whether somebody sits at the other end."""
    try:
        return stream is not None and bool(stream.isatty())
    except (AttributeError, OSError, ValueError):
        return False


# --- in ---


def stdin() -> BinaryIO:
    """Standard input as bytes; a closed one says so when it is read."""
    binary: BinaryIO | None = getattr(sys.stdin, "buffer", None)
    return binary if binary is not None else _Bytes()


class _Bytes(io.BytesIO):
    """What a program has put in the place of standard input gives text, or there is none."""

    def read(self, size: int | None = -1, /) -> bytes:
        if sys.stdin is None:
            raise InputError("cannot read stdin: it is closed")
        text = sys.stdin.read(-1 if size is None else size)
        return text.encode("utf-8", "surrogateescape") if isinstance(text, str) else bytes(text)


# --- the process ---


def open_closed_streams() -> None:
    """Put something harmless where the three are closed: else the next file that is opened would be one of them."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # it takes the lowest number that is free


def settle(*, drop: bool) -> None:
    """Before the process ends: what has nowhere to go, or is to be dropped, goes nowhere.

    The interpreter would try once more when it ends, and complain.
    """
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            try:
                if drop:
                    _drop(stream)
                else:
                    stream.flush()
            except (OSError, ValueError):
                _drop(stream)


def _drop(stream: TextIO) -> None:
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
