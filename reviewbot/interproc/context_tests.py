"""Decides whether a condition tests the context that the code runs in.

If it does, what follows may be right for one caller only. Only a real test counts: a call that looks at the context, a
flag that says to sleep or not to, a variable of such a name. A test of a length, a count or a direction says nothing.
What a caller passes as a constant decides a test.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Mapping
from functools import lru_cache

from reviewbot.support.patterns import pattern

_NAME = pattern(r"[A-Za-z_]\w*")
_PART = pattern(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_EQUAL = pattern(r"\(?(\w+)\s*([=!])=\s*(\w+)\)?\Z")
_PREFIXED = pattern(r"([a-z]{2,4})([A-Z][A-Z0-9_]*)\Z")  # a constant with a prefix that says whose it is
_SHORT = 2  # capitals that a variable may end with as well: cpuID
_CHOICE = pattern(r"[A-Z][A-Z0-9]*_\w+\Z")  # one of the names that an enumeration has
_ORDERED = pattern(r"\(?(\w+)\s*([<>]=?)\s*(\d+)\)?\Z")
_MASKED = pattern(r"\(?(\w+)\s*&\s*(\w+)\)?\Z")
_ORDERS: Mapping[str, Callable[[int, int], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_FALSE = ("0", "false", "NULL", "0U", "0UL")

WordLists = Mapping[str, frozenset[str]]


def asks_context(text: str, numbers: Collection[str], words: WordLists) -> bool:
    """Whether a condition, as the text of a fact, tests the context.

    `numbers`: the parameters that are no pointers, which a caller may set by what it holds. `words`, of _macros.toml:
    `context_calls`, calls that look at the context; `context_words`, what the last part of a name that asks is, or any
    part of a flag's; `lock_words`, the same for parameters, and behind `context_questions`; `context_helpers`,
    what else such a name may have in it.
    """
    if (found := _EQUAL.match(text)) and _CHOICE.match(found[3]):
        return _tells(found[3], False, words)  # which of several kinds something is, unless the kind says it
    return any(_tells(name, name in numbers, words) for name in _NAME.findall(text))


def _tells(name: str, given: bool, words: WordLists) -> bool:
    if name in words["context_calls"] or name.startswith(tuple(words["flag_prefixes"])):
        return True
    parts = _parts(name)
    if not parts:
        return False
    asking = given or parts[0] in words["context_questions"]
    core = words["context_words"] | (words["lock_words"] if asking else frozenset())
    if core.isdisjoint(parts):
        return False
    if name.isupper():
        return not words["context_words"].isdisjoint(parts)
    return parts[-1] in words["context_words"] or core | words["context_helpers"] >= set(parts)


@lru_cache(maxsize=4096)
def _parts(name: str) -> tuple[str, ...]:
    """The words that a name is made of, in lower case."""
    return tuple(part.lower() for word in name.split("_") for part in _PART.findall(word))


def truth_under(text: str, given: Mapping[str, str]) -> bool | None:
    """How a condition turns out where parameters have these constants; None if they do not say.

    Constants are names of constants, numbers, true, false and NULL.
    """
    if text in given:
        return not is_false(given[text])
    if (found := _EQUAL.match(text)) and found[1] in given and is_constant(found[3]):
        return (given[found[1]] == found[3]) == (found[2] == "=")
    if (found := _ORDERED.match(text)) and given.get(found[1], "").isdigit():
        return _ORDERS[found[2]](int(given[found[1]]), int(found[3]))
    if (found := _MASKED.match(text)) and found[1] in given and is_false(given[found[1]]):
        return False  # whatever it is masked with
    if found and found[1] in given and is_constant(found[2]):
        if found[2] in _NAME.findall(given[found[1]]):
            return True
        return None if given[found[1]].isdigit() else False
    return None


def is_false(text: str) -> bool:
    """Whether a constant is false where it is tested."""
    return text in _FALSE


def is_constant(text: str) -> bool:
    """Whether an argument is a constant that tells one call from another."""
    names = _NAME.findall(text)
    families = {found[1] for name in names if is_constant_name(name) and (found := _PREFIXED.match(name))}
    known = all(is_constant_name(name) or name in ("true", "false") or _is_one_of(name, families) for name in names)
    return bool(text) and known and not set(text) & set("(){}[].>*&\"'")


def is_constant_name(name: str) -> bool:
    """Whether a name is that of a constant: in capitals, but for a short prefix."""
    return name.isupper() or bool((found := _PREFIXED.match(name)) and len(found[2]) > _SHORT)


def _is_one_of(name: str, families: Collection[str]) -> bool:
    """Whether a short name has the prefix of a constant beside it."""
    return bool((found := _PREFIXED.match(name)) and found[1] in families)
