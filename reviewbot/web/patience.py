"""Tries a request again, later and later, where a server is busy, broken or gone, and stops before it is a nuisance."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple, TypeVar

from reviewbot.model.errors import FetchError
from reviewbot.web.client import seconds_asked
from reviewbot.web.pace import Pace
from reviewbot.web.transfer import Busy, Unanswered

_FIRST_WAIT = 2.0  # seconds; twice as long each time
_LONGEST_WAIT = 120.0
_LATEST = 253_402_300_799.0  # the end of the year 9999
T = TypeVar("T")


class Patience(NamedTuple):
    """How often a request is made at most, and the seconds for all of that."""

    tries: int
    seconds: float


class Patient:
    """Makes requests at a pace. `draw`: a number from 0 to 1, so that not all clients come back at the same time.

    `now`: seconds since 1970; `sleep` waits for some; `say` gets a line before each wait.
    """

    def __init__(
        self,
        patience: Patience,
        pace: Pace,
        now: Callable[[], float],
        sleep: Callable[[float], None],
        draw: Callable[[], float],
        say: Callable[[str], None],
    ) -> None:
        self._patience, self._pace = patience, pace
        self._now, self._sleep, self._draw, self._say = now, sleep, draw, say

    def run(self, attempt: Callable[[], T]) -> T:
        """What an attempt gives, once it does. Raises FetchError where it does not in the end."""
        until = self._now() + self._patience.seconds
        wait = _FIRST_WAIT
        for number in range(1, self._patience.tries + 1):
            self._pace.wait()
            try:
                return attempt()
            except (Busy, Unanswered) as error:
                asked = seconds_asked(error.asked, self._now()) if isinstance(error, Busy) else None
                pause = wait * (0.5 + self._draw() / 2) if asked is None else max(asked, 1.0)
                if asked is not None and self._now() + pause > until:
                    raise FetchError(self._long(error, asked), error.status) from error
                if number == self._patience.tries or self._now() + pause > until:
                    tried = f" (tried {number} times)" if number > 1 else ""
                    raise FetchError(f"{error}{tried}", error.status) from error
                self._say(f"{_short(error)}; next try in {pause:.0f} seconds")
            self._sleep(pause)
            wait = min(2 * wait, _LONGEST_WAIT)
        raise AssertionError("the last try returns or raises")

    def _long(self, error: FetchError, asked: float) -> str:
        until = datetime.fromtimestamp(min(self._now() + asked, _LATEST), UTC)
        return (
            f"{_short(error)} and asks to be left alone until {until:%Y-%m-%d %H:%M} UTC: the next pass goes on there"
        )


def _short(error: FetchError) -> str:
    """What is wrong, without the advice to try again."""
    return str(error).partition(": try again")[0].partition("; try again")[0]
