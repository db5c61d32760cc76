"""What a text has from functions and macros of other files that take or give back a lock for their caller."""

from __future__ import annotations

from typing import NamedTuple

from reviewbot.model.kernel import ScopeCall

Gates = tuple[tuple[str, ScopeCall], ...]  # scopes by name, each with the call that enters or leaves it


class TakingRow(NamedTuple):
    """A row of a file: its path, its line, 1-based, and its text; `function`: what it stands in."""

    path: str
    line: int
    text: str
    function: str


class LentScopes(NamedTuple):
    """Scope calls that other files lend a text, plain and hashable: what was read of a text is kept under them.

    `takes` and `gives`: by the name of the call, the scopes that it leaves open and those that it closes; `doubtful`:
    the names of calls that may give back a lock, nobody knows which; `places`: the row of each call that takes one;
    `left`: how many calls were not looked into; `guards`: scopes by the class of their guard.
    """

    takes: tuple[tuple[str, Gates], ...] = ()
    gives: tuple[tuple[str, Gates], ...] = ()
    doubtful: frozenset[str] = frozenset()
    places: tuple[tuple[str, TakingRow], ...] = ()
    left: int = 0
    guards: tuple[tuple[str, str], ...] = ()


NOTHING_LENT = LentScopes()
