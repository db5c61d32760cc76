"""Finds the files of a set by the names in them. Input: what each file says, see FileWords; nothing is parsed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from reviewbot.program.operations.words import NO_OPERATIONS, FileOperations
from reviewbot.review.neighbourhood.function_words import FileWords, FunctionWords

_Names = dict[str, set[str]]  # the paths of files by a name in them


class SourceWords(Protocol):
    """What the files of a folder, or of a tree, say."""

    def defining(self, name: str) -> Collection[str]:
        """The files that define a function of a name for other files."""

    def calling(self, name: str) -> Collection[str]:
        """The files in which a name stands before a parenthesis."""

    def running(self, name: str) -> Collection[str]:
        """The files that put or hand a function of a name where others run it."""

    def macros(self, name: str) -> Collection[str]:
        """The files that define a macro of a name which takes arguments."""

    def locking(self, name: str) -> Collection[str]:
        """The files that take a lock that sleeps and whose name ends so."""

    def waiting(self, name: str) -> Collection[str]:
        """The files with something that reclaim runs and that may wait for a lock whose name ends so."""

    def structuring(self, name: str) -> Collection[str]:
        """The files that define a type of structure, as far as it has to do with tables of functions."""

    def pointing(self, member: str) -> Collection[str]:
        """The files that define a structure with a pointer to a function of this name."""

    def putting(self, place: str) -> Collection[str]:
        """The files that put something into a member, see FileWords.places."""

    def through(self, member: str) -> Collection[str]:
        """The files that call a function through a member."""

    def storing(self, name: str) -> Collection[str]:
        """The files that put a function of another file into a member."""

    @property
    def takers(self) -> frozenset[str]:
        """The names of functions and macros that may take a lock for callers in other files."""

    @property
    def givers(self) -> frozenset[str]:
        """The names of those that may give one back."""

    def operations(self, path: str) -> FileOperations:
        """What a file says of structures, and what it puts into them."""

    def functions(self, path: str) -> Mapping[str, FunctionWords]:
        """The functions of a file by name, {} for no such file."""

    def text(self, path: str) -> bytes | None:
        """The text of a file, None where it is not there, or too large."""


class WordTables:
    """What some files say, by the names in them. Files can be added and taken away."""

    def __init__(self) -> None:
        self.files: dict[str, FileWords] = {}
        self._defining: _Names = {}
        self._calling: _Names = {}
        self._macros: _Names = {}
        self._running: _Names = {}
        self._locking: _Names = {}
        self._waiting: _Names = {}
        self._structuring: _Names = {}
        self._pointing: _Names = {}
        self._putting: _Names = {}
        self._through: _Names = {}
        self._storing: _Names = {}
        self._takers: _Names = {}
        self._givers: _Names = {}

    def defining(self, name: str) -> Collection[str]:
        """See SourceWords."""
        return self._defining.get(name, ())

    def calling(self, name: str) -> Collection[str]:
        """See SourceWords."""
        return self._calling.get(name, ())

    def running(self, name: str) -> Collection[str]:
        """See SourceWords."""
        return self._running.get(name, ())

    def macros(self, name: str) -> Collection[str]:
        """See SourceWords."""
        return self._macros.get(name, ())

    def locking(self, name: str) -> Collection[str]:
        """See SourceWords."""
        return self._locking.get(name, ())

    def waiting(self, name: str) -> Collection[str]:
        """See SourceWords."""
        return self._waiting.get(name, ())

    def structuring(self, name: str) -> Collection[str]:
        """See SourceWords."""
        return self._structuring.get(name, ())

    def pointing(self, member: str) -> Collection[str]:
        """See SourceWords."""
        return self._pointing.get(member, ())

    def putting(self, place: str) -> Collection[str]:
        """See SourceWords."""
        return self._putting.get(place, ())

    def through(self, member: str) -> Collection[str]:
        """See SourceWords."""
        return self._through.get(member, ())

    def storing(self, name: str) -> Collection[str]:
        """See SourceWords."""
        return self._storing.get(name, ())

    @property
    def takers(self) -> frozenset[str]:
        """See SourceWords."""
        return frozenset(self._takers)

    @property
    def givers(self) -> frozenset[str]:
        """See SourceWords."""
        return frozenset(self._givers)

    def operations(self, path: str) -> FileOperations:
        """See SourceWords."""
        file = self.files.get(path)
        return file.operations if file is not None else NO_OPERATIONS

    def functions(self, path: str) -> Mapping[str, FunctionWords]:
        """See SourceWords."""
        file = self.files.get(path)
        return file.functions if file is not None else {}

    def add(self, path: str, file: FileWords) -> None:
        """Add a file that is not there yet."""
        self.files[path] = file
        for names, known in self._tables(file):
            for name in names:
                known.setdefault(name, set()).add(path)

    def take_away(self, path: str) -> FileWords:
        """Take a file away that is there; gives what it says."""
        file = self.files.pop(path)
        for names, known in self._tables(file):
            for name in names:
                known[name].discard(path)
                if not known[name]:
                    del known[name]
        return file

    def _tables(self, file: FileWords) -> Sequence[tuple[Collection[str], _Names]]:
        return (
            (file.defines, self._defining),
            (file.calls, self._calling),
            (file.macros, self._macros),
            (file.runs, self._running),
            (file.locks, self._locking),
            (file.waits, self._waiting),
            (file.operations.structures, self._structuring),
            (file.pointers, self._pointing),
            (file.places, self._putting),
            (file.through, self._through),
            (file.stores, self._storing),
            (file.helpers.takers, self._takers),
            (file.helpers.givers, self._givers),
        )
