"""Tells at which kernel versions something holds, out of the facts of each version.

A range of versions is written as the positions of its first and last one among all that are listed, "3-17"; a page has
such ranges beside what they are about, and its script shows what holds at the version that a reader chooses.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from itertools import groupby
from typing import Generic, TypeVar

from msgspec import Struct

from reviewbot.model.kernel import Kernel, Rule, Version
from reviewbot.report.html.element import Html, element, together

Value = TypeVar("Value", bound=Hashable)
Ranges = tuple[tuple[int, int], ...]  # first and last position


class History(Struct, frozen=True):
    """The kernels that are listed, oldest first, and the rules that hold at each."""

    kernels: tuple[Kernel, ...]
    rules: tuple[tuple[Rule, ...], ...]

    def flags(self) -> tuple[str, ...]:
        """The names of all flags of any version, in the order of the newest that have them."""
        return self._names(lambda kernel: tuple(kernel.flags))

    def scopes(self) -> tuple[str, ...]:
        """The names of all scopes, likewise."""
        return self._names(lambda kernel: tuple(kernel.scopes))

    def _names(self, listed: Callable[[Kernel], Sequence[str]]) -> tuple[str, ...]:
        names = listed(self.kernels[-1])
        for kernel in reversed(self.kernels):
            names = (*names, *(name for name in listed(kernel) if name not in names))
        return tuple(names)

    def ranges(self, holds: Callable[[Kernel], bool]) -> Ranges:
        """Where something holds."""
        return ranges([holds(kernel) for kernel in self.kernels])

    def rule_ranges(self, rule: str) -> Ranges:
        """Where a rule holds, by its id."""
        return ranges([any(one.id == rule for one in listed) for listed in self.rules])

    def words(self, where: Ranges) -> str:
        """Ranges of versions for a reader: "4.12 and later", "6.9 to 6.11"; "" for all."""
        return ", ".join(filter(None, (self._word(first, last) for first, last in where)))

    def _word(self, first: int, last: int) -> str:
        begin, end = version_name(self.kernels[first].version), version_name(self.kernels[last].version)
        newest = last == len(self.kernels) - 1
        if first == 0:
            return "" if newest else f"up to {end}"
        if newest:
            return f"{begin} and later"
        return begin if first == last else f"{begin} to {end}"

    def life(self, where: Ranges) -> Html:
        """The same as a note behind what it is about; nothing for all versions."""
        said = self.words(where)
        return together([" ", element("span", said, class_="life")]) if said else Html()


class Spell(Struct, Generic[Value], frozen=True):
    """A value, and at which versions it is the one."""

    value: Value
    where: Ranges


def spells(values: Sequence[Value | None]) -> list[Spell[Value]]:
    """The values of something at each version (None: it is not there), each once, with where it holds."""
    kept = dict.fromkeys(value for value in values if value is not None)
    return [Spell(value, ranges([other == value for other in values])) for value in kept]


def ranges(holds: Sequence[bool]) -> Ranges:
    """The runs of True as first and last position."""
    runs = [(found, [at for at, _ in run]) for found, run in groupby(enumerate(holds), key=lambda pair: pair[1])]
    return tuple((run[0], run[-1]) for found, run in runs if found)


def marked(where: Ranges) -> str:
    """Ranges as a page's script reads them; an element without them holds at every version."""
    return ",".join(f"{first}-{last}" for first, last in where)


def version_name(version: Version) -> str:
    """A version as people write it."""
    return f"{version[0]}.{version[1]}"
