"""Tells the kernel version of trees, by their Makefile and the names in their headers.

Neighbours in a history have nearly all blobs in common, so what is read is remembered by its id: of most trees only the
top folder is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from reviewbot.git.repository import Repository
from reviewbot.kernel.backports import header_names, release
from reviewbot.model.kernel import Version

_FILE = "100"  # what the modes of regular files begin with
_FOLDERS = 4096  # that are remembered at once
_MAKEFILE = "Makefile"

Path = tuple[bytes, ...]


def kernel_in(
    repository: Repository, tree: str, headers: Sequence[str]
) -> tuple[Version | None, frozenset[str] | None]:
    """The kernel version in a tree's Makefile, and the names in its `headers`; None for what is not known."""
    texts = (repository.read(tree, path) for path in headers)
    return repository.version(tree), header_names(text for text in texts if text is not None) or None


class Era(NamedTuple):
    """A kernel whose facts apply to commits. `names`: those in its headers that matter, None for the version alone.

    `end`: it is the kernel of the end of the range, whatever its names.
    """

    version: Version
    names: frozenset[str] | None = None
    end: bool = False


class TreeFacts(NamedTuple):
    """The kernel version in a tree's Makefile, None without one; and the names in its headers, None without any."""

    version: Version | None
    names: frozenset[str] | None


class Kernels:
    """Tells the kernels of trees. `headers`: paths of the files to read; `asked`: the names that matter.

    For these see kernel.backports.fitted_names().
    """

    def __init__(self, repository: Repository, headers: Sequence[str], asked: frozenset[str]) -> None:
        self._repository, self._asked = repository, asked
        self._paths = [tuple(path.encode("utf-8", "surrogateescape").split(b"/")) for path in (_MAKEFILE, *headers)]
        self._folders: dict[tuple[str, Path], dict[Path, str]] = {}
        self._versions: dict[str, Version | None] = {}
        self._said: dict[str, frozenset[str] | None] = {}  # by a header
        self._names: dict[tuple[str, ...], frozenset[str] | None] = {}

    def of(self, tree: str) -> TreeFacts:
        """The facts of a tree; both None if it is not in this clone."""
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
        """The blob ids of the files at some paths, as far as there are any. `above`: the path of the folder `tree`."""
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
