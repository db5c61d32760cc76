"""Rewrites what a C parser does not know: annotations, iterators, types as arguments.

Input: text without comments and directives. Every search starts from a fixed string, for most of a text has none of
what is looked for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache

from msgspec import Struct

from reviewbot.frontend.preprocess.comments import blanks
from reviewbot.support.patterns import pattern

_PARENTHESES = pattern(r"[()]")
_WORD_END = pattern(r"\w*+")
_WORD_START = pattern(r"(?<!\w)\w*+\Z")
_UNDERSCORED = pattern(r"__\w++")
_OPEN = pattern(r"\s*+\(")
_LONGEST_WORD = 100  # of an iterator's name
_BETWEEN = "\n}\n\n"  # between two functions, as kernel style has it: no rewrite reaches from one to the other
_SHORTEST = 300  # characters of a part of a text
_NEAR = 2000  # characters in which most parentheses are closed
_CASE_RANGE = pattern(r"\.\.\.[^:;{}\n]{1,200}(?=:)")
_JUMP_TO = pattern(r"goto\s*+\*[^;{}\n]{1,200}(?=;)")
_JUMP_OUT = pattern(r"\b(?:return|goto|break|continue)\b[^,()]{0,200}+(?:\([^()]{0,200}+\)[^,()]{0,200}+)?,")
# A macro called at file scope, with or without a semicolon, or one that heads a function.
_SHOUTED = pattern(r"(?:static[ \t\n]+)?(?:(?:const|inline)[ \t]+)*([A-Z_][A-Z0-9_]*+)[ \t]*\(")
_SHOUTED_BELOW = pattern(r"\n" + _SHOUTED.pattern)  # a fixed first character is looked for much faster than ^
_STATIC_CALL = pattern(r"static\s++(?=(?:const\s+)?[A-Z_][A-Z0-9_]++\s*\()")
_KINDS = r"(?:const|volatile|unsigned|signed|long|short|int|char|bool|void|float|double)\b"
_TYPE = pattern(
    rf"[(,]\s*+((?:(?:const|volatile)\s++)?(?:(?:struct|union|enum)\s++\w++\s*+|(?:{_KINDS}\s*+)++|const\s++\w++\s*+)"
    r"(?:\*\s*+(?:const\b\s*+)?)*+)(?=[,)])"
)
_TAG = pattern(r"\b(?:const|volatile|struct|union|enum)\b|\*")
_NO_CALL = frozenset({"sizeof", "typeof", "__typeof__", "__typeof", "_Alignof", "alignof", "__alignof__", "return"})
_OFFSET = pattern(r"offsetof\s*+\([^(),]{1,100},\s*+\w++\s*+[\[.]")


class Words(Struct, frozen=True):
    """The lists of `Kernel.words`, sorted for the searches below."""

    attributes: frozenset[str]
    attribute_calls: frozenset[str]
    plain: tuple[str, ...]  # those of both that do not begin with two underscores
    iterators: tuple[str, ...]
    scoped: frozenset[str]


def sorted_words(words: Mapping[str, frozenset[str]]) -> Words:
    """The words of one kernel by their use."""
    empty: frozenset[str] = frozenset()
    names = ("attributes", "attribute_calls", "iterators", "scoped_guards")
    return _sorted(*(words.get(name, empty) for name in names))


@lru_cache(maxsize=8)
def _sorted(
    attributes: frozenset[str],
    calls: frozenset[str],
    iterators: frozenset[str],
    scoped: frozenset[str],
) -> Words:
    plain = tuple(sorted(word for word in attributes | calls if not word.startswith("__")))
    return Words(attributes, calls, plain, tuple(sorted(iterators)), scoped)


class Rewrite:
    """Collects the edits of one text and makes them together; the leftmost of two that overlap wins."""

    def __init__(self, text: str, words: Words) -> None:
        self.text, self.words = text, words
        self.marks: dict[int, str] = {}
        self.edits: list[tuple[int, int, str]] = []
        self._pairs: dict[int, int] | None = None

    def closing(self, start: int) -> int:
        """The offset after the parenthesis that closes the one at `start`; -1 if none does."""
        if self._pairs is None and (near := self._closing_near(start)) > 0:
            return near
        if self._pairs is None:
            self._pairs, stack = {}, []
            for match in _PARENTHESES.finditer(self.text):
                if match.group() == "(":
                    stack.append(match.start())
                elif stack:
                    self._pairs[stack.pop()] = match.end()
        return self._pairs.get(start, -1)

    def _closing_near(self, start: int) -> int:
        """As closing(), but only among the next _NEAR characters: few of a text's parentheses are ever looked for."""
        depth = 0
        for match in _PARENTHESES.finditer(self.text, start, start + _NEAR):
            depth += 1 if match.group() == "(" else -1
            if depth == 0:
                return match.end()
        return -1

    def follow(self, end: int) -> str:
        """The character that follows after blanks, "" at the text's end."""
        return self.text[end : end + 200].lstrip()[:1]

    def edit(self, start: int, end: int, new: str = "") -> None:
        """Replace the text between two offsets with `new` and blanks; an edit with no room for that is not made."""
        self.edits.append((start, end, new))

    def annotations(self) -> None:
        """Blank annotations, with their arguments where they take some."""
        for start, end in self._annotated():
            word = self.text[start:end]
            opening = _OPEN.match(self.text, end)
            if opening is None and word in self.words.attributes:
                self.edit(start, end)
            elif opening is not None and word in self.words.attribute_calls:
                close = self.closing(opening.end() - 1)
                if close > 0:
                    self.edit(start, close)

    def _annotated(self) -> Iterator[tuple[int, int]]:
        known = self.words.attributes | self.words.attribute_calls
        for match in _UNDERSCORED.finditer(self.text):
            if match.group() in known and not _is_word(self.text[match.start() - 1 : match.start()]):
                yield match.span()
        for word in self.words.plain:
            for start in _places(self.text, word):
                end = start + len(word)
                if not _is_word(self.text[start - 1 : start]) and not _is_word(self.text[end : end + 1]):
                    yield start, end

    def loops(self) -> None:
        """Turn iterators and scoped guards into `while`, if a statement (or the text's end) follows."""
        done = set()
        for stem in (*self.words.iterators, *self.words.scoped):
            for at in _places(self.text, stem):
                start, end = self._word_around(at)
                opening = _OPEN.match(self.text, end)
                if opening is None or start in done or end - start < len("while"):
                    continue
                done.add(start)
                self._loop(start, end, opening.end() - 1)

    def _word_around(self, at: int) -> tuple[int, int]:
        before = _WORD_START.search(self.text[max(0, at - _LONGEST_WORD) : at])
        after = _WORD_END.match(self.text, at, at + _LONGEST_WORD)
        return at - (len(before.group()) if before else 0), after.end() if after else at

    def _loop(self, start: int, end: int, opening: int) -> None:
        word, close = self.text[start:end], self.closing(opening)
        if close < 0 or self.text[start - 1 : start] not in ("", " ", "\t", "\n", ";", "{", "}", ")"):
            return
        follow = self.follow(close)
        line = self.text[self.text.rfind("\n", 0, start) + 1 : start]
        if follow == ";" and line.strip().endswith("}"):  # do { ... } for_each(...);
            self.edit(start, end, "while")
            return
        if follow in (";", ",", ")", ":", "?", "&", "|", "=") and follow:
            return
        if not follow and line.strip(" \t{}"):
            return
        if self.text[opening:close].strip("() \t\n"):
            self.edit(start, end, "while")
        else:  # a condition is needed
            self.edit(start, close, "while(1)")
        self.marks[start] = word
        if word in self.words.scoped:
            self._failing(opening, close)

    def _failing(self, opening: int, close: int) -> None:
        """A scoped guard may name what to do if it fails; that statement is no expression."""
        inside = self.text[opening:close]
        jump = _JUMP_OUT.search(inside)
        if jump is not None:
            self.edit(opening + jump.start(), opening + jump.end())

    def shouted(self) -> None:
        """Rewrite macros at file scope: one that heads a function becomes `int name(void)`, the others blanks."""
        for match in self._shouts():
            start = match.start() + (match.group()[0] == "\n")
            close = self.closing(match.end() - 1)
            if close < 0:
                continue
            name = re.match(r"\s*(\w+)", self.text[match.end() : close])
            follow = self.follow(close)
            if follow == "{" and name is not None:
                self.edit(start, close, f"int {name.group(1)}(void)")
            elif follow == ";" or (follow != "{" and "\n" in self.text[close : close + 200].split(";")[0][:80]):
                self.edit(start, close)
        for match in _STATIC_CALL.finditer(self.text):
            if self.text[match.start() - 1 : match.start()] in (" ", "\t"):
                self.edit(*match.span())

    def _shouts(self) -> Iterator[re.Match[str]]:
        if (first := _SHOUTED.match(self.text)) is not None:
            yield first
        yield from _SHOUTED_BELOW.finditer(self.text)

    def types(self) -> None:
        """Turn a type where an expression belongs into one word: f(p, struct x, m), f(unsigned long, a)."""
        for match in _TYPE.finditer(self.text):
            start, end = match.span(1)
            found = match.group(1)
            if self.text[match.start()] == "(":
                before = _WORD_START.search(self.text[max(0, match.start() - _LONGEST_WORD) : match.start()])
                if before is None or not before.group() or before.group() in _NO_CALL or found.strip() == "void":
                    continue
            plain = _TAG.sub(lambda tag: blanks(tag.group()), found)
            named = plain.split()
            if found.split() == named and len(named) == 1 and found.strip() != "void":
                continue  # the parser takes one word
            self.edit(start, end, "_".join(named) if named and "\n" not in found else blanks(found[:1]))
        for match in _OFFSET.finditer(self.text):
            self.edit(match.start(), match.start() + 1, "O")  # a keyword of the parser that takes plain members only

    def labels(self) -> None:
        """Rewrite case ranges and computed gotos."""
        for match in _CASE_RANGE.finditer(self.text):
            line = self.text[self.text.rfind("\n", 0, match.start()) + 1 : match.start()]
            if "case" in line[-300:]:
                self.edit(*match.span())
        for match in _JUMP_TO.finditer(self.text):
            self.edit(match.start(), match.end(), "goto " + re.sub(r"\W", "_", match.group()[5:]))

    def made(self) -> str:
        """The text with all edits made."""
        parts: list[str] = []
        at = 0
        for start, end, new in sorted(self.edits):
            if start < at:
                continue
            old = self.text[start:end]
            parts += (self.text[at:start], new + blanks(old[len(new) :]) if len(new) <= len(old) else old)
            at = end
        return "".join(parts) + self.text[at:]


def _places(text: str, word: str) -> Iterator[int]:
    at = text.find(word)
    while at >= 0:
        yield at
        at = text.find(word, at + len(word))


def _is_word(char: str) -> bool:
    return char.isalnum() or char == "_"


def bare(head: str, words: Words) -> str:
    """A function's head, or a row of it, without annotations; git may have cut it, so the last of them may be open."""
    closed = Rewrite(head + ")" * max(0, head.count("(") - head.count(")")), words)
    closed.annotations()
    out = list(closed.text)
    for start, end, _ in closed.edits:
        out[start:end] = " " * (end - start)
    return "".join(out)[: len(head)]


def rewrite(text: str, words: Words) -> tuple[str, dict[int, str]]:
    """The text as a parser can read it, and the words that became loops by their offset."""
    parts: list[str] = []
    marks: dict[int, str] = {}
    known, done = _known(words), 0
    for part in _functions(text):
        made, own = known(part)
        parts.append(made)
        marks |= {at + done: word for at, word in own.items()}
        done += len(part)
    return "".join(parts), marks


def _functions(text: str) -> Iterator[str]:
    """The text cut where functions end, in parts of some size."""
    at = 0
    while at < len(text):
        end = text.find(_BETWEEN, at + _SHORTEST)
        end = len(text) if end < 0 else end + len(_BETWEEN)
        yield text[at:end]
        at = end


@lru_cache(maxsize=4)
def _known(words: Words) -> Callable[[str], tuple[str, Mapping[int, str]]]:
    """What rewrites the functions of a text, and knows some it has met: the next version of a file has most of them."""

    @lru_cache(maxsize=2048)
    def rewritten(part: str) -> tuple[str, Mapping[int, str]]:
        one = Rewrite(part, words)
        one.annotations()
        one.loops()
        one.shouted()
        one.types()
        one.labels()
        return one.made(), one.marks

    return rewritten
