"""Turns kernel C into C that tree-sitter reads, every character at its old offset (len(out) == len(in)).

Comments, strings' contents, preprocessor lines and annotations become blanks, iterator macros become loops.
`Prepared.marks` says what stood at an offset. Bodies of macros are returned apart, for they are code too.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from reviewbot.frontend.preprocess.comments import strip_comments
from reviewbot.frontend.preprocess.directives import Macro, directives
from reviewbot.frontend.preprocess.rewrite import Words, rewrite


class Prepared(Struct, frozen=True):
    """Prepared text, as long as the original.

    `marks`: the words that were rewritten, by offset; `macros`: the #defines, whose bodies are not prepared yet.
    """

    text: str
    marks: Mapping[int, str]
    macros: tuple[Macro, ...]


def prepare(text: str, words: Words) -> Prepared:
    """Blank and rewrite what C does not have; offsets stay."""
    out = strip_comments(text.replace("\0", " "))
    out, macros = directives(out)
    out, marks = rewrite(out, words)
    if len(out) != len(text):
        raise AssertionError("a rewrite moved the text")
    return Prepared(out, marks, macros)
