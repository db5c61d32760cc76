"""Keeps plain data for later runs under a name and a key.

One JSON file a name and key in $XDG_CACHE_HOME/reviewbot; all of it can be deleted at any time, and where it cannot be
written everything works without. A file is trusted only where it and its folder belong to this user and nobody else may
write there, and where its first line fits its key and its content. JSON holds data: nothing in a file can be run.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from reviewbot import __version__

_LARGEST = 8_000_000  # bytes of a file
_MOST = 64  # files that are kept, the newest
_OTHERS = stat.S_IWGRP | stat.S_IWOTH
_PACKAGE = Path(__file__).parents[1]


def key(*parts: bytes, code: Sequence[str] = ()) -> str:
    """Hex digits for the inputs of the data and the program that makes it: another version of it has another key.

    `code`: the files of the program, beside those that make rules, that the data depends on.
    """
    total = hashlib.sha256(_program(code))
    for part in parts:
        total.update(b"%d:" % len(part))
        total.update(part)
    return total.hexdigest()


def cached(name: str, key: str) -> Any:
    """The data kept under this name and key; None where there is none, or the file cannot be trusted."""
    with _folder() as folder:
        if folder is None:
            return None
        text = _read(folder, _file(name, key))
    head, _, body = (text or b"").partition(b"\n")
    if head.decode("ascii", "replace") != _seal(key, body):
        return None
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def keep(name: str, key: str, data: Any, default: Callable[[Any], Any] | None = None) -> None:
    """Keep data for later runs where that is possible, and do nothing where it is not.

    `default`: as json.dumps() has it.
    """
    try:
        body = json.dumps(data, ensure_ascii=True, separators=(",", ":"), default=default).encode()
    except (TypeError, ValueError, RecursionError):  # a date, say, of which TOML has more kinds than JSON
        return
    with _folder(make=True) as folder:
        if folder is not None and len(body) <= _LARGEST - 100:
            with contextlib.suppress(OSError):
                _write(folder, _file(name, key), f"{_seal(key, body)}\n".encode() + body)
                _prune(folder)


def modules(folders: Sequence[str]) -> Sequence[str]:
    """The files of the program in some folders of the package, as `code` of key() has them."""
    found = (path for name in folders for path in (_PACKAGE / name).rglob("*.py"))
    return sorted(str(path.relative_to(_PACKAGE)) for path in found)


def _program(code: Sequence[str]) -> bytes:
    """Stands for the code that makes the data: its version, and the stamps of its files in a checkout."""
    return "\0".join((__version__, *map(_stamp, (*_CODE, *code)))).encode()


def _stamp(name: str) -> str:
    try:
        found = (_PACKAGE / name).stat()
    except OSError:  # installed without its sources
        return name
    return f"{name}:{found.st_mtime_ns}:{found.st_size}"


_CODE = (
    "filesystem/cache.py",
    "model/kernel.py",
    *(
        f"kernel/{name}.py"
        for name in ("probes", "projects", "releases", "roots", "rules", "schema", "serialized", "tables")
    ),
)


def _seal(key: str, body: bytes) -> str:
    """The first line of a file: a digest over its key and content, which damage and another key do not fit."""
    return hashlib.sha256(key.encode() + b"\n" + body).hexdigest()


def _file(name: str, key: str) -> str:
    return f"{name}-{key[:32]}.json"


@contextlib.contextmanager
def _folder(*, make: bool = False) -> Iterator[int | None]:
    """Our folder, opened, so that nobody can put another one in its place; None where it cannot be trusted."""
    opened = None
    try:
        path = location()
        if path is not None:
            if make:
                path.mkdir(mode=0o700, parents=True, exist_ok=True)
            opened = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except (OSError, ValueError):
        opened = None
    try:
        yield opened if opened is not None and _is_ours(os.fstat(opened)) else None
    finally:
        if opened is not None:
            os.close(opened)


def location() -> Path | None:
    """Our folder, which may not be there yet, None where this user has none.

    It is where the XDG base directory specification has it, which ignores paths that are not absolute.
    """
    top = os.environ.get("XDG_CACHE_HOME", "")
    if top.startswith("/"):
        return Path(top, "reviewbot")
    home = os.environ.get("HOME", "")
    return Path(home, ".cache", "reviewbot") if home.startswith("/") else None


def is_trusted(path: Path) -> bool:
    """Whether a file or folder belongs to this user, and nobody else may write there."""
    try:
        return _is_ours(path.lstat())
    except OSError:
        return False


def _is_ours(found: os.stat_result) -> bool:
    return found.st_uid == os.geteuid() and not found.st_mode & _OTHERS


def _read(folder: int, name: str) -> bytes | None:
    try:
        file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    except OSError:
        return None
    with os.fdopen(file, "rb") as stream:
        found = os.fstat(file)
        if not (stat.S_ISREG(found.st_mode) and _is_ours(found) and found.st_size <= _LARGEST):
            return None
        with contextlib.suppress(OSError):
            return stream.read(_LARGEST)
    return None


def _write(folder: int, name: str, text: bytes) -> None:
    """Write a whole file or none, whoever writes the same one at the same time."""
    part = f".{os.getpid()}-{os.urandom(8).hex()}.part"
    file = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=folder)
    try:
        with os.fdopen(file, "wb") as stream:
            stream.write(text)
        os.rename(part, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(part, dir_fd=folder)
        raise


def _prune(folder: int) -> None:
    """Delete the oldest files where there are too many: those of rules that have been edited since."""
    names = [name for name in os.listdir(folder) if name.endswith((".json", ".part"))]  # others keep theirs here too
    if len(names) <= _MOST:
        return
    aged = sorted(names, key=lambda name: os.stat(name, dir_fd=folder, follow_symlinks=False).st_mtime_ns)
    for name in aged[: len(names) - _MOST // 2]:
        os.unlink(name, dir_fd=folder)
