"""What the files of a tree say, by an index of a tree like it.

Only files that differ from the indexed tree are looked at: those whose content the index knows from another tree have
another place, the rest is read and stays in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import lru_cache

from reviewbot.index.difference import difference
from reviewbot.index.store import (
    CALLS,
    DEFINES,
    GIVERS,
    LOCKS,
    MACROS,
    POINTERS,
    PUTS,
    RUNS,
    STORES,
    STRUCTURES,
    TAKERS,
    THROUGH,
    WAITS,
    IndexedTree,
    Store,
    content_key,
)
from reviewbot.model.patch import Folders
from reviewbot.program.operations.words import NO_OPERATIONS, FileOperations
from reviewbot.review.neighbourhood.folder_words import ENDINGS, ReadWords
from reviewbot.review.neighbourhood.function_words import FunctionWords
from reviewbot.review.neighbourhood.word_tables import WordTables

MOST_OTHER = 4000  # files that are not as in the indexed tree
_KEPT = 2000  # files whose words are in memory
_NAMES = 20_000  # names of which it is in memory where they stand, with
_PLACES = 100  # files at most
_MANY = 4000  # contents that name something: of what is called everywhere nobody asks where that is
_AT_ONCE = 50  # files
_FOLDERS = 200  # whose listings are in memory


class TooDifferent(Exception):
    """The index is of no use for a tree: too many files differ."""


class TreeWords:
    """What the files of the tree say that was turned to last; see SourceWords."""

    def __init__(self, store: Store, indexed: IndexedTree, folders: Folders, read: ReadWords) -> None:
        self._store, self._indexed, self._folders, self._read = store, indexed, folders, read
        self._tree = indexed.id
        self._ids: dict[str, str] = {}  # of what is not as in the indexed tree; "" for a path that is not there
        self._moved: dict[str, int] = {}  # the contents of those that the index knows
        self._paths: dict[int, set[str]] = {}  # the opposite
        self._fresh = WordTables()
        self._words = lru_cache(_KEPT)(store.words)
        self._listing = lru_cache(_FOLDERS)(folders.listing)  # each tree is compared twice
        self._at = lru_cache(_KEPT)(self._content_at)
        self._naming = lru_cache(_KEPT)(store.naming)
        self._helpers = lru_cache(2)(store.helpers)
        self._placed: dict[tuple[str, int], Sequence[str]] = {}  # files of the indexed tree

    def turn_to(self, tree: str) -> None:
        """Have the files as they are in a tree. Raises TooDifferent, and is of no use any more then."""
        if tree == self._tree:
            return
        before, self._tree = self._tree, ""  # should the time be up on the way, nothing is known
        changed = dict[str, str]()
        for path, id_ in difference(self._listing, before, tree) if before else ():
            if path.endswith(ENDINGS):
                changed[path] = id_
            if len(changed) > MOST_OTHER:
                break
        if not before or len(self._ids.keys() | changed.keys()) > MOST_OTHER:
            raise TooDifferent
        self._change(changed)
        self._at.cache_clear()
        self._tree = tree

    def _change(self, changed: Mapping[str, str]) -> None:
        before = {path: self._version(path) for path in changed}
        for path in changed:
            self._put_aside(path)
        keys = {path: content_key(path, id_) for path, id_ in changed.items() if id_}
        known = self._store.numbers({*keys.values()})
        self._ids.update(changed)
        fresh = [path for path, key in keys.items() if key not in known]
        for path in keys.keys() - set(fresh):
            self._moved[path] = number = known[keys[path]]
            self._paths.setdefault(number, set()).add(path)
        for at in range(0, len(fresh), _AT_ONCE):
            texts = self._folders.contents([changed[path] for path in fresh[at : at + _AT_ONCE]])
            for path in fresh[at : at + _AT_ONCE]:
                if (text := texts.get(changed[path])) is not None:
                    self._fresh.add(path, self._read(path, text, before[path]()))

    def _version(self, path: str) -> Callable[[], Mapping[str, FunctionWords]]:
        """Gives the functions of a file as they are before it is changed."""
        if path in self._fresh.files:
            found = self._fresh.functions(path)
            return lambda: found
        number = self._content_at(path)
        return lambda: self._words(number).functions if number is not None else {}

    def _put_aside(self, path: str) -> None:
        if path in self._moved:
            self._paths[self._moved.pop(path)].discard(path)
        elif path in self._fresh.files:
            self._fresh.take_away(path)

    def defining(self, name: str) -> Collection[str]:
        """See SourceWords."""
        return [*self._known(name, DEFINES), *self._fresh.defining(name)]

    def calling(self, name: str) -> Collection[str]:
        """See SourceWords."""
        return [*self._known(name, CALLS), *self._fresh.calling(name)]

    def running(self, name: str) -> Collection[str]:
        """See SourceWords."""
        return [*self._known(name, RUNS), *self._fresh.running(name)]

    def macros(self, name: str) -> Collection[str]:
        """See SourceWords."""
        return [*self._known(name, MACROS), *self._fresh.macros(name)]

    def locking(self, name: str) -> Collection[str]:
        """See SourceWords."""
        return [*self._known(name, LOCKS), *self._fresh.locking(name)]

    def waiting(self, name: str) -> Collection[str]:
        """See SourceWords."""
        return [*self._known(name, WAITS), *self._fresh.waiting(name)]

    def structuring(self, name: str) -> Collection[str]:
        """See SourceWords."""
        return [*self._known(name, STRUCTURES), *self._fresh.structuring(name)]

    def pointing(self, member: str) -> Collection[str]:
        """See SourceWords."""
        return [*self._known(member, POINTERS), *self._fresh.pointing(member)]

    def putting(self, place: str) -> Collection[str]:
        """See SourceWords."""
        return [*self._known(place, PUTS), *self._fresh.putting(place)]

    def through(self, member: str) -> Collection[str]:
        """See SourceWords."""
        return [*self._known(member, THROUGH), *self._fresh.through(member)]

    def storing(self, name: str) -> Collection[str]:
        """See SourceWords."""
        return [*self._known(name, STORES), *self._fresh.storing(name)]

    @property
    def takers(self) -> frozenset[str]:
        """See SourceWords."""
        return self._helpers(TAKERS) | self._fresh.takers

    @property
    def givers(self) -> frozenset[str]:
        """See SourceWords."""
        return self._helpers(GIVERS) | self._fresh.givers

    def operations(self, path: str) -> FileOperations:
        """See SourceWords."""
        if path in self._fresh.files:
            return self._fresh.operations(path)
        number = self._at(path)
        return self._words(number).operations if number is not None else NO_OPERATIONS

    def functions(self, path: str) -> Mapping[str, FunctionWords]:
        """See SourceWords."""
        if path in self._fresh.files:
            return self._fresh.functions(path)
        number = self._at(path)
        return self._words(number).functions if number is not None else {}

    def text(self, path: str) -> bytes | None:
        """See SourceWords."""
        id_ = self._ids.get(path) if path in self._ids else self._indexed_id(path)
        return self._folders.contents([id_])[id_] if id_ else None

    def _indexed_id(self, path: str) -> str:
        """The id of the content of a file that is as in the indexed tree, "" for none."""
        number = self._at(path)
        if number is not None:
            return self._store.content_id(number)
        folder, _, name = path.rpartition("/")
        return self._folders.files(self._tree, folder).get(name, "")

    def count_calling(self, name: str) -> int:
        """How many contents call a name, in any tree that the index knows; of too many calling() gives none."""
        return len(self._naming(name, CALLS)) + len(self._fresh.calling(name))

    def beginning(self, start: str, most: int) -> Collection[str]:
        """The names of functions for other files that begin so, in any tree that the index knows; up to so many."""
        return self._store.beginning(start, DEFINES, most)

    def _known(self, name: str, kind: int) -> Iterator[str]:
        """The files of the tree whose contents the index knows, and that do something with a name."""
        placed = self._placed.get((name, kind))
        yield from (path for path in (self._places(name, kind) if placed is None else placed) if path not in self._ids)
        if self._paths:
            numbers = self._naming(name, kind)
            yield from (path for one in numbers if len(numbers) <= _MANY for path in self._paths.get(one, ()))

    def _places(self, name: str, kind: int) -> Sequence[str]:
        """The files of the indexed tree that do something with a name."""
        numbers = self._naming(name, kind)
        found = self._store.paths_of(self._indexed.number, numbers) if len(numbers) <= _MANY else []
        if len(found) <= _PLACES:
            if len(self._placed) >= _NAMES:
                self._placed.clear()
            self._placed[name, kind] = found
        return found

    def _content_at(self, path: str) -> int | None:
        return self._moved.get(path) if path in self._ids else self._store.content_at(self._indexed.number, path)
