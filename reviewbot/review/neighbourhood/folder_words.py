"""Keeps what the C files of a folder of a tree say, from one state of the folder to the next.

Of a file the names are kept that it may define and that it calls; its functions are read where a call leads to them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import islice
from sys import intern

from reviewbot.model.patch import Folders
from reviewbot.review.neighbourhood.function_words import FunctionWords

_HEAD = re.compile(rb"^[A-Za-z_][^=;\n]{0,200}?\b(\w+)\s*\(", re.MULTILINE)  # of a function
_MACRO = re.compile(rb"^[ \t]*#[ \t]*define[ \t]+(\w+)\(", re.MULTILINE)
_CALL = re.compile(rb"\b(\w+)\s*\(")
_ENDINGS = (".c", ".h")
_MOST_FILES = 2000  # of a folder
_MOST_BYTES = 16 << 20  # of one
_AT_ONCE = 50  # files

ReadFunctions = Callable[[str, bytes], Iterable[FunctionWords]]  # the path of a file, and its text


class FileWords:
    """What a file says. `defines`: the names of functions that it may define; `macros`: those of macros that take
    arguments; `calls`: the names before a parenthesis.
    """

    def __init__(self, text: bytes) -> None:
        self.size = len(text)
        self.defines, self.macros, self.calls = (_names(form, text) for form in (_HEAD, _MACRO, _CALL))
        self.functions: Mapping[str, FunctionWords] | None = None  # by name, where they have been asked for


class FolderWords:
    """What the files of a folder say, as they are in the tree that was turned to last."""

    def __init__(self, path: str, folders: Folders, read: ReadFunctions) -> None:
        self.path, self.left = path, ""
        self._folders, self._read = folders, read
        self._ids: Mapping[str, str] = {}
        self._files: dict[str, FileWords] = {}
        self._defining: dict[str, set[str]] = {}
        self._calling: dict[str, set[str]] = {}
        self._macros: dict[str, set[str]] = {}

    def turn_to(self, tree: str) -> None:
        """Have the files as they are in a tree, a commit's or its id; `left` says why that is not all of them."""
        start = f"{self.path}/" if self.path else ""
        listed = self._folders.files(tree, self.path)
        ids = {f"{start}{name}": id_ for name, id_ in listed.items() if name.endswith(_ENDINGS)}
        count, ids = len(ids), dict(islice(sorted(ids.items()), _MOST_FILES))
        self.left = f"{self.path} has {count} files; {_MOST_FILES} of them were looked at" if count > len(ids) else ""
        for path in [path for path, id_ in self._ids.items() if ids.get(path) != id_]:
            self._take_away(path)
        fresh = [path for path, id_ in ids.items() if self._ids.get(path) != id_]
        for at in range(0, len(fresh), _AT_ONCE):
            if sum(one.size for one in self._files.values()) > _MOST_BYTES:
                self.left = f"{self.path} has more than {_MOST_BYTES >> 20} MB; not all of it was looked at"
                break
            texts = self._folders.contents([ids[path] for path in fresh[at : at + _AT_ONCE]])
            for path in fresh[at : at + _AT_ONCE]:
                if (text := texts[ids[path]]) is not None:
                    self._add(path, FileWords(text))
        self._ids = ids

    def defining(self, name: str) -> Collection[str]:
        """The files that may define a function of a name."""
        return self._defining.get(name, ())

    def calling(self, name: str) -> Collection[str]:
        """The files in which a name stands before a parenthesis."""
        return self._calling.get(name, ())

    def is_macro(self, name: str) -> bool:
        """Whether a name is that of a macro which takes arguments."""
        return name in self._macros

    def functions(self, path: str) -> Mapping[str, FunctionWords]:
        """The functions of a file by name; where several have one, what they say together."""
        file = self._files.get(path)
        if file is None:
            return {}
        if file.functions is None:
            found: dict[str, FunctionWords] = {}
            for one in self._read(path, self.text(path) or b""):
                found[one.name] = found[one.name].with_other(one) if one.name in found else one
            file.functions = found
        return file.functions

    def text(self, path: str) -> bytes | None:
        """The text of a file, None where it is none of the folder's."""
        id_ = self._ids.get(path)
        return self._folders.contents([id_])[id_] if id_ is not None else None

    def _add(self, path: str, file: FileWords) -> None:
        self._files[path] = file
        for names, known in self._tables(file):
            for name in names:
                known.setdefault(name, set()).add(path)

    def _take_away(self, path: str) -> None:
        file = self._files.pop(path, None)
        for names, known in self._tables(file) if file is not None else ():
            for name in names:
                known[name].discard(path)
                if not known[name]:
                    del known[name]

    def _tables(self, file: FileWords) -> Sequence[tuple[Collection[str], dict[str, set[str]]]]:
        return (file.defines, self._defining), (file.calls, self._calling), (file.macros, self._macros)


def _names(form: re.Pattern[bytes], text: bytes) -> tuple[str, ...]:
    return tuple(intern(one.decode("utf-8", "replace")) for one in dict.fromkeys(form.findall(text)))
