"""Says of removed and added lines what they do to the ways that lead to what stands below, by words alone.

A condition was asked, and who left early did not come there: without either more callers do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from reviewbot.support.patterns import pattern

JUMPS = frozenset((b"goto", b"continue", b"break"))  # they may lead to code with a lock held that is not held otherwise
_LEAVES = pattern(rb"\b(?:else|case|return|goto|break|continue)\b")
_ELSE = pattern(rb"\belse\b")
_ASKS = pattern(rb"\b(?:if|while|switch)\b|&&|\|\|")
_COMMENT = (b"*", b"/*", b"//")
_WORD = pattern(rb"\w++")
_CONDITION = pattern(r"\b(?:if|while|switch)\b")
_TURNS = pattern(rb"\b(?:goto|continue|break|while|for)\b")
_CLOSES = pattern(rb"\}\s*\Z")
_SET = pattern(rb"\b(\w++)\s*+(?:[|&^]|<<|>>)?=(?!=)")
_CALL = pattern(r"\b(?!(?:if|while|switch|for|return|sizeof|likely|unlikely)\b)[A-Za-z_]\w*+\s*+\(")
_PARAMETER = pattern(rb"\b(\w++)\s*+(?:\[\w*+\]\s*+)?[,)]")
_NAME = pattern(rb"(?<!->)(?<!\.)\b([A-Za-z_]\w*+)(?!\s*+(?:->|\.|\())")  # of a variable, and not of what it leads to


def decides(changed: bytes) -> bool:
    """Whether a condition is among changed lines, or what leads elsewhere, or the end of a block."""
    return any(_ASKS.search(row) or _LEAVES.search(row) or _CLOSES.match(row) for row in _code(changed))


def turns(changed: bytes) -> bool:
    """Whether changed lines have what may lead to a line above."""
    return any(_TURNS.search(row) for row in _code(changed))


def names_set(changed: bytes) -> frozenset[bytes]:
    """The variables and members that changed lines give a value."""
    return frozenset(name for row in _code(changed) for name in _SET.findall(row))


def has_condition(row: bytes) -> bool:
    """Whether a row has a condition, or a part of one."""
    return _ASKS.search(row) is not None


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
