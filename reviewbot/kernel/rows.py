"""Reads the lists of words that the rows of a rule hold under a key."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from reviewbot.model.kernel import Data, Rule

Row = Mapping[str, Data]


def strings(row: Row, key: str) -> tuple[str, ...]:
    """The words that a row lists under a key, () where it has none; another value counts as one word."""
    value = row.get(key, ())
    return value if isinstance(value, tuple) else (str(value),)


@lru_cache(maxsize=512)  # the same few are asked about each text
def signature(said: str) -> tuple[str, tuple[str, ...]]:
    """A pattern of a function's name, "*" for any, and the types of all its parameters, of "pattern(type, ...)"."""
    name, _, types = said.rstrip(")").partition("(")
    return name or "*", tuple(types.split(", "))


@lru_cache(maxsize=512)  # asked for each step
def row_words(rule: Rule, key: str) -> frozenset[str]:
    """All words that the rule's rows list under a key."""
    return frozenset(word for row in rule.rows for word in strings(row, key))
