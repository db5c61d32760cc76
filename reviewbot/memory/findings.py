"""Keeps what was found in each version of a series, and what became of it.

So that a version is reviewed once, a question is asked once in all versions, and what was marked wrong never again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from reviewbot.memory.drafts import DROPPED, HANDLED, PLACED, SENT, TOO_LATE, Point
from reviewbot.memory.memory import Memory

RAISED, REPEATED, SAID, WRONG_BEFORE, DEMOTED, UNSURE, OVER = FATES = (
    "raised",  # in a draft
    "repeated",  # it was raised of an earlier version
    "said",  # by somebody else in the thread
    "wrong",  # it was marked so once
    "demoted",  # its rule is left out of drafts
    "unsure",  # below the confidence that a draft needs
    "over",  # there was no draft for it: nobody to answer, or more than a list may get in a day
)
_ASKED = (SENT, PLACED, HANDLED)


class SeenVersion(Struct, frozen=True):
    """A version that was looked at. `parts`: see parts_of(); of the `points` of the one before so many are `gone`."""

    version: int
    parts: str
    reviewed: float
    gone: int
    points: int


class Fate(Struct, frozen=True):
    """What became of a finding, and a line on why."""

    point: Point
    fate: str
    reason: str = ""


def parts_of(message_ids: Iterable[str]) -> str:
    """A digest of the message ids of a version's patches, in any order."""
    return hashlib.sha256("\n".join(sorted(message_ids)).encode("utf-8", "replace")).hexdigest()[:24]


def versions(memory: Memory, series: int) -> Sequence[SeenVersion]:
    """The versions of a series that were looked at, in the order in which they were."""
    asked = "SELECT version, parts, reviewed, gone, points FROM versions WHERE series = ? ORDER BY reviewed, version"
    return [SeenVersion(*row) for row in memory.rows(asked, series)]


def fates(memory: Memory, series: int, parts: str) -> Sequence[Fate]:
    """What became of the findings of one version."""
    asked = (
        "SELECT fingerprint, rule, path, function, line, confidence, fate, reason FROM findings"
        " WHERE series = ? AND parts = ? ORDER BY path, line"
    )
    return [Fate(Point(*row[:6]), *row[6:]) for row in memory.rows(asked, series, parts)]


def keep(memory: Memory, series: int, seen: SeenVersion, became: Iterable[Fate]) -> None:
    """Keep a version and what became of its findings, inside of writing()."""
    memory.run(
        "INSERT OR REPLACE INTO versions VALUES (?, ?, ?, ?, ?, ?)",
        *(series, seen.version, seen.parts, seen.reviewed, seen.gone, seen.points),
    )
    for one in became:
        point = one.point
        memory.run(
            "INSERT OR REPLACE INTO findings VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            *(series, seen.parts, point.fingerprint, point.rule, point.path, point.function, point.line),
            *(point.confidence, one.fate, one.reason),
        )


def asked_before(memory: Memory, series: int) -> Mapping[str, int]:
    """The fingerprints that drafts of a series have asked about which went out or were decided, with the version."""
    rows = memory.rows(
        "SELECT fingerprint, min(version) FROM points JOIN drafts ON number = draft WHERE series = ?"
        " AND (state IN (?, ?, ?) OR (state = ? AND note != ?) OR number IN (SELECT draft FROM outbox))"
        " GROUP BY fingerprint",
        *(series, *_ASKED, DROPPED, TOO_LATE),
    )
    return dict(rows)


def by_rule(memory: Memory) -> Mapping[tuple[str, str], Mapping[str, int]]:
    """How many findings each list has of each rule, by what became of them."""
    counts: dict[tuple[str, str], dict[str, int]] = {}
    asked = (
        "SELECT list, rule, fate, count(*) FROM findings JOIN series ON number = series"
        " GROUP BY list, rule, fate ORDER BY list, rule"
    )
    for name, rule, fate, count in memory.rows(asked):
        counts.setdefault((name, rule), {})[fate] = count
    return counts


def marked_wrong(memory: Memory, fingerprints: Iterable[str]) -> frozenset[str]:
    """Those of some fingerprints that were marked as wrong."""
    return frozenset(one for one in fingerprints if memory.rows("SELECT 1 FROM wrong WHERE fingerprint = ?", one))
