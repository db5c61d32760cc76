"""Long work in, a sign of life on a terminal out; in a pipe, with -q and for short work nothing is printed."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from reviewbot.engine import Engine, Only, Read
from reviewbot.model import Kernel, Patch, PatchReview, Rule, Unread

if TYPE_CHECKING:
    from rich.console import Console

LONG_SERIES = 8  # patches; fewer are done before a bar could be read


class TooSlow(BaseException):
    """No Exception, so that nothing between here and the loop that took too long can swallow it."""


class PatientEngine(Engine):
    """An engine that leaves a patch unread after so many seconds, and calls `done` after each."""

    def __init__(self, kernel: Kernel, rules: Sequence[Rule], seconds: int, read: Read | None = None) -> None:
        super().__init__(kernel, rules, read)
        self.seconds = seconds
        self.done: Callable[[], None] = lambda: None

    def patch(self, patch: Patch, only: Only | None = None) -> PatchReview:
        try:
            with bounded(self.seconds):
                return super().patch(patch, only)
        except TooSlow:
            reason = f"not finished after {self.seconds} s (seconds under [limits] in config.toml)"
            return PatchReview(patch, (), (*patch.unread, Unread(None, reason)))
        finally:
            self.done()


@contextmanager
def waiting(text: str, quiet: bool) -> Iterator[None]:
    """A spinner beside `text`."""
    console = _terminal(quiet)
    if console is None:
        yield
        return
    with console.status(text):
        yield


@contextmanager
def counting(patches: int, quiet: bool) -> Iterator[Callable[[], None]]:
    """A bar for so many patches; what it gives is to be called after each of them."""
    console = _terminal(quiet) if patches >= LONG_SERIES else None
    if console is None:
        yield lambda: None
        return
    from rich.progress import Progress

    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("reviewing", total=patches)
        yield lambda: progress.advance(task)


def _terminal(quiet: bool) -> Console | None:
    if quiet or not sys.stderr.isatty():
        return None
    from rich.console import Console

    return Console(stderr=True)


@contextmanager
def bounded(seconds: int) -> Iterator[None]:
    """Raise TooSlow where the work inside takes longer than so many seconds."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise TooSlow

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
