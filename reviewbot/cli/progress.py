"""Shows on a terminal that work goes on, and how far it is.

In a pipe, with -q and for short work nothing is printed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from reviewbot.cli import streams

if TYPE_CHECKING:
    from rich.console import Console

_LONG_READING = 500  # files; fewer are read before a bar could be read
LONG_SERIES = 8  # patches; fewer are done before a bar could be read


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


@contextmanager
def reading(files: int, quiet: bool) -> Iterator[Callable[[int], None]]:
    """Show a bar for so many files. The function that it gives takes how many more are done."""
    console = _terminal(quiet) if files >= _LONG_READING else None
    if console is None:
        yield lambda _: None
        return
    from rich.progress import Progress

    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("reading", total=files)
        yield lambda count: progress.advance(task, count)


@contextmanager
def tally(quiet: bool) -> Iterator[Callable[[str], None]]:
    """Show a spinner beside a text that changes. The function that it gives takes the text."""
    console = _terminal(quiet)
    if console is None:
        yield lambda _: None
        return
    with console.status("reading") as status:
        yield lambda text: status.update(text)


def _terminal(quiet: bool) -> Console | None:
    if quiet or not streams.is_terminal(sys.stderr):
        return None
    from rich.console import Console

    return Console(stderr=True)
