"""Holds back requests so that there are no more than so many a minute, over all servers of a run."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

_MINUTE = 60.0


class Pace:
    """`most`: requests within any 60 seconds; `now` gives seconds since 1970, `sleep` waits for some."""

    def __init__(self, most: int, now: Callable[[], float], sleep: Callable[[float], None]) -> None:
        self._now, self._sleep = now, sleep
        self._made: deque[float] = deque(maxlen=most)

    def wait(self) -> None:
        """Wait until one more request may be made, and count it."""
        if len(self._made) == self._made.maxlen:
            left = self._made[0] + _MINUTE - self._now()
            if 0 < left <= _MINUTE:  # a clock that was set back is no reason to wait for hours
                self._sleep(left)
        self._made.append(self._now())
