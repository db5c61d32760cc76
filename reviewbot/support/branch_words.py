"""Says of removed and added lines what they do to the ways that lead to what stands below, by words alone.

A condition was asked, and who left early did not come there: without either more callers do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from reviewbot.support.patterns import pattern

_LEAVES = pattern(rb"\b(?:else|case|return|goto|break|continue)\b")
_ELSE = pattern(rb"\belse\b")
_ASKS = pattern(rb"\b(?:if|while|switch)\b|&&|\|\|")
_COMMENT = (b"*", b"/*", b"//")
_WORD = pattern(rb"\w++")
_CONDITION = pattern(r"\b(?:if|while|switch)\b")
_CALL = pattern(r"\b(?!(?:if|while|switch|for|return|sizeof|likely|unlikely)\b)[A-Za-z_]\w*+\s*+\(")
_PARAMETER = pattern(rb"\b(\w++)\s*+(?:\[\w*+\]\s*+)?[,)]")
_NAME = pattern(rb"(?<!->)(?<!\.)\b([A-Za-z_]\w*+)(?!\s*+(?:->|\.|\())")  # of a variable, and not of what it leads to


def is_loosened(removed: bytes, ends: frozenset[bytes]) -> bool:
    """Whether a condition is among removed lines, or what leads elsewhere, or one of some calls, which end a scope."""
    rows = [*_code(removed)]
    leads = any(_ASKS.search(row) or _LEAVES.search(row) for row in rows)
    return leads or any(not ends.isdisjoint(_WORD.findall(row)) for row in rows)


def kept_away(removed: Iterable[bytes], body: bytes) -> bytes:
    """The rows that said who came to what stands below before runs of lines were removed; b"" for everyone.

    Those of the runs with a condition, which may have several; where what leads elsewhere was removed and no condition
    with it, all conditions of the body as it is.
    """
    rows: list[bytes] = []
    left = False
    for run in removed:
        code = [*_code(run)]
        asks = any(_ASKS.search(row) for row in code)
        rows += code if asks else ()
        left = left or any(_ELSE.search(row) if asks else _LEAVES.search(row) for row in code)
    if left:
        rows += [row for row in _code(body) if _ASKS.search(row)]
    return b"\n".join(rows)


def asks_parameter(rows: bytes, head: bytes) -> bool:
    """Whether some rows of conditions ask for a parameter of the function itself, which a caller may settle."""
    given = _PARAMETER.findall(head[head.rfind(b"(") :]) if rows else ()
    return bool(given) and not set(given).isdisjoint(_NAME.findall(rows))


def has_word(rows: bytes, words: frozenset[bytes]) -> bool:
    """Whether one of some words is a name in some rows, or a part of one."""
    names = _WORD.findall(rows)
    return any(name in words or not words.isdisjoint(name.lower().split(b"_")) for name in names)


def _code(lines: bytes) -> Iterator[bytes]:
    rows = (row.lstrip() for row in lines.split(b"\n"))
    return (row for row in rows if not row.startswith(_COMMENT))


def asks_others(added: str) -> bool:
    """Whether added lines have a condition, and call what may answer it."""
    return _CONDITION.search(added) is not None and _CALL.search(added) is not None
