"""Says by words which locks that sleep a function takes, and for which of a file reclaim may wait.

A lock is known by the last word of its name: enough to choose the files that are parsed later.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Protocol

from reviewbot.checks.declaration import Role, Trigger
from reviewbot.frontend.cut_functions import CutFile
from reviewbot.interproc.summary import DEEPEST
from reviewbot.review.prefilter.run_by_others import RunByOthers
from reviewbot.review.prefilter.words import RowWords, first_words

_LONGEST = 120  # bytes of what stands between the parentheses of a call


class TakingFunction(Protocol):
    """What has to be known of a function."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def calls(self) -> Sequence[str]:
        """The names that it calls."""

    @property
    def locks(self) -> Sequence[str]:
        """The last words in the names of the locks that it takes."""


class SleepingLocks:
    """Reads them by the calls that rows of rules list."""

    def __init__(self, rows: RowWords) -> None:
        mine = rows.with_trigger(Trigger.RECLAIM_WAITS)
        self._calls = first_words(mine.of(Role.LOCKS))
        words = b"|".join(re.escape(one) for one in sorted(self._calls, key=len, reverse=True)) or b"(?!)"
        # CALL(&x->lock), guard(CLASS)(&x->lock) or scoped_guard(CLASS, &x->lock)
        name = rb"(?:[\w.\[\]>-]|\([^()\n]{0,%d}\)){1,%d}+" % (_LONGEST, _LONGEST)
        self._taken = re.compile(rb"\b(?:%b)\s*+[(,)][\s(&*]*+(%b)" % (words, name))
        self._run = RunByOthers(mine)

    def taken(self, body: bytes, calls: Collection[bytes]) -> tuple[str, ...]:
        """The last words in the names of the locks that a body takes or gives back. `calls`: what it calls."""
        if self._calls.isdisjoint(calls) and b"guard" not in body:
            return ()
        found = (_last_word(said) for said in self._taken.findall(body))
        return tuple(dict.fromkeys(word for word in found if word))

    def waited_for(self, file: CutFile, functions: Sequence[TakingFunction]) -> frozenset[str]:
        """The last words in the names of the locks that what reclaim runs of a file comes to, a few calls below."""
        if not any(one.locks for one in functions):
            return frozenset()
        known: dict[str, list[TakingFunction]] = {}
        for one in functions:
            known.setdefault(one.name, []).append(one)
        calls = frozenset(name for one in functions for name in one.calls)
        level = self._reclaimed(file, calls, known.keys())
        seen = set(level)
        for _ in range(DEEPEST):
            level = {name for one in level for each in known[one] for name in each.calls if name in known} - seen
            seen |= level
        return frozenset(lock for one in seen for each in known[one] for lock in each.locks)

    def _reclaimed(self, file: CutFile, calls: frozenset[str], known: Collection[str]) -> set[str]:
        """The functions of a file that reclaim runs. `calls`: those that all of them make."""
        run = self._run.names_run(file, calls)
        typed = self._run.typed(file, {name.encode("utf-8", "replace") for name in known})
        return {name for one in (*run, *typed) if (name := one.decode("utf-8", "replace")) in known}


def _last_word(said: bytes) -> str:
    words = re.findall(rb"\w+", said)
    return words[-1].decode("utf-8", "replace") if words else ""
