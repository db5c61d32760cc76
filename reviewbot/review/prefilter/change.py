"""Holds a changed file and a changed function of it, with whether they name a flag or a request, by words alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

from reviewbot.checks.declaration import Role
from reviewbot.frontend.cut_functions import (
    ChangedLines,
    CutFile,
    FunctionRows,
    FunctionText,
    byte_words,
    changed,
    runs_of,
)
from reviewbot.model.kernel import Kernel
from reviewbot.review.prefilter.words import RowWords, as_bytes, has_any
from reviewbot.support.branch_words import JUMPS, has_condition, names_set

_MEMBER_CALL = re.compile(rb"[.>](\w++)\s*+\(")
_MACRO = re.compile(rb"#[ \t]*+define[ \t]++(\w++)\(((?:.*\\\n)*+.*)")


class Telling:
    """The words that tell of memory: parts of the names of flags, and the names of requests and of scopes' calls."""

    def __init__(self, kernel: Kernel, rows: RowWords) -> None:
        ending = [scope for scope in kernel.scopes.values() if not scope.atomic and scope.family != "handle"]
        self.stems = tuple(as_bytes(kernel.words["telling"]))
        self.scopes = as_bytes(
            name for one in ending for name in (*(gate.call for gate in (*one.enter, *one.leave)), *one.guards)
        )
        allocators = {name for name, one in kernel.allocators.items() if one.allocates}
        self.requests = as_bytes(rows.of(Role.REQUESTS) | allocators)
        self._calls = self.requests | self.scopes

    def stand_in(self, text: bytes) -> bool:
        """Whether one of them stands in a text."""
        return has_any(text, self.stems) or not self._calls.isdisjoint(byte_words(text))

    def are_among(self, words: Collection[bytes]) -> bool:
        """Whether a call of a request or a scope is among some words."""
        return not self._calls.isdisjoint(words)


class LentWords(NamedTuple):
    """The names of functions and macros of other files that may take a lock for a file, and give one back for it."""

    takers: frozenset[bytes] = frozenset()
    givers: frozenset[bytes] = frozenset()


NOTHING_TAKEN = LentWords()


class ChangedFile(CutFile):
    """A file as a commit leaves it, cut into functions, with what the triggers ask of all of it.

    `lent`: what other files lend it.
    """

    def __init__(
        self, path: str, section: bytes, text: bytes, telling: Telling, lent: LentWords = NOTHING_TAKEN
    ) -> None:
        super().__init__(path.encode("utf-8", "surrogateescape"), text)
        self.telling, self.lent, self._section = telling, lent, section
        self._kept: dict[str, frozenset[bytes]] = {}
        self._asks: dict[int, bool] = {}
        self._called: dict[int, frozenset[bytes]] = {}

    @cached_property
    def touched(self) -> Sequence[tuple[FunctionRows, ChangedLines]]:
        """The functions that the diff touches, each with what was changed in it and stands beside that."""
        return [*changed(self, runs_of(self._section))]

    @cached_property
    def changed(self) -> frozenset[bytes]:
        """All words that were changed, and those beside them."""
        return frozenset(word for _, lines in self.touched for word in byte_words(lines.said))

    def once(self, name: str, make: Callable[[], frozenset[bytes]]) -> frozenset[bytes]:
        """Words that a trigger finds in all of the file, found once. `name` tells them from those of other triggers."""
        if name not in self._kept:
            self._kept[name] = make()
        return self._kept[name]

    @cached_property
    def asking(self) -> frozenset[bytes]:
        """The macros of the file that make a request."""
        return frozenset(name for name, words in self.macros if not self.telling.requests.isdisjoint(words))

    @cached_property
    def macros(self) -> Sequence[tuple[bytes, Sequence[bytes]]]:
        """The macros of the file with parameters, each with the words of its body."""
        return [(name, byte_words(body)) for name, body in _MACRO.findall(self.text)]

    def asks(self, part: FunctionText) -> bool:
        """Whether a function of it, or a macro that this calls, names a flag or a request."""
        if id(part) not in self._asks:  # all of them live as long as the file
            self._asks[id(part)] = self._names_request(part)
        return self._asks[id(part)]

    def called(self, part: FunctionText) -> frozenset[bytes]:
        """The functions of the file that one mentions, also by a member in which they stand; its own name aside."""
        if id(part) not in self._called:
            self._called[id(part)] = self.meant(part.words) - {part.name}
        return self._called[id(part)]

    def meant(self, words: frozenset[bytes]) -> frozenset[bytes]:
        """The functions of the file that some words name, or the members in which they stand."""
        through = (self._standing[member] for member in self._standing.keys() & words)
        return frozenset(self.named.keys() & words).union(*through)

    def members(self, names: Collection[bytes]) -> frozenset[bytes]:
        """The members through which the file calls something, and into which it puts one of some functions."""
        return frozenset(member for member, some in self._standing.items() if not some.isdisjoint(names))

    @cached_property
    def _standing(self) -> Mapping[bytes, frozenset[bytes]]:
        """The functions of the file that it puts into members through which it calls, by the member."""
        puts = [(member, name) for member, name in self.puts if name in self.named]
        called = frozenset(_MEMBER_CALL.findall(self.text)) if puts else frozenset[bytes]()
        found: dict[bytes, set[bytes]] = {}
        for member, name in puts:
            if member in called:
                found.setdefault(member, set()).add(name)
        return {member: frozenset(some) for member, some in found.items()}

    def _names_request(self, part: FunctionText) -> bool:
        if has_any(part.text, self.telling.stems) or not self.telling.requests.isdisjoint(part.words):
            return True
        return not self.asking.isdisjoint(part.words)


class Change:
    """A function that was changed. `said`: what was added, taken away, and stands beside that."""

    def __init__(self, file: ChangedFile, part: FunctionText, lines: ChangedLines) -> None:
        self.file, self.part = file, part
        self.said, self._lines = lines.said, lines

    @cached_property
    def words(self) -> frozenset[bytes]:
        """Those of what was changed."""
        return frozenset(byte_words(self.said))

    @cached_property
    def leads(self) -> bool:
        """Whether a condition, a jump, or the value of what a condition asks for was changed.

        Other ways lead then to what stands there, or with something else held.
        """
        if self._lines.leads or not JUMPS.isdisjoint(self.words):
            return True
        given = names_set(self.said)
        rows = (row for row in self.part.rows if has_condition(row)) if given else ()
        return any(not given.isdisjoint(byte_words(row)) for row in rows)

    @cached_property
    def asks(self) -> bool:
        """Whether the function names a flag or a request."""
        return self.file.asks(self.part)

    @cached_property
    def tells(self) -> bool:
        """Whether what was changed names a flag, a request or a scope."""
        telling = self.file.telling
        if has_any(self.said, telling.stems) or telling.are_among(self.words):
            return True
        return not self.file.asking.isdisjoint(self.words)
