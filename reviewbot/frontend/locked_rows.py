"""Says for each row of a function whether a lock may be held there, by keywords and indentation, without parsing.

What is taken is held until something is given back at the same indent or further left, for what is given back deeper
inside is on a way out of its own. So a row may be said to be below a lock and is not; only a jump can make it the other
way round.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TypeVar

AnyText = TypeVar("AnyText", str, bytes)


def gives_back_untaken(
    rows: Sequence[tuple[int, Collection[AnyText]]], enter: Collection[AnyText], leave: Collection[AnyText]
) -> bool:
    """Whether a function may give back a lock that it has not taken; see held_rows()."""
    held: list[int] = []
    for indent, words in rows:
        if not _meets(words, leave):
            held += (indent,) if _meets(words, enter) else ()
        elif not held:
            return True
        elif indent <= held[-1]:
            held.pop()
    return False


def held_rows(
    rows: Sequence[tuple[int, Collection[AnyText]]], enter: Collection[AnyText], leave: Collection[AnyText]
) -> list[bool]:
    """For each row, given as its indent and its words, whether a lock may be held at it.

    `enter` and `leave`: the words that take and give back a lock. It may at every row where a lock is given back that
    was not taken: then it is held from outside.
    """
    held: list[int] = []  # the indents at which those that are held were taken
    out: list[bool] = []
    for indent, words in rows:
        if not _meets(words, leave):
            held += (indent,) if _meets(words, enter) else ()
            out.append(bool(held))
            continue
        if not held:
            return [True] * len(rows)
        out.append(True)
        if indent <= held[-1]:
            held.pop()
    return out


def _meets(words: Iterable[AnyText], names: Collection[AnyText]) -> bool:
    return any(word in names for word in words)
