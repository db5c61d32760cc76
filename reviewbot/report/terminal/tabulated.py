"""Lays out tables for a terminal of any width, in which no name is ever broken."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap

_GAP = 2
_NARROW = 12  # columns that a cell of prose needs
_DEEPER = "    "


def tabulated(rows: Sequence[Sequence[str]], width: int, free: int, indent: str = "") -> str:
    """A table, heads first. The last `free` columns share the width that is left and wrap inside it.

    Where that is too narrow for their longest words, they stand in lines of their own below the others.
    """
    fixed = [max(len(row[at]) for row in rows) for at in range(len(rows[0]) - free)]
    left = width - len(indent) - sum(fixed) - _GAP * (len(fixed) + free - 1)
    widths = _shares(rows, left, free)
    lines: list[str] = []
    for row in rows:
        lines += _beside(row, [*fixed, *widths], indent) if widths else _below(row, fixed, width, indent)
    return "\n".join(lines) + "\n"


def _shares(rows: Sequence[Sequence[str]], left: int, free: int) -> list[int]:
    """The widths of the free columns, even ones if that suffices for their longest words; [] if there is no room."""
    needed = [
        max(_NARROW, *(len(word) for row in rows for word in row[at].split() or [""]))
        for at in range(len(rows[0]) - free, len(rows[0]))
    ]
    if sum(needed) > left:
        return []
    even = left // free
    if all(each <= even for each in needed):
        return [even] * free
    spare = left - sum(needed)
    return [each + spare // free for each in needed]


def _beside(row: Sequence[str], widths: Sequence[int], indent: str) -> list[str]:
    cells = [_wrapped(cell, room) for cell, room in zip(row, widths, strict=True)]
    lines = []
    for at in range(max(map(len, cells))):
        texts = [(cell[at] if at < len(cell) else "").ljust(room) for cell, room in zip(cells, widths, strict=True)]
        lines.append((indent + (" " * _GAP).join(texts)).rstrip())
    return lines


def _below(row: Sequence[str], fixed: Sequence[int], width: int, indent: str) -> list[str]:
    first = (" " * _GAP).join(cell.ljust(room) for cell, room in zip(row, fixed, strict=False))
    deeper = indent + _DEEPER
    rest = [line for cell in row[len(fixed) :] for line in _wrapped(cell, width - len(deeper)) if line]
    return [(indent + first).rstrip(), *(deeper + line for line in rest)]


def _wrapped(cell: str, room: int) -> list[str]:
    return wrap(cell, max(room, 1), break_on_hyphens=False, break_long_words=False) or [""]
