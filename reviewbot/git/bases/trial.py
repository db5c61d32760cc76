"""Tells how many patches of a series fit a tree by the rows of their files, without applying them.

Git is not run for it, so a tree costs about as much as reading the files that the series changes. What fits here may
still be refused by git, for a mode or a file in the way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reviewbot.git.bases.blobs import old_id
from reviewbot.git.repository import Repository
from reviewbot.model.patch import FileChange
from reviewbot.patch.placement import Placement, place, rows_of

NOT_THERE, IN_THE_WAY = "is not there", "is there already"


class Trial:
    """A tree that patches are tried on, one after the other."""

    def __init__(self, repository: Repository, tree: str) -> None:
        self._repository, self._tree = repository, tree
        self._changed: dict[str, list[str] | None] = {}  # the rows of files, None for one that is gone

    def patch(self, files: Sequence[FileChange]) -> str:
        """Try a patch: "" where it fits, and then the next one finds its files so; else which file or hunk does not."""
        after: dict[str, list[str] | None] = {}
        for change in files:
            left = self._change(change, after)
            if isinstance(left, str):
                return left
            after |= left
        self._changed |= after
        return ""

    def _change(self, change: FileChange, earlier: Mapping[str, list[str] | None]) -> dict[str, list[str] | None] | str:
        if change.created:
            return (
                f"{change.path} {IN_THE_WAY}"
                if self._rows(change.path, earlier) is not None
                else {change.path: place(change, []).rows}
            )
        old = change.old_path or change.path
        rows = self._rows(old, earlier)
        if rows is None:
            return f"{old} {NOT_THERE}"
        if change.deleted and not change.hunks:  # git-format-patch(1), --irreversible-delete
            return {change.path: None}
        done = place(change, rows)
        if done.rows is None:
            return str(done.misfits[0])
        gone: dict[str, list[str] | None] = {old: None} if _is_renamed(change) or change.deleted else {}
        return gone | ({} if change.deleted else {change.path: done.rows})

    def _rows(self, path: str, earlier: Mapping[str, list[str] | None]) -> list[str] | None:
        for known in (earlier, self._changed):
            if path in known:
                return known[path]
        return file_rows(self._repository, self._tree, path)


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
    return None if rows is None else place(change, rows)


def _is_renamed(change: FileChange) -> bool:
    return change.old_path not in (None, change.path) and not any(row.startswith("copy from") for row in change.header)
