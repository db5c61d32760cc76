"""Says which kernel version a day, or the subject of a mail, means."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import pairwise

from msgspec import Struct

from reviewbot.model.kernel import Version
from reviewbot.support.patterns import pattern

PREFIXES = pattern(r"\s*(?:\w{1,4}\s?[:：]\s*)*((?:\[[^\]]{0,200}\]\s*)+)")
_BETWEEN = pattern(r"[\s\[\],;/|&+]+|(?<=[0-9xy])-(?=[0-9])")  # AUTOSEL 6.17-5.10: the newest and the oldest
_BRANCH = pattern(
    r"(?P<lead>(?:[a-z][a-z0-9]*-)*)(?P<v>v?)(?P<major>[0-9]{1,2})\.(?P<minor>[0-9]{1,3})(?P<point>\.[0-9]{1,3})?"
    r"(?P<y>\.[xy])?(?P<tail>(?:-[a-z]+[0-9]*)*)",
    re.ASCII,
)
_TREES = frozenset({"stable", "linux", "lts", "longterm", "autosel"})  # a number beside one of them is a kernel's
_BEFORE = _TREES | {"for", ""}
_LAST_SECOND = 253_402_300_799  # of the year 9999: dates of mails are whatever somebody wrote


def day_of(stamp: float) -> str:
    """The day of a time in seconds since 1970, like "2024-11-17"."""
    return datetime.fromtimestamp(min(stamp, _LAST_SECOND), UTC).date().isoformat()


class Releases(Struct, frozen=True):
    """The releases of mainline, and which of them are maintained longer.

    `days`: of each release, like "2024-11-17"; `longterm`: older versions that still get patches.
    """

    days: Mapping[Version, str]
    longterm: frozenset[Version] = frozenset()

    def at(self, day: str) -> Version:
        """The version that mainline was working on at a day; the newest known where the day is after them all."""
        return next((one for one in sorted(self.days) if day <= self.days[one]), max(self.days, default=(0, 0)))

    def every(self, *others: Version) -> tuple[Version, ...]:
        """All versions from the oldest that is known on, and `others`.

        Between two of the same major that are known there is one for each minor, whether or not its day is known.
        """
        known = sorted({*self.days, *self.longterm, *others})
        between = (
            (major, minor)
            for (major, first), (other, last) in pairwise(known)
            if major == other
            for minor in range(first + 1, last)
        )
        return tuple(sorted({*known, *between}))

    def asked(self, subject: str) -> Version | None:
        """The kernel that "[PATCH 5.10.y 1/2] ..." names before its title; None where it names none.

        Of several it is the oldest: the patch has to be right there as well, and that is where names are missing. A
        series may have a version like v5.10, and a driver one like 3.0.0: a bare number counts where it is a release.
        """
        prefixes = PREFIXES.match(subject)
        return min(self._named(prefixes[1].lower()), default=None) if prefixes else None

    def _named(self, prefixes: str) -> Iterator[Version]:
        words = _BETWEEN.split(prefixes)
        trees = any(not _TREES.isdisjoint(word.split("-")) for word in words)
        for found in filter(None, map(_BRANCH.fullmatch, words)):
            version = int(found["major"]), int(found["minor"])
            if self._is_kernel(found, version, trees):
                yield version

    def _is_kernel(self, found: re.Match[str], version: Version, trees: bool) -> bool:
        """`trees`: a word of the prefixes says that a kernel's tree is meant."""
        if found["y"]:
            return version <= max(self.days, default=(0, 0))
        lead, tail = (frozenset(found[part].split("-")) for part in ("lead", "tail"))
        if (found["v"] and _TREES.isdisjoint(lead | tail)) or (found["point"] and not trees):
            return False
        return lead <= _BEFORE and (version in self.days or version in self.longterm)
