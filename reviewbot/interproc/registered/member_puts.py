"""Finds by words which functions a text puts into members of structures, in initializers and in statements."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from msgspec import Struct

from reviewbot.support.patterns import pattern

_LONGEST = 400  # characters of a row that are looked at
_HEAD = 160  # of those before a brace
_MOST_TEXTS = 32  # of which is known what is set in them

_BRACES = pattern(r"[{}]")
_TOKEN = pattern(r"(?:\.|->)\s*(\w+)\s*=(?!=)\s*&?(\w+)\s*(?=[,;}]|$)")
_MEMBER_SET = pattern(r"[.>]\s*+(\w++)\s*+=")
_WORD_BEFORE = pattern(r"(?<![\w.>])(\w+)\s*\Z")
_LAST_BEFORE = pattern(r"(?<!\w)(\w+)\s*\Z")
_VARIABLE = pattern(r"struct\s+(\w+)\s+(\w+)\b([^=;{}()]*)=\s*\Z")
_LITERAL = pattern(r"struct\s++(\w++)\s*+(?:(\[\s*+\])\s*+)?\)\s*+\Z")
_MEMBER = pattern(r"(?<![\w.])\w*+\.([\w.]++)\s*+=\s*+\Z")
_ELEMENT = pattern(r"(?:\A|[,{]|\]\s*=)\s*\Z")
_DECLARED = pattern(r"\bstruct\s+(\w+)[\s*]+(?:const\s+)?(\w+)\b(?!\s*\()")


class MemberPut(Struct, frozen=True):
    """A function that is put into a member, and the row, from 0.

    `struct`: the kind of structure, or the names of the members that it is of others, with dots, "" if the text does
    not show it; `holder`: the variable, or the member of one, that this structure is.
    """

    function: str
    member: str
    struct: str
    holder: str
    row: int


class MemberPuts(NamedTuple):
    """What is put into members: by the member; and by the variable and the member, then by the function."""

    members: Mapping[str, Sequence[MemberPut]]
    held: Mapping[tuple[str, str], Mapping[str, MemberPut]]


class _Brace(Struct, frozen=True):
    """An open brace: the initializer of a `struct`, or of a member, "" for anything else."""

    struct: str = ""
    holder: str = ""
    array: bool = False


@lru_cache(maxsize=_MOST_TEXTS)
def members_set_in(text: str) -> frozenset[str]:
    """The members that a text puts anything into."""
    return frozenset(_MEMBER_SET.findall(text))


@lru_cache(maxsize=_MOST_TEXTS)  # several rules ask it of all texts that are read as one
def member_puts(rows: Sequence[str]) -> MemberPuts:
    """What the rows of a text put into members."""
    members: dict[str, list[MemberPut]] = {}
    held: dict[tuple[str, str], dict[str, MemberPut]] = {}
    for put in _all_puts(rows):
        members.setdefault(put.member, []).append(put)
        held.setdefault((put.holder, put.member), {}).setdefault(put.function, put)
    return MemberPuts(members, held)


class _Braces:
    """The braces that are open at places of a text, asked for in order; what they open is worked out only then."""

    def __init__(self, rows: Sequence[str]) -> None:
        self._rows = rows
        self._row = self._column = 0
        self._texts: list[tuple[str, str]] = []  # before each, and the row above
        self._known: list[_Brace] = []

    def around(self, row: int, column: int) -> _Brace:
        """The innermost one there."""
        # where a definition begins, what was open before ends at the latest
        begins = (at for at in range(row, self._row, -1) if self._rows[at][:1].isalpha() or self._rows[at][:1] == "_")
        if (first := next(begins, None)) is not None:
            self._texts.clear()
            self._known.clear()
            self._row, self._column = first, 0
        while self._row < row:
            self._pass(len(self._rows[self._row][:_LONGEST]))
            self._row, self._column = self._row + 1, 0
        self._pass(column)
        for before, above in self._texts[len(self._known) :]:
            self._known.append(_brace(before, above, self._known[-1] if self._known else _Brace()))
        return self._known[-1] if self._known else _Brace()

    def _pass(self, end: int) -> None:
        text = self._rows[self._row]
        for found in _BRACES.finditer(text, self._column, end):
            if found[0] == "{":
                above = self._rows[self._row - 1] if self._row else ""
                self._texts.append((text[: found.start()][-_HEAD:], above))
            else:
                del self._texts[-1:]
                del self._known[len(self._texts) :]
        self._column = end


def _all_puts(rows: Sequence[str]) -> Iterator[MemberPut]:
    """Every word that is put into a member, in an initializer or in a statement."""
    types: Mapping[str, set[str]] | None = None
    braces = _Braces(rows)
    for row, text in enumerate(rows):
        for found in _TOKEN.finditer(text[:_LONGEST]) if "=" in text else ():
            before = text[: found.start()][-_HEAD:]
            if (variable := _LAST_BEFORE.search(before)) is None:
                around = braces.around(row, found.start())
                yield MemberPut(found[2], found[1], around.struct, around.holder, row)
            else:
                types = _declared(rows) if types is None else types
                plain = _WORD_BEFORE.search(before)
                kinds = types.get(plain[1], set()) if plain is not None else set()
                yield MemberPut(found[2], found[1], min(kinds) if len(kinds) == 1 else "", variable[1], row)


def _brace(before: str, above: str, around: _Brace) -> _Brace:
    """What a brace opens, by the text before it and the row above."""
    joined = f"{above[-_HEAD:]} {before}"
    at = joined.rfind("struct ")
    if at >= 0 and (found := _VARIABLE.match(joined, at)):
        return _Brace(found[1], found[2], "[" in found[3])
    if at >= 0 and (found := _LITERAL.match(joined, at)):
        return _Brace(found[1], "", bool(found[2]))
    if around.array and _ELEMENT.search(before.strip()):
        return _Brace(around.struct)
    member = _MEMBER.search(before)
    return _Brace(member[1]) if member is not None else _Brace()


def _declared(rows: Sequence[str]) -> dict[str, set[str]]:
    """The kinds of structure that the variables of a text are declared as, or point to."""
    types: dict[str, set[str]] = {}
    for text in rows:
        for kind, name in _DECLARED.findall(text[:_LONGEST]) if "struct" in text else ():
            types.setdefault(name, set()).add(kind)
    return types
