"""A clock that moves when somebody waits, and archives that live by it."""

from __future__ import annotations

from collections.abc import Callable

from reviewbot.archive.places import open_archive
from reviewbot.archive.port import Archive, ArchiveOptions


class World:
    """`time`: seconds since 1970; `waits`: how long was waited; `said`: the lines about it."""

    def __init__(self, time: float) -> None:
        self.time = time
        self.waits: list[float] = []
        self.said: list[str] = []

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.time += seconds

    def open(self, place: str, options: ArchiveOptions | None = None) -> Archive:
        say: Callable[[str], None] = self.said.append
        return open_archive(place, options or ArchiveOptions(draw=lambda: 1.0), self.now, self.sleep, say)
