"""Declares what a source needs to say what it is doing; the command line's session is one of these."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol


class Progress(Protocol):
    """Whoever waits for a review."""

    def say(self, text: str) -> None:
        """A line that matters."""

    def tell(self, text: str) -> None:
        """A line about what is being done, for who asks for it."""

    def waiting(self, text: str) -> AbstractContextManager[None]:
        """A sign of life while something lasts."""

    def counting(self, patches: int) -> AbstractContextManager[Callable[[], None]]:
        """The same for so many patches; what it gives is to be called after each of them."""
