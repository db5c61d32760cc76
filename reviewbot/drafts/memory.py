"""Remembers which drafts were ever written to a maildir, by what they ask.

A file beside new/ and cur/ has a line for each draft: a digest of what it asks (Draft.asks) and its message id. So a
draft that is gone, because it was sent or not wanted, differs from one that never was. A line is added as soon as its
draft is there; when the file is rewritten, lines that cannot be read are dropped, and of more than 10,000 all but the
newest 5,000.
"""

from __future__ import annotations

import os
import re
import stat

from reviewbot.filesystem import files, unfinished

NAME = "reviewbot-written"
_HEAD = b"# drafts that reviewbot has written here; what is gone is not written again without --again\n"
_LINE = re.compile(r"([0-9a-f]{24}) ([!-~]{1,500})")
_MOST = 10_000  # lines
_LARGEST = 4 << 20  # bytes
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
_ADD = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK


class DraftMemory:
    """The memory of a maildir, for one run that has it to itself. `folder`: a descriptor of the maildir.

    `wrong`: what went wrong, in sentences. asks in memory: whether a draft that asks this was ever written.
    """

    def __init__(self, folder: int) -> None:
        self._folder = folder
        self._ids: dict[str, list[str]] = {}
        self.wrong: list[str] = []
        self._bad, self._failed = 0, ""
        try:
            lines = _content(folder).split(b"\n")
        except FileNotFoundError:
            self._new = True
            return
        except OSError as error:
            self._new, self._failed = False, files.reason_of(error)
            self.wrong.append(f"{NAME} cannot be read ({self._failed}): drafts that are gone may be written again")
            return
        self._new = lines == [b""]
        for line in lines[:-1]:
            self._take(line)
        self._bad += bool(lines[-1])  # a line without an end
        if self._bad:
            lost = "1 line" if self._bad == 1 else f"{self._bad} lines"
            self.wrong.append(f"{lost} of {NAME} cannot be read: a draft that is gone may be written again")

    def __contains__(self, asks: str) -> bool:
        return asks in self._ids

    def ids(self, asks: str) -> tuple[str, ...]:
        """The message ids of the drafts that asked this, the newest last."""
        return tuple(self._ids.get(asks, ()))

    def add(self, asks: str, message_id: str) -> None:
        """Remember a draft, on the disk as well. Never raises: see `wrong`."""
        if message_id in self._ids.get(asks, ()):
            return
        self._ids.setdefault(asks, []).append(message_id)
        if self._failed or self._bad:  # the file is written anew at the end, or not at all
            return
        try:
            self._append(f"{asks} {message_id}\n".encode("ascii"))
        except OSError as error:
            self._fail(error)

    def close(self) -> None:
        """Rewrite the file if it has broken or too many lines."""
        due = self._bad or sum(map(len, self._ids.values())) > _MOST
        if due and not self._failed:
            try:
                self._rewrite()
            except OSError as error:
                self._fail(error)

    def _take(self, line: bytes) -> None:
        match = _LINE.fullmatch(line.decode("ascii", "replace"))
        if match:
            # what is remembered again is the newest
            ids = self._ids.pop(match[1], [])
            self._ids[match[1]] = [*(message_id for message_id in ids if message_id != match[2]), match[2]]
        elif line and not line.startswith(b"#"):
            self._bad += 1

    def _append(self, line: bytes) -> None:
        descriptor = os.open(NAME, _ADD, 0o666, dir_fd=self._folder)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError(0, "it is no file")
            files.fill_file(descriptor, (_HEAD if self._new else b"") + line)
            self._new = False
        finally:
            os.close(descriptor)

    def _rewrite(self) -> None:
        rows = [f"{asks} {message_id}\n" for asks, ids in self._ids.items() for message_id in ids]
        left = rows if len(rows) <= _MOST else rows[-_MOST // 2 :]
        with unfinished.part(self._folder) as part:
            files.fill_file(part.descriptor, _HEAD + "".join(left).encode("ascii"))
            os.replace(part.name, NAME, src_dir_fd=self._folder, dst_dir_fd=self._folder)

    def _fail(self, error: OSError) -> None:
        self._failed = files.reason_of(error)
        lost = "drafts of this run that are gone may be written again"
        self.wrong.append(f"{NAME} cannot be written ({self._failed}): {lost}")


def _content(folder: int) -> bytes:
    """All lines of the file, or the last 4 MiB of a larger one. Raises OSError, also for a link, pipe or folder."""
    descriptor = os.open(NAME, _READ, dir_fd=folder)
    with os.fdopen(descriptor, "rb") as file:
        there = os.fstat(descriptor)
        if not stat.S_ISREG(there.st_mode):
            raise OSError(0, "it is no file")
        if there.st_size <= _LARGEST:
            return file.read(_LARGEST)
        file.seek(-_LARGEST, os.SEEK_END)
        return file.read(_LARGEST).partition(b"\n")[2]
