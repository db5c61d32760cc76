"""Trigger: a request stands where something may forbid sleeping, and what was changed has to do with either.

A lock that the function holds there, or one that calls it, or one that it hands a mask to; or others run it where
nothing may sleep, or where all may.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from itertools import repeat

from reviewbot.checks.declaration import Role
from reviewbot.frontend.cut_functions import FunctionText, byte_words
from reviewbot.frontend.locked_rows import held_rows
from reviewbot.interproc.summary import DEEPEST
from reviewbot.model.kernel import Kernel
from reviewbot.program.file_scopes import LONGEST
from reviewbot.review.prefilter.change import Change, ChangedFile, Telling
from reviewbot.review.prefilter.run_by_others import RunByOthers
from reviewbot.review.prefilter.words import RowWords, as_bytes, has_any

GOTO = re.compile(rb"\bgoto\s+(\w+)|^(\w+):", re.MULTILINE)
_LOOP = re.compile(rb"\b(?:for|while|do|\w*for_each\w*)\b")


class SleepContext:
    """Fires where it may have become new that a request stands where it may not sleep, or where it could."""

    def __init__(self, kernel: Kernel, telling: Telling, rows: RowWords, others: RunByOthers) -> None:
        self._telling, self._others = telling, others
        locks = [scope for scope in kernel.scopes.values() if scope.atomic]
        self._enter = as_bytes(name for one in locks for name in (*(gate.call for gate in one.enter), *one.guards))
        self._leave = as_bytes(gate.call for one in locks for gate in one.leave)
        self._asserts = as_bytes(rows.of(Role.ASSERTIONS))
        self._locks = self._enter | self._leave | self._asserts

    def __call__(self, change: Change) -> bool:
        macros = change.file.once("macros with a lock", lambda: self._takes_or_gives(change.file))
        lent = change.file.lent
        gates = self._locks.union(macros, lent.takers, lent.givers)
        moves = change.tells or change.leads or not gates.isdisjoint(change.words)
        named = change.file.meant(change.words)
        moves = moves or any(self._matters(change.file, one) for one in below(change.file, named))
        return moves and self._may_sleep(change)

    def _matters(self, file: ChangedFile, part: FunctionText) -> bool:
        """Whether it makes a difference where a function is called."""
        return file.asks(part) or not self._locks.isdisjoint(part.words)

    def _may_sleep(self, change: Change) -> bool:
        """Whether something forbids sleeping where a function, or one below it, asks for memory."""
        file, part = change.file, change.part
        others = file.called(part)
        called = {name for name in others if any(file.asks(one) for one in below(file, (name,)))} | file.asking
        called |= file.members(called)
        if not change.asks and not called:
            return False
        if self._asks_locked(file, part, called):
            return True
        if not self._locks.isdisjoint(part.words) and _goes_back(part):
            return True
        handed = [file.named[name] for name in called & file.named.keys()]
        if any(one.name in change.words and self._is_run(file, one) for one in handed):
            return True
        if any(file.members((one.name,)) and one.name in change.words and self._is_below(file, one) for one in handed):
            return True
        if any(has_any(one.text, self._telling.stems) and self._asks_locked(file, one, ()) for one in handed):
            return True
        return self._is_run(file, part) or self._is_below(file, part)

    def _is_run(self, file: ChangedFile, part: FunctionText) -> bool:
        """Whether others run a function."""
        return self._others.is_typed(part) or self._others.is_run(file, part.name)

    def _is_below(self, file: ChangedFile, part: FunctionText) -> bool:
        """Whether a lock may be held where a function is called, or others run one that calls it, some calls deep."""
        seen, level = {part.name}, {part.name} - {b""}
        for _ in range(DEEPEST):
            level |= file.members(level)
            callers = [one for one in file.having(level) if one.name not in level] if level else ()
            for one in callers:
                if self._is_run(file, one):
                    return True
                if any(held and not level.isdisjoint(words) for held, _, words in self._locked(file, one)):
                    return True
            level = {one.name for one in callers} - seen - {b""}
            seen |= level
        return False

    def _asks_locked(self, file: ChangedFile, part: FunctionText, called: Collection[bytes]) -> bool:
        """Whether a row of a function where a lock may be held names a flag, a request or a call of one that asks."""
        requests, stems = self._telling.requests, self._telling.stems
        return any(
            held and (any(word in requests or word in called for word in words) or has_any(row, stems))
            for held, row, words in self._locked(file, part)
        )

    def _locked(self, file: ChangedFile, part: FunctionText) -> Iterator[tuple[bool, bytes, list[bytes]]]:
        """Each row of a function with its words, and whether a lock may be held there."""
        enter, leave = self._enter | file.lent.takers, self._leave | file.lent.givers
        takes = file.once("takes a lock", lambda: enter | self._helpers(file, enter, leave))
        gives = file.once("gives back a lock", lambda: leave | self._helpers(file, leave, enter))
        if all(some.isdisjoint(part.words) for some in (takes, gives, self._asserts)):
            return iter(())
        words = [byte_words(row) for row in part.rows]
        if not self._asserts.isdisjoint(part.words):
            return zip(repeat(True), part.rows, words)
        indents = (len(row) - len(row.lstrip()) for row in part.rows)
        held = held_rows(list(zip(indents, words, strict=True)), takes, gives)
        given = [not gives.isdisjoint(said) for said in words]
        return zip(_along_jumps(held, part.rows, given), part.rows, words, strict=True)

    def _helpers(self, file: ChangedFile, some: frozenset[bytes], others: frozenset[bytes]) -> frozenset[bytes]:
        """The short functions and macros with a word of `some` and none of `others`, who may do it for callers."""
        short = ((part.name, part.words) for part in file.parts if len(part.text) <= LONGEST and part.name)
        both = (*short, *file.macros)
        return frozenset(name for name, words in both if not some.isdisjoint(words) and others.isdisjoint(words))

    def _takes_or_gives(self, file: ChangedFile) -> frozenset[bytes]:
        """The macros of a file that may take or give back a lock."""
        return frozenset(name for name, words in file.macros if not (self._enter | self._leave).isdisjoint(words))


def below(file: ChangedFile, names: Collection[bytes]) -> Iterator[FunctionText]:
    """Some functions of a file and those that they call, some calls deep; the nearest first."""
    seen, level = set(names), set(names)
    for _ in range(DEEPEST + 1):
        fresh: set[bytes] = set()
        for name in level:
            part = file.named[name]
            yield part
            fresh |= file.called(part) - seen
        seen |= fresh
        level = fresh


def _goes_back(part: FunctionText) -> bool:
    """Whether a way leads to a row above, where what is held there is not held otherwise."""
    if _LOOP.search(part.text) is not None:
        return True
    above: set[bytes] = set()
    for goto, label in GOTO.findall(part.text):
        if goto in above:
            return True
        above.add(label or b"")
    return False


def _along_jumps(held: Sequence[bool], rows: Sequence[bytes], gives: Sequence[bool]) -> Iterator[bool]:
    """Whether a lock may be held at each row, also below a label that is jumped to from where one is."""
    found = [GOTO.search(row) for row in rows]
    led = {one[1] for one, is_held in zip(found, held, strict=True) if is_held and one is not None and one[1]}
    there = False
    for one, is_held, given in zip(found, held, gives, strict=True):
        there = there or (one is not None and one[2] in led)
        yield is_held or there
        there = there and not given
