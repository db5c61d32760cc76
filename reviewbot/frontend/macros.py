"""Looks up the macros of a text by name, and says which of them are masks that requests are made with."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property

from msgspec import Struct

from reviewbot.frontend.preprocess import directives

_SIGN = re.compile(r"(define|return|[^\w\s])\s*\Z")
_WORD = re.compile(r"\w")
_ABOVE = 200  # characters in which what stands before a word is looked for
_ASKING = (",", "(", "=", "|", "?", ":", "return")  # what stands before a mask that is asked with


class Define(Struct, frozen=True):
    """A #define of a text: its name, its first row, 0-based, and its body."""

    name: str
    row: int
    body: str


class Defines(tuple[Define, ...]):
    """The #defines of a text, in its order."""

    @cached_property
    def by_name(self) -> Mapping[str, Sequence[Define]]:
        """The #defines of each name."""
        found: dict[str, list[Define]] = {}
        for one in self:
            found.setdefault(one.name, []).append(one)
        return found

    def of(self, names: Collection[str]) -> list[Define]:
        """The #defines of some names, by row."""
        return sorted((one for name in names for one in self.by_name.get(name, ())), key=lambda one: one.row)


def is_asked(name: str, text: str) -> bool:
    """Whether requests are made with a macro that is a mask; false for one that others are reduced to."""
    signs = set(_signs(name, text)) - {"define"}
    return bool(signs) and all(sign in _ASKING for sign in signs)


def _signs(name: str, text: str) -> Iterator[str]:
    """The sign before a macro wherever it stands in the text, or "define" or "return"; other words are left out."""
    at = text.find(name)
    while at >= 0:
        around = text[at - 1 : at] + text[at + len(name) : at + len(name) + 1]
        sign = _SIGN.search(text[max(0, at - _ABOVE) : at])
        if sign is not None and not _WORD.search(around):
            yield sign[1]
        at = text.find(name, at + len(name))


def define_rows(macro: directives.Macro) -> tuple[int, int]:
    """The first and the last row of a #define, 0-based."""
    return macro.row, macro.body_row + macro.body.count("\n")
