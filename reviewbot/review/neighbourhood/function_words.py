"""Says by words alone what the functions of a file call, hold and ask for. Input: bytes of a C file; nothing is parsed.

What is in doubt is said to be so: the files that matter are parsed later, and only then a remark is made.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from sys import intern
from typing import NamedTuple

from msgspec import Struct

from reviewbot.checks.declaration import Role
from reviewbot.frontend.cut_functions import CutFile, FunctionText, byte_words, called_in
from reviewbot.frontend.locked_rows import held_rows
from reviewbot.model.kernel import Kernel
from reviewbot.review.prefilter.run_by_others import RunByOthers
from reviewbot.review.prefilter.words import RowWords, as_bytes, has_any

_MACRO = re.compile(rb"\n[ \t]*+#[ \t]*+define[ \t]++(\w++)\(")
# of C: some of them stand before a parenthesis, and where a macro makes a function its head may end with a type
_KEYWORDS = frozenset(
    b"bool break case char const continue default do double else enum extern float for goto if inline int long register"
    b" return short signed sizeof static struct switch typedef typeof union unsigned void volatile while".split()
)
_PLAIN = re.compile(rb"^(?:\t|    | {8})[^\s].*", re.MULTILINE)
_BEHIND = re.compile(rb"[;}]|\*/|^#.*$", re.MULTILINE)  # what stands before the head of a function ends with it


class FunctionWords(Struct, frozen=True, array_like=True):
    """What a function says. `calls`: the names before a parenthesis; `held`: those of them below a lock, or in a scope.

    `plain`: those of them in the rows that are indented once, which no branch or loop is around; `own`: no other file
    sees it; `run`: it is entered with something held, or run where not all may be asked for; `asks`: it may ask for
    memory, or free some, and sleep; `surely`: it does so in rows that are indented once; `takes`: a parameter may be a
    mask.
    """

    name: str
    own: bool
    calls: tuple[str, ...]
    held: tuple[str, ...]
    plain: tuple[str, ...]
    run: bool
    asks: bool
    surely: bool
    takes: bool

    def with_other(self, other: FunctionWords) -> FunctionWords:
        """What this one and another of the same name say together."""
        return FunctionWords(
            self.name,
            self.own and other.own,
            tuple(dict.fromkeys((*self.calls, *other.calls))),
            tuple(dict.fromkeys((*self.held, *other.held))),
            tuple(dict.fromkeys((*self.plain, *other.plain))),
            self.run or other.run,
            self.asks or other.asks,
            self.surely or other.surely,
            self.takes or other.takes,
        )


class FileWords:
    """What a file says. `functions`: its functions by name; where several have one, what they say together.

    `defines`: the names of those that other files see; `calls`: those that stand before a parenthesis in one;
    `macros`: those of macros that take arguments; `runs`: words that it puts or hands where others run them, functions
    among them; `size`: its bytes.
    """

    def __init__(
        self, size: int, functions: Iterable[FunctionWords], macros: frozenset[str], runs: frozenset[str]
    ) -> None:
        self.size, self.macros, self.runs = size, macros, runs
        self.functions: dict[str, FunctionWords] = {}
        for one in functions:
            known = self.functions.get(one.name)
            self.functions[one.name] = one if known is None else known.with_other(one)
        self.defines = [one.name for one in self.functions.values() if not one.own]
        self.calls = frozenset(name for one in self.functions.values() for name in one.calls)


class ChangedWords(NamedTuple):
    """What the changed lines of a patch say: the names that they call, whether they tell of locks, and of requests."""

    calls: frozenset[str] = frozenset()
    locks: bool = False
    asks: bool = False

    def __or__(self, other: ChangedWords) -> ChangedWords:
        return ChangedWords(self.calls | other.calls, self.locks or other.locks, self.asks or other.asks)


class _Body(NamedTuple):
    """The body of a function: its part of the file, its text, and the names that it calls."""

    part: FunctionText
    text: bytes
    calls: Collection[bytes]


class WordReader:
    """Reads by the facts of some kernels, for what one of them may do; one at least.

    `rows`: those of their rules; some list calls, others who is run by whom.
    """

    def __init__(self, kernels: Sequence[Kernel], rows: RowWords) -> None:
        scopes = [scope for kernel in kernels for scope in kernel.scopes.values()]
        words = kernels[0].words  # they are those of all kernels
        calls = as_bytes(gate.call for one in scopes for gate in one.enter)
        self._leave = as_bytes(gate.call for one in scopes for gate in one.leave)
        self._gates = calls | self._leave
        self._guards = as_bytes(name for one in scopes for name in one.guards) - calls
        self._guarding = as_bytes((*words["guards"], *words["scoped_guards"]))
        self._enter = calls | self._guards
        self._asserts = as_bytes(rows.of(Role.ASSERTIONS))
        self._stems = as_bytes(words["telling"])
        allocators = [named for kernel in kernels for named in kernel.allocators.items()]
        masked = {name for name, one in allocators if one.gfp is not None and one.sleeps == "mask"}
        asking = {name for name, one in allocators if one.allocates} | rows.of(Role.REQUESTS)
        self._masked, self._asking = as_bytes(masked), as_bytes(asking - masked)
        self._types = as_bytes(words["mask_types"])
        quiet = frozenset.intersection(*map(_without_reclaim, kernels))
        self._quiet = as_bytes((*quiet, *words["mask_types"]))
        self._others = RunByOthers(rows)

    def read(self, path: str, text: bytes) -> FileWords:
        """What a file says."""
        file = CutFile(path.encode("utf-8", "surrogateescape"), text)
        # above a body stand comments and #includes as well
        bodies = [(part, part.text[len(part.head) :]) for part in file.parts if b"\n{" in part.text]
        said = [_Body(part, body, _names_in(body)) for part, body in bodies]
        run = self._others.names_run(file, frozenset[bytes]().union(*(one.calls for one in said)))
        macros = frozenset(map(_text, _MACRO.findall(b"\n" + text)))
        return FileWords(len(text), self._functions(path, said, run), macros, frozenset(map(_text, run)))

    def changed(self, lines: bytes) -> ChangedWords:
        """What some lines say that a patch adds or removes."""
        calls = _names_in(lines)
        return ChangedWords(frozenset(map(_text, calls)), self._takes_locks(lines, calls), self._asks(lines, calls))

    def _functions(self, path: str, bodies: Iterable[_Body], run: frozenset[bytes]) -> Iterator[FunctionWords]:
        for part, body, calls in bodies:
            name = part.name
            if name and not name.isdigit() and name not in _KEYWORDS:
                held = self._held(body) if self._takes_locks(body, calls) else ()
                rows = b"\n".join(_PLAIN.findall(body))
                plain = _names_in(rows)
                entered = name in run or not self._asserts.isdisjoint(calls) or self._others.is_typed(part)
                yield FunctionWords(
                    _text(name),
                    b"static" in part.head and not path.endswith(".h") and _is_static(part.head),
                    tuple(map(_text, calls)),
                    tuple(_text(word) for word in held if word in calls),
                    tuple(map(_text, plain)),
                    entered,
                    asks := self._asks(body, calls),
                    asks and self._asks(rows, plain),
                    has_any(part.head, self._types),
                )

    def _takes_locks(self, body: bytes, calls: Collection[bytes]) -> bool:
        """Whether a body takes a lock, or gives one back; a guard is named between the parentheses of its call."""
        if not self._gates.isdisjoint(calls):
            return True
        return not self._guarding.isdisjoint(calls) and has_any(body, self._guards)

    def _held(self, body: bytes) -> Collection[bytes]:
        """The words that stand where a lock may be held, or a scope be open."""
        rows = body.split(b"\n")
        words = [byte_words(row) for row in rows]
        indents = (len(row) - len(row.lstrip()) for row in rows)
        held = held_rows(list(zip(indents, words, strict=True)), self._enter, self._leave)
        return dict.fromkeys(word for one, said in zip(held, words, strict=True) if one for word in said)

    def _asks(self, body: bytes, calls: Collection[bytes]) -> bool:
        """Whether a body tells of a request that needs no mask, of one that may sleep, or of a mask handed on."""
        if not self._asking.isdisjoint(calls):
            return True
        if not has_any(body, self._stems):
            return not self._masked.isdisjoint(calls)
        return any(has_any(word, self._stems) for word in {*byte_words(body)} - self._quiet)


def _names_in(text: bytes) -> Collection[bytes]:
    """The names that a text calls."""
    return [name for name in called_in(text) if name not in _KEYWORDS]


def _is_static(head: bytes) -> bool:
    return b"static" in byte_words(_BEHIND.split(head)[-1])


def _without_reclaim(kernel: Kernel) -> frozenset[str]:
    """The flags with which a request does not sleep, unless another lets it."""
    sleeping = kernel.words["lets_sleep"]
    return frozenset(name for name, one in kernel.flags.items() if sleeping.isdisjoint((name, *one.bits)))


def _text(name: bytes) -> str:
    return intern(name.decode("utf-8", "replace"))  # most names stand in many functions
