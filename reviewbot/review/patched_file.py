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

    @property
    def unfollowed(self) -> list[Unread]:
        """The functions of it that a rule needed the analysis of, and for which the analysis gave up."""
        units = self.after.units if self.after is not None else ()
        lost = ((unit.function.name, unit.unfollowed) for unit in units)
        return [Unread(self.change.path, f"{name}(): {why}") for name, why in lost if why]

    @property
    def cut_off(self) -> list[Unread]:
        """What a rule needed of its calls, and a bound kept from it.

        Of files that the patch leaves alone the first of those that it touches says so.
        """
        if self.calls is None:
            return []
        touched = [side.path for side in self.calls.touched]
        found = [(path if path in touched else touched[0], why) for path, why in self.calls.cut_off] if touched else []
        return [Unread(path, why) for path, why in dict.fromkeys(found) if path == self.change.path]

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
