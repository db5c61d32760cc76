"""Lays out the stretches of text that a diff shows of one side of a file, prepares them and cuts them into fragments.

A whole file is one stretch; hunks are several, with a gap between each two. They are laid out one behind the other with
one row (and GAP characters) for each gap, so that a function which several hunks show is one fragment.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from reviewbot.frontend import fragments
from reviewbot.frontend.fragments import GAP, Fragment
from reviewbot.frontend.preprocess import prepare, rewrite


class Stretch(Struct, frozen=True):
    """Text without a gap, and where it stood.

    `section`: what the @@ line says of the function around its start; `row`: its first row in the layout, from 0.
    """

    text: str
    section: str
    row: int


class StitchedText(Struct, frozen=True):
    """A stretch as it was prepared; offsets and rows are those of the whole layout."""

    stretch: Stretch
    prepared: prepare.Prepared
    fragments: tuple[Fragment, ...]


def show(stretches: Sequence[Stretch], whole: bool, words: rewrite.Words) -> Iterator[StitchedText]:
    """Prepare each stretch on its own: an #if that one leaves open says nothing of the next."""
    offset = 0
    for one in stretches:
        ready = prepare.prepare(one.text, words)
        found = fragments.split_fragments(ready.text, heading(one.section, words), whole)
        if offset or one.row:
            ready = _moved(ready, offset, one.row)
            found = (replace(part, offset=part.offset + offset, line=part.line + one.row) for part in found)
        yield StitchedText(one, ready, tuple(found))
        offset += len(one.text) + GAP


def _moved(ready: prepare.Prepared, offset: int, row: int) -> prepare.Prepared:
    """A prepared text, so many characters and rows further down."""
    macros = (
        replace(one, body_offset=one.body_offset + offset, row=one.row + row, body_row=one.body_row + row)
        for one in ready.macros
    )
    return prepare.Prepared(ready.text, {at + offset: word for at, word in ready.marks.items()}, tuple(macros))


def heading(section: str, words: rewrite.Words) -> str:
    """What names the function in the text after a hunk's @@: git takes the last row that begins in the first column.

    That may be an annotation below the head, or the end of its parameters. Then there is a function, but no name.
    """
    bare = rewrite.bare(section, words)
    is_named = bare.strip(" \t{") and bare.count(")") <= bare.count("(")
    return bare if is_named or not section.strip() else fragments.BODY


def connected(stitched: Sequence[StitchedText]) -> list[Fragment]:
    """All fragments in order; those that two stretches show of one function are joined."""
    out: list[Fragment] = []
    for one in stitched:
        first, *rest = one.fragments or (None,)
        if first is None:
            continue
        both = fragments.join_fragments(out[-1], first) if out else None
        out[-1:] = [both] if both is not None else [*out[-1:], first]
        out += rest
    return out
