"""Says by an index in which files of a tree a function is defined, and which names are like one that is in none."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from itertools import islice

from reviewbot.index.tree_words import TreeWords
from reviewbot.review.neighbourhood.visibility import Layout

_MOST_LOOKED_AT = 200  # files that call a function; one that no other file sees is defined where it is called
_BEGINNING = 3  # characters that a name has in common with those that it is compared with
_MOST_NEAR = 20_000  # names


def defining_files(words: TreeWords, name: str, layout: Layout) -> Sequence[str]:
    """The files that define a function of the kernel, sorted; of those that no other file sees, where there is none.

    What does nothing in a header stands for another one that is not built, and does not count beside that.
    """
    found = [path for path in words.defining(name) if not layout.program(path)]
    if not found:
        named = dict.fromkeys((*words.running(name), *words.calling(name)))
        found = [path for path in islice(named, _MOST_LOOKED_AT) if name in words.functions(path)]
    said = {path: words.functions(path)[name] for path in sorted(set(found)) if name in words.functions(path)}
    real = [path for path, one in said.items() if not path.endswith(".h") or one.calls or one.asks]
    return real or [*said]


def near_names(words: TreeWords, name: str) -> Sequence[str]:
    """Names of functions that are much like one, the nearest first."""
    return get_close_matches(name, words.beginning(name[:_BEGINNING], _MOST_NEAR), 3, 0.8)
