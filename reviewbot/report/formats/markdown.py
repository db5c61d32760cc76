"""Escapes text for Markdown, so that it shows as it is: nothing in it becomes a link, a tag or a formula."""

from __future__ import annotations

import re

from reviewbot.support.escape import visible

# CommonMark 2.4: a backslash takes the meaning of punctuation away. What means something at the start of a line only is
# left, since all text here stands behind words of ours; the dot is that of an address without "http:".
_MEANT = re.compile(r"[\\`*_\[\]<>|~&:@$]|(?<=www)\.", re.IGNORECASE)
_TICKS = re.compile(r"`+")


def paragraph(text: str) -> str:
    """Text for a paragraph or a list item, escaped, on one line."""
    return _MEANT.sub(lambda found: "\\" + found[0], visible(text).replace("\t", " "))


def code_span(text: str) -> str:
    """Text as a code span (CommonMark 6.1): between more backticks than it has in a row, a blank beside its own."""
    shown = visible(text).replace("\t", " ").strip() or " "
    fence = "`" * (1 + max(map(len, _TICKS.findall(shown)), default=0))
    pad = " " if shown[0] == "`" or shown[-1] == "`" else ""
    return f"{fence}{pad}{shown}{pad}{fence}"
