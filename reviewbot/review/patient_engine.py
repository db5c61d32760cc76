"""Reviews patches within a time: one that takes too long is left unread, and says so.

In: what an Engine takes, the seconds for a patch, and when all has to be done. Out: what an Engine gives.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from reviewbot.frontend.cut_functions import CutFile
from reviewbot.model.kernel import Kernel, Rule
from reviewbot.model.patch import Patch, ReadFile, Unread
from reviewbot.model.review import PatchReview
from reviewbot.review.engine import NO_NAMES, Engine, Only
from reviewbot.review.resolved import FindingKey
from reviewbot.support.timeout import TooSlow, bounded, slow

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
        *,
        until: float = _NEVER,
        done: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(kernel, rules, read)
        self.seconds, self._until, self._done = seconds, until, done

    def patch(self, patch: Patch, only: Only | None = None, defined: frozenset[str] = NO_NAMES) -> PatchReview:
        try:
            with bounded(self._time_left()):
                return super().patch(patch, only, defined)
        except TooSlow:
            return PatchReview(patch, (), (*patch.unread, Unread(None, slow(self.seconds))))
        finally:
            self._done()

    def wrong(
        self,
        path: str,
        texts: tuple[CutFile | None, CutFile],
        function: str,
        defined: frozenset[str] = NO_NAMES,
    ) -> frozenset[FindingKey] | None:
        try:
            with bounded(self._time_left()):
                return super().wrong(path, texts, function, defined)
        except TooSlow:
            return None

    def _time_left(self) -> float:
        return min(self.seconds, self._until - time.monotonic())
