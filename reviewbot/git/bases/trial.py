"""Tells how many patches of a series fit a tree by the rows of their files, without applying them.

Git is not run for it, so a tree costs about as much as reading the files that the series changes. What fits here may
still be refused by git, for a mode or a file in the way.
"""

from __future__ import annotations

from collections.abc import Sequence

from reviewbot.git.bases.blobs import old_id
from reviewbot.git.repository import Repository
from reviewbot.model.patch import FileChange
from reviewbot.patch.placement import Placement, place_hunks, rows_of

FileRows = dict[str, list[str] | None]  # of files by path, None for one that is gone


class Trial:
    """A tree that patches are tried on, one after the other."""

    def __init__(self, repository: Repository, tree: str) -> None:
        self._repository, self._tree = repository, tree
        self._changed: FileRows = {}

    def patch(self, files: Sequence[FileChange]) -> str:
        """Try a patch: "" where it fits, and then the next one finds its files so; else why it does not apply."""
        gone: FileRows = {}
        made: FileRows = {}
        for change in files:
            old = change.old_path or change.path
            # two files may change places in one patch, and one may stand in it twice
            before = {**self._changed, **gone, **made} if old == change.path else self._changed
            if why := self._change(change, before, made):
                return f"does not apply: {why}"
            if change.deleted or _is_renamed(change):
                gone[old] = None
        self._changed |= gone | made
        return ""

    def _change(self, change: FileChange, before: FileRows, made: FileRows) -> str:
        """Put the rows after a change into `made`; "" where it fits, else why it does not."""
        old = change.old_path or change.path
        if change.created:
            if self._is_there(change.path, before):
                return f"{change.path} is there already"
            made[change.path] = place_hunks(change, []).rows
            return ""
        if not self._is_there(old, before):
            return f"{old} is not there"
        rows = before[old] if old in before else file_rows(self._repository, self._tree, old)
        if rows is None or (change.deleted and not change.hunks):  # too large, a link, or deleted without its content
            return ""
        done = place_hunks(change, rows)
        if done.rows is None:
            return str(done.misfits[0])
        if not change.deleted:
            made[change.path] = done.rows
        return ""

    def _is_there(self, path: str, before: FileRows) -> bool:
        return before[path] is not None if path in before else self._repository.entry(self._tree, path) is not None


def file_rows(repository: Repository, tree: str, path: str) -> list[str] | None:
    """The rows of a file of a tree; None if there is no file that can be read."""
    data = repository.read(tree, path)
    return None if data is None else rows_of(data.decode("utf-8", "surrogateescape"))


def placement(repository: Repository, tree: str, change: FileChange) -> Placement | None:
    """Where the hunks of a change stand in a tree; None where the file is as the diff knew it, or there is none."""
    old = change.old_path or change.path
    there = repository.entry(tree, old) if change.hunks and not change.created else None
    known = old_id(change)
    if there is None or not there.is_file or (known is not None and there.id.startswith(known)):
        return None
    rows = file_rows(repository, tree, old)
    return None if rows is None else place_hunks(change, rows)


def _is_renamed(change: FileChange) -> bool:
    return change.old_path not in (None, change.path) and not any(row.startswith("copy from") for row in change.header)
