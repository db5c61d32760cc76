"""The index as reviews use it: what the files of a tree say, if a tree like it was noted."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import closing
from functools import cached_property
from itertools import islice
from pathlib import Path

from reviewbot.index import place
from reviewbot.index.difference import difference
from reviewbot.index.records import RecordFile
from reviewbot.index.store import IndexedTree, Store
from reviewbot.index.tree_words import MOST_OTHER, TooDifferent, TreeWords
from reviewbot.model.errors import DamagedDatabase
from reviewbot.model.patch import Folders
from reviewbot.program.recorded.records import Records
from reviewbot.review.neighbourhood.folder_words import ENDINGS, ReadWords

_NONE_LIKE_IT = "the index has no tree like this one, and is not used; `reviewbot index REV` adds one"


class TreeIndex:
    """Opens the index in a file when it is first asked, and again in another process.

    `tell` gets a line for the user, from the process alone that has made this object. A noted tree that differs too
    much from one that was asked about is not tried again.
    """

    def __init__(self, path: Path, tell: Callable[[str], None]) -> None:
        self._path, self._tell = path, tell
        self._first, self._process = os.getpid(), 0
        self._store: Store | None = None
        self._trees: list[IndexedTree] = []
        self._words: TreeWords | None = None

    @cached_property
    def records(self) -> Records | None:
        """See KnownTrees."""
        return RecordFile(place.records_path(self._path))

    def covers(self, tree: str, folders: Folders) -> bool:
        """See KnownTrees."""
        try:
            store = Store.open(self._path)
            if store is None:
                return False
            with closing(store):
                trees = store.trees()
        except DamagedDatabase as error:
            self.give_up(str(error))
            return False
        changes = (difference(folders.listing, one.id, tree) for one in trees)
        found = (sum(path.endswith(ENDINGS) for path, _ in islice(some, MOST_OTHER + 1)) for some in changes)
        near = any(count <= MOST_OTHER for count in found)
        if not near:
            self._say(_NONE_LIKE_IT)
        return near

    def words(self, tree: str, folders: Folders, read: ReadWords) -> TreeWords | None:
        """See KnownTrees."""
        self._open()
        while self._store is not None and self._trees:
            # should the time be up, what is half turned is forgotten
            words, self._words = self._words or TreeWords(self._store, self._trees[0], folders, read), None
            try:
                words.turn_to(tree)
            except TooDifferent:
                self._trees = self._trees[1:]
                if not self._trees:
                    self._say(_NONE_LIKE_IT)
            else:
                self._words = words
                return words
        return None

    def give_up(self, why: str) -> None:
        """See KnownTrees."""
        self._trees, self._words = [], None
        self._say(f"the index is not used: {why}; `reviewbot index` makes it anew")

    def _say(self, text: str) -> None:
        if os.getpid() == self._first:
            self._tell(text)

    def _open(self) -> None:
        if self._process != os.getpid():
            self._process, self._words = os.getpid(), None
            self._store = Store.open(self._path)
            self._trees = [*self._store.trees()] if self._store is not None else []
