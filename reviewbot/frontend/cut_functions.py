"""Cuts a file into functions and says what a diff changes in each, without parsing.

Input: the file and its part of a diff, both as bytes. As kernel style has it, a function ends with a brace that is the
first character of a row. The next version of a file has most of its functions as they were, so the last ones are kept
by their text.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import NamedTuple

from reviewbot.frontend.function_bounds import NAME_BYTES, function_ends_bytes
from reviewbot.support.branch_words import asks_parameter, decides, has_word, kept_away
from reviewbot.support.diff_lines import HUNK_HEAD_BYTES
from reviewbot.support.patterns import pattern

_BLANK = ord(" ")
_NO_WORD = bytes(byte if chr(byte).isalnum() or byte == ord("_") else _BLANK for byte in range(256))
# it begins with what is looked for in each text, so that the rest of it is soon passed over
_PUT = re.compile(rb"[.>](?:(?<=\.)|(?<=->))\s*+(\w++)\s*+=\s*+(?:&\s*+)?(\w++)")
_OPENED = re.compile(rb"\s*+\(")
_FAR_CALL = re.compile(rb"(?<!\s)\s++\(")
_CALL_BACKWARDS = re.compile(rb"\(\w++")
# the parts of a hunk: its first line, lines that stay, lines that do not
_TOKEN = pattern(rb"^" + HUNK_HEAD_BYTES + rb".*\n|((?:^(?: .*+)?\n)+)|((?:^[-+\\].*+\n)+)", re.MULTILINE)
# a word that may be a function which is put into a member, or handed to a call
_HANDED = pattern(rb"[=,(]\s*+&?([A-Za-z_]\w*+)\s*+(?=[,;)}]|$)", re.MULTILINE)
_ADDED = pattern(rb"^\+", re.MULTILINE)
_REMOVED = pattern(rb"^-(.*\n)", re.MULTILINE)
_MACRO = pattern(rb"^[ \t]*+#[ \t]*+define\b(?:.*\\\n)*+.*+", re.MULTILINE)
_LONGEST = 6  # rows of a statement above and below a changed one
_ENDS = (b";", b"{", b"}", b":", b"*/")  # what a row ends with that the next one does not go on with
BLANKS = 80  # bytes between a function and its arguments
_ARGUMENTS = 400  # bytes between an argument and where its call begins
_SHORT = 80  # bytes; what is longer is no brace with blanks around it
_MOST_CUT = 4  # files of a commit: the change is sifted, and each file looked at for what others may call
_KEPT = 2 << 20  # bytes of functions that are kept; what is worked out of them takes ten times as much


class FunctionText:
    """The text between the ends of two functions: the second function, and whatever stands above it."""

    def __init__(self, text: bytes) -> None:
        self.text = text
        self.found: dict[Hashable, object] = {}  # what others have found in it, each under a key of its own

    @property
    def rows(self) -> list[bytes]:
        """Its rows, without their line ends."""
        return self.text.split(b"\n")

    @cached_property
    def words(self) -> frozenset[bytes]:
        """All words that stand in it."""
        return frozenset(byte_words(self.text))

    @cached_property
    def head(self) -> bytes:
        """All before the function's brace, which is the first character of a row, as kernel style has it."""
        return self.text.partition(b"\n{")[0]

    @cached_property
    def name(self) -> bytes:
        """The function's name, b"" where none is found."""
        head = self.head
        macros = [found.end() for found in _MACRO.finditer(head)] if b"define" in head else ()
        found = NAME_BYTES.search(head, max(head.rfind(b";"), head.rfind(b"}"), head.rfind(b"*/"), *macros, 0))
        return found[1] if found else b""


class FunctionRows(NamedTuple):
    """The text of a function, and the first and the last of its rows in a file, from 0."""

    part: FunctionText
    first: int
    last: int


class _Parts:
    """The texts that were looked at last, each once, with what was worked out of them: two generations of them."""

    def __init__(self, most: int) -> None:
        self._most, self._size = most // 2, 0
        self._young: dict[bytes, FunctionText] = {}
        self._old: dict[bytes, FunctionText] = {}

    def of(self, text: bytes) -> FunctionText:
        found = self._young.get(text)
        if found is None:
            found = self._young[text] = self._old.get(text) or FunctionText(text)
            self._size += len(text)
            if self._size > self._most:
                self._young, self._old, self._size = {}, self._young, 0
        return found


_parts = _Parts(_KEPT)


class CutFile:
    """A file, cut behind the end of each function."""

    def __init__(self, path: bytes, text: bytes) -> None:
        self.path, self.text = path, text
        self.places = _cut(text)
        self.parts = [place.part for place in self.places]

    @cached_property
    def rows(self) -> list[bytes]:
        """Its rows, without their line ends."""
        return self.text.split(b"\n")

    @cached_property
    def puts(self) -> Sequence[tuple[bytes, bytes]]:
        """The members that are set to a word, or to its address, each with the word."""
        return _PUT.findall(self.text)

    def given_to(self, name: bytes) -> Iterator[bytes]:
        """The words in the arguments of each call of a function, and those that follow soon."""
        text, at = self.text, self.text.find(name) if name else -1
        while at >= 0:
            end = at + len(name)
            if (opened := _OPENED.match(text, end)) and not _is_in_word(text[at - 1 : at]):
                yield from byte_words(text[opened.end() : opened.end() + _ARGUMENTS])
            at = text.find(name, end)

    def statement(self, first: int, last: int) -> tuple[int, int]:
        """The first and last row of the statements that some rows belong to; rows from 0, first and last included."""
        for _ in range(_LONGEST):
            if first <= 0 or not (above := self.rows[first - 1].strip()) or above.endswith(_ENDS):
                break
            first -= 1
        for _ in range(_LONGEST):
            if last + 1 >= len(self.rows) or not (here := self.rows[last].strip()) or here.endswith(_ENDS):
                break
            last += 1
        return first, last

    def having(self, words: Collection[bytes]) -> list[FunctionText]:
        """The functions in which at least one of some words stands."""
        there = (part for part in self.parts if any(word in part.text for word in words))
        return [part for part in there if not part.words.isdisjoint(words)]

    @cached_property
    def named(self) -> Mapping[bytes, FunctionText]:
        """The functions by name; of two with one name the last."""
        return {part.name: part for part in self.parts if part.name}

    def handed_on(self, name: bytes) -> Iterator[int]:
        """The offsets at which a function's name stands as a word and not before arguments of its own."""
        at = self.text.find(name) if name else -1
        while at >= 0:
            end = at + len(name)
            whole = not any(_NO_WORD[char] != _BLANK for char in self.text[at - 1 : at] + self.text[end : end + 1])
            if whole and not self.text[end : end + BLANKS].lstrip().startswith(b"("):
                yield at
            at = self.text.find(name, end)


@lru_cache(maxsize=_MOST_CUT)
def _cut(text: bytes) -> Sequence[FunctionRows]:
    return tuple(_places(text))


def _places(text: bytes) -> Iterator[FunctionRows]:
    start = first = 0
    for end in (*function_ends_bytes(text), len(text)):
        body = text[start:end]
        last = first + body.count(b"\n")
        if len(body) > _SHORT or body.strip(b"} \t\r\n"):
            yield FunctionRows(_parts.of(body), first, last)
        start, first = end + 1, last + 1


def declaring(text: bytes, names: Collection[bytes]) -> bytes:
    """A file in which some functions are only declared: each row of their bodies is empty. Others stay as they are."""
    start, pieces = 0, list[bytes]()
    for end in (*function_ends_bytes(text), len(text)):
        body = text[start:end]
        head, brace, rest = body.partition(b"\n{")
        is_one = bool(brace) and FunctionText(body).name in names
        pieces.append(head + b";\n" + b"\n" * rest.count(b"\n") if is_one else body)
        start = end
    return b"".join(pieces)


class ChangedLines(NamedTuple):
    """The lines that a diff adds to a function and takes from it, and the rows beside those.

    `asked`: of what was taken away, the rows that said who comes to what stands below, see branch_words.kept_away();
    `given`: they ask for a parameter; `leads`: what was taken away decided which ways lead where.
    """

    said: bytes
    asked: bytes = b""
    given: bool = False
    leads: bool = False

    def with_other(self, other: ChangedLines) -> ChangedLines:
        """Both together."""
        said, rows = (b"%b\n%b" % both for both in ((self.said, other.said), (self.asked, other.asked)))
        return ChangedLines(said, rows, self.given or other.given, self.leads or other.leads)

    def loosens(self, words: frozenset[bytes]) -> bool:
        """Whether what is taken away may have kept a caller from what stands below. `words`: ask for the context."""
        return self.given or (bool(self.asked) and has_word(self.asked, words))


def said_by_function(touched: Iterable[tuple[FunctionRows, ChangedLines]]) -> dict[bytes, ChangedLines]:
    """What was changed in functions, see changed(), by their names; b"" for what stands in none."""
    found: dict[bytes, ChangedLines] = {}
    for place, lines in touched:
        name = place.part.name
        found[name] = found[name].with_other(lines) if name in found else lines
    return found


class Run(NamedTuple):
    """Lines that were added or removed together: the rows, from 0, that are new or beside, and the removed lines."""

    first: int
    last: int
    removed: bytes


def changed(text: CutFile, runs: Iterable[Run]) -> Iterator[tuple[FunctionRows, ChangedLines]]:
    """Each function that the runs touch, with the lines they change there. The runs are in the order of the file."""
    lines_by_place: dict[int, list[bytes]] = {}
    gone: dict[int, list[bytes]] = {}
    place = 0
    for first, last, removed in runs:
        while place < len(text.places) - 1 and text.places[place].last < first:
            place += 1
        at = place
        while at < len(text.places) and text.places[at].first <= last:
            part = text.places[at]
            start, end = text.statement(max(first, part.first), min(last, part.last))
            lines_by_place.setdefault(at, []).extend((removed, *text.rows[start : end + 1]))
            gone.setdefault(at, []).append(removed)
            at += 1
    for at, lines in lines_by_place.items():
        function = text.places[at].part
        rows = kept_away(gone[at], function.text[len(function.head) :])
        leads = any(map(decides, gone[at]))
        yield text.places[at], ChangedLines(b"\n".join(lines), rows, asks_parameter(rows, function.head), leads)


def runs_of(section: bytes) -> Iterator[Run]:
    """The runs of a file's part of a diff."""
    at = 0
    for found in _TOKEN.finditer(section, max(section.find(b"\n@@ "), 0)):
        _, _, start, count, kept, run = found.groups()
        if start is not None:
            at = int(start) - (count != b"0")
        elif kept is not None:
            at += kept.count(b"\n")
        else:
            added = len(_ADDED.findall(run))
            removed = _REMOVED.findall(run)
            yield run_at(at, added, b"".join(removed))
            at += added


def run_at(row: int, added: int, removed: bytes) -> Run:
    """The run of so many lines that are added before a row, from 0, and of those that were removed there."""
    return Run(row - bool(removed), row + added - (not removed), removed)


def removed_lines(section: bytes) -> bytes:
    """The lines that a file's part of a diff removes."""
    return b"".join(_REMOVED.findall(section))


def call_around(text: bytes, at: int) -> tuple[bytes, int]:
    """The name of the function whose argument begins at an offset, and the argument's position, from 0.

    The name is b"" where the offset is in no call.
    """
    depth = place = 0
    for back in range(at - 1, max(-1, at - _ARGUMENTS), -1):
        char = text[back]
        if char in b")]}":
            depth += 1
        elif char in b"([{" and depth:
            depth -= 1
        elif char == ord("("):
            return _last_word(text[max(0, back - BLANKS) : back]), place
        elif char in b"[{;":
            break
        elif char == ord(",") and not depth:
            place += 1
    return b"", place


def _last_word(text: bytes) -> bytes:
    """The word that a text ends with, blanks aside; b"" if that is none."""
    text = text.rstrip()
    return byte_words(text)[-1] if text and text[-1:].translate(_NO_WORD) != b" " else b""


def _is_in_word(char: bytes) -> bool:
    """Whether a character, b"" for none, may stand in a word."""
    return char.isalnum() or char == b"_"


def byte_words(text: bytes) -> list[bytes]:
    """The words of a text in order: runs of letters, digits and "_"."""
    return text.translate(_NO_WORD).split()


def handed_in(text: bytes) -> list[bytes]:
    """The words of a text that may be functions which are put into a member there, or handed to a call."""
    return _HANDED.findall(text)


def called_in(text: bytes) -> Collection[bytes]:
    """The words of a text that stand before a parenthesis, each once and in order."""
    text = text.replace(b" (", b"(")
    if b"\t(" in text or b"\n(" in text or b" (" in text:
        text = _FAR_CALL.sub(b"(", text)
    # backwards the parenthesis comes first, and nothing but calls is looked at
    return dict.fromkeys([name[:0:-1] for name in reversed(_CALL_BACKWARDS.findall(text[::-1]))]).keys()
