"""Our own words in, lines no wider than a mail's 72 columns out; quoted lines never come here."""

from __future__ import annotations

import re
import textwrap
from string import Template

from reviewbot.support.escape import visible

WIDTH = 72
# what a line of ours must not be taken for: a quote, the start of another mail, and a trailer, which would be collected
# with the patch, and whose address git send-email sends the mail to as well
_TAKEN = re.compile(r">|From |(?i:[a-z][a-z-]*-by|cc):")


class _Names(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return f"<{name}>"


def readable(text: str) -> str:
    """A rule's template with its names in angle brackets, on one line."""
    return " ".join(Template(text).safe_substitute(_Names()).split())


def paragraphs(text: str) -> list[str]:
    """The paragraphs of a text, without the blank lines between them."""
    found: list[list[str]] = [[]]
    for line in text.split("\n"):
        if line.strip():
            found[-1].append(line)
        elif found[-1]:
            found.append([])
    return ["\n".join(lines) for lines in found if lines]


def wrapped(text: str, width: int = WIDTH) -> list[str]:
    """The text wrapped, a blank line between paragraphs; a paragraph that is indented as a whole keeps its lines.

    A word wider than `width` (a URL) stands alone and whole. Controls are shown escaped.
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
    """One line as it is, or broken with its indentation kept where it is too wide."""
    if len(line.expandtabs()) <= width:
        return [line.rstrip()]
    indent = line[: len(line) - len(line.lstrip())].expandtabs()
    return _wrapped(line.strip(), width, indent if len(indent) < width // 2 else "")


def _wrapped(text: str, width: int, indent: str) -> list[str]:
    # one column is kept free for the blank below
    broken = textwrap.wrap(text, width - 1 - len(indent), break_long_words=False, break_on_hyphens=False)
    return [f"{indent}{line_start(part)}" for part in broken]


def line_start(text: str) -> str:
    """Text that may begin a line of a mail, with a blank before it where it would be taken for something else."""
    return f" {text}" if _TAKEN.match(text) else text
