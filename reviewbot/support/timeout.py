"""Ends work that takes longer than it may."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_AT_ONCE = 1e-6  # seconds: 0 would mean never


class TooSlow(BaseException):
    """The time limit was reached.

    It is no Exception, so that nothing between here and the loop that took too long can swallow it.
    """


def slow(seconds: int) -> str:
    """The reason to print for what was not reviewed to its end within so many seconds."""
    return f"not finished after {seconds} s (seconds under [limits] in config.toml)"


@contextmanager
def bounded(seconds: float | None) -> Iterator[None]:
    """Raise TooSlow where the work inside takes longer than `seconds`, or where these are 0 or less; None: no limit.

    Uses SIGALRM, so it works in the main thread alone. A timer of the caller cannot fire meanwhile; it is set again
    afterwards, less the time that has passed.
    """
    if seconds is None:
        yield
        return
    if seconds <= 0:
        raise TooSlow

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise TooSlow

    before = signal.getsignal(signal.SIGALRM)
    signal.signal(signal.SIGALRM, stop)
    begun = time.monotonic()
    left, every = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before if before is not None else signal.SIG_DFL)
        if left:  # whoever called us has a clock of its own, which may have run out by now
            signal.setitimer(signal.ITIMER_REAL, max(left - (time.monotonic() - begun), _AT_ONCE), every)
