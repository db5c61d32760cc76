"""Says which #if a text decides itself: by a constant, or by a name that it has defined outside of every #if.

A name that is defined on a condition, or made undefined, may be anything: a build sets some on its command line.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping

from reviewbot.support.patterns import pattern

_DEFINE = pattern(r"\s*+(\w++)(\(?)(.*)", re.DOTALL)
_NAME = pattern(r"\s*+(\w++)")
_ASKED = pattern(r"(!?)\s*+defined\s*+\(?\s*+(\w++)\s*+\)?\Z")
_TERM = pattern(r"(!?)\s*+\(?\s*+(\w++)\s*+(?:([=!<>]=|[<>])\s*+(\w++)\s*+)?\)?\Z")
_NUMBER = pattern(r"(0[xX][0-9a-fA-F]{1,16}|0[0-7]{0,22}|[1-9]\d{0,19})[uUlL]{0,3}\Z")
_COMPARES: Mapping[str, Callable[[int, int], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class DefinedNames:
    """The names that a text has defined down to a line, with their bodies; None for one that may be anything."""

    def __init__(self) -> None:
        self._bodies: dict[str, str | None] = {}

    def read(self, word: str, argument: str, always: bool) -> None:
        """Take the next directive. `always`: it stands in no #if."""
        if word == "define" and (found := _DEFINE.match(argument)):
            plain = always and not found[2] and found[1] not in self._bodies
            self._bodies[found[1]] = found[3].strip() if plain else None
        elif word == "undef" and (found := _NAME.match(argument)):
            self._bodies[found[1]] = None

    def doubt(self) -> None:
        """Take it that all of them stand in an #if which began above the text."""
        self._bodies = dict.fromkeys(self._bodies)

    def holds(self, word: str, argument: str) -> bool | None:
        """Whether the half that a directive begins is compiled; None where the text does not say."""
        text = argument.strip()
        if word in ("ifdef", "ifndef"):
            found = _NAME.match(text)
            return word == "ifdef" if found and self._bodies.get(found[1]) is not None else None
        if word != "if":
            return None
        return self._all(text) if "&&" in text and "||" not in text else self._term(text)

    def _all(self, text: str) -> bool | None:
        """Whether conditions hold of which one that does not is enough."""
        parts = [self._term(one.strip()) for one in text.split("&&")]
        if False in parts:
            return False
        return None if None in parts else True

    def _term(self, text: str) -> bool | None:
        if asked := _ASKED.match(text):
            return not asked[1] if self._bodies.get(asked[2]) is not None else None
        if (found := _TERM.match(text)) is None:
            return None
        value = self._number(found[2])
        if value is None:
            return None
        if not found[3]:
            return bool(value) != bool(found[1])
        other = self._number(found[4])
        return None if other is None or found[1] else _COMPARES[found[3]](value, other)

    def _number(self, text: str) -> int | None:
        """A constant, or what a name was defined as; None for another body, and for a name that the text lacks."""
        number = _NUMBER.match(text) or _NUMBER.match(self._bodies.get(text) or "")
        digits = number[1] if number else ""
        return int(digits, 16 if digits[1:2] in ("x", "X") else 8 if digits[:1] == "0" else 10) if digits else None
