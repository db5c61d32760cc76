"""Trees of files in memory, as an engine reads them."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from hashlib import sha1

from reviewbot.model.patch import Patch

Files = Mapping[str, str]  # by path


class Trees:
    """Some trees. The id of a content is its digest; `asked`: the ids that were asked for."""

    def __init__(self, trees: Mapping[str, Files]) -> None:
        self._trees = trees
        self._texts = {_id(text): text.encode() for files in trees.values() for text in files.values()}
        self.asked: list[str] = []

    def read(self, tree: str, path: str) -> bytes | None:
        text = self._trees[tree].get(path)
        return None if text is None else text.encode()

    def files(self, tree: str, folder: str) -> Mapping[str, str]:
        split = ((path.rpartition("/"), text) for path, text in self._trees[tree].items())
        return {name: _id(text) for (where, _, name), text in split if where == folder}

    def listing(self, tree: str) -> Mapping[str, str]:
        """`tree`: the name of one, with a folder of it behind a colon; so are the ids of folders."""
        name, _, folder = tree.partition(":")
        start = f"{folder}/" if folder else ""
        inside = {path.removeprefix(start): text for path, text in self._trees[name].items() if path.startswith(start)}
        folders = {path.partition("/")[0] for path in inside if "/" in path}
        ids = {f"{one}/": f"{name}:{start}{one}" for one in folders}
        return ids | {path: _id(text) for path, text in inside.items() if "/" not in path}

    def contents(self, names: Sequence[str]) -> Mapping[str, bytes | None]:
        self.asked += names
        return {name: self._texts.get(name) for name in names}


def _id(text: str) -> str:
    return sha1(text.encode()).hexdigest()


def patch(old: Files, new: Files, number: int = 1, total: int = 1) -> Patch:
    """The patch from one tree to the next; the trees are called "0", "1" and so on."""
    said = ""
    for path in sorted(old.keys() | new.keys()):
        before, after = (side.get(path) for side in (old, new))
        names = (f"a/{path}" if before is not None else "/dev/null", f"b/{path}" if after is not None else "/dev/null")
        text = "".join(difflib.unified_diff((before or "").splitlines(True), (after or "").splitlines(True), *names))
        said += f"diff --git a/{path} b/{path}\n{text}" if text else ""
    return Patch(number, total, "exfoo: a change", "", said, before=str(number - 1), after=str(number))
