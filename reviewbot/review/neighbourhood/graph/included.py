"""Reads of the headers that files include from other folders what these lend them; for that no index is needed.

Only the functions and macros that may take a lock for their callers, or give one back, are looked for: of the rest of a
header nothing is said. Headers that headers include are not followed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from posixpath import dirname, join, normpath

from reviewbot.model.patch import Folders
from reviewbot.program.helpers.words import HelperNames
from reviewbot.review.neighbourhood.function_words import FileWords
from reviewbot.review.neighbourhood.word_tables import WordTables

_INCLUDE = re.compile(rb'^[ \t]*+#[ \t]*+include[ \t]*+([<"])([\w./+-]++)[>"]', re.MULTILINE)
_MOST_HEADERS = 400  # names of headers in some files; a name in quotes may be that of two
_MOST_KNOWN = 1000  # contents
_TOP = "include"

ReadNames = Callable[[str, bytes], HelperNames]


class IncludedHeaders(WordTables):
    """What the headers say that some files include, as they are in the tree that was turned to last.

    `left`: why these are not all.
    """

    def __init__(self, folders: Folders, read: ReadNames) -> None:
        super().__init__()
        self._folders, self._read = folders, read
        self._ids: dict[str, str] = {}
        self._known: dict[str, FileWords] = {}
        self.left = ""

    def turn_to(self, tree: str, texts: Mapping[str, bytes], apart: Collection[str]) -> None:
        """Have the headers that files include in a tree. `texts`: these files; `apart`: folders to leave out."""
        named = dict.fromkeys(path for at, text in texts.items() for path in _included(at, text))
        others = [path for path in named if dirname(path) not in apart]
        wanted, many = others[:_MOST_HEADERS], len(others) > _MOST_HEADERS
        self.left = f"more than {_MOST_HEADERS} headers may take locks for it; not all were looked at" if many else ""
        listed = {folder: self._folders.files(tree, folder) for folder in {dirname(path) for path in wanted}}
        found = {path: listed[dirname(path)].get(path.rpartition("/")[2], "") for path in wanted}
        ids = {path: id_ for path, id_ in found.items() if id_}
        for path in [path for path, id_ in self._ids.items() if ids.get(path) != id_]:
            del self._ids[path]
            self.take_away(path)
        fresh = [id_ for id_ in ids.values() if id_ not in self._known]
        read = self._folders.contents(fresh)
        for path, id_ in ids.items():
            if path not in self._ids and (words := self._words(path, id_, read.get(id_))) is not None:
                self._ids[path] = id_
                self.add(path, words)

    def text(self, path: str) -> bytes | None:
        """The text of a header, None for any other file."""
        id_ = self._ids.get(path)
        return self._folders.contents([id_])[id_] if id_ is not None else None

    def _words(self, path: str, id_: str, text: bytes | None) -> FileWords | None:
        if id_ not in self._known and text is not None:
            names = self._read(path, text)
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            # as if all of them were macros: that is enough to find them
            self._known[id_] = FileWords(len(text), (), names.takers | names.givers, frozenset(), helpers=names)
        return self._known.get(id_)


def _included(path: str, text: bytes) -> Iterator[str]:
    """The paths that the headers may have which a file includes."""
    for quote, name in _INCLUDE.findall(text):
        said = name.decode("utf-8", "replace")
        if quote == b'"':
            yield normpath(join(dirname(path), said))
        yield normpath(join(_TOP, said))
