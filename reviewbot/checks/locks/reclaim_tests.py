"""Says what conditions tell of reclaim, on the way to a lock that is taken in what reclaim runs."""

from __future__ import annotations

from collections.abc import Iterable

from reviewbot.kernel.rows import row_words, strings
from reviewbot.model.kernel import Kernel, Rule
from reviewbot.program.query import reached
from reviewbot.program.unit import FunctionUnit
from reviewbot.support.patterns import pattern

_WORD = pattern(r"\w+")
_FLAGS = r"\(*+(\w++(?:\|\w++)*+)\)*+"
_MASK_TEST = pattern(rf"\(*+\w++->(\w++)&{_FLAGS}(?:(==|!=){_FLAGS})?\Z")
_NONE = frozenset[str]()


class ReclaimTests:
    """The conditions that a rule knows, see lock_hits(): those that hold in reclaim, those that tell it from others."""

    def __init__(self, rule: Rule, kernel: Kernel) -> None:
        excused = frozenset(word for row in rule.rows if "waits" in row for word in strings(row, "unless_asked"))
        self._asked, self._granted = row_words(rule, "asked_there") | excused, row_words(rule, "granted")
        self._never = row_words(rule, "never")
        self._last, self._masks, self._flags = row_words(rule, "last"), row_words(rule, "given_mask"), kernel.flags

    def bits_asked(self, text: str, true: bool) -> frozenset[str]:
        """The bits that a condition wants of the mask with which reclaim was called; none where it asks for more."""
        found = _MASK_TEST.match(text)
        if found is None or found[1] not in self._masks or true == (found[3] == "!="):
            return _NONE
        flags = frozenset(found[2].split("|"))
        return flags if flags <= self._flags.keys() and (not found[3] or found[2] == found[4]) else _NONE

    def says_nothing(self, text: str, true: bool) -> bool:
        """Whether a condition holds in reclaim, or wants bits of the mask alone, which is asked otherwise."""
        return self._holds(text, true) or bool(self.bits_asked(text, true))

    def _holds(self, text: str, true: bool) -> bool:
        return any(word in text for word in (self._granted if true else self._never))

    def bits_at(self, unit: FunctionUnit, at: int) -> frozenset[str] | None:
        """The bits for which reclaim comes to an instruction, as its function asks; None where it does not come."""
        asked = [self.bits_asked(*one) for one in self._telling(unit, at)]
        return _NONE.union(*asked) if all(asked) else None

    def is_for_others(self, unit: FunctionUnit, at: int) -> bool:
        """Whether only the last user of something comes to an instruction, or one for whom reclaim does not work."""
        facts = (one for state in reached(unit, at) for one in state.facts)
        return any(true and word in text for text, true in facts for word in (*self._last, *self._never))

    def _telling(self, unit: FunctionUnit, at: int) -> Iterable[tuple[str, bool]]:
        """The conditions on the way that tell reclaim from others."""
        for text, true in {one for state in reached(unit, at) for one in state.facts}:
            if not self._holds(text, true) and any(
                word in name for name in _WORD.findall(text) for word in self._asked
            ):
                yield text, true
