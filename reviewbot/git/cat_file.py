"""Reads objects of a repository from one process of `git cat-file --batch`.

Input: how to start the process, and names as git-rev-parse(1) has them. Output: what each means: id, type and bytes. No
answer is kept that is larger than asked for. A process of which an answer is left unread is ended, as the rest would be
taken for the next answer; another one is started for the next name.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import IO, NamedTuple

from reviewbot.support.patterns import pattern

LARGEST = 4 << 20  # bytes of a file that is handed out
FOLDER = "40000"  # the mode of a folder
_FILE = "100"  # what the modes of regular files begin with
_PART = 1 << 16  # bytes that are read at once
_ANSWER = pattern(rb"([0-9a-f]{40,64}) (blob|tree|commit|tag) ([0-9]+)\n")


class GitObject(NamedTuple):
    """An object: its id, what it is, and its bytes, None where they are more than was asked for."""

    id: str
    kind: str
    content: bytes | None


class TreeEntry(NamedTuple):
    """An entry of a tree object: the file mode, in octal digits, and the object's id."""

    mode: str
    id: str

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file."""
        return self.mode.startswith(_FILE)


class StartedCatFile(NamedTuple):
    """A process that was started: its pipes, and what ends it."""

    stdin: IO[bytes]
    stdout: IO[bytes]
    end: Callable[[], None]


class CatFile:
    """`start` starts the process, when the first name is asked for. Close it."""

    def __init__(self, start: Callable[[], StartedCatFile]) -> None:
        self._start = start
        self._batch: StartedCatFile | None = None

    @property
    def has_started(self) -> bool:
        """Whether a process runs."""
        return self._batch is not None

    def close(self) -> None:
        """End the process, if there is one."""
        if self._batch is not None:
            batch, self._batch = self._batch, None
            batch.end()

    def ask(self, name: bytes, most: int) -> GitObject | None:
        """What a name means, None for one that means nothing here, or not one thing.

        Raises OSError or ValueError where git cannot be started or gives up, as it does on a broken object.
        """
        return self.ask_all([name], most)[0]

    def ask_all(self, names: Sequence[bytes], most: int) -> list[GitObject | None]:
        """The same for some names, as many as fit into a pipe."""
        try:
            batch = self._batch = self._batch or self._start()
            batch.stdin.write(b"".join(name + b"\n" for name in names))
            batch.stdin.flush()
            return [_answer(batch.stdout, most) for _ in names]
        except BaseException:
            self.close()
            raise


def _answer(stdout: IO[bytes], most: int) -> GitObject | None:
    line = stdout.readline()
    if not line:
        raise ValueError("no answer")
    answer = _ANSWER.fullmatch(line)
    if answer is None:  # missing, or ambiguous
        return None
    kept, left = [], int(answer[3])
    wanted = left <= most
    while left:
        part = stdout.read(min(left, _PART))
        if not part:
            raise ValueError("the answer ends early")
        left -= len(part)
        if wanted:
            kept.append(part)
    stdout.read(1)
    return GitObject(answer[1].decode(), answer[2].decode(), b"".join(kept) if wanted else None)


def tree_entries(data: bytes, width: int, names: Collection[bytes] | None = None) -> Iterator[tuple[bytes, TreeEntry]]:
    """Parse a tree object: mode, blank, name, NUL, the id in `width` bytes. `names`: those to give, None for all."""
    at = 0
    while at < len(data):
        end = data.index(b"\0", at)
        mode, _, name = data[at:end].partition(b" ")
        at = end + 1 + width
        if names is None or name in names:
            yield name, TreeEntry(mode.decode("ascii", "replace"), data[end + 1 : at].hex())


def listed_among(entries: Iterable[tuple[bytes, TreeEntry]]) -> dict[str, str]:
    """The regular files and the folders among some entries, their ids by name; that of a folder ends with "/"."""
    kept = ((name, one) for name, one in entries if one.is_file or one.mode == FOLDER)
    return {name.decode("utf-8", "surrogateescape") + "/" * (not one.is_file): one.id for name, one in kept}


def files_among(entries: Iterable[tuple[bytes, TreeEntry]]) -> dict[str, str]:
    """The regular files among some entries of a tree object, their ids by name."""
    return {name.decode("utf-8", "surrogateescape"): one.id for name, one in entries if one.is_file}
