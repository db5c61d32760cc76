"""Cuts the time since the last pass into windows, smaller ones where a server has more mails than are taken at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

SMALLEST = 900.0  # seconds
_GOOD = 4  # windows in a row that were not too large: then the next ones are twice as wide


class Window(NamedTuple):
    """A stretch of time, in seconds since 1970; `end` is None for the last one, which has none."""

    begin: float
    end: float | None

    def asked(self) -> str:
        """How a public-inbox is asked for the mails that it received then."""
        return f"rt:{max(0, int(self.begin)):05}..{'' if self.end is None else int(self.end)}"


class Windows:
    """The windows from a time on, one after the other. `width`: seconds of the first; `widest`: of any."""

    def __init__(self, begin: float, width: float, widest: float, now: Callable[[], float]) -> None:
        self.width, self._widest, self._now = width, widest, now
        self._good = 0
        self.window = self._at(begin)

    def go_on(self) -> bool:
        """Take the next window; False if this was the last one."""
        if self.window.end is None:
            return False
        self._good += 1
        if self._good % _GOOD == 0:
            self.width = min(2 * self.width, self._widest)
        self.window = self._at(self.window.end)
        return True

    def halve(self) -> bool:
        """Take half of the window, and windows of that width from now on; False if it is as small as can be."""
        length = (self._now() if self.window.end is None else self.window.end) - self.window.begin
        if length <= SMALLEST:
            return False
        self.width, self._good = max(SMALLEST, length / 2), 0
        self.window = self._at(self.window.begin)
        return True

    def _at(self, begin: float) -> Window:
        end = begin + self.width
        return Window(begin, end if end < self._now() else None)
