"""Work that may take long in; it done in time, or an end to it, out."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class TooSlow(BaseException):
    """The time is up. No Exception, so that nothing between here and the loop that took too long can swallow it."""


def slow(seconds: int) -> str:
    """Why something was not looked at to its end."""
    return f"not finished after {seconds} s (seconds under [limits] in config.toml)"


@contextmanager
def bounded(seconds: float) -> Iterator[None]:
    """Raise TooSlow where the work inside takes longer, or there is no time for it."""
    if seconds <= 0:
        raise TooSlow

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise TooSlow

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
