"""Finds the unchanged functions of a file that call, or are called by, changed ones, and parses them on demand."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

from reviewbot.frontend import fragments
from reviewbot.frontend.fragments import Fragment
from reviewbot.program.unit import FunctionUnit
from reviewbot.support.patterns import pattern

_CALL = pattern(r"\b(\w+)\s*\(")
_MOST_AROUND = 30  # functions that call those of the change, and as many that these call


class Neighbours:
    """Unchanged functions of the file that call, or are called by, changed ones.

    `units`: the changed functions; `far`: the fragments of all others; `speaks`: whether a fragment names anything that
    rules are about; `read`: parses a fragment. `quiet`: those of `far` that the change touches.
    """

    def __init__(
        self,
        units: Sequence[FunctionUnit],
        far: list[Fragment],
        speaks: Callable[[Fragment], bool],
        read: Callable[[Fragment], tuple[FunctionUnit, ...]],
        quiet: Sequence[Fragment] = (),
    ) -> None:
        self._units, self._far, self._speaks, self.read = units, far, speaks, read
        self._quiet = quiet

    @cached_property
    def names(self) -> frozenset[str]:
        """The names of all unchanged functions."""
        return frozenset(one.function for one in self._far) - {""}

    @cached_property
    def quiet(self) -> frozenset[str]:
        """The names of functions that the change touches, though they name nothing that rules are about."""
        return frozenset(one.function for one in self._quiet) - {""}

    @cached_property
    def named(self) -> Mapping[str, Sequence[Fragment]]:
        """The fragments of all unchanged functions whose beginning is shown, by name."""
        found: dict[str, list[Fragment]] = {}
        for fragment in self._far:
            if not fragment.macro and (name := fragment.function):
                found.setdefault(name, []).append(fragment)
        return found

    @cached_property
    def around(self) -> tuple[FunctionUnit, ...]:
        """The unchanged functions that call a changed one."""
        return self._all(self.callers)

    @cached_property
    def _rows(self) -> Mapping[int, str]:
        """The names of the changed functions by row, from 0."""
        found: dict[int, str] = {}
        for one in (unit.function for unit in self._units if unit.function.name):
            for row in range(one.lines[0], one.lines[1] + 1):
                found.setdefault(row, one.name)
        return found

    def function_at(self, row: int) -> str:
        """The name of the function that a row, from 0, stands in; "" if it is in none."""
        if row in self._rows:
            return "" if self._rows[row] == fragments.OPEN else self._rows[row]
        for fragment in (one for one in self._far if not one.macro):
            if any(part.line <= row <= part.line + part.text.count("\n") for part in fragment.parts or (fragment,)):
                return fragment.function
        return ""

    def telling_below(self, words: frozenset[str], names: frozenset[str]) -> tuple[FunctionUnit, ...]:
        """Callees that name anything rules are about, and mention one of `words` or are one of `names`."""
        return self._all(
            [one for one in self._callees[0] if one.function in names or any(word in one.text for word in words)]
        )

    @cached_property
    def below(self) -> tuple[FunctionUnit, ...]:
        """All callees of the changed functions and of their callers, those that name anything rules are about first."""
        return self._all([*self._callees[0], *self._callees[1]])

    def _all(self, found: Sequence[Fragment]) -> tuple[FunctionUnit, ...]:
        return tuple(unit for fragment in found for unit in self.read(fragment))

    @cached_property
    def callers(self) -> list[Fragment]:
        """The fragments that call a changed function, the first _MOST_AROUND of them."""
        known = sorted({unit.function.name for unit in self._units} - {""})
        if not known or not self._far:
            return []
        calls = re.compile(rf"\b(?:{'|'.join(map(re.escape, known))})\s*\(")
        named = (fragment for fragment in self._far if any(map(fragment.text.__contains__, known)))  # few are
        return [fragment for fragment in named if calls.search(fragment.text)][:_MOST_AROUND]

    @cached_property
    def _callees(self) -> tuple[list[Fragment], list[Fragment]]:
        """The fragments of the callees: those that name anything rules are about, and the others.

        There are _MOST_AROUND at most, both together.
        """
        names = {step.name for unit in self._units for step in unit.steps if step.kind == "call"}
        names.update(name for fragment in self.callers for name in _CALL.findall(fragment.text))
        callers = {id(fragment) for fragment in self.callers}
        rest = (fragment for fragment in self._far if fragment.starts and id(fragment) not in callers)
        found = [fragment for fragment in rest if fragment.function in names]
        telling = [fragment for fragment in found if self._speaks(fragment)][:_MOST_AROUND]
        quiet = [fragment for fragment in found if not self._speaks(fragment)]
        return telling, quiet[: _MOST_AROUND - len(telling)]
