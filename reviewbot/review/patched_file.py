"""Keeps both sides of one file of a patch: before and after it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, cached_property
from typing import NamedTuple

from reviewbot.model.patch import FileChange, Unread
from reviewbot.patch.renames import renamed
from reviewbot.program.call_graph import FileCallGraph
from reviewbot.program.file_version import FileVersion
from reviewbot.program.reader import Rows


class Selected(NamedTuple):
    """What is looked at in a file: the 0-based rows of functions after the patch, and the rules, None for all."""

    rows: Sequence[Rows]
    rules: frozenset[str] | None = None


class PatchedFile:
    """One file of a patch. `after`: None where the patch deletes it, or it is not needed any more.

    `before(names)`: the file before the patch, with the functions that contain one of the names; with all if there are
    no names. It is read on demand: most changes are hit by no rule. `whole`: it was read as a whole, not by its hunks.
    `calls`, `calls_before`: who calls whom in all files that are read as one with it, after the patch and before.
    """

    def __init__(
        self,
        change: FileChange,
        after: FileVersion | None,
        before: Callable[[frozenset[str]], FileVersion | None],
        whole: bool,
    ) -> None:
        self.change, self.after, self.whole = change, after, whole
        self.before = cache(before)
        self.calls: FileCallGraph | None = None
        self.calls_before: FileCallGraph | None = None

    @property
    def unread(self) -> list[Unread]:
        """What of it could not be read, and why."""
        return [Unread(self.change.path, reason) for reason in (self.after.unread if self.after is not None else ())]

    def forget(self) -> None:
        """Have no more of what it is after the patch."""
        if self.calls is not None:
            self.calls.forget()
        self.after = self.calls = None

    def link(self, calls: FileCallGraph, before: FileCallGraph) -> None:
        """Have the call graphs of all files that are read as one with it, after the patch and before."""
        self.calls, self.calls_before = calls, before

    def release(self) -> None:
        """Have nothing any more of what it is and was: linked files know each other, and nobody looks for garbage."""
        self.forget()
        if self.calls_before is not None:
            self.calls_before.forget()
        self.calls_before = None

    @cached_property
    def old_names(self) -> Mapping[str, str]:
        """The old names of renamed functions, by their new names."""
        return renamed(self.change)
