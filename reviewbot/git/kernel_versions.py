"""Trees of a repository in; which kernel each of them is, by its Makefile and the names in its headers, out.

Neighbours in a history have nearly all of it in common, so all that is read is remembered by the id it has: of most
trees no more is looked at than the top folder.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from reviewbot.git.repository import Repository
from reviewbot.kernel.backports import header_names, release
from reviewbot.model.kernel import Version

_FILE = "100"  # what the modes of regular files begin with
_FOLDERS = 4096  # that are remembered
_MAKEFILE = "Makefile"

Path = tuple[bytes, ...]


class Era(NamedTuple):
    """A kernel to judge by. `names`: those of its headers that matter, None where the version alone tells.

    `end`: it is that of the end of the range, whatever its names.
    """

    version: Version
    names: frozenset[str] | None = None
    end: bool = False


class TreeFacts(NamedTuple):
    """What a tree says of itself. `version`: None where no Makefile says it; `names`: None where no header is there."""

    version: Version | None
    names: frozenset[str] | None


class Kernels:
    """`headers`: the files whose names tell something; `asked`: the names that matter, see presence.asked()."""

    def __init__(self, repository: Repository, headers: Sequence[str], asked: frozenset[str]) -> None:
        self._repository, self._asked = repository, asked
        self._paths = [tuple(path.encode("utf-8", "surrogateescape").split(b"/")) for path in (_MAKEFILE, *headers)]
        self._folders: dict[tuple[str, Path], dict[Path, str]] = {}
        self._versions: dict[str, Version | None] = {}
        self._said: dict[str, frozenset[str] | None] = {}  # by a header
        self._names: dict[tuple[str, ...], frozenset[str] | None] = {}

    def of(self, tree: str) -> TreeFacts:
        """What a tree is; nothing is known of one that is not in this clone."""
        found = self._found(tree, (), self._paths)
        makefile = found.get(self._paths[0], "")
        if makefile not in self._versions:
            self._versions[makefile] = release(self._content(makefile) or b"")
        return TreeFacts(
            self._versions[makefile], self._names_of(tuple(found.get(path, "") for path in self._paths[1:]))
        )

    def _names_of(self, headers: tuple[str, ...]) -> frozenset[str] | None:
        if headers not in self._names:
            said = [names for names in map(self._names_in, headers) if names is not None]
            every = frozenset[str]().union(*said)
            self._names[headers] = every & self._asked if every else None
        return self._names[headers]

    def _names_in(self, header: str) -> frozenset[str] | None:
        if header not in self._said:
            text = self._content(header)
            self._said[header] = None if text is None else header_names([text])
        return self._said[header]

    def _content(self, blob: str) -> bytes | None:
        return self._repository.content(blob) if blob else None

    def _found(self, tree: str, above: Path, paths: Iterable[Path]) -> dict[Path, str]:
        """The ids of the files that are there at some paths, below the folder `above` that is this tree."""
        key = tree, above
        if key not in self._folders:
            if len(self._folders) >= _FOLDERS:
                self._folders.clear()
            below: dict[bytes, list[Path]] = {}
            for path in paths:
                below.setdefault(path[len(above)], []).append(path)
            ids: dict[Path, str] = {}
            for name, entry in self._repository.some(tree, below).items():
                here = (*above, name)
                if here in below[name] and entry.mode.startswith(_FILE):
                    ids[here] = entry.id
                elif here not in below[name]:
                    ids |= self._found(entry.id, here, below[name])
            self._folders[key] = ids
        return self._folders[key]
