"""Reads the two lines of a diff that carry numbers and ids: the head of a hunk (@@), and git's index line.

Input: lines, as text or as bytes. Output: counts of lines, and ids of contents. git-diff(1) and POSIX diff -u say
what they look like; who writes more than nine digits means no file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from reviewbot.support.patterns import pattern

# start and count before it, start and count after it; a count that is left out is 1
HUNK_HEAD = r"@@ -([0-9]{1,9})(?:,([0-9]{1,9}))? \+([0-9]{1,9})(?:,([0-9]{1,9}))? @@"
HUNK_HEAD_BYTES = HUNK_HEAD.encode()
_INDEX_LINE = r"index ([0-9a-f]{4,64})\.\.([0-9a-f]{4,64})(?: ([0-7]+))?"

HUNK = pattern(HUNK_HEAD + r"(?: ?(.*))", re.DOTALL)  # the last: what git says of the function around
HUNKS_BYTES = pattern(rb"^" + HUNK_HEAD_BYTES, re.MULTILINE)
INDEX_BYTES = pattern(b"^" + _INDEX_LINE.encode() + b"$", re.MULTILINE)  # ids before and after, and the mode
_INDEX = pattern(_INDEX_LINE)


def hunk_lengths(head: re.Match[str]) -> tuple[int, int]:
    """How many lines a hunk has of the file before, and of the file after; `head`: what HUNK has matched."""
    old, new = head.group(2, 4)
    return 1 if old is None else int(old), 1 if new is None else int(new)


def blob_ids(header: Iterable[str]) -> tuple[str, str] | None:
    """The ids of a file before and after, mostly cut short, noughts for none; None where no index line is there."""
    found = next((match for line in header if (match := _INDEX.fullmatch(line))), None)
    return (found[1], found[2]) if found else None
