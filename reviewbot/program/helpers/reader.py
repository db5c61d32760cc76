"""Reads what one function or macro takes for its callers, or gives back. Input: its text, and what that calls."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from reviewbot.dataflow.scope_table import ScopeRows, ScopeTable
from reviewbot.frontend.stitch import Stretch
from reviewbot.model.lent_scopes import Gates, LentScopes
from reviewbot.program.helpers.guards import class_of, guard_name
from reviewbot.program.helpers.words import CLASS, HelperWords
from reviewbot.program.unit import opener

_MOST_KNOWN = 2048  # helpers: from text to text most are called again


class HelperScopes(NamedTuple):
    """The scopes that a helper leaves open for its caller, and those that it closes."""

    takes: Gates = ()
    gives: Gates = ()


class HelperReader:
    """Reads by the scope calls of one kernel. `words`: says which functions and macros it may be about.

    `known`: the names of what the kernel's own tables have.
    """

    def __init__(self, lookup: ScopeTable) -> None:
        self.lookup, self.words = lookup, HelperWords([lookup])
        gates = (*lookup.enter, *lookup.leave, *map(_guard, lookup.guards))
        self.known = frozenset(name.encode() for name in gates)
        self._open = opener(lookup.kernel, lookup)
        self.scopes = lru_cache(_MOST_KNOWN)(self._read)

    def _read(self, text: str, name: str, lent: LentScopes) -> HelperScopes:
        """What a helper does. `text`: it and what it calls of its file, `lent`: what other files lend it."""
        lookup = self._open((Stretch(text, "", 0),), True, lent).lookup
        name = CLASS if class_of(name) else name
        return HelperScopes(_gates(lookup.enter.get(name, [])), _gates(lookup.leave.get(name, [])))


def _guard(name: str) -> str:
    return guard_name(name.encode()).decode()


def _gates(rows: ScopeRows) -> Gates:
    return tuple((kind.name, gate) for kind, gate in rows)
