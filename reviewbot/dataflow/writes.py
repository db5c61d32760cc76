"""Forgets what a write to a variable invalidates: facts whose condition names it, and results kept in it.

Every condition and every variable that a path may know of stands in the function. So it is worked out once which of
them a variable is in, and no path is searched for them step by step.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from reviewbot.dataflow.conditions import normal
from reviewbot.dataflow.state import FactSet
from reviewbot.frontend.instructions import Function
from reviewbot.support.patterns import pattern

_WORD = re.compile(r"[A-Za-z_]\w*")
_LVALUE = pattern(r"(?<![\w*])\**+[A-Za-z_]\w*+(?:(?:->|\.)\w++|\[[^][]*+\])++|(?<!\*)\*++[A-Za-z_]\w*+")
_PARTS = ("->", ".", "[")
_NONE = frozenset[tuple[str, bool]]()

Holds = Mapping[str, frozenset[int]]


class Writes:
    """The facts and results that the writes of one function invalidate."""

    def __init__(self, function: Function) -> None:
        self._facts: dict[str, set[tuple[str, bool]]] = {}  # by the variables in their conditions
        self._members: dict[str, set[str]] = {}  # what is written, by each thing that it is a part of
        texts = {normal(step.value, True)[0] for step in function.steps if step.kind == "test" and step.value}
        texts |= {normal(step.args[0], True)[0] for step in function.steps if step.kind == "join" and step.args}
        targets = {step.target for step in function.steps if step.kind == "assign"}
        for text in texts | targets:
            for name in {text, *names_in(text), *_lvalues(text)}:
                self._facts.setdefault(name, set()).update(((text, True), (text, False)))
        for target in targets:
            for whole in (target, *_wholes(target)):
                self._members.setdefault(whole, set()).add(target)

    def known(self, facts: FactSet, name: str) -> FactSet:
        """The facts that are left after a write to a variable: those whose condition does not name it."""
        gone = self._facts.get(name, _NONE)
        return facts if facts.isdisjoint(gone) else facts - gone

    def held(self, holds: Holds, name: str) -> Holds:
        """The results that are left after a write to a variable: neither it nor a part of it holds them."""
        gone = self._members.get(name, ()) if holds else ()
        if not any(one in holds for one in gone):
            return holds
        left = dict(holds)
        for one in gone:
            left.pop(one, None)
        return left


def _lvalues(text: str) -> Iterator[str]:
    """The lvalues that a condition names, and what each is a part of: p->q and *r of p->q&&*r."""
    for found in _LVALUE.findall(text):
        yield found
        yield from _wholes(found)


def _wholes(target: str) -> Iterator[str]:
    """The lvalues that an lvalue is a part of: p->q and p of p->q.r."""
    return (target[:at] for at in range(len(target)) if target.startswith(_PARTS, at))


@lru_cache(maxsize=4096)
def names_in(text: str) -> frozenset[str]:
    """The names in a text."""
    return frozenset(_WORD.findall(text))
