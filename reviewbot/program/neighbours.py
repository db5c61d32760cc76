"""The functions of a text that a change does not touch, read when somebody asks for them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

from reviewbot.frontend import fragments
from reviewbot.frontend.fragments import Fragment
from reviewbot.program.unit import FunctionUnit
from reviewbot.support.patterns import pattern

_MOST_AROUND = 30  # functions that call those of the change, and as many that these call


class Neighbours:
    """The functions of a text that its change does not touch, as far as they have to do with those that it does."""

    def __init__(
        self,
        units: Sequence[FunctionUnit],
        far: list[Fragment],
        speaks: Callable[[Fragment], bool],
        read: Callable[[Fragment], tuple[FunctionUnit, ...]],
    ) -> None:
        self._units, self._far, self._speaks, self._read = units, far, speaks, read

    @cached_property
    def names(self) -> frozenset[str]:
        return frozenset(map(fragments.function_of, self._far)) - {""}

    @cached_property
    def around(self) -> tuple[FunctionUnit, ...]:
        return self._all(self.callers)

    @cached_property
    def _rows(self) -> Mapping[int, str]:
        """The rows of the units, by what these are called."""
        found: dict[int, str] = {}
        for one in (unit.function for unit in self._units if unit.function.name):
            for row in range(one.lines[0], one.lines[1] + 1):
                found.setdefault(row, one.name)
        return found

    def function_at(self, row: int) -> str:
        """The function that a row stands in; "" if it is in none."""
        if row in self._rows:
            return "" if self._rows[row] == fragments.OPEN else self._rows[row]
        for fragment in (one for one in self._far if not one.macro):
            if any(part.line <= row <= part.line + part.text.count("\n") for part in fragment.parts or (fragment,)):
                return fragments.function_of(fragment)
        return ""

    def telling_below(self, words: frozenset[str], names: frozenset[str]) -> tuple[FunctionUnit, ...]:
        return self._all(
            [
                one
                for one in self._callees[0]
                if fragments.function_of(one) in names or any(word in one.text for word in words)
            ]
        )

    @cached_property
    def below(self) -> tuple[FunctionUnit, ...]:
        return self._all([*self._callees[0], *self._callees[1]])

    def _all(self, found: Sequence[Fragment]) -> tuple[FunctionUnit, ...]:
        return tuple(unit for fragment in found for unit in self._read(fragment))

    @cached_property
    def callers(self) -> list[Fragment]:
        """The fragments that call one of the units, the first so many of them."""
        known = sorted({unit.function.name for unit in self._units} - {""})
        if not known or not self._far:
            return []
        calls = re.compile(rf"\b(?:{'|'.join(map(re.escape, known))})\s*\(")
        return [fragment for fragment in self._far if calls.search(fragment.text)][:_MOST_AROUND]

    @cached_property
    def _callees(self) -> tuple[list[Fragment], list[Fragment]]:
        """The fragments that define what a unit or a caller calls: those that speak, and as many of the others."""
        names = {step.name for unit in self._units for step in unit.steps if step.kind == "call"}
        names.update(name for fragment in self.callers for name in _CALL.findall(fragment.text))
        callers = {id(fragment) for fragment in self.callers}
        rest = (fragment for fragment in self._far if fragment.starts and id(fragment) not in callers)
        found = [fragment for fragment in rest if fragments.function_of(fragment) in names]
        telling = [fragment for fragment in found if self._speaks(fragment)][:_MOST_AROUND]
        quiet = [fragment for fragment in found if not self._speaks(fragment)]
        return telling, quiet[: _MOST_AROUND - len(telling)]


_WORD = pattern(r"\w+")


_CALL = pattern(r"\b(\w+)\s*\(")
