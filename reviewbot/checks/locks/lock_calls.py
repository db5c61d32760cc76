"""Knows the calls that take and give back locks that sleep, as the rows of a rule list them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property, lru_cache

from msgspec import Struct

from reviewbot.kernel.rows import row_words
from reviewbot.model.kernel import Rule

_LONGEST = 120  # characters of what stands between the parentheses of such a call
_MOST_TEXTS = 1024  # functions of which the locks are known
_MOST_RULES = 8  # of as many kernels
_WORD = re.compile(r"\w+")
SHARED, NESTED = "shared", "nested"


class LockCalls(Struct, frozen=True, dict=True):
    """`takes`: by the call, where the lock stands, and how it is taken: "", SHARED or NESTED, beside others of its
    class; `gives`: where it stands there. `guards`: how a lock is taken, by the class of the guard.

    `inits`: calls that make a lock; `fresh`: parts of the names of calls that make what has one.
    """

    takes: Mapping[str, tuple[int, str]]
    gives: Mapping[str, int]
    guards: Mapping[str, str]
    inits: frozenset[str]
    fresh: frozenset[str]

    @cached_property
    def _taken(self) -> re.Pattern[str]:
        calls = "|".join(map(re.escape, sorted(self.takes, key=len, reverse=True)))
        guards = "|".join(map(re.escape, sorted(self.guards, key=len, reverse=True)))
        # guard(CLASS)(...); or scoped_guard(CLASS, ...), which stands as a loop in a text that is made ready
        opened = rf"(?:{calls})\s*\(|\w+\s*\(\s*(?:{guards})\s*(?:,|\)\s*\()"
        return re.compile(rf"\b(?:{opened})([^;{{}}]{{1,{_LONGEST}}})")

    @cached_property
    def _given(self) -> re.Pattern[str]:
        return re.compile(rf"\b(?:{'|'.join(map(re.escape, sorted(self.gives)))})\s*\(")

    def words_taken(self, text: str) -> frozenset[str]:
        """The words in the names of the locks that a text takes; of a local pointer those of what it is given too."""
        return self._words_taken(text)

    @cached_property
    def _words_taken(self) -> Callable[[str], frozenset[str]]:
        """The same; of most texts it is asked more than once."""

        names = (*self.takes, *self.guards)

        def words(text: str) -> frozenset[str]:
            if not any(map(text.__contains__, names)):  # as in most
                return frozenset()
            return frozenset(word for said in self._taken.findall(text) for word in _words_of(said, text))

        return lru_cache(maxsize=_MOST_TEXTS)(words)

    def gives_back(self, text: str) -> bool:
        """Whether a text gives a lock back."""
        return self._given.search(text) is not None


@lru_cache(maxsize=_MOST_RULES)
def lock_calls(rule: Rule) -> LockCalls:
    """The calls that a rule lists.

    `blocks`: "call position", or with how the lock is taken behind that; `unblocks`: the same of those that give it
    back; `block_guards`: classes of guards; `makes_locks`: calls that make a lock; `makes`: parts of the names of calls
    that make what has one.
    """
    takes = (said.split() for said in sorted(row_words(rule, "blocks")))
    gives = (said.split() for said in sorted(row_words(rule, "unblocks")))
    guards = (said.partition(" ") for said in sorted(row_words(rule, "block_guards")))
    return LockCalls(
        {name: (int(at), next(iter(how), "")) for name, at, *how in takes},
        {name: int(at) for name, at in gives},
        {name: how for name, _, how in guards},
        row_words(rule, "makes_locks"),
        row_words(rule, "makes"),
    )


def _words_of(said: str, text: str) -> Iterator[str]:
    words = _WORD.findall(said.partition(",")[0])
    yield from words
    if len(words) == 1:
        given = re.search(rf"\b{words[0]}\s*=\s*&?([^;{{}}]{{1,{_LONGEST}}})", text)
        yield from _WORD.findall(given[1]) if given is not None else ()
