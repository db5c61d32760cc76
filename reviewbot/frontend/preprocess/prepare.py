"""Kernel C in, C that tree-sitter reads out, every character at its old offset (len(out) == len(in)).

Comments, strings' contents, preprocessor lines and annotations become blanks, iterator macros become
loops. What stood at an offset is told by `Prepared.marks`. Bodies of macros are handed back apart,
for they are code too.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from reviewbot.frontend.preprocess.comments import strip_comments
from reviewbot.frontend.preprocess.directives import Macro, directives
from reviewbot.frontend.preprocess.rewrite import Words, rewrite


class Prepared(Struct, frozen=True):
    """`marks`: offset of a word that was rewritten -> the word that stood there."""

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
