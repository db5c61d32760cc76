"""Blanks comments and the contents of strings in C text; offsets and rows stay."""

from __future__ import annotations

import re

from reviewbot.support.patterns import pattern

# A quote without its partner on the line is taken up to the line's end, so that no character is looked at twice.
_TOKEN = pattern(r'/\*(?:[^*]++|\*(?!/))*+(?:\*/)?|//[^\n]*+|"(?:\\.|[^"\\\n])*+"?|\'(?:\\.|[^\'\\\n])*+\'?', re.DOTALL)
_COMMENT = pattern(r"/\*.*?\*/|//.*|/\*.*")
_STARRED = pattern(r"[ \t]*\*(?:[ \t/].*)?$")


def blanks(text: str) -> str:
    """As many blanks as `text` has characters, its line ends kept."""
    if "\n" not in text:
        return " " * len(text)
    return "\n".join([" " * len(row) for row in text.split("\n")])


def strip_comments(text: str) -> str:
    """Blank comments and fill strings with "s"; a text that starts inside a comment is seen as such."""
    first_end, first_start = text.find("*/"), text.find("/*")
    if first_end >= 0 and (first_start < 0 or first_end < first_start):
        text = blanks(text[: first_end + 2]) + text[first_end + 2 :]
    else:
        text = _blank_starred(text)
    return _TOKEN.sub(_plain, text)


def _plain(match: re.Match[str]) -> str:
    found = match.group()
    if found[0] == "/":
        return blanks(found)
    if len(found) > 1 and found[-1] == found[0]:
        inside = found[1:-1]
        fill = "s" * len(inside) if "\n" not in inside else re.sub(r"[^\n\\]|\\(?!\n)", "s", inside)
        return found[0] + fill + found[-1]
    return " " + _COMMENT.sub(lambda comment: blanks(comment.group()), found[1:])


def _blank_starred(text: str) -> str:
    """Blank the lines of a comment that the text begins and maybe ends in (" * like this")."""
    done = 0
    while done < len(text):
        end = text.find("\n", done)
        end = len(text) if end < 0 else end
        row = text[done:end]
        if row.strip() and not _STARRED.match(row):
            break
        done = end + 1
    return blanks(text[:done]) + text[done:]
