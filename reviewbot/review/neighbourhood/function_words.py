"""Says by words alone what the functions of a file call, hold and ask for. Input: bytes of a C file; nothing is parsed.

What is in doubt is said to be so: the files that matter are parsed later, and only then a remark is made.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from itertools import count
from sys import intern
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from reviewbot.checks.declaration import Role
from reviewbot.dataflow.scope_table import ScopeTable
from reviewbot.frontend.cut_functions import ChangedLines, CutFile, FunctionText, byte_words, called_in
from reviewbot.frontend.locked_rows import held_rows
from reviewbot.model.kernel import Kernel
from reviewbot.program.helpers.words import NO_HELPERS, HelperNames, HelperWords
from reviewbot.program.operations.words import NO_OPERATIONS, FileOperations, called_through, last_of, operations_in
from reviewbot.review.prefilter.run_by_others import RunByOthers
from reviewbot.review.prefilter.sleeping_locks import SleepingLocks
from reviewbot.review.prefilter.words import RowWords, as_bytes, context_words, has_any
from reviewbot.support.branch_words import JUMPS

_MACRO = re.compile(rb"\n[ \t]*+#[ \t]*+define[ \t]++(\w++)\(")
# of C: some of them stand before a parenthesis, and where a macro makes a function its head may end with a type
_KEYWORDS = frozenset(
    b"bool break case char const continue default do double else enum extern float for goto if inline int long register"
    b" return short signed sizeof static struct switch typedef typeof union unsigned void volatile while".split()
)
_PLAIN = re.compile(rb"^(?:\t|    | {8})[^\s].*", re.MULTILINE)
_numbers = count()
_BEHIND = re.compile(rb"[;}]|\*/|^#.*$", re.MULTILINE)  # what stands before the head of a function ends with it


class FunctionWords(Struct, frozen=True, array_like=True):
    """What a function says. `calls`: the names before a parenthesis; `held`: those of them below a lock, or in a scope.

    `plain`: those of them in the rows that are indented once, which no branch or loop is around; `own`: no other file
    sees it; `run`: it is entered with something held, or run where not all may be asked for; `alone`: it says so by
    itself; `asks`: it may ask for memory, or free some, and sleep; `surely`: it does so in rows that are indented once;
    `takes`: a parameter may be a mask; `text`: what tells its text from others, 0 where several have the name; `locks`:
    the last words in the names of the locks that sleep and that it takes; `through`: the paths of the members through
    which it calls, see program.operations.words.
    """

    name: str
    own: bool
    calls: tuple[str, ...]
    held: tuple[str, ...]
    plain: tuple[str, ...]
    run: bool
    alone: bool
    asks: bool
    surely: bool
    takes: bool
    text: int = 0
    locks: tuple[str, ...] = ()
    through: tuple[str, ...] = ()

    def with_other(self, other: FunctionWords) -> FunctionWords:
        """What this one and another of the same name say together."""
        return FunctionWords(
            self.name,
            self.own and other.own,
            tuple(dict.fromkeys((*self.calls, *other.calls))),
            tuple(dict.fromkeys((*self.held, *other.held))),
            tuple(dict.fromkeys((*self.plain, *other.plain))),
            self.run or other.run,
            self.alone or other.alone,
            self.asks or other.asks,
            self.surely or other.surely,
            self.takes or other.takes,
            0,
            tuple(dict.fromkeys((*self.locks, *other.locks))),
            tuple(dict.fromkeys((*self.through, *other.through))),
        )


class FileWords:
    """What a file says. `functions`: its functions by name; where several have one, what they say together.

    `defines`: the names of those that other files see; `calls`: those that stand before a parenthesis in one;
    `macros`: those of macros that take arguments; `runs`: words that it puts or hands where others run them, functions
    among them; `size`: its bytes. `waits`: the last words in the names of locks that what reclaim runs may wait for;
    `locks`: those of all locks that sleep and that it takes. `operations`: its structures, and what it puts into them;
    `through`: the members that it calls; `pointers`: those that it declares to be called; `places`: where it puts
    something, "type.member", or ".member" if the type is to be worked out; `stores`: the functions of other files among
    that. `helpers`: what other files may use to take a lock, or to give one back.
    """

    def __init__(
        self,
        size: int,
        functions: Iterable[FunctionWords],
        macros: frozenset[str],
        runs: frozenset[str],
        waits: frozenset[str] = frozenset(),
        operations: FileOperations = NO_OPERATIONS,
        helpers: HelperNames = NO_HELPERS,
    ) -> None:
        self.size, self.macros, self.runs, self.waits, self.operations = size, macros, runs, waits, operations
        self.helpers = helpers
        self.functions: dict[str, FunctionWords] = {}
        for one in functions:
            known = self.functions.get(one.name)
            self.functions[one.name] = one if known is None else known.with_other(one)
        self.defines = [one.name for one in self.functions.values() if not one.own]
        self.calls = frozenset(name for one in self.functions.values() for name in one.calls)
        self.locks = frozenset(name for one in self.functions.values() for name in one.locks)
        self.through = frozenset(last_of(path) for one in self.functions.values() for path in one.through)
        self.pointers = operations.pointers
        self.places = operations.places
        self.stores = frozenset(put.function for put in operations.puts) - self.functions.keys()


_NO_FUNCTION = FunctionWords("", False, (), (), (), False, False, False, False, False)


class ChangedWords(NamedTuple):
    """What the changed lines of a function say.

    `calls`: the names that they call; `locks`: they tell of a lock that the function may hold, or of a jump; `drops`:
    of one of its caller's that it may give back, or of a scope that allows more or less; `asks`: of a request;
    `loosens`: they told some of its callers from others.
    """

    calls: frozenset[str] = frozenset()
    locks: bool = False
    drops: bool = False
    asks: bool = False
    loosens: bool = False


class WordReader:
    """Reads by the facts of some kernels, for what one of them may do; one at least.

    `rows`: those of their rules; some list calls, others who is run by whom.
    """

    def __init__(self, kernels: Sequence[Kernel], rows: RowWords) -> None:
        scopes = [scope for kernel in kernels for scope in kernel.scopes.values()]
        words = kernels[0].words  # they are those of all kernels
        calls = as_bytes(gate.call for one in scopes for gate in one.enter)
        self._leave = as_bytes(gate.call for one in scopes for gate in one.leave)
        # what is taken by these is given back by calls that a part of their name tells, and here by none
        calls |= as_bytes(rows.of(Role.HANDLE_CALLS))
        self._gates = calls | self._leave
        others = [scope for scope in scopes if not scope.atomic]
        self._scopes = as_bytes(gate.call for one in others for gate in (*one.enter, *one.leave))
        self._guards = as_bytes(name for one in scopes for name in one.guards) - calls
        self._guarding = as_bytes((*words["guards"], *words["scoped_guards"]))
        self._enter = calls | self._guards
        self._asserts = as_bytes(rows.of(Role.ASSERTIONS))
        self._turns = self._asserts | JUMPS
        self._stems = as_bytes(words["telling"])
        self._contexts = context_words(kernels[0]) | as_bytes(rows.of(Role.CONDITIONS))
        allocators = [named for kernel in kernels for named in kernel.allocators.items()]
        masked = {name for name, one in allocators if one.gfp is not None and one.sleeps == "mask"}
        asking = {name for name, one in allocators if one.allocates} | rows.of(Role.REQUESTS)
        self._masked, self._asking = as_bytes(masked), as_bytes(asking - masked)
        self._types = as_bytes(words["mask_types"])
        quiet = frozenset.intersection(*map(_without_reclaim, kernels))
        self._quiet = as_bytes((*quiet, *words["mask_types"]))
        self._others = RunByOthers(rows)
        self._sleeping = SleepingLocks(rows)
        self._helpers = HelperWords([*map(ScopeTable, kernels)])
        self._key = ("words", next(_numbers))

    def read(self, path: str, text: bytes, known: Mapping[str, FunctionWords] = {}) -> FileWords:
        """What a file says. `known`: what functions of another version of it say: most are the same there."""
        file = CutFile(path.encode("utf-8", "surrogateescape"), text)
        same = {one.text: one for one in known.values() if one.text}
        said = [self._of(part, same) for part in file.parts if b"\n{" in part.text]
        run = frozenset(map(_text, self._others.names_run(file, {name for one in said for name in one.calls})))
        macros = frozenset(map(_text, _MACRO.findall(b"\n" + text)))
        waits = self._sleeping.waited_for(file, said)
        operations = operations_in(text, [part.text for part in file.parts], {one.name for one in said})
        helpers = self._helpers.names(path, text)
        return FileWords(len(text), _in_file(path, said, run), macros | helpers.short, run, waits, operations, helpers)

    def _of(self, part: FunctionText, same: Mapping[int, FunctionWords]) -> FunctionWords:
        """What a function says; the next version of a file has most of its functions as they were."""
        found = part.found.get(self._key)
        if not isinstance(found, FunctionWords):
            known = same.get(_number_of(part.text)) if same else None
            found = part.found[self._key] = self._function(part) if known is None else known
        return found

    def _function(self, part: FunctionText) -> FunctionWords:
        body = part.text[len(part.head) :]  # above it stand comments and #includes as well
        calls, name = _names_in(body), part.name
        if not name or name.isdigit() or name in _KEYWORDS:
            return _NO_FUNCTION
        held = self._held(body) if self._takes_locks(body, calls) else ()
        rows = b"\n".join(_PLAIN.findall(body))
        plain = _names_in(rows)
        alone = not self._asserts.isdisjoint(calls) or self._others.is_typed(part)
        return FunctionWords(
            _text(name),
            b"static" in part.head and b"static" in byte_words(_BEHIND.split(part.head)[-1]),
            tuple(map(_text, calls)),
            tuple(_text(word) for word in held if word in calls),
            tuple(map(_text, plain)),
            alone,
            alone,
            asks := self._asks(body, calls),
            asks and self._asks(rows, plain),
            has_any(part.head, self._types),
            _number_of(part.text),
            self._sleeping.taken(body, calls),
            tuple(dict.fromkeys(called_through(part.text).values())),
        )

    def changed(self, lines: ChangedLines) -> ChangedWords:
        """What some lines of a function say that a patch adds or removes."""
        said, loosens = lines.said, lines.loosens(self._contexts)
        calls = _names_in(said)
        locks = self._takes_locks(said, calls) or not self._turns.isdisjoint(byte_words(said))
        # who gives back before taking may do so with what the caller holds
        gates = (name for name in calls if name in self._gates)
        drops = next(gates, b"") in self._leave or not self._scopes.isdisjoint(calls)
        return ChangedWords(frozenset(map(_text, calls)), locks, drops, self._asks(said, calls), loosens)

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


def _in_file(path: str, said: Iterable[FunctionWords], run: frozenset[str]) -> Iterator[FunctionWords]:
    """Functions as their file has them: what is static in a header is everybody's."""
    header = path.endswith(".h")
    for one in said:
        own, entered = one.own and not header, one.alone or one.name in run
        if one.name:
            yield one if (own, entered) == (one.own, one.run) else replace(one, own=own, run=entered)


def _number_of(text: bytes) -> int:
    """A number that tells a text from all others."""
    return int.from_bytes(blake2b(text, digest_size=8).digest()) or 1


def _without_reclaim(kernel: Kernel) -> frozenset[str]:
    """The flags with which a request does not sleep, unless another lets it."""
    sleeping = kernel.words["lets_sleep"]
    return frozenset(name for name, one in kernel.flags.items() if sleeping.isdisjoint((name, *one.bits)))


def _text(name: bytes) -> str:
    return intern(name.decode("utf-8", "replace"))  # most names stand in many functions
