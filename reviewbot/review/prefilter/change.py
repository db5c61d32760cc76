"""Holds a changed file and a changed function of it, with whether they name a flag or a request, by words alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from functools import cached_property

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
from reviewbot.review.prefilter.words import RowWords, as_bytes, context_words, first_words, has_any

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
        self.contexts = context_words(kernel)
        self.waits = first_words(rows.of(Role.WAITS))
        self._calls = self.requests | self.scopes

    def stand_in(self, text: bytes) -> bool:
        """Whether one of them stands in a text."""
        return has_any(text, self.stems) or not (self._calls | self.waits).isdisjoint(byte_words(text))

    def are_among(self, words: Collection[bytes]) -> bool:
        """Whether a call of a request or a scope is among some words."""
        return not self._calls.isdisjoint(words)


class ChangedFile(CutFile):
    """A file as a commit leaves it, cut into functions, with what the triggers ask of all of it."""

    def __init__(self, path: str, section: bytes, text: bytes, telling: Telling) -> None:
        super().__init__(path.encode("utf-8", "surrogateescape"), text)
        self.telling, self._section = telling, section
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
        """The names of functions of the file that one mentions, its own aside."""
        if id(part) not in self._called:
            self._called[id(part)] = frozenset(self.named.keys() & part.words) - {part.name}
        return self._called[id(part)]

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
    def loosens(self) -> bool:
        """Whether what was taken away may have kept a caller from what stands below."""
        return self._lines.loosens(self.file.telling.contexts)

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
