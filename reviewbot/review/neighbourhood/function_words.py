"""Says by words alone what the functions of a file call, hold and ask for. Input: bytes of a C file; nothing is parsed.

What is in doubt is said to be so: the files that matter are parsed later, and only then a remark is made.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from sys import intern

from msgspec import Struct

from reviewbot.checks.declaration import Role
from reviewbot.frontend.cut_functions import CutFile, FunctionText, byte_words
from reviewbot.frontend.locked_rows import held_rows
from reviewbot.model.kernel import Kernel
from reviewbot.review.prefilter.run_by_others import RunByOthers
from reviewbot.review.prefilter.words import RowWords, as_bytes, has_any

_CALL = re.compile(rb"\b(\w+)\s*\(")
_MACRO = re.compile(rb"^[ \t]*#[ \t]*define[ \t]+(\w+)\(", re.MULTILINE)
_BEHIND = re.compile(rb"[;}]|\*/|^#.*$", re.MULTILINE)  # what stands before the head of a function ends with it


class FunctionWords(Struct, frozen=True):
    """What a function says. `calls`: the names before a parenthesis; `held`: those of them below a lock, or in a scope.

    `own`: no other file sees it; `run`: it is entered with something held, or run where not all may be asked for;
    `asks`: it may ask for memory, or free some, and sleep; `takes`: a parameter may be a mask.
    """

    name: str
    own: bool
    calls: tuple[str, ...]
    held: tuple[str, ...]
    run: bool
    asks: bool
    takes: bool

    def with_other(self, other: FunctionWords) -> FunctionWords:
        """What this one and another of the same name say together."""
        return FunctionWords(
            self.name,
            self.own and other.own,
            tuple(dict.fromkeys((*self.calls, *other.calls))),
            tuple(dict.fromkeys((*self.held, *other.held))),
            self.run or other.run,
            self.asks or other.asks,
            self.takes or other.takes,
        )


class FileWords:
    """What a file says. `functions`: its functions by name; where several have one, what they say together.

    `calls`: the names that stand before a parenthesis in one; `macros`: those of macros that take arguments; `runs`:
    words that it puts or hands where others run them, functions among them; `size`: its bytes.
    """

    def __init__(
        self, size: int, functions: Iterable[FunctionWords], macros: frozenset[str], runs: frozenset[str]
    ) -> None:
        self.size, self.macros, self.runs = size, macros, runs
        self.functions: dict[str, FunctionWords] = {}
        for one in functions:
            known = self.functions.get(one.name)
            self.functions[one.name] = one if known is None else known.with_other(one)
        self.calls = frozenset(name for one in self.functions.values() for name in one.calls)


class WordReader:
    """Reads by the facts of one kernel. `rows`: those of its rules; some list calls, others who is run by whom."""

    def __init__(self, kernel: Kernel, rows: RowWords) -> None:
        scopes = kernel.scopes.values()
        self._enter = as_bytes(name for one in scopes for name in (*(gate.call for gate in one.enter), *one.guards))
        self._leave = as_bytes(gate.call for one in scopes for gate in one.leave)
        self._locks = self._enter | self._leave
        self._asserts = as_bytes(rows.of(Role.ASSERTIONS))
        self._stems = as_bytes(kernel.words["telling"])
        masked = {name for name, one in kernel.allocators.items() if one.gfp is not None and one.sleeps == "mask"}
        asking = {name for name, one in kernel.allocators.items() if one.allocates} | rows.of(Role.REQUESTS)
        self._masked, self._asking = as_bytes(masked), as_bytes(asking - masked)
        self._types = as_bytes(kernel.words["mask_types"])
        self._quiet = as_bytes((*_without_reclaim(kernel), *kernel.words["mask_types"]))
        self._others = RunByOthers(rows)

    def read(self, path: str, text: bytes) -> FileWords:
        """What a file says."""
        file = CutFile(path.encode("utf-8", "surrogateescape"), text)
        bodies = [part.text[len(part.head) :] for part in file.parts]  # above stand comments and #includes as well
        words = [frozenset(byte_words(body)) for body in bodies]
        run = self._others.names_run(file, frozenset[bytes]().union(*words))
        functions = self._functions(path, zip(file.parts, bodies, words, strict=True), run)
        macros = frozenset(map(_text, _MACRO.findall(text)))
        return FileWords(len(text), functions, macros, frozenset(map(_text, run)))

    def _functions(
        self, path: str, parts: Iterable[tuple[FunctionText, bytes, frozenset[bytes]]], run: frozenset[bytes]
    ) -> Iterator[FunctionWords]:
        for part, body, said in parts:
            name = part.name
            if name and not name.isdigit():
                calls = dict.fromkeys(_CALL.findall(body))
                held = self._held(body) if not self._locks.isdisjoint(said) else ()
                entered = name in run or not self._asserts.isdisjoint(said) or self._others.is_typed(part)
                yield FunctionWords(
                    _text(name),
                    b"static" in byte_words(_BEHIND.split(part.head)[-1]) and not path.endswith(".h"),
                    tuple(map(_text, calls)),
                    tuple(_text(word) for word in held if word in calls),
                    entered,
                    self._asks(body, said),
                    has_any(part.head, self._types),
                )

    def _held(self, body: bytes) -> Collection[bytes]:
        """The words that stand where a lock may be held, or a scope be open."""
        rows = body.split(b"\n")
        words = [byte_words(row) for row in rows]
        indents = (len(row) - len(row.lstrip()) for row in rows)
        held = held_rows(list(zip(indents, words, strict=True)), self._enter, self._leave)
        return dict.fromkeys(word for one, said in zip(held, words, strict=True) if one for word in said)

    def _asks(self, body: bytes, words: frozenset[bytes]) -> bool:
        """Whether a body tells of a request that needs no mask, of one that may sleep, or of a mask handed on."""
        if not self._asking.isdisjoint(words):
            return True
        if not has_any(body, self._stems):
            return not self._masked.isdisjoint(words)
        return any(has_any(word, self._stems) for word in words - self._quiet)


def _without_reclaim(kernel: Kernel) -> Collection[str]:
    """The flags with which a request does not sleep, unless another lets it."""
    sleeping = kernel.words["lets_sleep"]
    return [name for name, one in kernel.flags.items() if sleeping.isdisjoint((name, *one.bits))]


def _text(name: bytes) -> str:
    return intern(name.decode("utf-8", "replace"))  # most names stand in many functions
