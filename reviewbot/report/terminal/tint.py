"""Colours the tables: heads, and the verdicts of the matrix. The words say all of it without colours as well."""

from __future__ import annotations

import re
from collections.abc import Iterator

from reviewbot.report.terminal.text import Line, Styled

VERDICTS = ("unsafe", "safe", "context", "pointless", "none")
_HEAD = re.compile(r"[A-Z][A-Z ;]*+(?: at .*)?")
# a cell of a table by itself, the end of a line that says what a scope is, or a word that the legend explains
_VERDICT = re.compile(rf"(?:(?<=  )|(?<=: )|\A|(?<=\. ))(?:{'|'.join(VERDICTS)})(?=  |:|\Z)")


def tinted(text: str) -> Iterator[Line]:
    """The lines of a table with their styles, without the newline at the end of each."""
    for line in text.splitlines():
        if _HEAD.fullmatch(line):
            yield ((line, "head"),)
        else:
            yield tuple(_pieces(line))


def _pieces(line: str) -> Iterator[Styled]:
    at = 0
    for found in _VERDICT.finditer(line):
        if found.start() > at:
            yield line[at : found.start()], ""
        yield found[0], found[0]
        at = found.end()
    if at < len(line):
        yield line[at:], ""
