"""The pages for readers: README.md and docs/, their blocks and the command lines that they show."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from reviewbot.config import data_path

TOP = data_path("README.md").parent
PAGES = tuple(sorted(str(path.relative_to(TOP)) for path in (*TOP.glob("*.md"), *TOP.glob("docs/*.md"))))
_SHOWN = re.compile(r"^(?:    |\$ |    .*\| )(reviewbot (?!.*\bVERSION\b).*)$", re.M)


def page(name: str) -> str:
    """The text of a page, by its path in the checkout."""
    return data_path(name).read_text()


def block(text: str, before: str) -> str:
    """The first fenced block after a text."""
    return re.split(r"^```.*\n", text[text.index(before) :], maxsplit=2, flags=re.M)[1]


def shown(text: str) -> Iterator[list[str]]:
    """The command lines of this program that stand for themselves, up to a pipe or a redirection, as words."""
    for line in _SHOWN.findall(text):
        lexer = shlex.shlex(line, posix=True, punctuation_chars="|<>;&")
        lexer.whitespace_split = True
        words = list(lexer)
        ends = [at for at, word in enumerate(words) if word[0] in "|<>;&"]
        yield words[1 : ends[0] if ends else None]
