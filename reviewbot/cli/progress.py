"""Bounds the review of a patch in time, and shows progress on a terminal.

In a pipe, with -q and for short work nothing is printed.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from reviewbot.cli import streams
from reviewbot.frontend.cut_functions import CutFile
from reviewbot.model.kernel import Kernel, Rule
from reviewbot.model.patch import Patch, ReadFile, Unread
from reviewbot.model.review import PatchReview
from reviewbot.review.engine import Engine, Only
from reviewbot.review.resolved import FindingKey
from reviewbot.support.timeout import TooSlow, bounded, slow

if TYPE_CHECKING:
    from rich.console import Console

LONG_SERIES = 8  # patches; fewer are done before a bar could be read


class PatientEngine(Engine):
    """An engine that leaves a patch unread after `seconds`, or from `until` on, and calls `done` after each patch."""

    def __init__(self, kernel: Kernel, rules: Sequence[Rule], seconds: int, read: ReadFile | None = None) -> None:
        super().__init__(kernel, rules, read)
        self.seconds = seconds
        self.until = float("inf")  # as time.monotonic() counts
        self.done: Callable[[], None] = lambda: None

    def patch(self, patch: Patch, only: Only | None = None) -> PatchReview:
        """Review one patch as Engine.patch(); where time is up, only `unread` of the result says so."""
        try:
            with bounded(min(self.seconds, self.until - time.monotonic())):
                return super().patch(patch, only)
        except TooSlow:
            return PatchReview(patch, (), (*patch.unread, Unread(None, slow(self.seconds))))
        finally:
            self.done()

    def wrong(self, path: str, texts: tuple[CutFile | None, CutFile], function: str) -> frozenset[FindingKey] | None:
        """The keys of all hits as Engine.wrong(); None also where time is up."""
        try:
            with bounded(min(self.seconds, self.until - time.monotonic())):
                return super().wrong(path, texts, function)
        except TooSlow:
            return None


@contextmanager
def waiting(text: str, quiet: bool) -> Iterator[None]:
    """Show a spinner beside `text`."""
    console = _terminal(quiet)
    if console is None:
        yield
        return
    with console.status(text):
        yield


@contextmanager
def counting(patches: int, quiet: bool) -> Iterator[Callable[[], None]]:
    """Show a bar for so many patches. The function that it gives has to be called after each of them."""
    console = _terminal(quiet) if patches >= LONG_SERIES else None
    if console is None:
        yield lambda: None
        return
    from rich.progress import Progress

    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("reviewing", total=patches)
        yield lambda: progress.advance(task)


def _terminal(quiet: bool) -> Console | None:
    if quiet or not streams.is_terminal(sys.stderr):
        return None
    from rich.console import Console

    return Console(stderr=True)
