"""A folder in; the maildir that it is or becomes, the message ids of what is in it, and a place for one more mail, out.

maildir(5): what is new is written below tmp/ and gets its name below new/ when it is whole. Its three folders are
opened once, and no link is followed to get at them or at what is written there.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import ExitStack, suppress
from email.parser import BytesHeaderParser
from pathlib import Path
from typing import Self

from reviewbot.filesystem import files, unfinished
from reviewbot.model.errors import UsageError

_PARTS = ("new", "cur", "tmp")  # read in this order: mail programs move what they have seen from new to cur
_FOLDER = os.O_RDONLY | os.O_DIRECTORY
_HEAD = 65_536  # bytes of a file in which its Message-ID is looked for
_ROUNDS = 5  # in which a mail program may rename what is being read
_SHOWN = 5  # files that cannot be read and are named
_NO_LINKS = frozenset((errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS))


class Maildir:
    """Opened until the end of `with`; made where it is missing.

    Raises UsageError where it is something else, OSError where it cannot be made. `top` is a descriptor of it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.wrong: list[str] = []
        with ExitStack() as stack:
            self.top = _opened(stack, path, None)
            self._parts = {name: _opened(stack, path / name, self.top) for name in _PARTS}
            self._stack = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def known(self) -> dict[str, Path]:
        """What is there by message id, whatever a mail program renamed, and by name, whatever the user edited.

        maildir(5): what follows ":" in a name are the flags that mail programs set.
        """
        for _ in range(_ROUNDS):
            ids: dict[str, Path] = {}
            self.wrong = []
            whole = [self._look(name, ids) for name in ("new", "cur")]
            if all(whole):
                break
        if len(self.wrong) > _SHOWN:
            self.wrong[_SHOWN:] = [f"{len(self.wrong) - _SHOWN} more files there cannot be read"]
        return ids

    def _look(self, part: str, ids: dict[str, Path]) -> bool:
        """Read a folder; whether all that it lists was still there."""
        whole = True
        with os.scandir(self._parts[part]) as entries:
            names = sorted(entry.name for entry in entries)
        for name in names:
            path = self.path / part / name
            try:
                head = _head(name, self._parts[part])
            except FileNotFoundError:
                if not _is_link(name, self._parts[part]):
                    whole = False
                    continue
            except OSError as error:
                self.wrong.append(f"{path} cannot be read: {files.reason_of(error)}")
            else:
                found = BytesHeaderParser().parsebytes(head)["Message-ID"]
                ids.setdefault(str(found or "").strip().strip("<>"), path)
            ids.setdefault(name.partition(":")[0], path)
        return whole

    def put(self, name: str, content: bytes) -> Path | None:
        """Have a mail below new/ under that name, where it is; None where the name is taken. Raises OSError."""
        new, tmp = self._parts["new"], self._parts["tmp"]
        with unfinished.part(tmp) as part:
            files.fill_file(part.descriptor, content)
            try:
                os.link(part.name, name, src_dir_fd=tmp, dst_dir_fd=new, follow_symlinks=False)
            except FileExistsError:
                return None
            except OSError as error:
                if error.errno not in _NO_LINKS:
                    raise
                if _is_there(name, new):
                    return None
                os.rename(part.name, name, src_dir_fd=tmp, dst_dir_fd=new)
        with suppress(OSError):  # not every file system knows this of a folder
            os.fsync(new)
        return self.path / "new" / name


def _opened(stack: ExitStack, path: Path, top: int | None) -> int:
    """A folder of a maildir. The user may name a link to the whole; below it there are folders."""
    where = path if top is None else path.name
    with suppress(FileExistsError):  # what it is, is seen below
        if top is None:
            path.mkdir(parents=True, exist_ok=True)
        elif not _is_there(path.name, top):  # which may not be asked for where nothing can be written
            os.mkdir(path.name, dir_fd=top)
    try:
        descriptor = os.open(where, _FOLDER | (0 if top is None else os.O_NOFOLLOW), dir_fd=top)
    except OSError as error:
        if error.errno not in (errno.ENOTDIR, errno.ELOOP, errno.ENOENT):
            raise
        raise UsageError(f"{path} is {_what(path)}; drafts need a folder") from None
    stack.callback(os.close, descriptor)
    return descriptor


def _what(path: Path) -> str:
    return "a link" if path.is_symlink() else "a file"


def _is_there(name: str, folder: int) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _is_link(name: str, folder: int) -> bool:
    """Whether a name leads to nothing since it is a link to nothing, and not since it is gone."""
    try:
        return stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    except FileNotFoundError:
        return False


def _head(name: str, folder: int) -> bytes:
    """The beginning of a file; nothing of what is none, a pipe or a folder."""
    descriptor = os.open(name, os.O_RDONLY | os.O_NONBLOCK, dir_fd=folder)
    try:
        return os.read(descriptor, _HEAD) if stat.S_ISREG(os.fstat(descriptor).st_mode) else b""
    finally:
        os.close(descriptor)
