"""Says by words which functions and macros of a file may take a lock for their callers, and which may give one back.

Input: the bytes of a C file; nothing is parsed. What is in doubt is named: what such a function does is read later.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property, lru_cache
from itertools import count
from typing import NamedTuple, cast

from reviewbot.dataflow.scope_table import ScopeTable
from reviewbot.frontend.cut_functions import CutFile, FunctionText, byte_words, called_in
from reviewbot.program.file_scopes import HINTS, LONGEST, leaves_some
from reviewbot.program.helpers.guards import GuardClasses, class_of, guard_name

_MACRO = re.compile(rb"^[ \t]*+#[ \t]*+define[ \t]++(\w++)\(((?:.*\\\n)*+.*)", re.MULTILINE)
_SHORT = re.compile(
    rb"^(?:static|void|bool|int|inline|__always_inline)\b[\w \t*]*?\b(\w+)\([^(){};\n]*+\)[ \t]*+\{(.*)\}[ \t]*+$",
    re.MULTILINE,
)
_BEHIND = re.compile(rb"[;}]|\*/|^#.*$", re.MULTILINE)  # what stands before the head of a function ends with it
_LOCK = re.compile(rb"(?<![bc])lock(?!ed|dep)")  # no block, clock or question
_ROUNDS = 3  # helpers that call helpers
_MOST_ROWS = 60  # of the text of a helper with those that it calls; who takes a lock for others is short
_MOST_KNOWN = 64  # texts
_MOST_HELPERS = 512
CLASS = "guard_class"  # what the function of a class is called where its text is read
_TAKES, _GIVES = "takes", "gives"
_BOTH = "both"
_HINTS = tuple(hint.encode() for hint in HINTS)
_numbers = count()


class HelperNames(NamedTuple):
    """The names of what other files may use to take a lock and to give one back. `short`: functions on one row."""

    takers: frozenset[str] = frozenset()
    givers: frozenset[str] = frozenset()
    short: frozenset[str] = frozenset()


NO_HELPERS = HelperNames()


class _Body:
    """The body of a function or a macro, and what it does by its scope calls."""

    def __init__(self, name: bytes, text: bytes, way: str) -> None:
        self.name, self.text, self.way = name, text, way
        self.is_long = len(text) > LONGEST

    @cached_property
    def calls(self) -> Collection[bytes]:
        """The names that it calls."""
        return called_in(self.text)


class _Other(NamedTuple):
    """A macro, or a function on one row: its body, what the parser is given of it, and its offset."""

    name: bytes
    body: bytes
    styled: bytes
    at: int
    short: bool


class HelperWords:
    """Reads by the scope calls of some kernels, one at least."""

    def __init__(self, tables: Sequence[ScopeTable]) -> None:
        words = tables[0].kernel.words  # they are those of all kernels
        self._locks = _as_bytes(name for one in tables for name in one.locks)
        self._unlocks = _as_bytes(name for one in tables for name in one.unlocks)
        self._gates = self._locks | self._unlocks
        self._quiet = _as_bytes((*words["sleepers"], *words["neutral"], *words["known_calls"]))
        self._unlocking = tuple(name.encode() for name in words["may_unlock"])
        self.guards = GuardClasses(tables[0].kernel)
        self._key = ("helpers", next(_numbers))
        self._ways = lru_cache(_MOST_KNOWN)(self._found)
        self._parts = lru_cache(_MOST_KNOWN)(self._texts)
        self.own = lru_cache(_MOST_KNOWN)(self._defined)
        self.text = lru_cache(_MOST_HELPERS)(self._said_by)

    def names(self, path: str, text: bytes) -> HelperNames:
        """What other files may see of such functions and macros in a file."""
        if not _has_hint(text) and b"lock" not in text:
            return NO_HELPERS
        ways, classes = self._ways(text), frozenset(map(guard_name, self.guards.of(text)))
        if not ways and not classes:
            return NO_HELPERS
        header = path.endswith(".h")
        functions = {part.name: part for part in _functions(text)}
        own = {name for name in ways if not header and name in functions and _is_static(functions[name])}
        seen = [(name, way) for name, way in ways.items() if name not in own]
        short = (one.name for one in _others(text) if one.short and one.name in ways and one.name not in functions)
        return HelperNames(
            frozenset(_text(name) for name, way in seen if way == _TAKES).union(map(_text, classes)),
            frozenset(_text(name) for name, way in seen if way == _GIVES),
            frozenset(map(_text, (*short, *classes))),
        )

    def gives(self, text: bytes, name: str) -> bool:
        """Whether a file's function or macro of a name may give back a lock."""
        return self._ways(text).get(name.encode()) == _GIVES

    def defines(self, path: str, text: bytes, name: bytes) -> bool:
        """Whether a file defines a function or a macro of a name that others may see."""
        parts = [part for part in _functions(text) if part.name == name] if name in text else []
        if parts:
            return path.endswith(".h") or not all(map(_is_static, parts))
        return path.endswith(".h") and name in self.own(text)

    def _defined(self, text: bytes) -> frozenset[bytes]:
        """The names of the functions and macros that a text defines."""
        parts = frozenset(part.name for part in _functions(text))
        return parts.union(map(guard_name, self.guards.of(text)), (one.name for one in _others(text)))

    def _said_by(self, text: bytes, name: str) -> str:
        """The text of a helper, with those of its file that it calls; "" where it is not there, or not short."""
        parts = dict(self._parts(text))
        wanted = {name.encode(): None}
        guard = self.guards.of(text).get(class_of(name).encode()) if class_of(name) else None
        if guard is not None:
            body = b" ".join(guard.takes.split())
            parts[name.encode()] = [b"void %b(struct guard *_T)\n{\n\t%b;\n}" % (CLASS.encode(), body)]
        for _ in range(_ROUNDS):
            said = b"\n".join(some for one in wanted for some in parts.get(one, ()))
            wanted |= dict.fromkeys(word for word in byte_words(said) if word in parts)
        if any(len(parts.get(one, ())) > 1 for one in wanted):  # nobody knows which of them is compiled
            return ""
        texts = [some.strip(b"\n") for one in wanted for some in parts.get(one, ())]
        rows = sum(some.count(b"\n") + 1 for some in texts)
        return "\n\n".join(map(_text, texts)) + "\n" if texts and rows <= _MOST_ROWS else ""

    def _texts(self, text: bytes) -> Mapping[bytes, list[bytes]]:
        """The texts of the helpers of a file by name, in the style that the parser goes by."""
        ways = self._ways(text)
        parts: dict[bytes, list[bytes]] = {}
        for part in _functions(text):
            if part.name in ways:
                parts.setdefault(part.name, []).append(_from_head(part))
        for one in _others(text):
            if one.name in ways:
                parts.setdefault(one.name, []).append(one.styled)
        return parts

    def row(self, text: bytes, name: str) -> int:
        """The row in which a helper takes its lock, from 0; -1 where none is found."""
        if class_of(name):
            guard = self.guards.of(text).get(class_of(name).encode())
            return -1 if guard is None else text.count(b"\n", 0, guard.at)
        for place in CutFile(b"", text).places:
            if place.part.name == name.encode():
                rows = place.part.rows
                first = place.part.head.count(b"\n")
                found = [at for at in range(first, len(rows)) if not self._locks.isdisjoint(byte_words(rows[at]))]
                return place.first + (found or [first])[0]
        starts = (one.at for one in _others(text) if one.name == name.encode())
        return next((text.count(b"\n", 0, at) for at in starts), -1)

    def _found(self, text: bytes) -> Mapping[bytes, str]:
        """The functions and macros that may take a lock or give one back, by name, each with which of the two."""
        said = [self._said(part) for part in _functions(text)]
        said += [_Body(one.name, one.body, self._way(one.body)) for one in _others(text)]
        ways = {one.name: one.way for one in said if one.way in (_TAKES, _GIVES)}
        plain = [one for one in said if not one.way and one.name not in ways]
        named = {one.name for one in said}
        sounding = [one for one in plain if not one.is_long and b"lock" in one.text]
        ways |= {one.name: way for one in sounding if (way := self._sounds({*one.calls} - named))}
        for _ in range(_ROUNDS - 1 if ways else 0):
            near = [one for one in plain if any(name in one.text for name in ways)]
            wrapping = ((one.name, {ways[name] for name in one.calls if name in ways}) for one in near)
            ways |= {name: next(iter(some)) for name, some in wrapping if len(some) == 1 and name not in ways}
        long = {one.name for one in plain if one.is_long}  # who takes a lock for others is short
        return {name: way for name, way in ways.items() if way == _GIVES or name not in long}

    def _said(self, part: FunctionText) -> _Body:
        """What a function does; the next version of a file has most of them as they were."""
        found = part.found.get(self._key)
        if found is None:
            body = part.text[len(part.head) :]
            found = part.found[self._key] = _Body(part.name, body, self._way(body))
        return cast(_Body, found)

    def _way(self, body: bytes) -> str:
        """What a body does by the calls in it: who begins with giving back does so with what the caller holds."""
        if not _has_hint(body):
            return ""
        words = byte_words(body)
        gates = [word for word in words if word in self._gates]
        if not gates:
            return ""
        if gates[0] in self._unlocks:
            return _GIVES
        if len(body) > LONGEST:
            return _BOTH
        some = self._unlocks.isdisjoint(gates) or leaves_some(words, self._locks, self._unlocks, b"return")
        return _TAKES if some else _BOTH

    def _sounds(self, calls: Collection[bytes]) -> str:
        """What a body does by the names of the functions of other files that it calls."""
        said = [name for name in calls if _LOCK.search(name) and name not in self._quiet]
        gives = [any(word in name for word in self._unlocking) for name in said]
        return "" if not said or any(gives) != all(gives) else _GIVES if all(gives) else _TAKES


@lru_cache(_MOST_KNOWN)
def _others(text: bytes) -> Sequence[_Other]:
    """The macros of a file, then the functions that stand on one row."""
    found = [_Other(one[1], one[2], one[0], one.start(), False) for one in _MACRO.finditer(text)]
    for one in _SHORT.finditer(text):  # as the style has it, which the parser goes by
        styled = b"%b\n{\n\t%b\n}" % (one[0].partition(b"{")[0].rstrip(), one[2].strip())
        found.append(_Other(one[1], one[2], styled, one.start(), True))
    return found


def _has_hint(body: bytes) -> bool:
    """Whether a text may name a scope call."""
    return any(hint in body for hint in _HINTS)


def _functions(text: bytes) -> list[FunctionText]:
    return [part for part in CutFile(b"", text).parts if part.name and b"\n{" in part.text]


def _from_head(part: FunctionText) -> bytes:
    """A function without what stands above it."""
    rows = _BEHIND.split(part.head)[-1].split(b"\n")
    first = next((at for at, row in enumerate(rows) if part.name + b"(" in row), 0)
    if first and b"(" not in rows[first - 1]:  # its type
        first -= 1
    return b"\n".join(rows[first:]) + part.text[len(part.head) :]


def _is_static(part: FunctionText) -> bool:
    return b"static" in part.head and b"static" in byte_words(_BEHIND.split(part.head)[-1])


def _as_bytes(names: Iterable[str]) -> frozenset[bytes]:
    return frozenset(name.encode() for name in names)


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")
