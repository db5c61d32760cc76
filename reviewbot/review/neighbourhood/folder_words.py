"""Keeps what the C files of a folder of a tree say, from one state of the folder to the next.

Files that are as they were are not read again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import islice

from reviewbot.model.patch import Folders
from reviewbot.review.neighbourhood.function_words import FileWords, FunctionWords
from reviewbot.review.neighbourhood.word_tables import WordTables

ENDINGS = (".c", ".h")
_MOST_FILES = 2000  # of a folder
_MOST_BYTES = 16 << 20  # of one
_MOST_GONE = 100  # files as they were in other trees
_AT_ONCE = 50  # files

# the path of a file, its text, and the functions of another version of it
ReadWords = Callable[[str, bytes, Mapping[str, FunctionWords]], FileWords]


class FolderWords(WordTables):
    """What the files of a folder say, as they are in the tree that was turned to last."""

    def __init__(self, path: str, folders: Folders, read: ReadWords) -> None:
        self.path, self.left = path, ""
        self._folders, self._read = folders, read
        self._forget()

    def _forget(self) -> None:
        super().__init__()
        self._ids: dict[str, str] = {}
        self._gone: dict[tuple[str, str], FileWords] = {}  # with their ids

    def turn_to(self, tree: str) -> None:
        """Have the files as they are in a tree, a commit's or its id; `left` says why that is not all of them."""
        try:
            self._turn(self._folders.files(tree, self.path))
        except BaseException:  # the time may be up at any place
            self._forget()
            raise

    def _turn(self, listed: Mapping[str, str]) -> None:
        start = f"{self.path}/" if self.path else ""
        ids = {f"{start}{name}": id_ for name, id_ in listed.items() if name.endswith(ENDINGS)}
        count, ids = len(ids), dict(islice(sorted(ids.items()), _MOST_FILES))
        self.left = f"{self.path} has {count} files; {_MOST_FILES} of them were looked at" if count > len(ids) else ""
        for path in [path for path, id_ in self._ids.items() if ids.get(path) != id_]:
            self._put_aside(path)
        fresh = [path for path, id_ in ids.items() if path not in self._ids and not self._is_back(path, id_)]
        for at in range(0, len(fresh), _AT_ONCE):
            if sum(one.size for one in self.files.values()) > _MOST_BYTES:
                self.left = f"{self.path} has more than {_MOST_BYTES >> 20} MB; not all of it was looked at"
                break
            texts = self._folders.contents([ids[path] for path in fresh[at : at + _AT_ONCE]])
            for path in fresh[at : at + _AT_ONCE]:
                if (text := texts.get(ids[path])) is not None:
                    self._have(path, ids[path], self._read(path, text, {}))

    def text(self, path: str) -> bytes | None:
        """The text of a file, None where it is none of the folder's."""
        id_ = self._ids.get(path)
        return self._folders.contents([id_])[id_] if id_ is not None else None

    def _have(self, path: str, id_: str, file: FileWords) -> None:
        self._ids[path] = id_
        self.add(path, file)

    def _is_back(self, path: str, id_: str) -> bool:
        """Add a file as it has been before, if that is known: the commits of a range come from several branches."""
        known = self._gone.pop((path, id_), None)
        if known is not None:
            self._have(path, id_, known)
        return known is not None

    def _put_aside(self, path: str) -> None:
        self._gone[path, self._ids.pop(path)] = self.take_away(path)
        if len(self._gone) > _MOST_GONE:
            self._gone.pop(next(iter(self._gone)))
