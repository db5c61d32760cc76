"""Fetches remotes of the user's repository, where the user has allowed that: the one thing that changes it.

`git fetch REMOTE` is all that is done, without hooks, submodules and a garbage collection, and only what the user's
configuration says is fetched. FETCH_HEAD tells which remotes were fetched last, and when.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from reviewbot.git.bases.references import References, remote_url
from reviewbot.git.command import TooLong
from reviewbot.git.repository import Repository
from reviewbot.support.patterns import pattern

_LARGEST = 4 << 20  # bytes of FETCH_HEAD
_FETCHED = pattern(r" of (\S.*)$", re.MULTILINE)
_OPTIONS = ("--quiet", "--no-recurse-submodules", "--no-auto-maintenance")


class FetchLimits(NamedTuple):
    """Seconds that fetching one remote may take, and how many minutes a fetch is not repeated."""

    seconds: int
    minutes: int


class Fetching:
    """Fetches each remote at most once. `say`: is told what fails; `tell`: what is done; `now`: the time since 1970."""

    def __init__(
        self,
        limits: FetchLimits,
        say: Callable[[str], None],
        tell: Callable[[str], None],
        now: Callable[[], float] = time.time,
    ) -> None:
        self._limits, self._say, self._tell, self._now = limits, say, tell, now
        self._done: set[tuple[str, str]] = set()

    def fetch(self, repository: Repository, remotes: Iterable[str], references: References) -> bool:
        """Fetch some remotes that were not fetched lately; whether any was. The time of `repository` goes on after."""
        fetched = False
        for remote in dict.fromkeys(remotes):
            place = _fetch_head(repository)
            key = (str(place), remote)
            is_known = place is None or remote not in references.remotes or key in self._done
            if is_known or self._is_fresh(place, remote, references):
                continue
            self._done.add(key)
            fetched = self._fetch(repository, remote, place) or fetched
        return fetched

    def _fetch(self, repository: Repository, remote: str, place: Path | None) -> bool:
        append = ("--append",) if self._is_young(place) else ()  # so that it tells of all that were fetched lately
        left = repository.until - time.monotonic()
        self._tell(f"fetching {remote}")
        try:
            done = repository.fetch(*_OPTIONS, *append, "--", remote, seconds=self._limits.seconds)
        except TooLong:
            why = f"not done after {self._limits.seconds} s (fetch_seconds under [tree] in config.toml)"
        else:
            why = done.complaint if done.code else ""
        repository.allow(left)
        if why:
            self._say(f"git fetch {remote} failed: {why}; reviewed with what is here")
        return not why

    def _is_fresh(self, place: Path | None, remote: str, references: References) -> bool:
        """Whether a remote was fetched so lately that it is not fetched again."""
        if place is None or not self._is_young(place):
            return False
        try:
            with place.open("rb") as file:
                said = file.read(_LARGEST).decode("utf-8", "surrogateescape")
        except OSError:
            return False
        url = references.remotes[remote]
        return any(url.is_same(remote_url(one)) for one in set(_FETCHED.findall(said)))

    def _is_young(self, place: Path | None) -> bool:
        try:
            age = self._now() - place.stat().st_mtime if place is not None else -1.0
        except OSError:  # nothing was ever fetched
            return False
        return 0 <= age < 60 * self._limits.minutes


def _fetch_head(repository: Repository) -> Path | None:
    told = repository.ask("rev-parse", "--path-format=absolute", "--git-path", "FETCH_HEAD")
    name = os.fsdecode(told.out.removesuffix(b"\n"))
    return Path(name) if told.code == 0 and name else None
