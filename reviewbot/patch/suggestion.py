"""Suggests a line with one word replaced or removed, where that is surely right."""

from __future__ import annotations

import re

Replace = tuple[str, str]  # a word, and the word in its place; "" takes it out of a sum


def fixed(line: str, change: Replace) -> str | None:
    """The line with one word replaced, or taken out of a sum together with one "|".

    None where the word does not stand there exactly once, where it is no term of a sum on this very line, or where
    nothing of the line would be left: then a person has to look at more than this line.
    """
    old, new = change
    word = rf"(?<!\w){re.escape(old)}(?!\w)"
    if len(re.findall(word, line)) != 1:
        return None
    if new:
        return re.sub(word, lambda _: new, line)
    if behind := re.search(rf"(?<!\|)\|[ \t]*{word}", line):
        left = line[: behind.start()].rstrip(" \t") + line[behind.end() :]
    elif before := re.search(rf"{word}[ \t]*\|(?![|=])[ \t]*", line):
        left = line[: before.start()] + line[before.end() :]
    else:
        return None
    return left if re.search(r"\w", left) else None
