"""Finds the functions of a text that others run in a known context: it registers them, their type or a list says so.

A member's name says little where several structures have one of that name. A row then names the structure as well, and
the text has to show that this is one: by the initializer around it, by how the variable is declared, or by what the
function takes. Of one structure inside another no type is shown: its own member's name stands for it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cached_property, lru_cache
from itertools import islice
from typing import NamedTuple

from msgspec import Struct

from reviewbot.interproc.registered.member_puts import member_puts, members_set_in
from reviewbot.kernel.rows import signature, strings
from reviewbot.model.kernel import Data
from reviewbot.program.file_version import FileVersion
from reviewbot.support.patterns import pattern

_LONGEST = 400  # characters of a row that are looked at
_HEAD = 160  # of an argument
_CALL = 200  # of a row with arguments
_ROWS = 4  # that the arguments of a call may stand on
_HEAD_ROWS = 12  # that the head of a function may stand on
_MOST_CALLS = 5_000  # of one text
_MOST_ROWS = 512  # of rules whose words are known

_NOT_SHOWN = -1  # the row of what stands above the text
_BY_TYPE = "known by its return type"
_BY_PARAMETERS = frozenset({"signature", "takes"})
_BY_HEAD = _BY_PARAMETERS | {"returns"}  # which may stand above a hunk
_WORDS = pattern(r"\w+")
_OPENED = pattern(r"\s*\(")
_LAST = pattern(r"(?<!\w)(\w+)\W*\Z")
_KEPT = pattern(r"(?<!\w)(\w+)\s*=\s*\Z")


_Found = tuple[str, str, int, str]  # a function, how it is known, the row and a word on that


class Callback(Struct, frozen=True):
    """A function that others run.

    `how`: the member, call or type that shows it, of a listed function what is said of it there, "" for nothing; `row`:
    where that stands, from 0, with a `note` about it; `listed`: the rule's row about such functions.
    """

    function: str
    how: str
    row: int
    note: str
    listed: Mapping[str, Data]

    @property
    def rows(self) -> tuple[tuple[int, str], ...]:
        """The row that shows it, with the note; none where that stands above the text."""
        return ((self.row, self.note),) if self.row != _NOT_SHOWN else ()

    @property
    def said(self) -> str:
        """As the end of "may sleep ..."."""
        name = f"{self.function}()" if "functions" in self.listed else ""
        return f"in {strings(self.listed, 'as')[0]} ({': '.join(filter(None, (name, self.how)))})"

    @property
    def shown(self) -> str:
        """What follows where a reader is told who the function is: what shows it."""
        how = self.how.lstrip(".")
        return f" ({how})" if how else ""


class _Given(NamedTuple):
    """An argument of a call, the row of that, and the arguments around it."""

    call: str
    given: str
    row: int
    above: Sequence[str]
    below: Sequence[str]

    @property
    def before(self) -> str:
        return self.above[-1].strip() if self.above else ""

    @property
    def others(self) -> Sequence[str]:
        return (*self.above, *self.below)


def callbacks(side: FileVersion, listed: Sequence[Mapping[str, Data]]) -> Iterator[Callback]:
    """The functions that a row of `listed` knows, `as` what they are run.

    `members`: "member" or "structure member", what is put there. `registers`: "call position", what is passed to a
    call, if another argument has a word of `given_with`; `through`: the same, a structure whose member `holds` has it.
    `returns`: types that only such functions have; `signature`: "pattern(types)", what their names are like and the
    types of all parameters, such as only they have, and what they hand on all that they are given; with "..." for the
    first types of one of whose head a hunk shows no more. `takes`: the types of all parameters of a static function,
    where the text does not say otherwise what it is for. `functions`: names of functions that are so in a `file`, its
    path or a pattern; `note`: how a list says why.
    `queues`: "call position", a work item that is put on the queue named right before it: what is registered then
    counts only right behind such work, if it is put on queues of `on` alone, or of what `made` them with a word: "call
    word". A row says nothing where a word of `unless` stands in the text, or may stand in the rest of it, or where none
    of `beside` does. Positions and rows count from 0.
    """
    words, by_head = side.words, _BY_PARAMETERS if side.whole else _BY_HEAD
    told = [row for row in listed if by_head & row.keys() or not _telling(row).isdisjoint(words)]
    text = _Text(side, frozenset[str]().union(*map(_calls_of, told)) & words)
    for row in told:
        found = [*text.put(row), *text.handed(row), *_typed(row, side), *_signed(row, side), *_named(row, side)]
        if not found or ("unless" in row and (not side.whole or _stands(row, "unless", side))):
            continue
        if "beside" in row and not _stands(row, "beside", side):
            continue
        for function, how, at, note in found:
            yield Callback(function, how, at, note, row)


def _telling(row: Mapping[str, Data]) -> frozenset[str]:
    """The words of which one stands in a text that shows a function of a row, but for one known by its head."""
    return _last_words((*strings(row, "members"), *strings(row, "returns"), *strings(row, "functions"))) | _first_words(
        (*strings(row, "registers"), *strings(row, "through"))
    )


def _calls_of(row: Mapping[str, Data]) -> frozenset[str]:
    """The calls that matter to a row."""
    keys = ("registers", "through", "queues", "made")
    return _first_words(tuple(said for key in keys for said in strings(row, key)))


@lru_cache(maxsize=_MOST_ROWS)  # the same few rows are asked about each text
def _first_words(said: tuple[str, ...]) -> frozenset[str]:
    return frozenset(one.partition(" ")[0] for one in said)


@lru_cache(maxsize=_MOST_ROWS)
def _last_words(said: tuple[str, ...]) -> frozenset[str]:
    return frozenset(one.rpartition(" ")[2] for one in said)


def may_be_run(text: str, name: str, before: frozenset[str], calls: frozenset[str]) -> bool:
    """Whether a function's name stands where it shows that others run the function, by the words around it.

    `before`: the members that it is put into, and the types that it has; `calls`: those that it is handed to.
    """
    at = text.find(name) if name else -1  # what a damaged text defines may have no name
    while at >= 0:
        end = at + len(name)
        if not (text[at - 1 : at].isalnum() or text[at - 1 : at] == "_" or text[end : end + 1].isidentifier()):
            words = _WORDS.findall(text, max(0, at - _CALL), at)
            if words and (words[-1] in before or not calls.isdisjoint(words)):
                return True
        at = text.find(name, end)
    return False


def _places(row: Mapping[str, Data], key: str) -> Sequence[tuple[str, int]]:
    """The calls of a row, each with the position of an argument that matters; of some calls several do."""
    return [(name, int(at)) for name, _, at in (said.partition(" ") for said in strings(row, key))]


def _stands(row: Mapping[str, Data], key: str, side: FileVersion) -> bool:
    """Whether one of a row's words stands anywhere in the text."""
    return any(word in side.text for word in strings(row, key))


class _Text:
    """What a text puts into members and hands to some calls, found by their names."""

    def __init__(self, side: FileVersion, calls: frozenset[str]) -> None:
        self.rows, self._text, self._side = side.rows, side.text, side
        self.calls: dict[str, list[tuple[list[str], int]]] = {}
        for name, args, row in islice(_calls(side, calls), _MOST_CALLS) if calls else ():
            self.calls.setdefault(name, []).append((args, row))

    def put(self, row: Mapping[str, Data]) -> Iterator[_Found]:
        """What is put into one of the members of a row, in a structure that the text shows or with such parameters."""
        types = {signature(said)[1] for said in strings(row, "signature")}
        for said in strings(row, "members"):
            struct, _, member = said.rpartition(" ")
            for one in member_puts(self.rows).members.get(member, ()) if member in self._set else ():
                if not struct or struct in one.struct.split(".") or self._params.get(one.function) in types:
                    yield one.function, f".{member}", one.row, "registered here"

    def handed(self, row: Mapping[str, Data]) -> Iterator[_Found]:
        """What is passed to one of the calls of a row, itself or inside a structure."""
        queued = self._queued(row) if "queues" in row else None
        telling = strings(row, "given_with")
        for one in self._arguments(_places(row, "registers")):
            told = not telling or any(word in arg for arg in one.others for word in telling if '"' not in arg)
            if one.given.lstrip("&").isidentifier() and told and (queued is None or _last(one.before) in queued):
                yield one.given.lstrip("&"), one.call, one.row, "registered here"
        holders: dict[str, tuple[str, int]] = {}
        for one in self._arguments(_places(row, "through")):
            if holder := _last(one.given):
                holders.setdefault(holder, (one.call, one.row))
        for holder_name, (name, at) in holders.items() if holders and strings(row, "holds")[0] in self._set else ():
            for function in member_puts(self.rows).held.get((holder_name, strings(row, "holds")[0]), ()):
                yield function, name, at, "registered here"

    @cached_property
    def _params(self) -> Mapping[str, tuple[str, ...]]:
        """The types of the parameters of its functions."""
        heads = (unit.function for unit in self._side.units)
        return {one.name: tuple(kind for kind, _ in one.params) for one in heads}

    @cached_property
    def _set(self) -> Collection[str]:
        """The members into which anything may be put: mostly none that is asked for, and then no more is looked at."""
        return members_set_in(self._text)

    def _queued(self, row: Mapping[str, Data]) -> frozenset[str]:
        """The work items that are put on one of the queues of a row, by the last word of their names."""
        queues = set(strings(row, "on")) | {
            said[1]
            for name, _, word in (one.partition(" ") for one in strings(row, "made"))
            for args, at in self.calls.get(name, ())
            if any(word in arg for arg in args) and (said := _KEPT.search(self.rows[at].partition(name)[0]))
        }
        put = [(_last(one.given), _last(one.before)) for one in self._arguments(_places(row, "queues"))]
        others = {work for work, queue in put if queue not in queues}
        return frozenset(work for work, _ in put) - others - {""}

    def _arguments(self, places: Sequence[tuple[str, int]]) -> Iterator[_Given]:
        """What calls are given at their places."""
        for name, position in places:
            for args, at in self.calls.get(name, ()):
                if position < len(args):
                    yield _Given(name, args[position].strip(), at, args[:position], args[position + 1 :])


def _last(text: str) -> str:
    """The last word of an argument, that of the member that it names."""
    found = _LAST.search(text[-_HEAD:])
    return found[1] if found else ""


def _typed(row: Mapping[str, Data], side: FileVersion) -> Iterator[_Found]:
    """What has a type that only such functions have."""
    kinds, rows = strings(row, "returns"), side.rows
    for function in (unit.function for unit in side.units) if kinds and not side.whole else ():
        if not function.starts and function.returns in kinds:
            yield function.name, function.returns, _NOT_SHOWN, _BY_TYPE
    for kind in (one for one in kinds if one in side.text):
        shown = re.compile(rf"\b{re.escape(kind)}\s+(\w+)\s*\(")
        for at, text in enumerate(rows):
            if kind in text:
                below = rows[at + 1][:_LONGEST] if at + 1 < len(rows) else ""
                for name in shown.findall(f"{text[:_LONGEST]} {below}"):
                    yield name, kind, at, _BY_TYPE


def _signed(row: Mapping[str, Data], side: FileVersion) -> Iterator[_Found]:
    """What takes just what such functions are given: a hunk rarely shows where a function is registered.

    The head of a function may stand in the line of a hunk that begins with @@, and not in the text.
    """
    words = side.words if side.whole else None
    sole = [one for one in map(signature, strings(row, "signature")) if _may_stand(one[1], words)]
    wanted = [kinds for said in strings(row, "takes") if _may_stand(kinds := tuple(said.split(", ")), words)]
    for function in (unit.function for unit in side.units) if sole or wanted else ():
        kinds = tuple(kind for kind, _ in function.params)
        known = any(_is_alike(kinds, types) and fnmatchcase(function.name, name) for name, types in sole)
        unused = kinds in wanted and function.static and (not side.whole or _stands_once(function.name, side.text))
        if (known or unused) and not function.macro:
            at = function.head[0] if function.starts else _NOT_SHOWN
            yield function.name, _shown_by(kinds), at, "known by its parameters"


def _is_alike(kinds: Sequence[str], types: Sequence[str]) -> bool:
    """Whether parameters are of some types; behind "..." a hunk shows no more of them."""
    *first, last = types
    return kinds == types or (last == "..." and kinds[-1:] == ("...",) and kinds[: len(first)] == tuple(first))


def _may_stand(kinds: Iterable[str], words: Collection[str] | None) -> bool:
    """Whether some types may all stand in a text; `words`: those of it, None if not all are."""
    return words is None or all(word in words for kind in kinds for word in kind.split())


def _stands_once(name: str, text: str) -> bool:
    return len(re.findall(rf"\b{re.escape(name)}\b", text)) == 1


def _named(row: Mapping[str, Data], side: FileVersion) -> Iterator[_Found]:
    """What is listed by its name and defined in the text."""
    there = all(fnmatchcase(side.path, one) for one in strings(row, "file"))  # soon answered, and most rows have one
    names = [name for name in strings(row, "functions") if name in side.text] if there else ()
    if not names:
        return
    said = next(iter(strings(row, "note")), "")
    for name in names:
        defined = re.compile(rf"^(?:[A-Za-z_][\w\s*]*\W)?{name}\s*\(")
        for at, text in enumerate(side.rows):
            if name in text and defined.match(text[:_LONGEST]) and _has_body(side.rows[at : at + _HEAD_ROWS]):
                yield name, said, at, f"listed as {strings(row, 'context')[0]}"
                break


def _has_body(rows: Sequence[str]) -> bool:
    """Whether what begins on the first of some rows is a function, not the declaration of one."""
    text = "\n".join(row[:_LONGEST] for row in rows)
    end, body = text.find(";"), text.find("{")
    return body >= 0 and not 0 <= end < body


def _shown_by(kinds: Sequence[str]) -> str:
    """What tells a function from others, its parameters being of some types."""
    if kinds == ("...",):
        return "by its name"
    *rest, last = (f"{kind} *" if kind.startswith("struct ") or kind == "void" else kind for kind in kinds)
    return f"it takes {', '.join(rest)}{', ' if last == '...' else ' and ' if rest else ''}{last}"


def _calls(side: FileVersion, names: frozenset[str]) -> Iterator[tuple[str, list[str], int]]:
    """The calls of some functions with their arguments."""
    row = at = 0
    for start, name, behind in sorted(_called(side.text, names)):
        row, at = row + side.text.count("\n", at, start), start
        if at - (side.text.rfind("\n", 0, at) + 1) < _LONGEST:
            rows = side.text[behind : behind + _CALL * _ROWS].split("\n")[:_ROWS]
            yield name, _arguments(" ".join(one[:_CALL] for one in rows)), row


def _called(text: str, names: Iterable[str]) -> Iterator[tuple[int, str, int]]:
    """Where some functions are called in a text, with their names, and where the arguments begin; in no order."""
    for name in names:
        at = text.find(name)
        while at >= 0:
            end = at + len(name)
            opened = _OPENED.match(text, end)
            if opened is not None and _WORDS.fullmatch(text, at - 1, at) is None:
                yield at, name, opened.end()
            at = text.find(name, end)


def _arguments(text: str) -> list[str]:
    """The arguments of a call whose opening parenthesis stands right before the text; [] if it does not end in it."""
    depth, start, out = 0, 0, []
    for at, char in enumerate(text):
        if char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
        if depth < 0 or (char == "," and not depth):
            out.append(text[start:at])
            start = at + 1
        if depth < 0:
            return out
    return []
