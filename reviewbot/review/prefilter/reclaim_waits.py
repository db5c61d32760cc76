"""Trigger: a lock that sleeps may be held around a request, in a file with something that reclaim runs."""

from __future__ import annotations

import re

from reviewbot.checks.declaration import Role
from reviewbot.frontend.cut_functions import FunctionText
from reviewbot.review.prefilter.change import Change, ChangedFile
from reviewbot.review.prefilter.run_by_others import RunByOthers
from reviewbot.review.prefilter.sleeping import below
from reviewbot.review.prefilter.words import RowWords, first_words, has_any, last_words


class ReclaimWaits:
    """Fires where it may have become new that reclaim waits for what is held around a request.

    What was changed asks, takes such a lock or gives it back, calls what does, or says what reclaim runs.
    """

    def __init__(self, rows: RowWords, others: RunByOthers) -> None:
        self._others, self._locks = others, first_words(rows.of(Role.LOCKS))
        self._members, self._calls = last_words(rows.of(Role.MEMBERS, Role.HELD)), first_words(rows.of(Role.REGISTERS))
        self._moving = self._locks | self._members | self._calls
        members = b"|".join(map(re.escape, sorted(self._members))) or b"(?!)"
        self._put = re.compile(rb"(?:\.|->)\s*+(?:%b)\s*+=" % members)

    def __call__(self, change: Change) -> bool:
        return self._moves(change) and bool(change.file.once("reclaim waits", lambda: self._waiting(change.file)))

    def _moves(self, change: Change) -> bool:
        file = change.file
        if change.tells or not self._moving.isdisjoint(change.words):
            return True
        named = file.named.keys() & change.words
        return any(file.asks(one) or self._takes(one) for one in below(file, named))

    def _waiting(self, file: ChangedFile) -> frozenset[bytes]:
        """Something of a file that reclaim may run, if a lock is taken there as well."""
        if not has_any(file.text, self._locks):
            return frozenset()
        said = {word for word in self._calls if b"%b(" % word in file.text}
        said.update(self._put.findall(file.text) if has_any(file.text, self._members) else ())
        return frozenset(said) or frozenset(one.name for one in file.parts if self._others.is_typed(one))

    def _takes(self, part: FunctionText) -> bool:
        return not self._locks.isdisjoint(part.words)
