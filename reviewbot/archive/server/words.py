"""Makes the question to a list's search out of the rules: patches that add a word that a rule looks for.

A server takes an address of some thousand characters, and public-inbox completes a word to 100 others at most, so each
word is spelled out. The tables have more than fit. So they come in this order, and the rest is left out: the types and
names of flags; scopes; plain allocators; what takes or leaves a lock; other allocators without a mask. An allocator
with a mask need not be asked for: who adds a call of it adds the mask.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from pathlib import Path

from reviewbot.kernel import rules
from reviewbot.model.kernel import Kernel, ScopeKind

LONGEST = 7_500  # characters of a question; servers refuse an address of 8,192
_OR = len(" OR ")
_SLAB = "slab"  # the family of plain allocators; the newest of them need no mask
_COMMON = ("vmalloc", "kvmalloc", "percpu", "user")  # families of others that are called everywhere
_PAIRS = 5  # of the calls of a scope


def rules_query(folders: Sequence[Path]) -> str:
    """The question for the newest kernel that the rules of some folders know."""
    kernel, _ = rules.load(folders, max(rules.releases(folders).days))
    scopes = [scope for scope in kernel.scopes.values() if not scope.atomic and scope.family != "handle"]
    gone = list(dict.fromkeys(_calls(scopes)))
    taken_away = f"dfa:({' OR '.join(gone)})"
    added = " OR ".join(_fitting(_words(kernel, scopes), LONGEST - len(f"dfb:() OR {taken_away}")))
    return f"dfb:({added}) OR {taken_away}"


def _words(kernel: Kernel, scopes: Iterable[ScopeKind]) -> Iterator[str]:
    allocators = [one for one in kernel.allocators.values() if one.allocates]
    yield from sorted(kernel.words["mask_types"])
    yield from sorted(word for word in kernel.words["telling"] if word.islower())
    yield from sorted({*kernel.flags, *kernel.spans})
    yield from _calls(scopes)
    maskless = [one for one in allocators if one.gfp is None]
    yield from (one.name for one in allocators if one.family == _SLAB)
    yield from (one.name for one in maskless if one.family in _COMMON)
    yield from sorted(kernel.words["guards"] | kernel.words["scoped_guards"])
    yield from _plain_first(scope for scope in kernel.scopes.values() if scope.atomic)
    yield from (one.name for one in maskless)


def _calls(scopes: Iterable[ScopeKind]) -> Iterator[str]:
    return (gate.call for scope in scopes for gate in (*scope.enter, *scope.leave))


def _plain_first(scopes: Iterable[ScopeKind]) -> Iterator[str]:
    """The first pair of calls of each scope, some more of each, and the others; common ones have many calls."""
    paired = [list(zip_longest(scope.enter, scope.leave)) for scope in scopes]
    paired.sort(key=len, reverse=True)
    cuts = ((0, 1), (1, _PAIRS), (_PAIRS, None))
    order = [pairs[begin:end] for begin, end in cuts for pairs in paired]
    return (gate.call for pairs in order for pair in pairs for gate in pair if gate is not None)


def _fitting(words: Iterable[str], size: int) -> Iterator[str]:
    for word in dict.fromkeys(words):
        size -= len(word) + _OR
        if size < 0:
            return
        yield word
