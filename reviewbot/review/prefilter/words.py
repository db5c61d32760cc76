"""Composes the word tables of the prefilter from the rows of rules, by the roles that their checks declare."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

from reviewbot.checks.declaration import Declaration, Role, Trigger, check_of, declaration_of
from reviewbot.kernel.rows import Row, strings
from reviewbot.model.kernel import Kernel, Rule


class DeclaredRule(NamedTuple):
    """A rule with what its check declares."""

    rule: Rule
    declaration: Declaration


def declared(rules: Iterable[Rule]) -> list[DeclaredRule] | None:
    """The rules with their declarations; None if a check has none, or a rule has a row key that its check's leaves out.

    Of such a rule nothing is known, and nothing may be sifted away from it.
    """
    every = list(rules)
    found = known_rules(every)
    return found if len(found) == len(every) else None


def known_rules(rules: Iterable[Rule]) -> list[DeclaredRule]:
    """Those of some rules of which all is declared."""
    found: list[DeclaredRule] = []
    for rule in rules:
        declaration = declaration_of(check_of(rule))
        if declaration is not None and all(key in declaration.keys for row in rule.rows for key in row):
            found.append(DeclaredRule(rule, declaration))
    return found


class RowWords:
    """What the rows of some rules list, by role."""

    def __init__(self, rules: Sequence[DeclaredRule]) -> None:
        self._rules = rules
        self._words: dict[Role, set[str]] = {role: set() for role in Role}
        for row, declaration in self._rows():
            for key in row:
                self._words[declaration.keys[key]].update(strings(row, key))

    def of(self, *roles: Role) -> set[str]:
        """All words that have one of some roles."""
        return {word for role in roles for word in self._words[role]}

    def places(self) -> Iterator[tuple[frozenset[bytes], tuple[bytes, ...]]]:
        """Flags that a row minds, with how the paths begin where it does: "" for everywhere."""
        for row, declaration in self._rows():
            flags, paths = (_of(row, declaration, role) for role in (Role.FLAGS, Role.PATHS))
            if flags:
                yield as_bytes(flags), tuple(path.encode() for path in paths or ("",))

    def with_trigger(self, trigger: Trigger) -> RowWords:
        """Those of the rules alone whose checks declare a trigger."""
        return RowWords([one for one in self._rules if trigger in one.declaration.triggers])

    def _rows(self) -> Iterator[tuple[Row, Declaration]]:
        return ((row, declaration) for rule, declaration in self._rules for row in rule.rows)


def _of(row: Row, declaration: Declaration, role: Role) -> list[str]:
    """The words of a row that have a role."""
    return [word for key in row if declaration.keys[key] is role for word in strings(row, key)]


def first_words(said: Iterable[str]) -> frozenset[bytes]:
    """The names of calls that are listed as "call position"."""
    return as_bytes(one.split()[0] for one in said)


def last_words(said: Iterable[str]) -> frozenset[bytes]:
    """The names that are listed as "member", "structure member" or "struct type"."""
    return as_bytes(one.split()[-1] for one in said)


def as_bytes(names: Iterable[str]) -> frozenset[bytes]:
    """Names as the bytes of a file have them."""
    return frozenset(name.encode() for name in names)


def context_words(kernel: Kernel) -> frozenset[bytes]:
    """Names, and parts of names, with which a condition may ask for the context: see interproc.context_tests."""
    lists = (kernel.words[name] for name in ("context_calls", "context_words", "lock_words"))
    stems = {prefix.strip("_").lower() for prefix in kernel.words["flag_prefixes"]}
    return as_bytes(stems.union(*lists))


def has_any(text: bytes, words: Collection[bytes]) -> bool:
    """Whether one of some words stands anywhere in a text, as a part of another word too."""
    return any(map(text.__contains__, words))  # a third of the time of a generator
