"""C text in, tokens, functions, calls and statements out, as places in that text; and edits back in.

It reads what the rule fixtures are written in: whole functions in kernel style. Preprocessor lines and comments are
never looked into.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

CLOSES = {"(": ")", "[": "]", "{": "}"}
_WORDS = """
auto break case char const continue default do double else enum extern float for goto if inline int long register
restrict return short signed sizeof static struct switch typedef union unsigned void volatile while bool
"""
KEYWORDS = frozenset(_WORDS.split())
TYPES = KEYWORDS & {"const", "static", "struct", "union", "enum", "unsigned", "signed", "int", "long", "char", "void"}
TYPES |= {"bool", "short", "register"}
_LONG = ("<<=", ">>=", "...", "->", "++", "--", "<<", ">>", "<=", ">=", "==", "!=", "&&", "||")
_LONG += ("+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "##")


@dataclass(frozen=True, slots=True)
class Token:
    """`kind` is name, number, string, op or directive (a whole # line with its continuations)."""

    kind: str
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Function:
    """Token indices: of the first token of the head, the name, the parentheses and the braces."""

    name: str
    head: int
    at: int
    opens: int
    closes: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Call:
    """`args`: the first and last token of each argument; `at` is the name's token, `last` the closing parenthesis."""

    name: str
    at: int
    last: int
    args: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """From token `first` to `last`. `kind`: simple, declaration, return, goto, if, loop, block or label.

    `governed`: the body of an if or a loop without braces; `block`: the brace that opens the block it stands in.
    """

    kind: str
    first: int
    last: int
    governed: bool
    block: int


@dataclass(frozen=True, slots=True)
class Edit:
    start: int
    end: int
    text: str


@lru_cache(4096)
def tokens(text: str) -> tuple[Token, ...]:
    return tuple(_tokens(text))


def _tokens(text: str) -> Iterator[Token]:
    at, fresh = 0, True
    while at < len(text):
        one = text[at]
        if one.isspace():
            fresh = fresh or one == "\n"
            at += 1
        elif text.startswith("/*", at):
            end = text.find("*/", at + 2)
            at = len(text) if end < 0 else end + 2
        elif text.startswith("//", at):
            end = text.find("\n", at)
            at = len(text) if end < 0 else end
        else:
            kind, end = _token(text, at, fresh)
            yield Token(kind, text[at:end], at, end)
            at, fresh = end, False


def _token(text: str, at: int, fresh: bool) -> tuple[str, int]:
    one, end = text[at], at + 1
    if one == "#" and fresh:
        while end < len(text) and (text[end] != "\n" or text[end - 1] == "\\"):
            end += 1
        return "directive", end
    if one in "\"'":
        while end < len(text) and text[end] != one:
            end += 2 if text[end] == "\\" else 1
        return "string", min(end + 1, len(text))
    if one.isalnum() or one == "_":
        while end < len(text) and (text[end].isalnum() or text[end] == "_"):
            end += 1
        return ("number" if one.isdigit() else "name"), end
    return "op", at + next((len(op) for op in _LONG if text.startswith(op, at)), 1)


def closing(toks: tuple[Token, ...], at: int) -> int:
    """The token that closes the bracket at `at`; the last token of all if none does."""
    depth = 0
    for place in range(at, len(toks)):
        if toks[place].kind == "op":
            depth += (toks[place].text in CLOSES) - (toks[place].text in CLOSES.values())
            if not depth:
                return place
    return len(toks) - 1


@lru_cache(4096)
def functions(text: str) -> tuple[Function, ...]:
    toks, out, at, head = tokens(text), [], 0, 0
    while at < len(toks):
        token = toks[at]
        if token.kind == "directive" or token.text in (";", "}"):
            head = at + 1
        elif token.text == "(" and at > head and toks[at - 1].kind == "name" and toks[at - 1].text not in KEYWORDS:
            last = closing(toks, at)
            if last + 1 < len(toks) and toks[last + 1].text == "{" and at - 1 > head:
                end = closing(toks, last + 1)
                out.append(Function(toks[at - 1].text, head, at - 1, at, last, last + 1, end))
                at, head = end, end + 1
            else:
                at = last
        elif token.text == "{":
            at = closing(toks, at)
        at += 1
    return tuple(out)


def calls(text: str, first: int = 0, last: int | None = None) -> list[Call]:
    """The calls between two tokens, outer ones before those in their arguments."""
    toks, out = tokens(text), []
    for at in range(first, (len(toks) - 1 if last is None else last)):
        if toks[at].kind == "name" and toks[at].text not in KEYWORDS and toks[at + 1].text == "(":
            end = closing(toks, at + 1)
            out.append(Call(toks[at].text, at, end, tuple(_arguments(toks, at + 2, end))))
    return out


def _arguments(toks: tuple[Token, ...], at: int, end: int) -> Iterator[tuple[int, int]]:
    first = at
    while at < end:
        if toks[at].text in CLOSES:
            at = closing(toks, at)
        elif toks[at].text == ",":
            yield first, at - 1
            first = at + 1
        at += 1
    if first < end:
        yield first, end - 1


def source(text: str, first: int, last: int) -> str:
    """What stands from one token to another, its rows joined."""
    toks = tokens(text)
    return " ".join(text[toks[first].start : toks[last].end].split())


def statements(text: str, function: Function) -> list[Statement]:
    """All statements of a function, an outer one before those in it."""
    out: list[Statement] = []
    _block(tokens(text), function.first, out)
    return out


def _block(toks: tuple[Token, ...], brace: int, out: list[Statement]) -> int:
    end, at = closing(toks, brace), brace + 1
    while at < end:
        at = _statement(toks, at, brace, False, out) + 1
    return end


def _statement(toks: tuple[Token, ...], at: int, block: int, governed: bool, out: list[Statement]) -> int:
    """Adds the statement at `at` and those in it; its last token."""
    word, slot = toks[at].text, len(out)
    out.append(Statement("simple", at, at, governed, block))
    kind, end = "simple", at
    if toks[at].kind == "directive":
        kind = "directive"
    elif word == "{":
        kind, end = "block", _block(toks, at, out)
    elif word in ("if", "while", "for", "switch") or _iterates(toks, at):
        kind = "if" if word == "if" else "loop"
        end = _statement(toks, closing(toks, at + 1) + 1, block, True, out)
        if word == "if" and end + 1 < len(toks) and toks[end + 1].text == "else":
            end = _statement(toks, end + 2, block, True, out)
    elif word == "do":
        kind, end = "loop", _statement(toks, at + 1, block, True, out)
        end = closing(toks, end + 2) + 1
    elif word in ("case", "default") or (toks[at].kind == "name" and toks[at + 1].text == ":"):
        kind = "label"
        while toks[end].text != ":":
            end += 1
    else:
        kind = word if word in ("return", "goto", "break", "continue") else _kind(toks, at)
        while end < len(toks) - 1 and toks[end].text != ";":
            end = closing(toks, end) + 1 if toks[end].text in CLOSES else end + 1
    out[slot] = Statement(kind, at, end, governed, block)
    return end


def _iterates(toks: tuple[Token, ...], at: int) -> bool:
    """A macro with a statement behind it, as list_for_each_entry() and scoped_guard() have one."""
    if toks[at].kind != "name" or toks[at + 1].text != "(":
        return False
    behind = toks[min(closing(toks, at + 1) + 1, len(toks) - 1)]
    return behind.text == "{" or (behind.kind == "name" and behind.text not in ("else", "while"))


def _kind(toks: tuple[Token, ...], at: int) -> str:
    if toks[at].text in TYPES:
        return "declaration"
    ahead = at + 1
    while toks[ahead].text == "*":
        ahead += 1
    return "declaration" if toks[at].kind == toks[ahead].kind == "name" else "simple"


def edited(text: str, edits: Iterable[Edit]) -> str:
    """The text with all edits made; they may not overlap, and those at one place follow each other as given."""
    out, at = [], 0
    for edit in sorted(edits, key=lambda one: one.start):
        assert edit.start >= at, "edits overlap"
        out += [text[at : edit.start], edit.text]
        at = edit.end
    return "".join([*out, text[at:]])


def indent(text: str, place: int) -> str | None:
    """The blanks before a place if nothing else stands before it on its row."""
    before = text[text.rfind("\n", 0, place) + 1 : place]
    return before if not before.strip() else None
