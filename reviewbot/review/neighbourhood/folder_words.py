"""Keeps what the C files of a folder of a tree say, from one state of the folder to the next.

Files that are as they were are not read again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import islice

from reviewbot.model.patch import Folders
from reviewbot.review.neighbourhood.function_words import FileWords, FunctionWords

_ENDINGS = (".c", ".h")
_MOST_FILES = 2000  # of a folder
_MOST_BYTES = 16 << 20  # of one
_MOST_GONE = 100  # files as they were in other trees
_AT_ONCE = 50  # files

ReadWords = Callable[[str, bytes], FileWords]  # the path of a file, and its text


class FolderWords:
    """What the files of a folder say, as they are in the tree that was turned to last."""

    def __init__(self, path: str, folders: Folders, read: ReadWords) -> None:
        self.path, self.left = path, ""
        self._folders, self._read = folders, read
        self._forget()

    def _forget(self) -> None:
        self._ids: dict[str, str] = {}
        self._files: dict[str, FileWords] = {}
        self._gone: dict[tuple[str, str], FileWords] = {}  # with their ids
        self._defining: dict[str, set[str]] = {}
        self._calling: dict[str, set[str]] = {}
        self._macros: dict[str, set[str]] = {}
        self._running: dict[str, set[str]] = {}

    def turn_to(self, tree: str) -> None:
        """Have the files as they are in a tree, a commit's or its id; `left` says why that is not all of them."""
        try:
            self._turn(self._folders.files(tree, self.path))
        except BaseException:  # the time may be up at any place
            self._forget()
            raise

    def _turn(self, listed: Mapping[str, str]) -> None:
        start = f"{self.path}/" if self.path else ""
        ids = {f"{start}{name}": id_ for name, id_ in listed.items() if name.endswith(_ENDINGS)}
        count, ids = len(ids), dict(islice(sorted(ids.items()), _MOST_FILES))
        self.left = f"{self.path} has {count} files; {_MOST_FILES} of them were looked at" if count > len(ids) else ""
        for path in [path for path, id_ in self._ids.items() if ids.get(path) != id_]:
            self._take_away(path)
        fresh = [path for path, id_ in ids.items() if path not in self._ids and not self._is_back(path, id_)]
        for at in range(0, len(fresh), _AT_ONCE):
            if sum(one.size for one in self._files.values()) > _MOST_BYTES:
                self.left = f"{self.path} has more than {_MOST_BYTES >> 20} MB; not all of it was looked at"
                break
            texts = self._folders.contents([ids[path] for path in fresh[at : at + _AT_ONCE]])
            for path in fresh[at : at + _AT_ONCE]:
                if (text := texts.get(ids[path])) is not None:
                    self._add(path, ids[path], self._read(path, text))

    def defining(self, name: str) -> Collection[str]:
        """The files that define a function of a name."""
        return self._defining.get(name, ())

    def calling(self, name: str) -> Collection[str]:
        """The files in which a name stands before a parenthesis."""
        return self._calling.get(name, ())

    def running(self, name: str) -> Collection[str]:
        """The files that put or hand a function of a name where others run it."""
        return self._running.get(name, ())

    def is_macro(self, name: str) -> bool:
        """Whether a name is that of a macro which takes arguments."""
        return name in self._macros

    def functions(self, path: str) -> Mapping[str, FunctionWords]:
        """The functions of a file by name; where several have one, what they say together."""
        file = self._files.get(path)
        return file.functions if file is not None else {}

    def text(self, path: str) -> bytes | None:
        """The text of a file, None where it is none of the folder's."""
        id_ = self._ids.get(path)
        return self._folders.contents([id_])[id_] if id_ is not None else None

    def _add(self, path: str, id_: str, file: FileWords) -> None:
        self._files[path], self._ids[path] = file, id_
        for names, known in self._tables(file):
            for name in names:
                known.setdefault(name, set()).add(path)

    def _is_back(self, path: str, id_: str) -> bool:
        """Add a file as it has been before, if that is known: the commits of a range come from several branches."""
        known = self._gone.pop((path, id_), None)
        if known is not None:
            self._add(path, id_, known)
        return known is not None

    def _take_away(self, path: str) -> None:
        file = self._files.pop(path)
        self._gone[path, self._ids.pop(path)] = file
        if len(self._gone) > _MOST_GONE:
            self._gone.pop(next(iter(self._gone)))
        for names, known in self._tables(file):
            for name in names:
                known[name].discard(path)
                if not known[name]:
                    del known[name]

    def _tables(self, file: FileWords) -> Sequence[tuple[Collection[str], dict[str, set[str]]]]:
        return (
            (file.functions.keys(), self._defining),
            (file.calls, self._calling),
            (file.macros, self._macros),
            (file.runs, self._running),
        )
