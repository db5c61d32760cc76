"""Reviews patches within a time limit: one that takes too long is left unread, and its review says so."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from reviewbot.model.kernel import Kernel, Rule
from reviewbot.model.patch import Patch, ReadFile, Unread
from reviewbot.model.review import PatchReview
from reviewbot.program.file_version import FileVersion
from reviewbot.review.engine import NO_NAMES, Engine, FileTexts, Keys, Only
from reviewbot.support.timeout import TooSlow, bounded, slow

if TYPE_CHECKING:
    from reviewbot.review.neighbourhood.tree_source import TreeSource

_NEVER = float("inf")


class PatientEngine(Engine):
    """Leaves a patch unread after so many seconds, or from `until` on, as time.monotonic() counts.

    `done` is called after each patch.
    """

    def __init__(
        self,
        kernel: Kernel,
        rules: Sequence[Rule],
        seconds: int,
        read: ReadFile | None = None,
        tree: TreeSource | None = None,
        *,
        until: float = _NEVER,
        done: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(kernel, rules, read, tree)
        self.seconds, self._until, self._done = seconds, until, done

    def patch(self, patch: Patch, only: Only | None = None, defined: frozenset[str] = NO_NAMES) -> PatchReview:
        """Review one patch as Engine.patch(); where time is up, only `unread` of the result says so."""
        try:
            with bounded(self._time_left()):
                return super().patch(patch, only, defined)
        except TooSlow:
            return PatchReview(patch, (), (*patch.unread, Unread(None, slow(self.seconds))))
        finally:
            self._done()

    def left_by(self, patch: Patch) -> Sequence[FileVersion]:
        """The files of a patch as Engine.left_by(); none of them where time is up."""
        try:
            with bounded(self._time_left()):
                return super().left_by(patch)
        except TooSlow:
            return ()

    def wrong(self, path: str, texts: FileTexts, function: str, defined: frozenset[str] = NO_NAMES) -> Keys | None:
        """The keys of all hits as Engine.wrong(); None also where time is up."""
        try:
            with bounded(self._time_left()):
                return super().wrong(path, texts, function, defined)
        except TooSlow:
            return None

    def _time_left(self) -> float:
        return min(self.seconds, self._until - time.monotonic())
