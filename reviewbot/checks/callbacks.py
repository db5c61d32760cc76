"""A text in, its functions that others run where nothing may sleep out: those it registers, those of such a type.

A member's name says little where several structures have one of that name. A row then names the structure as well,
and the text has to show that this is one: by the initializer around it, or by how the variable is declared.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from reviewbot.checks.base import strings
from reviewbot.model import Data

_LONGEST = 400  # characters of a row that are looked at
_ABOVE = 4  # rows that the arguments of a call may stand on

_TOKEN = re.compile(r"[{}]|(?:\.|->)\s*(\w+)\s*=(?!=)\s*&?(\w+)\s*(?=[,;}]|$)")
_CALLED = re.compile(r"\b(\w+)\s*\(")
_WORD_BEFORE = re.compile(r"(?<![\w.>])(\w+)\s*\Z")
_LAST_BEFORE = re.compile(r"(?<!\w)(\w+)\s*\Z")
_LAST = re.compile(r"(\w+)\W*\Z")
_VARIABLE = re.compile(r"\bstruct\s+(\w+)\s+(\w+)\b([^=;{}()]*)=\s*\Z")
_LITERAL = re.compile(r"\(\s*(?:const\s+)?struct\s+(\w+)\s*(\[\s*\])?\s*\)\s*\Z")
_ELEMENT = re.compile(r"(?:\A|[,{]|\]\s*=)\s*\Z")
_DECLARED = re.compile(r"\bstruct\s+(\w+)[\s*]+(?:const\s+)?(\w+)\b(?!\s*\()")


@dataclass(frozen=True, slots=True)
class Callback:
    """A function that is run where nothing may sleep. `said`: as the end of "may sleep ..."; `row`: what shows it."""

    function: str
    said: str
    row: int
    note: str


@dataclass(frozen=True, slots=True)
class _Put:
    """A function put into a member. `struct`: what kind of structure, "" if the text does not show it; `holder`: the
    variable, or the member of one, that this structure is."""

    function: str
    member: str
    struct: str
    holder: str
    row: int


@dataclass(frozen=True, slots=True)
class _Brace:
    """An open brace: the initializer of a `struct`, "" for anything else."""

    struct: str = ""
    holder: str = ""
    array: bool = False


def callbacks(rows: Sequence[str], listed: Sequence[Mapping[str, Data]], whole: bool = True) -> Iterator[Callback]:
    """The functions that a row of `listed` knows to run where nothing may sleep, `as` what.

    `members`: "member" or "structure member", what is put there. `registers`: "call position", what is handed to a
    call; `through`: the same, a structure whose member `holds` has it. `returns`: types that only such functions
    have. A row says nothing where a word of `unless` stands in the text, or may stand in the rest of it, or where none
    of `beside` does. Positions and rows count from 0. `whole`: the rows are all of the file.
    """
    puts = tuple(_puts(rows))
    known = {call.split(" ")[0] for row in listed for key in ("registers", "through") for call in strings(row, key)}
    calls = tuple(_calls(rows, known))
    for row in listed:
        found = [*_put(row, puts), *_given(row, calls, puts), *_typed(row, rows)]
        if not found or ("unless" in row and (not whole or _stands(row, "unless", rows))):
            continue
        if "beside" in row and not _stands(row, "beside", rows):
            continue
        for function, how, at, note in found:
            yield Callback(function, f"in {strings(row, 'as')[0]} ({how})", at, note)


_Found = tuple[str, str, int, str]


def _stands(row: Mapping[str, Data], key: str, rows: Sequence[str]) -> bool:
    """Whether one of a row's words stands anywhere in the text."""
    return any(word in text for word in strings(row, key) for text in rows)


def _put(row: Mapping[str, Data], puts: Sequence[_Put]) -> Iterator[_Found]:
    """What is put into one of the members of a row."""
    members = {tuple(said.rpartition(" ")[::2]) for said in strings(row, "members")}
    for put in puts if members else ():
        if not members.isdisjoint({("", put.member), (put.struct, put.member)}):
            yield put.function, f".{put.member}", put.row, "registered here"


def _given(
    row: Mapping[str, Data], calls: Sequence[tuple[str, list[str], int]], puts: Sequence[_Put]
) -> Iterator[_Found]:
    """What is handed to one of the calls of a row, itself or inside a structure."""
    for key in ("registers", "through"):
        at = {name: int(position) for name, _, position in (said.partition(" ") for said in strings(row, key))}
        for name, args, where in calls:
            if name not in at or at[name] >= len(args):
                continue
            given = args[at[name]].strip()
            if key == "registers" and given.lstrip("&").isidentifier():
                yield given.lstrip("&"), name, where, "registered here"
            held = _LAST.search(given) if key == "through" else None
            for put in puts if held else ():
                if held is not None and (put.holder, put.member) == (held[1], strings(row, "holds")[0]):
                    yield put.function, name, where, "registered here"


def _typed(row: Mapping[str, Data], rows: Sequence[str]) -> Iterator[_Found]:
    """What has a type that only such functions have."""
    for kind in strings(row, "returns"):
        shown = re.compile(rf"\b{re.escape(kind)}\s+(\w+)\s*\(")
        for at, text in enumerate(rows):
            if kind in text:
                below = rows[at + 1][:_LONGEST] if at + 1 < len(rows) else ""
                for name in shown.findall(f"{text[:_LONGEST]} {below}"):
                    yield name, kind, at, "its type says so"


def _calls(rows: Sequence[str], names: set[str]) -> Iterator[tuple[str, list[str], int]]:
    """The calls of some functions with their arguments."""
    for row, text in enumerate(rows):
        for found in _CALLED.finditer(text[:_LONGEST]) if "(" in text else ():
            if found[1] in names:
                below = (one[:_LONGEST] for one in rows[row + 1 : row + _ABOVE])
                yield found[1], _arguments(" ".join((text[found.end() :][:_LONGEST], *below))), row


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


def _puts(rows: Sequence[str]) -> Iterator[_Put]:
    """Every word that is put into a member, in an initializer or in a statement."""
    types: Mapping[str, set[str]] | None = None
    open_: list[_Brace] = []
    for row, text in enumerate(rows):
        if text[:1].isalpha() or text[:1] == "_":  # a definition begins: what was open before ends here at the latest
            open_.clear()
        for found in _TOKEN.finditer(text[:_LONGEST]) if any(char in text for char in "{}=") else ():
            before = text[: found.start()][-_LONGEST:]
            if found[0] == "{":
                open_.append(_brace(before, rows[row - 1] if row else "", open_[-1] if open_ else _Brace()))
            elif found[0] == "}":
                del open_[-1:]
            elif (variable := _LAST_BEFORE.search(before)) is None:
                around = open_[-1] if open_ else _Brace()
                yield _Put(found[2], found[1], around.struct, around.holder, row)
            else:
                types = _declared(rows) if types is None else types
                plain = _WORD_BEFORE.search(before)
                kinds = types.get(plain[1], set()) if plain is not None else set()
                yield _Put(found[2], found[1], min(kinds) if len(kinds) == 1 else "", variable[1], row)


def _brace(before: str, above: str, around: _Brace) -> _Brace:
    """What a brace opens, by the text before it and the row above."""
    joined = f"{above[-_LONGEST:]} {before}"
    if found := _VARIABLE.search(joined):
        return _Brace(found[1], found[2], "[" in found[3])
    if found := _LITERAL.search(joined):
        return _Brace(found[1], "", bool(found[2]))
    return _Brace(around.struct) if around.array and _ELEMENT.search(before.strip()) else _Brace()


def _declared(rows: Sequence[str]) -> dict[str, set[str]]:
    """The kinds of structure that the variables of a text are declared as, or point to."""
    types: dict[str, set[str]] = {}
    for text in rows:
        for kind, name in _DECLARED.findall(text[:_LONGEST]) if "struct" in text else ():
            types.setdefault(name, set()).add(kind)
    return types
