"""Kernel C in, C that tree-sitter reads out, every character at its old offset (len(out) == len(in)).

Comments, strings' contents, preprocessor lines and annotations become blanks, iterator macros become
loops. What stood at an offset is told by `Prepared.marks`. Bodies of macros are handed back apart,
for they are code too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

_TOKEN = re.compile(
    r'/\*[^*]*\*+(?:[^/*][^*]*\*+)*/|/\*|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL
)
_STARRED = re.compile(r"^[ \t]*\*(?:[ \t/].*)?$")
_DIRECTIVE = re.compile(r"^[ \t]*#[ \t]*(\w+)((?:[^\n\\]|\\.|\\\n)*)", re.MULTILINE | re.DOTALL)
_DEFINE = re.compile(r"^[ \t]*#[ \t]*define[ \t]+(\w+)(\(([^)\n]*(?:\\\n[^)\n]*)*)\))?")
_PARENTHESES = re.compile(r"[()]")
_RANGE = re.compile(r"(\bcase\b[^:;{}\n]{1,200}?)(\.\.\.[^:;{}\n]{1,200})(?=:)")
_TYPE_ARGUMENT = re.compile(r"(?<=,)(\s*)((?:const\s+)?(?:struct|union|enum)\s+)(\w+)([\s*]*)(?=[,)])")
_TWO_WORD_TYPE = re.compile(
    r"(?<=\w\()(unsigned|signed|long|struct)( +)(long|int|char|short|\w+)((?: +\w+)?[ *]*)(?=,)"
)


@dataclass(frozen=True, slots=True)
class Macro:
    """A #define: its name, parameters, the offset of its body and the body with the line ends unescaped."""

    name: str
    params: str
    offset: int  # of the #define itself
    body_offset: int
    body: str


@dataclass(frozen=True, slots=True)
class Prepared:
    """`marks`: offset of a word that was rewritten -> the word that stood there."""

    text: str
    marks: Mapping[int, str]
    macros: tuple[Macro, ...]


@dataclass(frozen=True, slots=True)
class Words:
    """The patterns that `Kernel.words` asks for, compiled once."""

    attribute: re.Pattern[str]
    attribute_call: re.Pattern[str]
    loop: re.Pattern[str]
    definer: re.Pattern[str]
    scoped: frozenset[str]


def _any(words: frozenset[str]) -> str:
    return "|".join(sorted(map(re.escape, words), key=len, reverse=True)) or "(?!)"


@lru_cache(maxsize=4)
def compile_words(
    attributes: frozenset[str],
    calls: frozenset[str],
    iterators: frozenset[str],
    scoped: frozenset[str],
    definers: frozenset[str],
) -> Words:
    loops = rf"\b(?:\w*(?:{_any(iterators)})\w*|{_any(scoped)})(?=\s*\()"
    return Words(
        re.compile(rf"\b(?:{_any(attributes)})\b(?!\s*\()"),
        re.compile(rf"\b(?:{_any(calls)})(?=\s*\()"),
        re.compile(loops),
        re.compile(rf"^(?:{_any(definers)})\(\s*(\w+)", re.MULTILINE),
        scoped,
    )


def words_of(words: Mapping[str, frozenset[str]]) -> Words:
    """The compiled patterns for one kernel's `words`."""
    empty: frozenset[str] = frozenset()
    names = ("attributes", "attribute_calls", "iterators", "scoped_guards", "definers")
    return compile_words(*(words.get(name, empty) for name in names))


def blanks(text: str) -> str:
    """As many blanks as `text` has characters, its line ends kept."""
    return re.sub(r"[^\n]", " ", text)


def closings(text: str) -> dict[int, int]:
    """For every parenthesis that is closed, the offset after the one that closes it, by its own offset."""
    found, stack = {}, []
    for match in _PARENTHESES.finditer(text):
        if match.group() == "(":
            stack.append(match.start())
        elif stack:
            found[stack.pop()] = match.end()
    return found


def strip_comments(text: str) -> str:
    """Comments and the contents of strings as blanks; a text that starts inside a comment is seen as such."""
    first_end, first_start = text.find("*/"), text.find("/*")
    if first_end >= 0 and (first_start < 0 or first_end < first_start):
        text = blanks(text[: first_end + 2]) + text[first_end + 2 :]
    else:
        text = _blank_starred(text)
    parts, at = [], 0
    for match in _TOKEN.finditer(text):
        parts.append(text[at : match.start()])
        found = match.group()
        if found == "/*":  # never closed
            parts.append(blanks(text[match.start() :]))
            return "".join(parts)
        if found[0] == "/":
            parts.append(blanks(found))
        else:
            parts.append(found[0] + "s" * (len(found) - 2) + found[-1])
        at = match.end()
    return "".join(parts) + text[at:]


def _blank_starred(text: str) -> str:
    """Blank the lines of a comment that the text begins and maybe ends in (" * like this")."""
    done = 0
    for line in text.split("\n"):
        if line.strip() and not _STARRED.match(line):
            break
        done += len(line) + 1
    return blanks(text[:done]) + text[done:]


def _directives(text: str) -> tuple[str, tuple[Macro, ...]]:
    """Blank preprocessor lines and every branch of an #if but its first; collect the macros."""
    macros: list[Macro] = []
    parts: list[str] = []
    at, skip_from, depth = 0, -1, 0
    skip_depth = 0
    for match in _DIRECTIVE.finditer(text):
        word, whole = match.group(1), match.group()
        if skip_from < 0:
            parts += (text[at : match.start()], blanks(whole))
            at = match.end()
            if word == "define" and (define := _DEFINE.match(whole)):
                body = whole[define.end() :]
                start = match.start() + define.end()
                flat = re.sub(r"\\(?=\n)", " ", body)
                macros.append(Macro(define.group(1), define.group(3) or "", match.start(), start, flat))
        if word in ("if", "ifdef", "ifndef"):
            depth += 1
            if skip_from < 0 and word == "if" and match.group(2).strip() == "0":
                skip_from, skip_depth = match.end(), depth
        elif word in ("else", "elif") and skip_from < 0:
            skip_from, skip_depth = match.end(), depth
        elif word == "else" and depth == skip_depth and text[:skip_from].rstrip().endswith("#if 0"):
            parts.append(blanks(text[skip_from : match.end()]))
            at, skip_from = match.end(), -1
        elif word == "endif":
            if skip_from >= 0 and depth == skip_depth:
                parts.append(blanks(text[skip_from : match.end()]))
                at, skip_from = match.end(), -1
            depth -= 1
    rest = text[at:]
    parts.append(blanks(rest) if skip_from >= 0 else rest)
    return "".join(parts), tuple(macros)


def prepare(text: str, words: Words) -> Prepared:
    """Blank and rewrite what C does not have; offsets stay."""
    out = strip_comments(text)
    out, macros = _directives(out)
    out = words.attribute.sub(lambda match: blanks(match.group()), out)
    out, marks = _rewrite(out, words)
    out = _RANGE.sub(lambda match: match.group(1) + blanks(match.group(2)), out)
    out = _TYPE_ARGUMENT.sub(lambda m: m.group(1) + blanks(m.group(2)) + m.group(3) + blanks(m.group(4)), out)
    out = _TWO_WORD_TYPE.sub(_join_type, out)
    if len(out) != len(text):
        raise AssertionError("a rewrite moved the text")
    return Prepared(out, marks, macros)


def _join_type(match: re.Match[str]) -> str:
    joined = "_".join(match.group().replace("*", " ").split())
    return joined.ljust(len(match.group()))


def _rewrite(text: str, words: Words) -> tuple[str, dict[int, str]]:
    """Annotations with arguments go, iterators become `while`, definers become plain functions."""
    marks: dict[int, str] = {}
    edits: list[tuple[int, int, str]] = []
    ends = closings(text)
    for match in words.attribute_call.finditer(text):
        end = ends.get(text.index("(", match.end()), -1)
        if end > 0:
            edits.append((match.start(), end, ""))
    for match in words.loop.finditer(text):
        end = ends.get(text.index("(", match.end()), -1)
        follow = text[end : end + 200].lstrip() if end > 0 else ""
        if follow[:1] in (";", ",", ")", "") or len(match.group()) < len("while"):
            continue
        if text[max(0, match.start() - 1) : match.start()] not in ("", " ", "\t", "\n", ";", "{", "}"):
            continue
        edits.append((match.start(), match.end(), "while"))
        marks[match.start()] = match.group()
    for match in words.definer.finditer(text):
        end = ends.get(text.index("(", match.start()), -1)
        if end > 0:
            edits.append((match.start(), end, f"int {match.group(1)}(void)"))
    return _apply(text, edits), marks


def _apply(text: str, edits: list[tuple[int, int, str]]) -> str:
    parts: list[str] = []
    at = 0
    for start, end, new in sorted(edits):
        if start < at:
            continue
        old = text[start:end]
        parts += (text[at:start], new + blanks(old[len(new) :]) if len(new) <= len(old) else old)
        at = end
    return "".join(parts) + text[at:]
