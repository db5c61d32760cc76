"""The macros of a text in, those by a name and those that requests are made with out."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from reviewbot import dialect
from reviewbot.shown import Stretch

_USED = re.compile(r"(define|return|[^\w\s])(?=\s*\b(\w+))")
_ASKING = (",", "(", "=", "|", "?", ":", "return")  # what stands before a mask that is asked with


@dataclass(frozen=True, slots=True)
class Define:
    """A #define of a slice."""

    name: str
    row: int
    body: str


class Defines(tuple[Define, ...]):
    """Those of a text, in its order."""

    @cached_property
    def by_name(self) -> Mapping[str, Sequence[Define]]:
        found: dict[str, list[Define]] = {}
        for one in self:
            found.setdefault(one.name, []).append(one)
        return found

    def of(self, names: Collection[str]) -> list[Define]:
        """Those with one of some names."""
        return sorted((one for name in names for one in self.by_name.get(name, ())), key=lambda one: one.row)


class Asked:
    """A text's words, by what stands before them."""

    def __init__(self, stretches: Sequence[Stretch]) -> None:
        self._stretches = stretches

    def with_name(self, name: str) -> bool:
        """Whether a macro that is a mask is one that requests are made with, and not one that others are reduced to."""
        signs = self._signs.get(name, set()) - {"define"}
        return bool(signs) and all(sign in _ASKING for sign in signs)

    @cached_property
    def _signs(self) -> Mapping[str, set[str]]:
        found: dict[str, set[str]] = {}
        for sign, word in _USED.findall("\n".join(one.text for one in self._stretches)):
            found.setdefault(word, set()).add(sign)
        return found


def rows_of(macro: dialect.Macro) -> tuple[int, int]:
    """The first and the last row of a #define."""
    return macro.row, macro.body_row + macro.body.count("\n")
