"""Finds out who has already made the remark of a finding, in the replies to the series or in b4.

A reply counts only if it quotes the very line of the finding and names, right below, the flag, scope or lock that the
finding names. Everything else may be another point.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cached_property

from msgspec import Struct

from reviewbot.integrations.b4.tracking import Comment
from reviewbot.model.kernel import Kernel
from reviewbot.model.review import Finding

_FROM = re.compile(r"From: (.*?) \| ")  # how b4 begins what it renders of each message
_WORD = re.compile(r"\w+")
_SHORT = 4  # characters: a shorter name means too much


class ReplyPart(Struct, frozen=True):
    """A part of a reply, its author, and the lines that it quotes right above, without diff marks and white space."""

    who: str
    quoted: frozenset[str]
    text: str


def replies(context: str, origin: str) -> tuple[ReplyPart, ...]:
    """The parts of a discussion as b4 renders it. `origin`: the author where the text names none."""
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
    """The parts of all replies to a series; `kernel`: whose flags, scopes and locks they are searched for."""

    def __init__(self, kernel: Kernel, pieces: Iterable[ReplyPart]) -> None:
        self.kernel, self.pieces = kernel, tuple(pieces)

    def sayer(self, finding: Finding, comments: Iterable[Comment]) -> str:
        """Who has made the remark, in the thread or in b4's `comments`; "" if nobody has."""
        line, names = _squash(finding.line_text), self._names(finding)
        if not line or not names:
            return ""
        named = re.compile("|".join(rf"(?<!\w){re.escape(name)}(?!\w)" for name in sorted(names)))
        for piece in self.pieces:
            if line in piece.quoted and named.search(piece.text):
                return piece.who
        for comment in comments:
            here = line in _forms(comment.content) if comment.content else comment.line == finding.line
            if comment.path == finding.path and here and named.search(comment.text):
                return comment.who
        return ""

    def _names(self, finding: Finding) -> frozenset[str]:
        """The names of flags, scopes and locks that a finding is about."""
        text = " ".join((finding.message, finding.question, finding.line_text, *(one.text for one in finding.evidence)))
        words = frozenset(_WORD.findall(text))
        flags = words & self._flags
        short = {stem for flag in flags if len(stem := flag.lstrip("_").partition("_")[2]) >= _SHORT}
        scopes = frozenset(call for calls in self._calls if words & calls for call in calls)
        return flags | short | scopes | frozenset(self._locks(finding))

    def _locks(self, finding: Finding) -> Iterator[str]:
        """The lock arguments of the calls in the evidence that enter or leave a scope."""
        for text in (one.text for one in finding.evidence):
            for call in _WORD.finditer(text):
                position = self._lock_arguments.get(call[0], -1)
                behind = text[call.end() :]
                inside = behind[1:].rpartition(")")[0].split(",") if behind.startswith("(") else []
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
        return tuple(frozenset(scope_call.call for scope_call in (*scope.enter, *scope.leave)) for scope in scopes)

    @cached_property
    def _lock_arguments(self) -> dict[str, int]:
        """The same calls, each with the 0-based index of the argument that names a lock, -1 for none.

        A call may enter or leave several scopes, as a lock and the interrupts that it turns off; one of them has it.
        """
        found: dict[str, int] = {}
        for scope in self.kernel.scopes.values():
            for scope_call in (*scope.enter, *scope.leave):
                found[scope_call.call] = max(scope_call.key, found.get(scope_call.call, -1))
        return found


def _forms(line: str) -> frozenset[str]:
    """A quoted line without white space, with and without the mark of a diff before it."""
    return frozenset(filter(None, (_squash(line), _squash(line[1:] if line[:1] in ("+", "-") else line))))


def _squash(text: str) -> str:
    """The text without white space, which mailers and editors change."""
    return "".join(text.split())
