"""A remark and what was said of the series so far in, who has already made the same remark out.

A remark counts as said only where somebody has quoted the very line it is about and speaks, right below, of the flag,
scope or lock that it names. Everything else may be another point.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cached_property

from msgspec import Struct

from reviewbot.integrations.b4.tracking import Comment
from reviewbot.model.kernel import Kernel
from reviewbot.model.review import Finding

_FROM = re.compile(r"From: (.*?) \| ")  # how b4 begins what it renders of each mail
_WORD = re.compile(r"\w+")
_SHORT = 4  # characters: a shorter name means too much


class ReplyPart(Struct, frozen=True):
    """A piece of a reply, and the lines that it quotes right above; lines without marks and white space."""

    who: str
    quoted: frozenset[str]
    text: str


def replies(context: str, origin: str) -> tuple[ReplyPart, ...]:
    """The pieces of what b4 has rendered of a discussion; `origin` names it where the text does not say who speaks."""
    return tuple(_replies(context, origin))


def _replies(context: str, origin: str) -> Iterator[ReplyPart]:
    who, quoted, text = origin, set[str](), list[str]()
    for line in [*context.split("\n"), ">"]:
        bare = line.strip()
        speaker = _FROM.match(bare)
        if bare.startswith((">", "== ")) or speaker:
            if quoted and any(text):
                yield ReplyPart(who, frozenset(quoted), "\n".join(text))
                quoted = set()
            text = []
            if bare.startswith(">"):
                quoted |= _forms(bare.lstrip("> \t"))
            else:
                who, quoted = (speaker[1] if speaker else origin), set()
        elif bare or text:
            text.append(bare)


class EarlierRemarks:
    """All that was said, for one kernel's names."""

    def __init__(self, kernel: Kernel, pieces: Iterable[ReplyPart]) -> None:
        self.kernel, self.pieces = kernel, tuple(pieces)

    def sayer(self, found: Finding, comments: Iterable[Comment]) -> str:
        """Who has said it, in the thread or in b4; "" if nobody has."""
        line, names = _squash(found.line_text), self._names(found)
        if not line or not names:
            return ""
        named = re.compile("|".join(rf"(?<!\w){re.escape(one)}(?!\w)" for one in sorted(names)))
        for piece in self.pieces:
            if line in piece.quoted and named.search(piece.text):
                return piece.who
        for one in comments:
            here = line in _forms(one.content) if one.content else one.line == found.line
            if one.path == found.path and here and named.search(one.text):
                return one.who
        return ""

    def _names(self, found: Finding) -> frozenset[str]:
        """The flags, scopes and locks that a remark is about."""
        text = " ".join((found.message, found.question, found.line_text, *(one.text for one in found.evidence)))
        words = frozenset(_WORD.findall(text))
        flags = words & self._flags
        short = {stem for flag in flags if len(stem := flag.lstrip("_").partition("_")[2]) >= _SHORT}
        scopes = frozenset(call for calls in self._calls if words & calls for call in calls)
        return flags | short | scopes | frozenset(self._locks(found))

    def _locks(self, found: Finding) -> Iterator[str]:
        """What stands as the lock in a call that takes one."""
        for text in (one.text for one in found.evidence):
            for call in _WORD.findall(text):
                position = self._gates.get(call, -1)
                inside = text.partition(f"{call}(")[2].rpartition(")")[0].split(",")
                if 0 <= position < len(inside):
                    lock = inside[position].strip().lstrip("&")
                    if len(lock) >= _SHORT and lock != "lock":
                        yield lock

    @cached_property
    def _flags(self) -> frozenset[str]:
        scopes = self.kernel.scopes.values()
        return frozenset((*self.kernel.flags, *self.kernel.spans, *(scope.flag for scope in scopes if scope.flag)))

    @cached_property
    def _calls(self) -> tuple[frozenset[str], ...]:
        """The calls that enter and leave each scope."""
        scopes = self.kernel.scopes.values()
        return tuple(frozenset(gate.call for gate in (*scope.enter, *scope.leave)) for scope in scopes)

    @cached_property
    def _gates(self) -> dict[str, int]:
        """Those calls, with the argument that names a lock."""
        scopes = self.kernel.scopes.values()
        return {gate.call: gate.key for scope in scopes for gate in (*scope.enter, *scope.leave)}


def _forms(line: str) -> frozenset[str]:
    """A quoted line, with and without the mark that a diff puts before it."""
    return frozenset(filter(None, (_squash(line), _squash(line[1:] if line[:1] in ("+", "-") else line))))


def _squash(text: str) -> str:
    """Without white space: mailers and editors change it."""
    return "".join(text.split())
