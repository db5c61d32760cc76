"""Opens or makes a maildir, lists the message ids of its files, and adds messages.

maildir(5): a new message is written below tmp/ and gets its name below new/ when it is whole. The three folders are
opened once, and no link is followed on the way to them or to the files in them.
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
    """A maildir, open until the end of `with`; it is made if it is missing. `top`: a descriptor of its folder.

    `wrong`: after known(), which files cannot be read, in sentences. Raises UsageError if the path is something else,
    OSError if it cannot be made.
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
        """The paths of the files in new/ and cur/, by message id and by name.

        By both, since mail programs rename files and users edit them. A name is the part before ":", after which mail
        programs put flags (maildir(5)).
        """
        for _ in range(_ROUNDS):
            ids: dict[str, Path] = {}
            self.wrong = []
            whole = [self._read_folder(name, ids) for name in ("new", "cur")]
            if all(whole):
                break
        if len(self.wrong) > _SHOWN:
            self.wrong[_SHOWN:] = [f"{len(self.wrong) - _SHOWN} more files there cannot be read"]
        return ids

    def _read_folder(self, part: str, ids: dict[str, Path]) -> bool:
        """Add the files of new/ or cur/ to `ids`; whether all that were listed were still there."""
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
                message_id = BytesHeaderParser().parsebytes(head)["Message-ID"]
                ids.setdefault(str(message_id or "").strip().strip("<>"), path)
            ids.setdefault(name.partition(":")[0], path)
        return whole

    def put(self, name: str, content: bytes) -> Path | None:
        """Add a message to new/ under that name. Gives its path, None if the name is taken. Raises OSError."""
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
    """A descriptor of the maildir or, below `top`, of one of its folders. Only the maildir itself may be a link."""
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
    """Whether a name that cannot be opened is a link to nothing, rather than gone."""
    try:
        return stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    except FileNotFoundError:
        return False


def _head(name: str, folder: int) -> bytes:
    """The first 64 KiB of a file; nothing of a pipe or a folder."""
    descriptor = os.open(name, os.O_RDONLY | os.O_NONBLOCK, dir_fd=folder)
    try:
        return os.read(descriptor, _HEAD) if stat.S_ISREG(os.fstat(descriptor).st_mode) else b""
    finally:
        os.close(descriptor)
