"""Makes the change that asks about a function: one more function that calls it, or a statement at its beginning.

Input: the file that defines the function, as bytes. Output: the file with the change, and the change as a patch.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from reviewbot.frontend.cut_functions import CutFile, FunctionRows, FunctionText
from reviewbot.model.patch import Patch
from reviewbot.support.patterns import pattern

PROBE = "reviewbot_probe"  # the function that is added
_NO_TREE = "0" * 40  # before the change nothing is known, so that each answer is news
_COMMENT = pattern(rb"/\*(?:[^*]|\*(?!/))*+(?:\*/|\Z)|//[^\n]*+")
_NO_BREAK = pattern(rb"[^\n]")
_WORD = pattern(rb"[A-Za-z_]\w*")
_OPENING, _CLOSING = b"([{", b")]}"


class Probe(NamedTuple):
    """A changed file.

    `text`: what it says; `first`, `added`: the first of the added rows, from 1, and how many these are; `at`: the row
    of the head of the function, and `head` what it says.
    """

    path: str
    text: bytes
    first: int
    added: int
    at: int
    head: str

    def line(self, path: str, line: int) -> int | None:
        """The line of the real file for one of a file after the change; None for one that was added."""
        if path != self.path or line < self.first:
            return line
        return line - self.added if line >= self.first + self.added else None

    def patch(self, tree: str) -> Patch:
        """The change as a patch; `tree`: the id of the tree with it."""
        rows = self.text.split(b"\n")[self.first - 1 : self.first - 1 + self.added]
        lines = b"".join(b"+%b\n" % row for row in rows).decode("utf-8", "surrogateescape")
        old, new = _quoted(f"a/{self.path}"), _quoted(f"b/{self.path}")
        head = f"diff --git {old} {new}\n--- {old}\n+++ {new}\n"
        hunk = f"@@ -{self.first - 1},0 +{self.first},{self.added} @@\n"
        return Patch(1, 1, PROBE, "", head + hunk + lines, commit=tree, before=_NO_TREE, after=tree)


def definitions(path: str, text: bytes, function: str) -> list[FunctionRows]:
    """The functions of a name in a file; more than one where an #if chooses."""
    cut, name = CutFile(path.encode("utf-8", "surrogateescape"), text), function.encode()
    there = (one for one in cut.places if name in one.part.text and b"\n{" in one.part.text)
    return [one for one in there if name in (one.part.name, FunctionText(_blanked(one.part.text)).name)]


def calling(path: str, text: bytes, function: str, enter: str, leave: str) -> Probe:
    """A file with a function at its end that calls one which it defines, between two statements."""
    found = definitions(path, text, function)[0]
    parameters = _parameters(found.part.head, function.encode())
    names = b", ".join(_name(one) for one in parameters if one != b"...")
    call = [f"\t{line}" for line in (enter, f"{function}({names.decode('ascii')});", leave) if line]
    declared = b", ".join(parameters).decode("utf-8", "surrogateescape")
    rows = ["", f"void {PROBE}({declared or 'void'})", "{", *call, "}"]
    whole = text if text.endswith(b"\n") else text + b"\n"
    added = "".join(f"{row}\n" for row in rows).encode("utf-8", "surrogateescape")
    return Probe(path, whole + added, whole.count(b"\n") + 1, len(rows), *_place(found, function.encode()))


def beginning(path: str, text: bytes, function: str, statement: str) -> Probe:
    """A file with a statement at the beginning of a function that it defines."""
    found = definitions(path, text, function)[0]
    first = found.first + found.part.head.count(b"\n") + 2  # behind the row of the brace
    rows = text.split(b"\n")
    rows.insert(first, f"\t{statement}".encode())
    return Probe(path, b"\n".join(rows), first + 1, 1, *_place(found, function.encode()))


def _place(found: FunctionRows, name: bytes) -> tuple[int, str]:
    """The row, from 1, in which a function's head names it, and what that says."""
    head = found.part.head
    rows = head[: _named(_blanked(head), name)].count(b"\n")
    return found.first + rows + 1, head.split(b"\n")[rows].decode("utf-8", "surrogateescape")


def _blanked(text: bytes) -> bytes:
    """A text with blanks in place of its comments."""
    return _COMMENT.sub(lambda found: _NO_BREAK.sub(b" ", found[0]), text)


def _named(head: bytes, name: bytes) -> int:
    """Where the name stands in the head of a function, without comments; what stands above it may name it as well."""
    places = [one.start() for one in re.finditer(rb"\b%b\s*\(" % re.escape(name), head)]
    behind = max(head.rfind(b";"), head.rfind(b"}"), 0)
    return next((at for at in places if at >= behind), places[-1] if places else 0)


def _parameters(head: bytes, name: bytes) -> list[bytes]:
    """The parameters as the head declares them, each on one line; [] for (void)."""
    head = _blanked(head)
    begin = head.find(b"(", _named(head, name)) + 1
    found = [b" ".join(one.split()) for one in _parts(head[begin:])]
    return [] if found in ([b"void"], [b""]) else found


def _parts(text: bytes) -> Iterator[bytes]:
    """The parts between commas up to the closing parenthesis."""
    depth = start = 0
    for at, char in enumerate(text):
        if char in _CLOSING and not depth:
            yield text[start:at]
            return
        depth += (char in _OPENING) - (char in _CLOSING)
        if char == ord(",") and not depth:
            yield text[start:at]
            start = at + 1


def _name(parameter: bytes) -> bytes:
    """The name of a parameter; 0 for one that has none which can be read."""
    words = [word for word in _WORD.findall(parameter.partition(b"[")[0]) if not word.startswith(b"__")]
    return words[-1] if len(words) > 1 and b"(" not in parameter else b"0"


def _quoted(path: str) -> str:
    """A path as git writes it in a diff."""
    raw = path.encode("utf-8", "surrogateescape")
    if all(0x20 < byte < 0x7F and byte not in b'"\\' for byte in raw):
        return path
    return '"' + "".join(f"\\{byte:03o}" for byte in raw) + '"'
