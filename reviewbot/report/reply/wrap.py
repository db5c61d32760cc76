"""Wraps our own text for messages, at 72 columns. Quoted lines are never wrapped."""

from __future__ import annotations

import re
import textwrap
from string import Template

from reviewbot.support.escape import visible

WIDTH = 72
# what a line of ours must not look like: a quote, the start of another message, and a trailer, which would be collected
# with the patch, and whose address git send-email adds to the recipients
_TAKEN = re.compile(r">|From |(?i:[a-z][a-z-]*-by|cc):")


class _Names(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return f"<{name}>"


def readable(text: str) -> str:
    """The text of a rule on one line, its placeholders as names in angle brackets."""
    return " ".join(Template(text).safe_substitute(_Names()).split())


def paragraphs(text: str) -> list[str]:
    """The paragraphs of a text, without the blank lines between them."""
    blocks: list[list[str]] = [[]]
    for line in text.split("\n"):
        if line.strip():
            blocks[-1].append(line)
        elif blocks[-1]:
            blocks.append([])
    return ["\n".join(lines) for lines in blocks if lines]


def wrapped(text: str, width: int = WIDTH) -> list[str]:
    """The text wrapped at `width` columns, with a blank line between paragraphs.

    A paragraph whose lines are all indented keeps its lines. A word wider than `width` (a URL) is not broken. Control
    characters are escaped.
    """
    lines: list[str] = []
    for paragraph in paragraphs(text):
        if lines:
            lines.append("")
        own = [visible(line) for line in paragraph.split("\n")]
        if all(line[0] in " \t" for line in own):
            lines += [part for line in own for part in wrap(line, width)]
        else:
            lines += _wrapped(" ".join(own), width, "")
    return lines


def wrap(line: str, width: int = WIDTH) -> list[str]:
    """One line unchanged, or wrapped with its indent where it is wider than `width` columns."""
    if len(line.expandtabs()) <= width:
        return [line.rstrip()]
    indent = line[: len(line) - len(line.lstrip())].expandtabs()
    return _wrapped(line.strip(), width, indent if len(indent) < width // 2 else "")


def _wrapped(text: str, width: int, indent: str) -> list[str]:
    # one column is kept free for the blank below
    broken = textwrap.wrap(text, width - 1 - len(indent), break_long_words=False, break_on_hyphens=False)
    return [f"{indent}{line_start(part)}" for part in broken]


def line_start(text: str) -> str:
    """Text to begin a line of a message with: a blank goes before what would be taken for a quote or trailer."""
    return f" {text}" if _TAKEN.match(text) else text
