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

    What was changed asks, takes such a lock or gives it back, calls what does, or says what reclaim runs. Or it decides
    which ways lead to something of that.
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
        if change.leads and self._matters(file, change.part):
            return True
        named = file.called(change.part) if change.leads else file.named.keys() & change.words
        return any(self._matters(file, one) for one in below(file, named))

    def _matters(self, file: ChangedFile, part: FunctionText) -> bool:
        """Whether it makes a difference when a function is called."""
        return file.asks(part) or not self._locks.isdisjoint(part.words)

    def _waiting(self, file: ChangedFile) -> frozenset[bytes]:
        """Something of a file that reclaim may run, if a lock is taken there as well."""
        if not has_any(file.text, self._locks):
            return frozenset()
        said = {word for word in self._calls if b"%b(" % word in file.text}
        said.update(self._put.findall(file.text) if has_any(file.text, self._members) else ())
        return frozenset(said) or frozenset(one.name for one in file.parts if self._others.is_typed(one))
