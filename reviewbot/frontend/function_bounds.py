"""Finds where functions end, and the name before a parenthesis, in text and in bytes.

Input: a file or a part of one. Output: the offset behind each row that ends a function. As kernel style has it,
such a row begins with a brace.

What cuts text (fragments) and what cuts bytes (cut_functions) share this alone. The first has prepared text, which
may begin inside a function and end before its last row ends: so a first row and a last one count there. The second
has a raw file, of which each version is cut anew, and what stands behind its last row is none. The names that they
make of a head differ as well: behind a hunk's @@ stands half a head, or a macro that makes one.
"""

from __future__ import annotations

from collections.abc import Iterator

from reviewbot.support.patterns import pattern

_END = r"\}(?![^\S\n]*(?:while|else)\b)"
_NAME = r"\b(\w++)\s*+\("

NAME = pattern(_NAME)
NAME_BYTES = pattern(_NAME.encode())
_IS_END = pattern(_END)
_END_ROW = pattern(rb"\n" + _END.encode() + rb".*(?=\n)")


def function_ends(text: str) -> Iterator[int]:
    """Where the rows end that end a function."""
    at = 0 if text.startswith("}") else text.find("\n}") + 1 or -1
    while at >= 0:
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        if _IS_END.match(text, at, end):
            yield end
        at = text.find("\n}", at) + 1 or -1


def function_ends_bytes(text: bytes) -> Iterator[int]:
    """The same of a whole file, for those rows that stand between two others."""
    return (found.end() for found in _END_ROW.finditer(text))
