"""The text of a whole file in, prepared and cut into pieces of functions out; what it shares with the last text costs
nothing.

Both sides of a patch are nearly the same text, and the next patch begins with what this one leaves. So a text is cut
into parts, where a row closes something in the first column and no parenthesis or brace is open, and a part that is
known is not worked on again. What comes out is the same with and without: comments and directives, which reach over
such rows, are taken out of the whole text first.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple
from zlib import crc32

from reviewbot import dialect, pieces
from reviewbot.pieces import Piece

_TOGETHER = 16  # functions that are a part, more or less: to rewrite them one by one takes longer


class _Part(NamedTuple):
    """`text`: rewritten; offsets and rows count from its start. `closed`: it still ends as it did."""

    text: str
    marks: dict[int, str]
    pieces: tuple[Piece, ...]
    rows: int
    closed: bool


class Parts:
    """Reads texts, and remembers the parts of the last one."""

    def __init__(self, words: dialect.Words) -> None:
        self.words = words
        self._known: dict[str, _Part] = {}

    def read(self, text: str) -> tuple[dialect.Prepared, tuple[Piece, ...]]:
        """The same as dialect.prepare(), and pieces.split() of a whole file."""
        out, macros = dialect.plain(text)
        known: dict[str, _Part] = {}
        done: list[str] = []
        marks: dict[int, str] = {}
        found: list[Piece] = []
        at = row = 0
        begun: list[str] = []  # parts whose end was rewritten: what they hold goes on in the next one
        for source in _cut(out):
            part = known[source] = self._known.get(source) or known.get(source) or self._part(source)
            done.append(part.text)
            marks |= {at + offset: word for offset, word in part.marks.items()}
            if begun or not part.closed:
                begun.append(part.text)
            else:
                found += (_moved(piece, at, row) for piece in part.pieces)
            at, row = at + len(part.text), row + part.rows
            if begun and part.closed:
                found += _joined(begun, at, row)
                begun = []
        found += _joined(begun, at, row)
        self._known = known
        whole = "".join(done)
        if len(whole) != len(text):
            raise AssertionError("a rewrite moved the text")
        return dialect.Prepared(whole, marks, macros), tuple(found)

    def _part(self, source: str) -> _Part:
        text, marks = dialect.rewrite(source, self.words)
        closed = any(True for _ in pieces.ends(text[text.rfind("\n", 0, -1) + 1 :]))
        return _Part(text, marks, tuple(pieces.split(text, "", True)) if closed else (), text.count("\n"), closed)


def _cut(text: str) -> Iterator[str]:
    """The parts; what is in a part alone says where it ends, so that a change moves no end behind it."""
    at = last = braces = parentheses = 0
    for end in pieces.ends(text):
        row = min(end + 1, len(text))
        braces += text.count("{", last, row) - text.count("}", last, row)
        parentheses += text.count("(", last, row) - text.count(")", last, row)
        if braces == parentheses == 0 and crc32(text[last:row].encode("utf-8", "surrogatepass")) % _TOGETHER == 0:
            yield text[at:row]
            at = row
        last = row
    if at < len(text):
        yield text[at:]


def _moved(piece: Piece, at: int, row: int) -> Piece:
    """A piece as it stands in the whole text; dataclasses.replace() takes thrice the time."""
    name, starts, ends = piece.name, piece.starts, piece.ends
    return Piece(piece.prefix, piece.text, piece.suffix, piece.offset + at, piece.line + row, name, starts, ends)


def _joined(texts: list[str], end: int, row: int) -> Iterator[Piece]:
    """The pieces of some parts that are one behind the other and end here."""
    text = "".join(texts)
    first, top = end - len(text), row - text.count("\n")
    return (_moved(piece, first, top) for piece in pieces.split(text, "", True))
