"""Makes files and folders that are removed where the process that makes them dies before it is done.

What is not finished yet has a random name and a lock (flock(2)), which the system takes away however its process ends.
So what has such a name, is ours and is locked by nobody was left behind, by kill -9 or a crash, and whoever writes at
the same place next clears it away. Where a file system has no locks nothing is ever cleared away.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from reviewbot.model.errors import InputError
from reviewbot.support.patterns import pattern

_HANDLE = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY  # O_PATH: a folder that may be written and not read
_PART = pattern(r"\.reviewbot-[0-9a-f]{16}\.part")
_FOLDER = pattern(r"\.?reviewbot-[0-9a-f]{16}")
_PATIENCE = 30  # seconds that another run may take to write what it has
_PAUSE = 0.02  # seconds


class UnfinishedFile(NamedTuple):
    """A new file, open for writing: its name in the folder, and its descriptor."""

    name: str
    descriptor: int


@contextmanager
def handle(path: Path, follow: bool = True) -> Iterator[int]:
    """Open a folder as a descriptor, so that all work is done in this very one, whatever the path means later.

    Raises OSError where there is none, or where it is a link and `follow` is false.
    """
    descriptor = os.open(path, _HANDLE | (0 if follow else os.O_NOFOLLOW))
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def part(folder: int) -> Iterator[UnfinishedFile]:
    """Make a new file in a folder (a descriptor), to be renamed; it is removed if it still has its first name at the
    end.
    """
    clear(folder)
    name, descriptor = _file(folder)
    try:
        yield UnfinishedFile(name, descriptor)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=folder)
        os.close(descriptor)


@contextmanager
def folder(parent: Path, hidden: bool = False) -> Iterator[Path]:
    """Make a new folder in another; it is removed afterwards, unless it was renamed.

    It is for this user alone unless it is `hidden`: then others of a group may be meant to read it later.
    """
    with suppress(OSError), handle(parent) as descriptor:
        clear(descriptor)
    made, lock = _folder(parent, ".reviewbot-" if hidden else "reviewbot-", 0o777 if hidden else 0o700)
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)
        os.close(lock)


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Lock a folder against other runs of this program; they wait for each other.

    Raises InputError where another run holds it longer than _PATIENCE.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        until = time.monotonic() + _PATIENCE
        while _locked(descriptor) is False:
            if time.monotonic() > until:
                raise InputError(f"another run is writing to {path}, and does not end")
            time.sleep(_PAUSE)
        yield
    finally:
        os.close(descriptor)


def clear(folder: int) -> None:
    """Remove what was left behind in a folder: what has such a name, belongs to this user and is not locked."""
    with suppress(OSError):  # one that may be written and not read
        for name in listed(folder):
            if _PART.fullmatch(name):
                _remove(folder, name, os.O_RDONLY | os.O_NONBLOCK)
            elif _FOLDER.fullmatch(name):
                _remove(folder, name, os.O_RDONLY | os.O_DIRECTORY)


def listed(folder: int) -> list[str]:
    """The names in a folder (a descriptor). Raises OSError."""
    descriptor = os.open(".", os.O_RDONLY | os.O_DIRECTORY, dir_fd=folder)
    try:
        with os.scandir(descriptor) as entries:
            return [entry.name for entry in entries]
    finally:
        os.close(descriptor)


def _remove(folder: int, name: str, how: int) -> None:
    with suppress(OSError):  # another run does the same
        descriptor = os.open(name, how | os.O_NOFOLLOW, dir_fd=folder)
        try:
            there = os.fstat(descriptor)
            if there.st_uid != os.geteuid() or not _locked(descriptor):
                return
            if stat.S_ISREG(there.st_mode):
                os.unlink(name, dir_fd=folder)
            elif stat.S_ISDIR(there.st_mode):
                shutil.rmtree(name, ignore_errors=True, dir_fd=folder)
        finally:
            os.close(descriptor)


def _locked(descriptor: int) -> bool | None:
    """Take the lock; False where another holds it, None where the file system has no locks."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return False if error.errno in (errno.EWOULDBLOCK, errno.EINTR) else None
    return True


def _file(folder: int) -> tuple[str, int]:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    while True:
        name = f".reviewbot-{os.urandom(8).hex()}.part"
        descriptor = os.open(name, flags, 0o666, dir_fd=folder)
        if _is_ours(descriptor):
            return name, descriptor
        os.close(descriptor)


def _folder(parent: Path, stem: str, mode: int) -> tuple[Path, int]:
    while True:
        path = parent / f"{stem}{os.urandom(8).hex()}"
        path.mkdir(mode)
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except FileNotFoundError:
            continue
        if _is_ours(descriptor):
            return path, descriptor
        os.close(descriptor)


def _is_ours(descriptor: int) -> bool:
    """Whether a new file or folder is still there with our lock on it: before, another run may have cleared it away."""
    return _locked(descriptor) is not False and os.fstat(descriptor).st_nlink > 0
