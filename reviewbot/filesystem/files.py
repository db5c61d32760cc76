"""Writes a file whole or leaves it as it was; reads one up to a size."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from reviewbot.filesystem import pipes, unfinished
from reviewbot.model.errors import InputError


def require_writable(path: Path) -> None:
    """Raise InputError where `path` surely cannot be written; called before there is anything to write."""
    try:
        target, there = _target(path)
        if there is not None and not os.access(target, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        if _is_file(there):
            with unfinished.handle(target.parent) as folder, unfinished.part(folder):
                pass
    except OSError as error:
        raise InputError(f"cannot write {path}: {reason_of(error)}") from error


def write_file(path: Path, content: bytes) -> None:
    """Replace the content of the file `path`, through links; its mode stays.

    Raises InputError, and then the file is as it was. A pipe or a device is written to directly.
    """
    try:
        target, there = _target(path)
        if _is_file(there):
            _replace(target, content, there)
        else:
            with pipes.open_writing(target, os.O_WRONLY) as file:
                file.write(content)
    except OSError as error:
        raise InputError(f"cannot write {path}: {reason_of(error)}") from error


def append(path: Path, content: bytes) -> None:
    """Append to a file that others write to as well. Raises InputError."""
    try:
        with pipes.open_writing(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT) as file:
            file.write(content)
    except OSError as error:
        raise InputError(f"cannot write {path}: {reason_of(error)}") from error


def fill_file(descriptor: int, content: bytes) -> None:
    """Write all of a new file and sync it to the disk, before it gets its name. Raises OSError."""
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
    os.fsync(descriptor)


def read_file(path: Path, largest: int) -> bytes:
    """All of a file, a device or a pipe. Raises OSError, also where it has more than `largest` bytes."""
    with pipes.open_reading(path) as file:
        content = file.read(largest + 1)
    if len(content) > largest:
        raise OSError(errno.EFBIG, f"it is larger than {largest} bytes")
    return content


def reason_of(error: OSError) -> str:
    """Why the system refused something, in lower case, for the end of a sentence."""
    if error.errno == errno.ENOSPC:
        return "the disk is full"
    return (error.strerror or str(error)).lower()


def _target(path: Path) -> tuple[Path, os.stat_result | None]:
    """The path without links and its stat, None where nothing is there.

    What is no regular file keeps its name: /dev/stdout resolves to none.
    """
    try:
        there = path.stat()
        target = path if not _is_file(there) else path.resolve()
    except FileNotFoundError:
        return path.resolve(), None
    except RuntimeError as error:  # Python before 3.13 says so of links that lead to themselves
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP)) from error
    if stat.S_ISDIR(there.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    return target, there


def _is_file(there: os.stat_result | None) -> bool:
    return there is None or stat.S_ISREG(there.st_mode)


def _replace(target: Path, content: bytes, there: os.stat_result | None) -> None:
    with unfinished.handle(target.parent) as folder, unfinished.part(folder) as part:
        fill_file(part.descriptor, content)
        if there is not None:
            os.fchmod(part.descriptor, stat.S_IMODE(there.st_mode))
        os.replace(part.name, target.name, src_dir_fd=folder, dst_dir_fd=folder)
