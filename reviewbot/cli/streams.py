"""Writes text to standard output and standard error, and reads standard input.

No other module uses these three. A shell may have closed each of them (>&-), and a program that calls main() may have
replaced them by anything with write(). What comes from a message is disarmed: it is no command to a CI that reads it.
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

_WIDEST = 1000  # columns


class ReaderGone(Exception):
    """The reader of standard output closed the pipe."""


# --- out ---


def coloured(asked: str) -> bool:
    """Whether text on standard output gets colours. `asked`: always, never, or auto."""
    if asked != "auto":
        return asked == "always"
    return is_terminal(sys.stdout) and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"


def put(text: str, spelling: str = TEXT) -> None:
    """Write text to standard output. Raises ReaderGone, or InputError if it cannot be written."""
    if text:
        with _writing():
            sys.stdout.write(_encodable(disarmed(text, spelling), sys.stdout))


def put_report(content: bytes) -> None:
    """Write a report to standard output, encoded and disarmed already. Raises as put()."""
    if content:
        with _writing():
            binary = getattr(sys.stdout, "buffer", None)
            if binary is None:
                sys.stdout.write(_encodable(content.decode("utf-8", "backslashreplace"), sys.stdout))
            else:
                _flush(sys.stdout)
                binary.write(content)


def finish() -> None:
    """Flush standard output, so that a full disk or a closed pipe is noticed here. Raises as put()."""
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
    """Print a line to standard error. Never raises: without a reader the result is still the same."""
    if sys.stderr is not None:
        with suppress(OSError, ValueError):
            sys.stderr.write(_encodable(f"{disarmed(visible(text))}\n", sys.stderr))
            _flush(sys.stderr)


def _encodable(text: str, stream: TextIO) -> str:
    """The text with escapes for characters that the stream's encoding lacks: a message must not end the run by them."""
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
    """Whether a stream is a terminal."""
    try:
        return stream is not None and bool(stream.isatty())
    except (AttributeError, OSError, ValueError):
        return False


def width() -> int:
    """The columns of the terminal; in a pipe those that COLUMNS says, or 80: saved output has no window."""
    if is_terminal(sys.stdout):
        import shutil

        return shutil.get_terminal_size().columns
    asked = os.environ.get("COLUMNS", "")
    return min(int(asked), _WIDEST) if asked.isascii() and asked.isdigit() and int(asked[:9]) else 80


# --- in ---


def stdin() -> BinaryIO:
    """Standard input as bytes. If it is closed, reading it raises InputError."""
    binary: BinaryIO | None = getattr(sys.stdin, "buffer", None)
    return binary if binary is not None else _Bytes()


def ask_terminal(question: str) -> str | None:
    """What somebody at the terminal answers, in lower case, without blanks around it; None at the end of the input."""
    if sys.stderr is not None:
        with suppress(OSError, ValueError):
            sys.stderr.write(_encodable(visible(question), sys.stderr))
            _flush(sys.stderr)
    line = sys.stdin.readline() if sys.stdin is not None else ""
    return line.strip().lower() if line else None


class _Bytes(io.BytesIO):
    """Standard input where a program has replaced it by a stream of text, or there is none."""

    def read(self, size: int | None = -1, /) -> bytes:
        if sys.stdin is None:
            raise InputError("cannot read stdin: it is closed")
        text = sys.stdin.read(-1 if size is None else size)
        return text.encode("utf-8", "surrogateescape") if isinstance(text, str) else bytes(text)


# --- the process ---


def open_closed_streams() -> None:
    """Open /dev/null where one of the three is closed: else the next file that is opened would be in its place."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # it takes the lowest number that is free


def settle(*, drop: bool) -> None:
    """Flush the streams before the process ends, or drop what they hold if that fails, or with `drop`.

    Else the interpreter would try again when it ends, and complain.
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
