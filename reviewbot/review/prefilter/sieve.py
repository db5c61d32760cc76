"""The hunks of a file and the file as it is after them in, the functions in which a remark can be new out.

To read a function costs a hundred times as much as to look at its words, and most changes have nothing to do with
memory: so a long history is sifted first. Nothing but words is looked at, and what is in doubt is kept. A rule that
needs a function which is not kept here would miss it in a history: tests/test_sift.py holds all fixtures against that.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import count, repeat

from reviewbot.frontend.cut_functions import (
    BLANKS,
    CutFile,
    FunctionText,
    byte_words,
    call_around,
    changed,
    removed_lines,
)
from reviewbot.kernel.rows import strings
from reviewbot.model.kernel import Allocator, Flag, Kernel, Rule
from reviewbot.program.locked_rows import held_rows
from reviewbot.program.reader import Rows

_PUT = re.compile(rb"(?:\.|->)\s*+(\w++)\s*+=\s*+(?:&\s*+)?\Z")
_GOTO = re.compile(rb"\bgoto\s+(\w+)|^(\w+):", re.MULTILINE)
_NUMBER = re.compile(rb"[(,]\s*+(?:\(\s*+)?[0-9]\w*+\s*+(?:\)\s*+)?[,)]")  # as an argument
_MACRO = re.compile(rb"#[ \t]*+define[ \t]++(\w++)\(((?:.*\\\n)*+.*)")
_LOOP = re.compile(rb"\b(?:for|while|do|\w*for_each\w*)\b")
_SOON = 8  # rows behind a request in which its failure is dealt with
_BACK = frozenset(b"goto for while do continue".split())  # what asks again for what was refused
_TURNS = frozenset((b"goto", b"continue"))  # what may lead to code with a lock held that is not held there otherwise
# what rows of rules say of calls and functions, see checks/atomic.py and checks/callbacks.py
_LISTED = ("frees", "asserts", "returns", "takes", "members", "holds", "registers", "through", "enters", "params")
_numbers = count()


class Prefilter:
    """The words of one kernel and its rules, as the bytes of a file have them."""

    def __init__(self, kernel: Kernel, rules: Sequence[Rule]) -> None:
        self._number = next(_numbers)
        words = kernel.words
        ending = [scope for scope in kernel.scopes.values() if not scope.atomic and scope.family != "handle"]
        rows = [row for rule in rules for row in rule.rows]
        listed = {key: {word for row in rows for word in strings(row, key)} for key in _LISTED}
        # what is run by these, or has these, and what that calls, may not ask for all that a mask may have
        run = [row for row in rows if "bit" in row]
        self._members = members = _bytes(word.split()[-1] for row in run for word in strings(row, "members"))
        self._registers = _bytes(word.split()[0] for row in run for word in strings(row, "registers"))
        self._run = members | self._registers
        put = b"|".join(map(re.escape, sorted(members))) or b"(?!)"
        self._put = re.compile(rb"(?:\.|->)\s*(?:%b)\s*=[\s&]*(\w+)" % put)  # what such a member is set to
        self._handles = _bytes(listed["enters"] | {word.split()[-1] for word in listed["params"]})
        self._stems = tuple(_bytes(words["telling"]))
        self._far = tuple(_bytes(words["far_reaching"] | words["nowait"]))
        self._requests = _bytes(listed["frees"] | {name for name, one in kernel.allocators.items() if one.allocates})
        self._sure = _bytes(name for name, one in kernel.allocators.items() if one.nofail_when)
        self._scopes = _bytes(
            name for one in ending for name in (*(gate.call for gate in (*one.enter, *one.leave)), *one.guards)
        )
        locks = [scope for scope in kernel.scopes.values() if scope.atomic]
        self._enter = _bytes(name for one in locks for name in (*(gate.call for gate in one.enter), *one.guards))
        self._leave = _bytes(gate.call for one in locks for gate in one.leave)
        self._asserts = _bytes(listed["asserts"])
        self._locks = self._enter | self._leave | self._asserts
        self._types = tuple(_bytes(listed["returns"]))
        self._takes = [tuple(_bytes(said.split(", "))) for said in sorted(listed["takes"])]
        named = listed["members"] | listed["holds"]
        called = listed["registers"] | listed["through"]
        self._runs = _bytes({name.split()[-1] for name in named} | {name.split()[0] for name in called})
        self._telling = self._requests | self._scopes
        self._turns = self._locks | _TURNS
        self._flag = re.compile(rb"\b(\w*(?:%s)\w*+)(?:\s*+(\)))?" % b"|".join(map(re.escape, self._stems)))
        plain = [kernel.flags[name] for name in sorted(words["plain_masks"]) if name in kernel.flags]
        self._elsewhere = [
            (_bytes(strings(row, "flags")), tuple(path.encode() for path in strings(row, "paths")))
            for row in rows
            if "flags" in row and "paths" in row
        ]
        self._limited = _bytes(name for name, one in kernel.allocators.items() if one.limits)
        types = b"|".join(re.escape(word.encode()) for word in sorted(words["mask_types"]))
        self._declared = re.compile(rb"\b(?:%b)\s+(\w+)" % types)
        stems = b"|".join(map(re.escape, self._stems))
        self._defined = re.compile(
            rb"(?<!\\\n)^[ \t]*#[ \t]*define[ \t]+(\w++)(?:\\\n|.)*?(?:%b)" % stems, re.MULTILINE
        )
        self._plain = _bytes(flag.name for flag in plain)
        self._implied = {
            name.encode(): _bytes(one.implicit.split(" | "))
            for name, one in kernel.allocators.items()
            if one.gfp is not None and one.implicit
        }
        self._places = {
            name.encode(): -1 if any(_minds(one, flag) for flag in plain) else one.gfp
            for name, one in kernel.allocators.items()
            if one.gfp is not None
        }

    def kept(self, path: str, section: bytes, after: bytes) -> tuple[Rows, ...]:
        """The first and last rows of the functions to read in `after`, a file; `section`: its part of the diff.

        The rows of a function begin where the one above it ends.
        """
        if not _has(after, self._stems) and self._telling.isdisjoint(byte_words(after)):
            return ()
        text = CutFile(path.encode("utf-8", "surrogateescape"), after)
        touched = list(changed(text, section))
        text.changed = frozenset(word for _, said in touched for word in byte_words(said))
        found = (place for place, said in touched if self._may_be_new(text, place.part, said))
        return tuple((place.first, place.last) for place in found)

    def takes(self, section: bytes) -> bool:
        """Whether a file's part of a diff takes a line away that tells something."""
        taken = removed_lines(section)
        return _has(taken, self._stems) or not self._telling.isdisjoint(byte_words(taken))

    def _may_be_new(self, text: CutFile, part: FunctionText, said: bytes) -> bool:
        """Whether what was changed in a function, and stands beside it, may make a remark on it new."""
        if not self._scopes.isdisjoint(part.words):
            return True
        words, asks = frozenset(byte_words(said)), self._asks(text, part)
        tells = _has(said, self._stems) or not (self._telling | self._asking(text)).isdisjoint(words)
        if asks and (tells or self._leads(text, part)) and part.name in self._narrowed(text):
            return True
        if (tells and not self._is_plain(text, part, said)) or not self._sure.isdisjoint(part.words):
            return True
        if asks and _has(part.text, self._far):
            return True
        if asks and not _BACK.isdisjoint(words) and self._asks_again(part):
            return True
        moves = tells or not self._turns.isdisjoint(words)
        moves = moves or any(self._matters(text, text.named[name]) for name in text.named.keys() & words)
        return moves and self._may_sleep(text, part, said, asks)

    def _narrowed(self, text: CutFile) -> Collection[bytes]:
        """The functions of a file that are run by what may not ask for everything, or called from such."""
        if text.narrowed is None:
            handles = [word for word in self._handles if word in text.text]
            found = {part.name for part in text.having(handles) if part.name}
            found |= {name for name, part in text.named.items() if self._is_typed(part)}
            if any(member in text.text for member in self._members):
                found |= text.named.keys() & set(self._put.findall(text.text))
            for word in self._registers:
                found |= text.named.keys() & set(text.given_to(word) if word in text.text else ())
            new = set(found)
            while new:
                new = {name for one in new for name in text.named[one].words & text.named.keys()} - found
                found |= new
            text.narrowed = found
        return text.narrowed

    def _leads(self, text: CutFile, part: FunctionText) -> bool:
        """Whether what was changed in a file has to do with how a function of it comes to be run."""
        return part.name in text.changed or not self._run.isdisjoint(text.changed)

    def _is_plain(self, text: CutFile, part: FunctionText, said: bytes) -> bool:
        """Whether all requests have one mask that no rule minds, alone and in its place, and nothing else is one."""
        met: set[bytes] = set()
        unknown = 0
        given = frozenset(self._declared.findall(part.head))
        for where in (part.text, said):
            unknown += sum(word in self._places for word in byte_words(where))
            for found in self._flag.finditer(where):
                if (named := self._declared.match(where, found.start(1))) and named[1] in given:
                    continue
                name, place = call_around(where, found.start())
                right = self._places.get(name, place if found[2] else -1)  # of others it is the last argument
                if (found[1] not in self._plain and found[1] not in given) or place != right:
                    return False
                if where[max(0, found.start() - BLANKS) : found.start()].rstrip()[-1:] not in (b"(", b","):
                    return False
                met.add(b"" if found[1] in given else found[1])
                unknown -= name in self._places
        met.update((b"",) if unknown and given else ())
        for word in self._implied.keys() & (part.words | frozenset(byte_words(said))):
            met |= self._implied[word]  # what is used where no mask is given
        if (
            len(met) > 1
            or not met - {b""} <= self._plain
            or any(flags & met and text.path.startswith(paths) for flags, paths in self._elsewhere)
        ):
            return False
        if b"" in met and not self._limited.isdisjoint(part.words):  # callers decide what is asked for
            return False
        # a mask that is not there to be seen is a number, what the file defines it as, or unknown
        return not unknown or not (_NUMBER.search(part.text) or (self._masks(text) - given) & part.words)

    def _masks(self, text: CutFile) -> frozenset[bytes]:
        """The names in a file that stand for a mask: macros, variables, and functions that give one back."""
        if text.masks is None:
            text.masks = frozenset((*self._defined.findall(text.text), *self._declared.findall(text.text)))
        return text.masks

    def _asks_again(self, part: FunctionText) -> bool:
        """Whether a way may lead back to a request soon after it has failed."""
        labels: set[bytes] = set()
        last = -1
        for at, row in enumerate(part.rows):
            words = byte_words(row)
            if not self._requests.isdisjoint(words):
                last = at + _SOON
            goto, label = found.groups() if (found := _GOTO.search(row)) else (None, None)
            labels.update((label,) if label else ())
            if at <= last and (goto in labels or b"while" in words or b"continue" in words):
                return True
            if at <= last and b"break" in words and _LOOP.search(part.text):
                return True
        return False

    def _may_sleep(self, text: CutFile, part: FunctionText, said: bytes, asks: bool) -> bool:
        """Whether something forbids sleeping where a function, or one that it calls, asks for memory.

        A lock that it holds there, or one that calls it, or one that it hands a mask to; or others run it where nothing
        may sleep.
        """
        others = (name for name in text.named.keys() & part.words if name != part.name)
        called = {name for name in others if self._asks(text, text.named[name])} | self._asking(text)
        if not asks and not called:
            return False
        if any(held and self._row_asks(row, words, called) for held, row, words in self._locked(part)):
            return True
        if not self._locks.isdisjoint(part.words) and _jumps_back(part, said):
            return True
        callers = [one for one in text.having((part.name,) if part.name else ()) if one is not part]
        if any(held and part.name in words for one in callers for held, _, words in self._locked(one)):
            return True
        handed = (text.named[name] for name in called & text.named.keys() if _has(text.named[name].text, self._stems))
        if any(held and self._row_asks(row, words, ()) for one in handed for held, row, words in self._locked(one)):
            return True
        return any(self._is_typed(one) or self._is_run(text, one.name) for one in (part, *callers))

    def _is_typed(self, part: FunctionText) -> bool:
        """Whether a function has a type, or parameters, that only those have which others run."""
        known = part.typed.get(self._number)
        if known is None:
            takes = any(all(kind in part.head for kind in kinds) for kinds in self._takes)
            known = part.typed[self._number] = takes or _has(part.text, self._types)
        return known

    def _row_asks(self, row: bytes, words: list[bytes], called: Collection[bytes]) -> bool:
        return any(word in self._requests or word in called for word in words) or _has(row, self._stems)

    def _locked(self, part: FunctionText) -> Iterator[tuple[bool, bytes, list[bytes]]]:
        """Each row of a function with its words, and whether a lock may be held there."""
        if self._locks.isdisjoint(part.words):
            return iter(())
        words = [byte_words(row) for row in part.rows]
        if not self._asserts.isdisjoint(part.words):
            return zip(repeat(True), part.rows, words)
        indents = (len(row) - len(row.lstrip()) for row in part.rows)
        held = held_rows(list(zip(indents, words, strict=True)), self._enter, self._leave)
        return zip(held, part.rows, words, strict=True)

    def _is_run(self, text: CutFile, name: bytes) -> bool:
        """Whether a function is put into a member, or handed to a call, by which others run it."""
        for at in text.handed_on(name):
            put = _PUT.search(text.text, max(0, at - BLANKS), at)
            if (put[1] if put else call_around(text.text, at)[0]) in self._runs:
                return True
        return False

    def _matters(self, text: CutFile, part: FunctionText) -> bool:
        """Whether it makes a difference where a function is called."""
        return self._asks(text, part) or not self._locks.isdisjoint(part.words)

    def _asks(self, text: CutFile, part: FunctionText) -> bool:
        """Whether a function, or a macro that it calls, names a flag or a request."""
        if _has(part.text, self._stems) or not self._requests.isdisjoint(part.words):
            return True
        return not self._asking(text).isdisjoint(part.words)

    def _asking(self, text: CutFile) -> frozenset[bytes]:
        """The macros of a file that make a request."""
        if text.asking is None:
            found = ((name, byte_words(body)) for name, body in _MACRO.findall(text.text))
            text.asking = frozenset(name for name, words in found if not self._requests.isdisjoint(words))
        return text.asking


def _jumps_back(part: FunctionText, said: bytes) -> bool:
    """Whether a changed line leads to one above, where what is held there is not held otherwise."""
    targets = {goto for goto, _ in _GOTO.findall(said) if goto}
    above: set[bytes] = set()
    for row in part.rows if targets else ():
        if (found := _GOTO.search(row)) is not None:
            goto, label = found.groups()
            if goto in targets and goto in above:
                return True
            above.update((label,) if label else ())
    return b"continue" in byte_words(said)


def _minds(allocator: Allocator, mask: Flag) -> bool:
    """Whether a mask meets one of an allocator's limits."""
    return any(limit.has <= mask.bits and mask.bits.isdisjoint(limit.lacks) for limit in allocator.limits)


def _has(text: bytes, words: Sequence[bytes]) -> bool:
    return any(word in text for word in words)


def _bytes(names: Iterable[str]) -> frozenset[bytes]:
    return frozenset(name.encode() for name in names)
