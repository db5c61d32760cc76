"""The hunks of a file and the file as it is after them in, the functions in which a remark can be new out.

To read a function costs a hundred times as much as to look at its words, and most changes have nothing to do with
memory: so a long history is sifted first. Nothing but words is looked at, and what is in doubt is kept. A rule that
needs a function which is not kept here would miss it in a history: tests/test_sift.py holds all fixtures against that.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import pairwise

from reviewbot.checks.base import strings
from reviewbot.model import Kernel, Rule
from reviewbot.sides import Rows

_NO_WORD = bytes(byte if chr(byte).isalnum() or byte == ord("_") else ord(" ") for byte in range(256))
_NO_END = re.compile(rb"\}\s*(?:while|else)\b")
# the parts of a hunk: its first line, lines that stay, lines that do not
_TOKEN = re.compile(
    rb"^@@ -[0-9,]+ \+([0-9]+)(?:,([0-9]+))? @@.*\n|((?:^(?: .*+)?\n)+)|((?:^[-+\\].*+\n)+)", re.MULTILINE
)
_ADDED = re.compile(rb"^\+", re.MULTILINE)
_REMOVED = re.compile(rb"^-(.*\n)", re.MULTILINE)
_NAME = re.compile(rb"(\w+)\s*\(")
_GOTO = re.compile(rb"\bgoto\s+(\w+)|^(\w+):", re.MULTILINE)
_LOOP = re.compile(rb"\b(?:for|while|do|\w*for_each\w*)\b")
_BESIDE = 2  # rows above and below a changed one that may belong to its statement
_BACK = frozenset((b"goto", b"for", b"while", b"do", b"continue"))  # what asks again for what was refused
_TURNS = _BACK | {
    b"if",
    b"else",
    b"switch",
    b"case",
    b"default",
    b"return",
    b"break",
}  # what decides which way is taken


class Sieve:
    """The words of one kernel and its rules, as the bytes of a file have them."""

    def __init__(self, kernel: Kernel, rules: Sequence[Rule]) -> None:
        words = kernel.words
        scopes = {True: set[str](), False: set[str]()}
        for scope in kernel.scopes.values():
            if scope.atomic or scope.family == "memalloc":
                calls = (gate.call for gate in (*scope.enter, *scope.leave))
                scopes[scope.atomic].update((*calls, *scope.guards))
        asserts = {word for rule in rules for row in rule.rows for word in strings(row, "asserts")}
        self._stems = tuple(_bytes(words["telling"]))
        self._far = tuple(_bytes(words["far_reaching"] | words["nowait"]))
        self._requests = _bytes(name for name, one in kernel.allocators.items() if one.allocates)
        self._scopes = _bytes(scopes[False])
        self._locks = _bytes(scopes[True] | asserts)
        self._telling = self._requests | self._scopes
        self._turns = self._locks | _TURNS

    def kept(self, section: bytes, after: bytes) -> tuple[Rows, ...]:
        """The first and last rows of the functions to read in `after`; `section`: its part of the diff.

        The rows of a function begin where the one above it ends.
        """
        if not _has(after, self._stems) and self._telling.isdisjoint(_words(after)):
            return ()
        text = _Text(after)
        found = (part for part, said in _changed(text, section) if self._may_be_new(text, part, said))
        return tuple((part.first, part.last) for part in found)

    def _may_be_new(self, text: _Text, part: _Part, said: bytes) -> bool:
        """Whether what was changed in a function, and stands beside it, may make a remark on it new."""
        words = frozenset(_words(said))
        if _has(said, self._stems) or not self._telling.isdisjoint(words):
            return True
        if not self._scopes.isdisjoint(part.words):
            return True
        asks = self._asks(part)
        if asks and (_has(part.text, self._far) or (not _BACK.isdisjoint(words) and _goes_back(part.text))):
            return True
        turns = not (self._turns.isdisjoint(words) and text.named.keys().isdisjoint(words))
        return turns and self._may_sleep(text, part, asks)

    def _may_sleep(self, text: _Text, part: _Part, asks: bool) -> bool:
        """Whether a function, or one that it calls, asks for memory, and it, or one that calls it, takes a lock."""
        if not asks and not any(self._asks(text.named[name]) for name in text.named.keys() & part.words):
            return False
        callers = (one for one in text.parts if one is not part and part.name and part.name in one.words)
        return any(not self._locks.isdisjoint(one.words) for one in (part, *callers))

    def _asks(self, part: _Part) -> bool:
        return _has(part.text, self._stems) or not self._requests.isdisjoint(part.words)


class _Part:
    """What stands between the ends of two functions: the second one, and whatever is above it."""

    def __init__(self, rows: Sequence[bytes], first: int) -> None:
        self.first, self.last = first, first + len(rows) - 1
        self.text = b"\n".join(rows)

    @cached_property
    def words(self) -> frozenset[bytes]:
        return frozenset(_words(self.text))

    @cached_property
    def name(self) -> bytes:
        """The function's, as kernel style has it: its brace is the first character of a row."""
        head = self.text.partition(b"\n{")[0]
        found = _NAME.search(head, max(head.rfind(b";"), head.rfind(b"}"), head.rfind(b"*/"), 0))
        return found[1] if found else b""


class _Text:
    """A file, cut behind the end of each function."""

    def __init__(self, text: bytes) -> None:
        self.rows = text.split(b"\n")
        ends = [at for at, row in enumerate(self.rows) if row[:1] == b"}" and not _NO_END.match(row)]
        cuts = [0, *(at + 1 for at in ends), len(self.rows)]
        self.parts = [_Part(self.rows[first:end], first) for first, end in pairwise(cuts) if first < end]

    @cached_property
    def named(self) -> Mapping[bytes, _Part]:
        return {part.name: part for part in self.parts if part.name}


def _changed(text: _Text, section: bytes) -> Iterator[tuple[_Part, bytes]]:
    """Each part that the hunks touch, with what they add to it and take from it and the rows beside."""
    said: dict[int, list[bytes]] = {}
    place = 0
    for first, last, removed in _runs(section):
        while place < len(text.parts) - 1 and text.parts[place].last < first:
            place += 1
        at = place
        while at < len(text.parts) and text.parts[at].first <= last:
            part = text.parts[at]
            start, end = max(first - _BESIDE, part.first), min(last + _BESIDE, part.last)
            said.setdefault(at, []).extend((removed, *text.rows[start : end + 1]))
            at += 1
    for at, lines in said.items():
        yield text.parts[at], b"\n".join(lines)


def _runs(section: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Where lines were added or removed: the rows after it, from 0, that are new or beside, and what was removed."""
    at = 0
    for found in _TOKEN.finditer(section, max(section.find(b"\n@@ "), 0)):
        start, count, kept, run = found.groups()
        if start is not None:
            at = int(start) - (count != b"0")
        elif kept is not None:
            at += kept.count(b"\n")
        else:
            added = len(_ADDED.findall(run))
            removed = _REMOVED.findall(run)
            yield at - bool(removed), at + added - (not removed), b"".join(removed)
            at += added


def _goes_back(text: bytes) -> bool:
    """Whether a function has a loop, or jumps to a label above."""
    seen: set[bytes] = set()
    for goto, label in _GOTO.findall(text):
        if goto in seen:
            return True
        seen.add(label)
    return _LOOP.search(text) is not None


def _has(text: bytes, words: Sequence[bytes]) -> bool:
    return any(word in text for word in words)


def _bytes(names: Iterable[str]) -> frozenset[bytes]:
    return frozenset(name.encode() for name in names)


def _words(text: bytes) -> list[bytes]:
    return text.translate(_NO_WORD).split()
