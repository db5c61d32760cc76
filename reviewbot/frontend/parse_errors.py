"""Says whether a parsed fragment can be trusted, and if not, what the parser did not understand."""

from __future__ import annotations

import re

from tree_sitter import Node

from reviewbot.frontend.fragments import Fragment
from reviewbot.frontend.instructions import squeeze
from reviewbot.support.patterns import pattern

_ENDS = pattern(r"[;{}]")
_MATTERS = pattern(r"[{}]|\w\s*\(|\b(?:if|else|while|for|do|switch|case|default|return|goto|break|continue)\b")
_DEEPEST = 500  # brackets in each other: beyond it a parser's recovery takes minutes
_LONGEST = 250_000  # characters: four times the longest function of the kernel
_SHOWN = 60


def refusal(source: str) -> str:
    """Why a text is not parsed at all, "" if it is."""
    if len(source) > _LONGEST:
        return f"more than {_LONGEST} characters in one function"
    if _deepest(source, "{", "}") > _DEEPEST:
        return "statements nested too deep"
    return "an expression nested too deep" if _deepest(source, "(", ")") > _DEEPEST else ""


def _deepest(source: str, opening: str, closing: str) -> int:
    if source.count(opening) <= _DEEPEST:
        return 0
    depth = deepest = 0
    for match in re.finditer(f"[{opening}{closing}]", source):
        depth = depth + 1 if match.group() == opening else max(0, depth - 1)
        deepest = max(deepest, depth)
    return deepest


def misread(node: Node, data: bytes, fragment: Fragment, telling: frozenset[str]) -> str:
    """The reason not to trust what was parsed below `node`, "" if it can be trusted.

    An error matters if it holds a block, a jump, a call or one of the words `telling`. What a fragment's first and last
    statement lack is outside of it, so that they are no reason.
    """
    low, high = _known(fragment)
    todo = [node]
    while todo:
        at = todo.pop()
        if at.type == "ERROR" or at.is_missing:
            text = data[at.start_byte : at.end_byte].decode("latin-1")
            inside = low <= at.start_byte and at.end_byte <= high
            if inside and (at.type in ("}", ")") or _MATTERS.search(text) or any(word in text for word in telling)):
                row = data.rfind(b"\n", 0, at.start_byte) + 1
                shown = squeeze(data[row:].split(b"\n", 1)[0].decode("latin-1"))
                return f"not understood: {shown[:_SHOWN]}"
        elif at.has_error:
            todo.extend(reversed(at.children))
    return ""


def _known(fragment: Fragment) -> tuple[int, int]:
    """The offsets in the fragment's source between which whole statements stand."""
    start, end = len(fragment.prefix), len(fragment.prefix) + len(fragment.text)
    if not fragment.starts and (first := _ENDS.search(fragment.text)):
        start += first.end()
    if not fragment.ends:
        end = len(fragment.prefix) + max(fragment.text.rfind(sign) for sign in ";{}")
    return start, end
