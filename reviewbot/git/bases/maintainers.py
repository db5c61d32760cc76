"""Reads MAINTAINERS of a kernel tree: which trees its sections name (T:) for which paths (F:, X:, N:).

Areas and patterns are read as scripts/get_maintainer.pl reads them: F: and X: are beginnings of paths with * and ?,
where a pattern that does not end with "/" is of as many folders as the path; N: is a regular expression of Perl. The
most specific sections come first: those whose pattern has the most folders. Only trees of git count, and of N: only
what needs no time that grows fast.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from msgspec import Struct

from reviewbot.support.patterns import pattern

_HEAD = pattern(r"^(?![A-Z]:|[ \t]*#)[ \t]*\S", re.MULTILINE)
_LINE = pattern(r"^([FXNT]):[ \t]*(\S.*)", re.MULTILINE)
_SIGNS = pattern(r"[*?\[]")
_WORD = pattern(r"[\w/-]+", re.ASCII)
_URL = pattern(r"[a-z+]{2,10}://|[^@/\s]{1,100}@[^:/\s]{1,100}:", re.ASCII)
_BRANCH = pattern(r"[\w.][\w./+-]*+", re.ASCII)
_SIMPLE = pattern(r"\^?(?:\[\^?[\w./:-]{1,60}\][?*+]?|\\[.*+?/_-]|[\w./@:,-][?*+]?)*\$?", re.ASCII)
_LARGEST = 4_000_000  # characters: Linux 6.12 has 750,000
_LONGEST = 300  # characters of a line, and of a path that N: is asked about
_EACH = 2_000  # patterns of a section
_REPEATS = 3  # parts of an N: that may repeat; what may begin anywhere is one of them


class ListedTree(Struct, frozen=True):
    """A tree of git that MAINTAINERS names: its URL, and its branch, "" where none is named."""

    url: str
    branch: str = ""


class PathPattern(NamedTuple):
    """The value of an F: or X:, and the text that it begins with: most of them need no more than that."""

    plain: str
    value: str


class Area(Struct, frozen=True):
    """A section that names trees, and its patterns for paths."""

    trees: tuple[ListedTree, ...]
    files: tuple[PathPattern, ...] = ()
    excluded: tuple[PathPattern, ...] = ()
    names: tuple[str, ...] = ()


def areas_of(text: str) -> tuple[Area, ...]:
    """The sections that name a tree of git. Each ends where a line is neither blank nor a letter with a colon."""
    text = text[:_LARGEST]
    begins = [found.start() for found in _HEAD.finditer(text)]
    parts = (text[first:last] for first, last in pairwise((0, *begins, len(text))))
    return tuple(area for part in parts if "\nT:" in part and (area := _area(part)) is not None)


def _area(part: str) -> Area | None:
    rows: dict[str, list[str]] = {"F": [], "X": [], "N": [], "T": []}
    for letter, value in _LINE.findall(part):
        if len(rows[letter]) < _EACH and len(value) <= _LONGEST:
            rows[letter].append(value.rstrip())
    trees = tuple(tree for row in rows["T"] if (tree := _tree(row)) is not None)
    if not trees:
        return None
    files, excluded = (tuple(PathPattern(_SIGNS.split(row, 1)[0], row) for row in rows[letter]) for letter in "FX")
    return Area(trees, files, excluded, tuple(rows["N"]))


def _tree(value: str) -> ListedTree | None:
    kind, *rest = value.split()
    url, *branch = [kind, *rest] if _URL.match(kind) else (rest or [""])
    if not _URL.match(url) or kind not in (url, "git"):
        return None
    return ListedTree(url, branch[0] if branch and _BRANCH.fullmatch(branch[0]) else "")


# --- which of them are about a path ---


def listed_trees(every: Sequence[Area], paths: Sequence[str], seconds: float) -> list[ListedTree]:
    """The trees for some paths, those of the most specific sections first, and what is found within some seconds."""
    until = time.monotonic() + seconds
    depths: dict[ListedTree, tuple[int, int]] = {}
    for area in every:
        if time.monotonic() > until:
            break
        known = [depth for path in paths if (depth := _depth(area, path)) is not None]
        for tree in area.trees if known else ():
            depths[tree] = max((max(known), len(known)), depths.get(tree, (-1, 0)))
    return sorted(depths, key=lambda tree: depths[tree], reverse=True)


def _depth(area: Area, path: str) -> int | None:
    """How specific a section is about a path, in folders; None where it is not about it."""
    found = [one for one in area.files if _matches(one, path)]
    if not found and not any(_is_named(value, path) for value in area.names):
        return None
    if any(_matches(one, path) for one in area.excluded):
        return None
    return max((_folders(one.value) for one in found), default=0)


def _folders(value: str) -> int:
    return -1 if value.startswith("*") else value.count("/") + (not value.endswith("/"))


def _matches(one: PathPattern, path: str) -> bool:
    """Whether the pattern of an F: or X: is about a path. That of a folder may lack its last slash."""
    plain, value = one
    if not path.startswith(plain):
        return False
    if not value.endswith("/") and path.count("/") != value.count("/"):
        return plain == value and path.startswith(f"{value}/")
    return plain == value or _wildcards(value).match(path) is not None


@lru_cache(maxsize=1_000)
def _wildcards(value: str) -> re.Pattern[str]:
    """The pattern of what a value is the beginning of. After each "*" the first place counts, so time does not grow."""
    first, *others = (_literal(part) for part in value.split("*"))
    return re.compile(first + "".join(f"(?>.*?{part})" for part in others), re.DOTALL)


def _literal(part: str) -> str:
    """A part without "*" as a regular expression: "?" is any sign, and [ch] one of some."""
    signs = _pieces(part)
    return "".join("." if sign == "?" else sign if len(sign) > 1 else re.escape(sign) for sign in signs)


def _pieces(part: str) -> Iterator[str]:
    at = 0
    while at < len(part):
        found = _CLASS.match(part, at)
        yield found[0] if found else part[at]
        at = found.end() if found else at + 1


_CLASS = pattern(r"\[[0-9A-Za-z_-]{1,60}\]")


def _is_named(value: str, path: str) -> bool:
    if _WORD.fullmatch(value):
        return value in path
    expression = _expression(value)
    return expression is not None and len(path) <= _LONGEST and expression.search(path) is not None


@lru_cache(maxsize=10_000)
def _expression(value: str) -> re.Pattern[str] | None:
    """The regular expression of an N:, None for one that is not read. Perl reads it with /x: blanks do not count."""
    plain = "".join(value.split())
    repeats = len(re.findall(r"(?<!\\)[*+]", plain)) + (not plain.startswith("^"))
    if not plain or repeats > _REPEATS or not _SIMPLE.fullmatch(plain):
        return None
    try:
        return re.compile(plain, re.ASCII)
    except re.error:  # a range of signs that goes backwards
        return None
