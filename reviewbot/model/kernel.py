"""Defines what a kernel version has, as rules/_*.toml say it: flags, masks, scopes, allocators; and the rules."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from msgspec import Struct

Version = tuple[int, int]


Data = str | int | bool | tuple[str, ...]


class Mask(Struct, frozen=True):
    """A gfp mask as two sets of bit names: `must` are surely set, `may` can be; `must` is a subset of `may`."""

    must: frozenset[str]
    may: frozenset[str]

    def lacks(self, bit: str) -> bool:
        """Whether the bit is surely clear."""
        return bit not in self.may


class Verdict(Struct, frozen=True):
    """One cell of the flag-scope matrix. `word`: "safe", "unsafe", "pointless", "context" or "none"; `why` it is so."""

    word: str
    why: str
    source: str


class Flag(Struct, frozen=True):
    """A __GFP_ bit or a GFP_ compound, with the bits that it sets in this kernel version."""

    name: str
    kind: str  # "bit" | "compound"
    group: str
    bits: frozenset[str]
    meaning: str
    on: Verdict  # a scope that sets it
    off: Verdict  # a scope that clears it
    api: tuple[str, ...] = ()  # calls that open a scope over it today
    requested: str = ""
    internal: bool = False  # for mm/ alone
    base: bool = False  # a mask of its own: it says whether the request may reclaim


class Lifetime(Struct, frozen=True):
    """The versions that have a name: from `since` on (None: from the beginning), before `until` (None: to this day)."""

    name: str
    since: Version | None
    until: Version | None
    note: str = ""
    instead: str = ""

    @property
    def never(self) -> bool:
        """Whether no version had the name, though people write it."""
        return self.until == (0, 0)

    def holds(self, version: Version) -> bool:
        """Whether this version has the name."""
        return (self.since is None or version >= self.since) and (self.until is None or version < self.until)


class ScopeCall(Struct, frozen=True):
    """A call that enters or leaves a scope.

    `has`: a word that one argument must name (PF_MEMALLOC_NOFS), "" for none. `token`: where the saved state is:
    "result", an argument's 0-based index as text, or "" for none. `key`: the 0-based index of the argument that names
    the lock, -1 for none. `when`: "" always, "true" only if the call returns true.
    """

    call: str
    has: str = ""
    token: str = ""
    key: int = -1
    when: str = ""


class ScopeKind(Struct, frozen=True):
    """A kind of scope: it is entered and left, and in between changes what an allocation may do.

    `clears`, `sets`: gfp bits that it takes from or adds to every mask inside; `hides`: PF_ bits whose scopes have no
    effect on a mask while this one is open; `atomic`: nothing inside may sleep; `flag`: its PF_ bit; `verdict`: the
    word of its row in the flag-scope matrix.
    """

    name: str
    family: str  # "memalloc" | "handle" | "expression" | "memcg" | "lock" | "rcu" | "irq" | "bh" | "preempt"
    enter: tuple[ScopeCall, ...]
    leave: tuple[ScopeCall, ...]
    guards: tuple[str, ...] = ()  # names in guard(NAME)(...), scoped_guard(NAME, ...)
    clears: frozenset[str] = frozenset()
    sets: frozenset[str] = frozenset()
    atomic: bool = False
    flag: str = ""
    verdict: str = "safe"
    why: str = ""
    source: str = ""
    hides: tuple[str, ...] = ()
    known_by: str = ""  # a name that the headers of a tree have where, and only where, they have this scope


class Limit(Struct, frozen=True):
    """A mask that an allocator does not take: it surely has all bits of `has` and surely lacks all of `lacks`."""

    name: str
    has: frozenset[str]
    lacks: frozenset[str]
    effect: str  # what the kernel does, as the end of "kmalloc() ..."
    instead: str
    source: str
    severity: str = ""  # "" = the rule's own
    confidence: str = ""


class Allocator(Struct, frozen=True):
    """A function that allocates. `gfp`, `size`, `order`: the 0-based indexes of these arguments."""

    name: str
    family: str
    gfp: int | None  # None: it takes no mask and uses `implicit`
    implicit: str = ""  # a gfp expression
    size: tuple[int, ...] = ()
    order: int | None = None
    sleeps: str = "mask"  # "mask": as the mask says | "always" | "never"
    allocates: bool = True  # False: it only looks at the mask
    returns: str = "pointer"  # "pointer" | "errno" | "count" | "errptr" | "other"
    nofail_order: int = -1  # largest order __GFP_NOFAIL is promised for, -1 for any
    nofail_when: frozenset[str] = frozenset()  # bits with which it never fails (mempools)
    limits: tuple[Limit, ...] = ()


class Kernel(Struct, frozen=True, dict=True):
    """What rules/_*.toml say about one kernel version."""

    version: Version
    flags: Mapping[str, Flag]
    spans: Mapping[str, Lifetime]  # every GFP_/PF_MEMALLOC name with a known life, this version or not
    scopes: Mapping[str, ScopeKind]
    allocators: Mapping[str, Allocator]
    words: Mapping[str, frozenset[str]]  # _macros.toml: lists of words by purpose

    @cached_property
    def bits(self) -> frozenset[str]:
        """Every single bit of this version."""
        return frozenset(name for name, flag in self.flags.items() if flag.kind == "bit")


class Rule(Struct, frozen=True, eq=False):
    """One rules/<id>.toml; equal to itself alone.

    `summary`, `question` and `ask` are string.Template sources, filled with a hit's values. `question` is what a mail
    says of a hit of high confidence, `ask` of any other; it is "" where both say the same. `bad` and `good`: pieces of
    code, or of a diff, that have the finding and that have none; a line "..." stands for code left out.
    """

    id: str
    severity: str
    confidence: str
    depth: str  # "diff" | "file" | "tree"
    check: str  # "module:function" under reviewbot.checks
    summary: str
    question: str
    why: str
    fix: str
    see: tuple[str, ...] = ()
    since: Version | None = None
    until: Version | None = None
    rows: tuple[Mapping[str, Data], ...] = ()
    yields_to: tuple[str, ...] = ()  # rules that say more of a line
    ask: str = ""
    bad: tuple[str, ...] = ()
    good: tuple[str, ...] = ()
    path: str = ""  # the file that it was read from
