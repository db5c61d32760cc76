"""Where the index is: one file in the user's cache for the rules, and the program, that it was made with."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from reviewbot.filesystem import cache
from reviewbot.frontend.parse import parser_files
from reviewbot.kernel import rules
from reviewbot.model.errors import InputError

_NAME, _RECORDS = "words-", "records-"
_MOST = 3  # indexes for other rules, or made by other versions, that are kept; and so many files of records
_CODE = (
    "checks/declaration.py",
    "frontend/cut_functions.py",
    "frontend/function_bounds.py",
    "frontend/locked_rows.py",
    "index/serialized.py",
    "index/store.py",
    "kernel/rows.py",
    "program/operations/words.py",
    "review/neighbourhood/function_words.py",
    "review/prefilter/run_by_others.py",
    "review/prefilter/sleeping_locks.py",
    "review/prefilter/words.py",
)
# all that says what is read of a function, and how it is solved
_READING = ("dataflow", "frontend", "program")


def records_path(index: Path) -> Path:
    """The file beside an index of what was read of functions, whatever the rules are."""
    key = cache.key(b"records", code=(*cache.modules(_READING), *parser_files()))
    return index.with_name(f"{_RECORDS}{key[:16]}.db")


def index_path(folders: Sequence[Path]) -> Path | None:
    """The file of the index for the rules in some folders; None where this user has no cache."""
    top = cache.location()
    key = cache.key(b"index", rules.digest(folders).encode(), code=_CODE)
    return top / "index" / f"{_NAME}{key[:16]}.sqlite" if top is not None else None


def is_any() -> bool:
    """Whether this user has any index."""
    top = cache.location()
    return top is not None and (top / "index").is_dir()


def prepared(path: Path) -> None:
    """Make the folder of an index, or of records, and delete the oldest ones that are of no use any more.

    Raises InputError where that cannot be, or where others may write there.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{path.parent} cannot be written: {error.strerror}") from error
    if not cache.is_trusted(path.parent):
        raise InputError(f"{path.parent} is not used: others may write there")
    kind = _RECORDS if path.name.startswith(_RECORDS) else _NAME
    old = sorted(path.parent.glob(f"{kind}*{path.suffix}"), key=lambda one: one.stat().st_mtime, reverse=True)
    for one in [other for other in old if other != path][_MOST - 1 :]:
        removed(one)


def removed(path: Path) -> bool:
    """Delete an index; False where there was none."""
    there = path.is_file()
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
        path.with_name(name).unlink(missing_ok=True)
    return there


def bytes_of(path: Path) -> int:
    """The bytes of an index on the disk."""
    names = (path, path.with_name(f"{path.name}-wal"))
    return sum(one.stat().st_size for one in names if one.is_file())


@contextmanager
def single_writer(path: Path, wait: Callable[[], None]) -> Iterator[None]:
    """Have no other run write the index meanwhile; `wait` is called before it is waited for another one."""
    with _locked(path) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            wait()
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def is_written(path: Path) -> bool:
    """Whether another run writes the index now."""
    if not path.with_suffix(".lock").is_file():
        return False
    with _locked(path) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


@contextmanager
def _locked(path: Path) -> Iterator[int]:
    lock = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        yield lock
    finally:
        os.close(lock)
