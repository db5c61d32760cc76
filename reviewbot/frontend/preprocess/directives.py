"""Removes preprocessor lines from C text and collects the macros it defines; offsets stay.

Input: text without comments. Both halves of an #if are code. Where they hold whole functions the lines around them
become blanks; where they hold whole statements they become the two branches of an `if`, so that what one half opens and
a later half under the same condition closes belongs together; where they cut a statement in two, the first half is
kept. What the text itself decides, by a constant or by a name that it has defined, has one half. No half of a group
deeper than _DEEPEST is left out.
"""

from __future__ import annotations

import re
from zlib import crc32

from msgspec import Struct, field

from reviewbot.frontend.preprocess.comments import blanks
from reviewbot.frontend.preprocess.defined_names import DefinedNames
from reviewbot.support.patterns import pattern

_DIRECTIVE = pattern(r"#[ \t]*+(\w++)((?:[^\n\\]++|\\.)*+)", re.DOTALL)
_DEFINE = pattern(r"#[ \t]*define[ \t]+(\w+)(\(([^)\n]*(?:\\\n[^)\n]*)*)\))?")
_BODY = pattern(r"(?![ \t]*#)(?:[^\n\\]++|\\(?!\n).)*+\\\n(?:[^\n\\]++|\\.)*+", re.DOTALL)
_PASTE = pattern(r"(?:(?<![ \t])[ \t]++)?##[ \t]*+")
_ASKED = pattern(r"\bdefined\b\s*(?:\(\s*(\w+)\s*\)|(\w+))")
_NAMED = pattern(r"\w+(?:\(\w+\))?")
_CONDITION = pattern(r"[\w!&|()<>=+\-*/%]+")
_SIGN = pattern(r"[{}()]")
_AT_MARGIN = pattern(r"^(?:\{[ \t]*$|\}(?!else)|[A-Za-z_](?!f\(|\w*[ \t]*:))", re.MULTILINE)
_UNFINISHED = frozenset("=+-*/%&|,(?<>!^")
_NO_STATEMENT = pattern(r"(?:else|while)\b|[.)&|,]")
_CASE = pattern(r"(?:case|default)\b")
_DOES = pattern(r"[(=]|\b(?:return|goto|break|continue)\b|\+\+|--")
_ROOM = pattern(r"\s*[ \t]")
_OPENS = frozenset({"if", "ifdef", "ifndef"})
_ELSES = frozenset({"else", "elif", "elifdef", "elifndef"})
_DEEPEST = 16  # groups in each other: each costs another copy of what it holds


class Macro(Struct, frozen=True):
    """A #define.

    `body`: its text with the line ends unescaped, and `body_offset`, where that stands in the text; rows are 0-based.
    """

    name: str
    params: str
    body_offset: int
    row: int  # of the #define itself, 0-based
    body_row: int
    body: str


class _Head(Struct, frozen=True):
    """The line that begins a half; one that begins above the text has no word. `holds`: None where nobody knows."""

    word: str
    condition: str
    whole: str
    holds: bool | None = None


class _Group(Struct):
    """An #if and the halves read so far, each as parts of text."""

    heads: list[_Head]
    halves: list[list[str]] = field(default_factory=lambda: [[]])

    @property
    def seen(self) -> bool:
        """Whether its #if is in the text."""
        return bool(self.heads[0].word)


_ABOVE = _Head("", "", "")


def directives(text: str) -> tuple[str, tuple[Macro, ...]]:
    """Blank preprocessor lines, resolve the halves of each #if, and collect the macros; offsets stay.

    A macro that began above the text has no name.
    """
    macros: list[Macro] = []
    begun = _BODY.match(text)
    if begun is not None:  # a macro that began above the text
        macros.append(Macro("", "", 0, 0, 0, _body(begun.group())))
        text = blanks(begun.group()) + text[begun.end() :]
    groups = [_Group([_ABOVE])]
    names = DefinedNames()
    at = depth = row = counted = 0
    for match in _DIRECTIVE.finditer(text):
        if text[text.rfind("\n", 0, match.start()) + 1 : match.start()].strip():
            continue
        word, whole = match.group(1), match.group()
        groups[-1].halves[-1].append(text[at : match.start()])
        at = match.end()
        row += text.count("\n", counted, match.start())
        counted = match.start()
        if word == "define" and (macro := _macro(whole, match.start(), row)):
            macros.append(macro)
        names.read(word, match.group(2), always=depth == 0)
        if not depth and (word in _ELSES or word == "endif"):
            names.doubt()
        if word in _OPENS:
            depth += 1
            if depth <= _DEEPEST:
                groups.append(_Group([_head(match, names)]))
                continue
        elif word in _ELSES and depth <= _DEEPEST:
            _next_half(groups, _head(match, names))
            continue
        elif word == "endif":
            depth = max(0, depth - 1)
            if depth < _DEEPEST and len(groups) > 1:
                _close(groups, whole)
                continue
        groups[-1].halves[-1].append(blanks(whole))
    groups[-1].halves[-1].append(text[at:])
    while len(groups) > 1:
        _close(groups, "")
    return "".join(groups[0].halves[0]), tuple(macros)


def _head(match: re.Match[str], names: DefinedNames) -> _Head:
    word, argument = match.group(1), match.group(2).replace("\\\n", " ")
    holds = names.holds(word, argument)
    if word.endswith("def"):
        argument = ("!" if word.endswith("ndef") else "") + (argument.split() or [""])[0]
    expanded = _ASKED.sub(lambda one: one.group(1) or one.group(2), argument)
    condition = "".join(_NAMED.sub(_veiled, expanded).split())
    fits = _CONDITION.fullmatch(condition) and condition.count("(") == condition.count(")")
    return _Head(word, condition if fits else "", match.group(), holds)


def _veiled(match: re.Match[str]) -> str:
    """A name of the preprocessor as a name that nothing else has: to test whether a word is defined does not use it."""
    name = match.group()
    return name if name.isdigit() else f"_{crc32(name.encode('utf-8', 'replace')):08x}"[: max(2, len(name))]


def _macro(whole: str, start: int, row: int) -> Macro | None:
    define = _DEFINE.match(whole)
    if define is None:
        return None
    body_row = row + define.group().count("\n")
    name, _, params = define.groups()
    return Macro(name, params or "", start + define.end(), row, body_row, _body(whole[define.end() :]))


def _body(text: str) -> str:
    """A macro's body without the backslashes; pasted names become one name, quoted ones themselves."""
    flat = re.sub(r"\\(?=\n|\Z)", " ", text)
    return _PASTE.sub(lambda paste: "_" * len(paste.group()), flat).replace("#", " ") if "#" in flat else flat


def _next_half(groups: list[_Group], head: _Head) -> None:
    """Begin another half; without an #if in the text, all that was read so far is the half before."""
    if len(groups) == 1:
        groups.append(_Group([_ABOVE], groups[0].halves))
        groups[0].halves = [[]]
    groups[-1].heads.append(head)
    groups[-1].halves.append([])


def _close(groups: list[_Group], tail: str) -> None:
    """End the innermost group: `tail` is its #endif, "" where the text ends before it."""
    group = groups.pop()
    halves = ["".join(parts) for parts in group.halves]
    before = next((part.rstrip()[-1:] for part in reversed(groups[-1].halves[-1]) if part.strip()), "")
    groups[-1].halves[-1].append(_resolved(group, halves, tail, before))


def _resolved(group: _Group, halves: list[str], tail: str, before: str) -> str:
    """The text that replaces a group. `before`: the last character above it."""
    heads = group.heads
    kept = [True] * len(halves)
    if (holds := heads[0].holds) is not None:
        kept = [holds] + [not holds] * (len(halves) - 1)
    elif before in _UNFINISHED or not _is_code(group, halves, tail):
        kept = [True] + [False] * (len(halves) - 1)
    elif _is_body(halves) and (len(halves) > 1 or tail):
        branches = _branches(group, halves, tail)
        if branches:
            return branches
        kept = [True] + [False] * (len(halves) - 1)
    pairs = zip(heads, halves, kept, strict=True)
    return "".join([blanks(head.whole) + (half if keep else blanks(half)) for head, half, keep in pairs]) + blanks(tail)


def _is_code(group: _Group, halves: list[str], tail: str) -> bool:
    """Whether each half consists of whole statements, declarations or functions."""
    for index, half in enumerate(halves):
        first, last = index == 0 and not group.seen, index == len(halves) - 1 and not tail
        code = half.strip()
        if not code:
            continue
        lowest, left, parentheses = _depths(half)
        begun = first or (not _NO_STATEMENT.match(code) and lowest == 0)
        ended = last or (code[-1] in ";}" and left == 0)
        if not begun or not ended or lowest < 0 or (parentheses and not first and not last):
            return False
    return True


def _is_body(halves: list[str]) -> bool:
    """Whether the halves are statements of a function's body that do something, and no cases of a switch."""
    if any(_AT_MARGIN.search(half) or _CASE.match(half.strip()) for half in halves):
        return False
    return any(_DOES.search(half) for half in halves)


def _depths(text: str) -> tuple[int, int, int]:
    """The lowest depth of braces, that at the end, and the depth of parentheses at the end."""
    lowest = braces = parentheses = 0
    for match in _SIGN.finditer(text):
        sign = match.group()
        if sign in "{}":
            braces += 1 if sign == "{" else -1
            lowest = min(lowest, braces)
        else:
            parentheses += 1 if sign == "(" else -1
    return lowest, braces, parentheses


def _branches(group: _Group, halves: list[str], tail: str) -> str:
    """The group as `if(condition){ ... }else{ ... }`; "" where a line has no room for that."""
    out: list[str] = []
    for head, half in zip(group.heads, halves, strict=True):
        words = "if" if head.word in _OPENS else "}else if" if head.word != "else" else "}else"
        if head.word and head.word != "else":
            if not head.condition:
                return ""
            words += f"({head.condition})"
        row = head.whole.partition("\n")[0]
        room = _ROOM.match(half)
        if len(words) < len(row):
            words += "{"
        elif head.word and (len(words) > len(row) or room is None):
            return ""
        elif room is not None and head.word:
            half = half[: room.end() - 1] + "{" + half[room.end() :]
        out.append((words + blanks(head.whole[len(words) :]) if head.word else "") + half)
    return "".join(out) + ((" }" + blanks(tail[2:])) if tail else "")
