"""A tree that differs from one of a repository in one file. Nothing is written: its ids are known here alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha1

from reviewbot.model.patch import Folders, ReadFile


class ChangedTree:
    """Gives the trees of a repository, and this one by `id`.

    `tree`: the id of the one that it is like; `path`: that of the file, which is there; `text`: what it says instead.
    `asked`: the ids of the contents that were asked for.
    """

    def __init__(self, folders: Folders, read: ReadFile, tree: str, path: str, text: bytes) -> None:
        self._folders, self._read = folders, read
        self._tree, self._path, self._text = tree, path, text
        self.asked: set[str] = set()
        self._blob = _made_up(f"{path}\0", tree)
        self._entries: dict[str, tuple[str, str, str]] = {}  # of a tree of ours: the one it is like, an entry, its id
        *above, name = path.split("/")
        real = [tree]
        for folder in above:
            real.append(folders.listing(real[-1]).get(f"{folder}/", ""))
        below = self._blob
        for depth, like in reversed([*enumerate(real)]):
            entry = f"{above[depth]}/" if depth < len(above) else name
            id_ = _made_up(f"{path}\0{depth}", tree)
            self._entries[id_] = like, entry, below
            below = id_
        self.id = below

    def read(self, tree: str, path: str) -> bytes | None:
        """The bytes of a file of a tree, None where it is not there; see Engine."""
        if tree != self.id:
            return self._read(tree, path)
        return self._text if path == self._path else self._read(self._tree, path)

    def files(self, tree: str, folder: str) -> Mapping[str, str]:
        """See Folders."""
        if tree != self.id:
            return self._folders.files(tree, folder)
        found = self._folders.files(self._tree, folder)
        where, _, name = self._path.rpartition("/")
        return {**found, name: self._blob} if where == folder else found

    def listing(self, tree: str) -> Mapping[str, str]:
        """See Folders."""
        if tree not in self._entries:
            return self._folders.listing(tree)
        like, entry, id_ = self._entries[tree]
        return {**self._folders.listing(like), entry: id_}

    def contents(self, names: Sequence[str]) -> Mapping[str, bytes | None]:
        """See Folders."""
        self.asked.update(names)
        found = self._folders.contents([name for name in names if name != self._blob])
        return {**found, self._blob: self._text} if self._blob in names else found


def _made_up(seed: str, like: str) -> str:
    """An id that no object has, as long as another one."""
    digits = sha1(f"{seed}\0{like}".encode("utf-8", "surrogateescape"), usedforsecurity=False).hexdigest()
    return digits.ljust(len(like), "0")
