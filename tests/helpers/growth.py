"""A regular expression in; texts that may make its time grow faster than their length, and how it grows on them, out.

A text is what the expression can match up to some piece of it, that piece or a run of pieces many times, and an end
that fits nothing: where the pieces can be told apart in more than one way, or each is a place to begin again, the time
grows with the square of the length or worse.
"""

from __future__ import annotations

import ast
import re
import time
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from re import _constants as sre
from re import _parser
from typing import NamedTuple

import reviewbot

TOP = Path(reviewbot.__file__).parent
SMALL, LARGE = 800, 3_200  # characters
SLOW = 8.0  # times that four times the text takes: 4 where time grows with the length, 16 where with its square
NOTICED = 0.003  # seconds of the larger text below which nothing is said
_TRIED = " \t\n\"\\()[]{}<>,;:=1a_.*@/#-+|&~!^$%?'`AbZ0\0\r"
_GENERAL = (*' \t\na1(){}["\\<,:', '\\"', "a ", "a(", "1:", " \n", "\\\n", "a\n")


class Found(NamedTuple):
    """An expression in a source file, and how it is used: "match" where only at one place, else "search"."""

    where: str
    pattern: re.Pattern
    use: str


class Growth(NamedTuple):
    pump: str
    small: float
    large: float

    @property
    def ratio(self) -> float:
        return self.large / max(self.small, 1e-6)


# --- what there is ---


def expressions() -> Iterator[Found]:
    """Every regular expression of the package, once for each way it is used; what is put in at run time is a name."""
    for path in sorted(TOP.rglob("*.py")):
        tree, known = ast.parse(path.read_text()), texts(path)
        module = path.relative_to(TOP).with_suffix("").as_posix()
        names = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign) and (made := _compiled(node.value, known)) is not None:
                target = node.targets[0]
                names[target.id if isinstance(target, ast.Name) else getattr(target, "attr", "")] = made
        uses: dict[str, set[str]] = {name: set() for name in names}
        for node in ast.walk(tree):
            if not isinstance(node, ast.Attribute):
                continue
            owner = node.value
            name = owner.id if isinstance(owner, ast.Name) else getattr(owner, "attr", "")
            if name in uses and node.attr != "pattern":
                uses[name].add("match" if node.attr in ("match", "fullmatch") else "search")
        for name, ways in uses.items():
            for way in sorted(ways or {"search"}):
                yield Found(f"{module}.{name}", names[name], way)
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                func = node.func
                inline = isinstance(func.value, ast.Name) and func.value.id == "re" and func.attr != "compile"
                if inline and node.args and (source := _text(node.args[0], known)) is not None:
                    way = "match" if func.attr in ("match", "fullmatch") else "search"
                    yield Found(f"{module}:{node.lineno}", re.compile(source, _flags(node)), way)


@cache
def texts(path: Path) -> Mapping[str, str | bytes]:
    """The texts that names at the top of a module stand for, those it imports included."""
    found: dict[str, str | bytes] = {}
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("reviewbot."):
            source = TOP.parent.joinpath(*node.module.split(".")).with_suffix(".py")
            theirs = texts(source) if source.is_file() else {}
            found |= {one.asname or one.name: theirs[one.name] for one in node.names if one.name in theirs}
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            text = _text(node.value, found)
            if text is not None:
                found[node.targets[0].id] = text
    return found


def _compiled(node: ast.expr, known: Mapping[str, str | bytes]) -> re.Pattern | None:
    if not (isinstance(node, ast.Call) and ast.unparse(node.func) in ("re.compile", "pattern")):
        return None
    source = _text(node.args[0], known)
    return None if source is None else re.compile(source, _flags(node))


def _flags(call: ast.Call) -> int:
    given = (*call.args[1:], *(word.value for word in call.keywords))
    names = {node.attr for one in given for node in ast.walk(one) if isinstance(node, ast.Attribute)}
    flags = re.RegexFlag(0)
    for name in names & re.RegexFlag.__members__.keys():
        flags |= re.RegexFlag[name]
    return flags


def _text(node: ast.expr, known: Mapping[str, str | bytes]) -> str | bytes | None:
    """What an expression in the source says, with a name for all that is known at run time alone."""
    if isinstance(node, ast.Name):
        return known.get(node.id)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "encode":
        text = _text(node.func.value, known)
        return text.encode() if isinstance(text, str) else None
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str | bytes) else None
    if isinstance(node, ast.JoinedStr):
        return "".join(one.value if isinstance(one, ast.Constant) else "name" for one in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
        left = _text(node.left, known)
        return None if left is None else re.sub(rb"%[bs]", b"name", left) if isinstance(left, bytes) else left
    if isinstance(node, ast.BinOp):
        left, right = _text(node.left, known), _text(node.right, known)
        return None if left is None or right is None else left + right
    return None


# --- what to try ---


def pumps(pattern: re.Pattern) -> Iterator[tuple[str, str]]:
    """Beginnings, and what to repeat after each."""
    source = pattern.pattern
    text = source.decode("latin-1") if isinstance(source, bytes) else source
    tree = _parser.parse(text, pattern.flags)
    seen = set()
    for pieces in _sequences(list(tree)):
        for first in range(len(pieces)):
            before = "".join(pieces[:first])
            for last in range(first + 1, len(pieces) + 1):
                pump = "".join(pieces[first:last])
                if pump:
                    seen.add((before[:200], pump[:200]))
            seen.update((before[:200], one) for one in (_GENERAL if first in (0, 1, len(pieces) - 1) else " a1"))
    yield from sorted(seen)


def _sequences(nodes: list) -> Iterator[list[str]]:
    """Ways through a sequence, as one text for each of its nodes; each of a node's samples is on one of them."""
    samples = [_samples(node) for node in nodes]
    for turn in range(max(map(len, samples), default=0)):
        yield [one[turn % len(one)] for one in samples]
    for at, node in enumerate(nodes):  # what stands inside a group or repetition is a sequence of its own
        before = "".join(one[0] for one in samples[:at])
        for inner in _inner(node):
            for way in _sequences(inner):
                yield [before, *way]


def _inner(node) -> list[list]:
    kind, value = node
    if kind is sre.SUBPATTERN:
        return [list(value[3])]
    if kind in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
        return [list(value[2])]
    if kind is sre.BRANCH:
        return [list(one) for one in value[1]]
    if kind is sre.ATOMIC_GROUP:
        return [list(value)]
    return []


def _samples(node) -> list[str]:
    kind, value = node
    if kind is sre.LITERAL:
        return [chr(value)]
    if kind is sre.NOT_LITERAL:
        return [next(one for one in "a 1(\n" if ord(one) != value)]
    if kind is sre.ANY:
        return ["a", " "]
    if kind is sre.IN:
        return _of_class(value)
    if kind is sre.BRANCH:
        return [one for inner in value[1] for one in _joined(list(inner))[:2]][:6]
    if kind is sre.SUBPATTERN:
        return _joined(list(value[3]))
    if kind is sre.ATOMIC_GROUP:
        return _joined(list(value))
    if kind in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
        least, _, inner = value
        return [one * max(least, 1) for one in _joined(list(inner))]
    return [""]


def _joined(nodes: list) -> list[str]:
    out = [""]
    for node in nodes:
        out = [one + sample for one in out for sample in _samples(node)][:6]
    return out


def _of_class(items: list) -> list[str]:
    negated = bool(items) and items[0][0] is sre.NEGATE
    fits = [char for char in _TRIED if _in_class(items, ord(char)) != negated]
    picked = dict.fromkeys([*(one for one in fits if one in "a1 "), *fits])
    return list(picked)[:3] or ["a"]


def _in_class(items: list, code: int) -> bool:
    for kind, value in items:
        if kind is sre.LITERAL and value == code:
            return True
        if kind is sre.RANGE and value[0] <= code <= value[1]:
            return True
        if kind is sre.CATEGORY and _category(value, chr(code)):
            return True
    return False


def _category(kind, char: str) -> bool:
    tests = {
        sre.CATEGORY_DIGIT: char.isdigit(),
        sre.CATEGORY_SPACE: char.isspace(),
        sre.CATEGORY_WORD: char.isalnum() or char == "_",
    }
    opposite = {
        sre.CATEGORY_NOT_DIGIT: sre.CATEGORY_DIGIT,
        sre.CATEGORY_NOT_SPACE: sre.CATEGORY_SPACE,
        sre.CATEGORY_NOT_WORD: sre.CATEGORY_WORD,
    }
    return not tests[opposite[kind]] if kind in opposite else tests[kind]


# --- how it grows ---


def worst(found: Found) -> Growth | None:
    """A text on which the time of an expression grows faster than the length, None where there is none."""
    for before, pump in pumps(found.pattern):
        for end in ("\0", "\n\0"):
            if _seconds(found, before, pump, end, LARGE) < NOTICED:
                continue
            small = min(_seconds(found, before, pump, end, SMALL) for _ in range(3))
            large = min(_seconds(found, before, pump, end, LARGE) for _ in range(2))
            one = Growth(f"{before!r} + {pump!r} * n + {end!r}", small, large)
            if large > NOTICED and one.ratio > SLOW:
                return one
    return None


def _seconds(found: Found, before: str, pump: str, end: str, size: int) -> float:
    text: str | bytes = before + pump * (size // len(pump)) + end
    if isinstance(found.pattern.pattern, bytes):
        text = text.encode("latin-1")
    begin = time.process_time()
    if found.use == "match":
        found.pattern.match(text)
        found.pattern.fullmatch(text)
    else:
        for _ in found.pattern.finditer(text):
            pass
    return time.process_time() - begin
