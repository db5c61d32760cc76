"""Checks TOML tables against the keys and values they may have, and raises a ConfigError that says what is allowed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from reviewbot.model.errors import ConfigError
from reviewbot.model.kernel import Version

Table = Mapping[str, Any]
Spec = Mapping[str, "Kind | tuple[str, ...]"]

_VERSION = re.compile(r"([0-9]{1,4})\.([0-9]{1,4})", re.ASCII)


class Kind(NamedTuple):
    """A kind of value: in words for the error, and as a test."""

    words: str
    holds: Callable[[Any], bool]


def _all(value: Any, kind: type) -> bool:
    return type(value) is list and all(type(item) is kind for item in value)


def _is_life(value: Any) -> bool:
    return _all(value, str) and len(value) == 2 and all(not end or _VERSION.fullmatch(end) for end in value)


# `type(...) is int` and not isinstance: true is no number
TEXT = Kind("a text", lambda value: type(value) is str)
NUMBER = Kind("a whole number", lambda value: type(value) is int)
INDEX = Kind("a position, counted from 0", lambda value: type(value) is int and value >= 0)
SWITCH = Kind("true or false", lambda value: type(value) is bool)
TEXTS = Kind("a list of texts", lambda value: _all(value, str))
TEXT_OR_TEXTS = Kind("a text or a list of texts", lambda value: type(value) is str or _all(value, str))
INDEXES = Kind(
    "a list of positions, counted from 0", lambda value: _all(value, int) and all(item >= 0 for item in value)
)
TABLE = Kind("a table", lambda value: type(value) is dict)
TABLES = Kind("a list of tables", lambda value: _all(value, dict))
VERSION = Kind('a version like "6.9"', lambda value: type(value) is str and _VERSION.fullmatch(value) is not None)
VERSIONS = Kind('a list of versions like "6.9"', lambda value: _all(value, str) and all(map(_VERSION.fullmatch, value)))
LIFE: Spec = {"since": VERSION, "until": VERSION}
LIVES = Kind(
    'a table of NAME = ["since", "until"]',
    lambda value: type(value) is dict and all(_is_life(life) for life in value.values()),
)
DATA = Kind(
    "a text, a whole number, true or false, or a list of texts",
    lambda value: type(value) in (str, int, bool) or _all(value, str),
)


def check_table(
    table: Any, spec: Spec, where: str, required: Sequence[str] = (), place: Callable[[str], str] | None = None
) -> None:
    """Raise ConfigError for a key that `spec` does not have, a value of another kind, or a missing key.

    A kind may also be a tuple: the words that are allowed. `where` names the file and the table; `place` gives a better
    name for where a key stands.
    """
    if type(table) is not dict:
        raise ConfigError(f"{where} must be a table")
    for key, value in table.items():
        said = _misfit(key, value, spec)
        if said:
            raise ConfigError(f"{place(key) if place is not None else where}: {said}")
    for key in required:
        if key not in table:
            raise ConfigError(f"{where}: {key} is missing")


def _misfit(key: str, value: Any, spec: Spec) -> str:
    """What is wrong with a key or its value, "" for nothing."""
    kind = spec.get(key)
    if kind is None:
        return f"unknown key {key!r}; allowed: {', '.join(sorted(spec))}"
    if isinstance(kind, Kind):
        return "" if kind.holds(value) else f"{key} must be {kind.words}, not {value!r}"
    return "" if value in kind else f"{key} must be one of {', '.join(filter(None, kind))}, not {value!r}"


def check_names(names: Sequence[str], allowed: Mapping[str, object], where: str, what: str) -> None:
    """Raise ConfigError for the first name that is not among `allowed`, with the names closest to it."""
    for name in names:
        if name not in allowed:
            from difflib import get_close_matches

            near = get_close_matches(name, allowed, 3, 0.5) or sorted(allowed)[:12]
            raise ConfigError(f"{where}: unknown {what} {name!r} (did you mean {' or '.join(near) or 'none'}?)")


def version(text: str | None) -> Version | None:
    """A checked "6.9" as (6, 9); None for None and ""."""
    if not text:
        return None
    major, minor = text.split(".")
    return int(major), int(minor)


def life(table: Table) -> tuple[Version | None, Version | None]:
    """The first version that has what a table is about, and the first that no longer has it; None where not limited."""
    return version(table.get("since")), version(table.get("until"))


def holds(table: Table, at: Version) -> bool:
    """Whether the life of a table includes a version; most have no dates."""
    if "since" not in table and "until" not in table:
        return True
    since, until = life(table)
    return (since is None or at >= since) and (until is None or at < until)
