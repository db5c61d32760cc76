"""Reads the raw messages of a file, an mbox, a maildir or stdin, and lists what is too large or no message.

Checks no more of a message than whether it begins with headers. Does not use the network.
"""

from __future__ import annotations

import gzip
import io
import re
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from reviewbot.filesystem import pipes
from reviewbot.model.errors import InputError
from reviewbot.model.patch import Unread

MAILS = 2_000  # more is no thread, and the time to find the series among them is not linear
TOTAL = 50_000_000  # bytes that a whole mbox or maildir may hold, unpacked

_FIRST = re.compile(rb"From [^\r\n]*\r?\n")
_NEXT = re.compile(rb"^From \S(?=[^\r\n]*?\d:\d\d)[^\r\n]*+\r?\n", re.M)
# what git format-patch writes; it escapes no "From " in the text, and files of it are often joined with cat
_GIT = re.compile(rb"From [0-9a-f]{40,64} Mon Sep 17 00:00:00 2001\r?\n")
_ESCAPED = re.compile(rb"^>(>*From )", re.M)
_HEADER = re.compile(rb"[!-9;-~]+[ \t]*:")
_DIFF = re.compile(rb"(?:diff |--- |Index: )")
_BELOW = re.compile(rb"^(?:diff --git |--- [^\n]+\n\+\+\+ )", re.M)


def read_mails(
    source: str, stdin: BinaryIO, max_bytes: int, diffs: bool = False, *, total: int = TOTAL
) -> tuple[tuple[bytes, ...], tuple[Unread, ...]]:
    """The raw messages of `source` ("-": `stdin`), in their order; with `diffs` it may be a bare diff instead.

    Listed as unread instead are messages larger than `max_bytes`, what comes after `total` bytes or 2,000 messages,
    and parts of an mbox or maildir that are no message. Raises InputError, with the reason and what to do about it,
    where not a single message remains.
    """
    name = "stdin" if source == "-" else printable_name(source)
    return taken(_chunks(source, name, stdin, total), name, max_bytes, diffs, total)


def split_mbox(data: bytes) -> tuple[bytes, ...]:
    """The messages of an mbox in memory, unchecked."""
    return tuple(chunk for chunk in _split(data, "", len(data)) if isinstance(chunk, bytes) and chunk.strip())


def taken(
    chunks: Iterable[bytes | Unread], name: str, max_bytes: int, diffs: bool = False, total: int = TOTAL
) -> tuple[tuple[bytes, ...], tuple[Unread, ...]]:
    """The messages among `chunks` that can be read, with the bounds of read_mails(). `name`: where they are from."""
    good: list[bytes] = []
    bad: list[Unread] = []
    size = 0
    for chunk in chunks:
        if isinstance(chunk, Unread):
            bad.append(chunk)
            continue
        problem = _problem(chunk, max_bytes, diffs)
        if problem is not None:
            bad.append(Unread(None, f"mail {len(good) + len(bad) + 1} of {name} {problem}"))
            continue
        size += len(chunk)
        if size > total or len(good) >= MAILS:
            bad.append(_rest(name, total if size > total else None))
            break
        good.append(chunk)
    if not good:
        raise InputError(_nothing(name, bad))
    return tuple(good), tuple(bad)


def _rest(name: str, total: int | None = None) -> Unread:
    """A note on what is not read of a mailbox: it has more than `total` bytes, or with None too many messages."""
    why = (
        f"it is too large (limit {total} bytes, mailbox_bytes in config.toml)"
        if total
        else "there are too many mails in it"
    )
    return Unread(None, f"the rest of {name} was not read: {why}")


def _nothing(name: str, bad: list[Unread]) -> str:
    if not bad:
        return f"{name} holds no mail"
    reason = bad[0].reason.removeprefix(f"mail 1 of {name}")
    return name + reason if reason != bad[0].reason else reason


def _chunks(source: str, name: str, stdin: BinaryIO, total: int) -> Iterator[bytes | Unread]:
    if source == "-":
        yield from _split(_load(stdin, name, total), name, total)
        return
    try:
        path = Path(source)
        if path.is_dir():
            yield from _maildir(path, name, total)
            return
        with pipes.open_reading(path) as stream:
            data = _load(stream, name, total)
    except FileNotFoundError as error:
        raise InputError(f"{name}: no such file (expected a mail, an mbox, a maildir, or - for stdin)") from error
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read {name}: {_why(error)}") from error
    yield from _split(data, name, total)


def _maildir(folder: Path, name: str, total: int) -> Iterator[bytes | Unread]:
    """The messages in cur/ and new/ in the order of their names, which begin with the time of delivery."""
    if not ((folder / "cur").is_dir() and (folder / "new").is_dir()):
        raise InputError(f"{name} is a directory but no maildir: there is no cur/ and new/ in it")
    paths: Iterable[Path] = (path for part in ("cur", "new") for path in (folder / part).iterdir())
    for path in sorted((path for path in paths if path.name[0] != "."), key=lambda path: path.name):
        named = printable_name(path.name)
        try:
            if not path.is_file():
                continue
            with path.open("rb") as stream:
                data = _load(stream, named, total)
        except (InputError, OSError) as error:
            yield Unread(None, f"{named} of {name}: {_why(error)}")
            continue
        yield _without_first(data)


def _load(stream: BinaryIO, name: str, total: int) -> bytes:
    """All bytes, unpacked if they are gzip, up to one more than `total`.

    Raises InputError for an empty stream, a broken gzip stream, and one that cannot be read.
    """
    try:
        data = stream.read(total + 1)
        if data[:2] == b"\x1f\x8b":
            data = gzip.GzipFile(fileobj=io.BytesIO(data)).read(total + 1)
    except EOFError as error:
        raise InputError(f"{name} is cut short (its gzip stream has no end): fetch it again") from error
    except (zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"{name} is no sound gzip file ({_why(error)}): fetch it again") from error
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read {name}: {_why(error)}") from error
    if not data.strip():
        raise InputError(f"{name} is empty: there is no mail in it")
    return data


def _split(data: bytes, name: str, total: int) -> Iterator[bytes | Unread]:
    """The messages of an mbox, or the one message that `data` is.

    ">From " loses one ">" as in mboxrd (mboxo wrote the same for one level); git format-patch escapes nothing, so its
    messages are left alone.
    """
    data = data.lstrip(b"\r\n")
    if not _FIRST.match(data):
        yield data
        return
    starts = beginnings(data)
    cut = len(data) > total and len(starts) > 1
    if cut:
        data = data[: starts.pop()]  # the limit went through the last one
    for start, end in zip(starts, [*starts[1:], len(data)], strict=True):
        yield unescaped(data[start:end])
    if cut:
        yield _rest(name, total)


def beginnings(data: bytes) -> list[int]:
    """Where the messages of an mbox begin: 0, if it begins with a "From " line, and what follows an empty line."""
    first = [0] if _FIRST.match(data) else []
    return first + [one.start() for one in _NEXT.finditer(data) if one.start() and _separates(data, one.start())]


def unescaped(chunk: bytes) -> bytes:
    """The message of a part of an mbox that begins with its "From " line."""
    raw = _without_first(chunk)
    return raw if _GIT.match(chunk) else _ESCAPED.sub(rb"\1", raw)


def _without_first(data: bytes) -> bytes:
    found = _FIRST.match(data)
    return data[found.end() :] if found else data


def _separates(data: bytes, at: int) -> bool:
    return data.endswith((b"\n\n", b"\n\r\n"), 0, at) or _GIT.match(data, at) is not None


def begins_with_header(chunk: bytes) -> bool:
    """Whether this begins as a message does."""
    return _HEADER.match(chunk) is not None


def is_diff(chunk: bytes) -> bool:
    """Whether this is no message but a diff, perhaps below some text."""
    return bool(_DIFF.match(chunk)) or (not _HEADER.match(chunk) and _BELOW.search(chunk) is not None)


def _problem(chunk: bytes, max_bytes: int, diffs: bool) -> str | None:
    """Why this cannot be read as a message, as the end of a sentence; None if it can."""
    if len(chunk) > max_bytes:
        return f"is too large (limit {max_bytes} bytes, mail_bytes in config.toml)"
    head = re.split(rb"\r?\n\r?\n", chunk, maxsplit=1)[0]
    if b"\0" in head:
        return "is not a mail (it has NUL bytes); save the raw message (.eml), or pass an mbox"
    if diffs and is_diff(chunk):
        return None
    if _DIFF.match(chunk):
        return "is a bare diff, not a mail; pass the output of git format-patch --stdout"
    if not _HEADER.match(chunk):
        return "is not a mail (no headers found); save the raw message, or pass an mbox"
    return None


def _why(error: Exception) -> str:
    return error.strerror if isinstance(error, OSError) and error.strerror else str(error)


def printable_name(name: str) -> str:
    """The name of a file, with "?" for what cannot be printed."""
    return "".join(char if char.isprintable() else "?" for char in name)
