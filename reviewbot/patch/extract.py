"""Splits the text of a mail into the commit message and the diff.

Also says whether a second patch follows. git's own reading of a mail (builtin/mailinfo, mailinfo.c: patchbreak(),
handle_commit_msg()) is the model, but hunks are counted, so that a signature is told from a removed line and a `diff`
in the commit message from the real one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec import Struct

from reviewbot.support.diff_lines import HUNK, hunk_lengths
from reviewbot.support.patterns import pattern

_GIT = re.compile(r"diff --(?:git|cc|combined) \S")
# what can only follow a `diff` line that means it; an index line or file names alone do not
_PROOF = re.compile(
    r"@@+ -\d|(?:old|new|deleted file|new file) mode \d|(?:dis)?similarity index |(?:rename|copy) (?:from|to) "
    r"|Binary files |GIT binary patch"
)
_HEADER = re.compile(
    _GIT.pattern + "|" + _PROOF.pattern + r"|diff -|index [0-9a-f]+|--- |\+\+\+ |Index: |={20}|\\ |(?:literal|delta) \d"
)
_IN_BODY = pattern(r"\A(?:(?:From|Subject|Date): .*\n)+\n+")  # git am takes the author from there
_NEAR = 12  # header lines between `diff` and its first hunk, wrapped ones counted twice


class PatchText(Struct, frozen=True):
    """A mail's commit message and diff.

    `diff` is "" where there is none; `more`: another patch follows the signature of the first.
    """

    message: str
    diff: str
    more: bool = False


def split_text(text: str) -> PatchText:
    """Split a mail's text, lines ended by "\\n", into the message up to "---" and the diff up to the signature."""
    lines = text.split("\n")
    start = _start(lines, 0)
    message = _message(lines[: len(lines) if start is None else start])
    if start is None:
        return PatchText(message, "")
    end = _end(lines, start)
    return PatchText(message, "\n".join(lines[start:end]) + "\n", _start(lines, end) is not None)


def _message(lines: list[str]) -> str:
    cut = next((i for i, line in enumerate(lines) if line.rstrip() == "---"), len(lines))
    return _IN_BODY.sub("", "\n".join(lines[:cut]).strip("\n"), count=1)


def _start(lines: Sequence[str], begin: int) -> int | None:
    """Where the diff begins: a git header that is followed by a change, else the first plain one."""
    span = range(begin, len(lines))
    git = next((i for i in span if lines[i].startswith("diff --") and _meant(lines, i)), None)
    if git is not None:
        return git
    plain = next((i for i in span if lines[i].startswith("--- ") and _plain(lines, i)), None)
    if plain is None:
        return None
    if plain - 1 >= begin and lines[plain - 1].startswith("diff "):
        return plain - 1
    named = plain - 2 >= begin and lines[plain - 2].startswith("Index: ") and lines[plain - 1].startswith("====")
    return plain - 2 if named else plain


def _meant(lines: Sequence[str], at: int) -> bool:
    if not _GIT.match(lines[at]):
        return False
    for line in lines[at + 1 : at + 1 + _NEAR]:
        if _PROOF.match(line):
            return True
        if not line.strip():
            return False
    return False


def _plain(lines: Sequence[str], at: int) -> bool:
    after = lines[at + 1 : at + 4]
    return (
        len(after) == 3
        and after[0].startswith("+++ ")
        and HUNK.match(after[1]) is not None
        and after[2][:1] in ("", " ", "+", "-", "\\")
    )


def _end(lines: Sequence[str], start: int) -> int:
    """One past the last line of the diff: text after a complete hunk and the signature stay out."""
    old = new = 0  # lines the open hunk still owes
    loose = False  # in a hunk that does not add up, or in a binary patch: nothing can be counted
    last = max(at for at in range(start, len(lines)) if at == start or HUNK.match(lines[at]) or _GIT.match(lines[at]))
    end = start
    for at in range(start, len(lines)):
        line = lines[at]
        hunk = HUNK.match(line)
        if hunk:
            (old, new), loose = hunk_lengths(hunk), False
        elif old > 0 or new > 0:
            if _signs(lines, at, old, new):
                return at
            if line[:1] not in ("", " ", "+", "-", "\\"):
                old, new, loose = 0, 0, True
            old -= line[:1] in ("", " ", "-")
            new -= line[:1] in ("", " ", "+")
        elif line in ("-- ", "--") and not (loose and at < last):
            return _trimmed(lines, end)
        elif _HEADER.match(line):
            loose = line.startswith(("GIT binary", "literal ", "delta "))
        elif not loose and not (at == end and line[:1] in ("+", "-", " ")):
            continue
        end = at + 1
    return _trimmed(lines, end)


def _trimmed(lines: Sequence[str], end: int) -> int:
    while not lines[end - 1]:
        end -= 1
    return end


def _signs(lines: Sequence[str], at: int, old: int, new: int) -> bool:
    """Whether the "-- " inside a hunk is the signature of a cut mail; it may also be a removed "- "."""
    if lines[at] not in ("-- ", "--"):
        return False
    if old == 0:
        return True
    if old == 1 and new == 0:
        return False
    after = next((lines[i] for i in range(at + 1, len(lines)) if lines[i]), "x")
    return not (after[0] in " +-\\@" or _GIT.match(after))
