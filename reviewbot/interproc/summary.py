"""Defines what a caller has to know of a function, as plain data.

A summary says which calls of a function, or of those below it, matter to its callers, on which conditions, and which
locks are given back before. A call site says what the caller knows and holds where it calls. Neither refers to parsed
text, so that both can be stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from msgspec import Struct

from reviewbot.interproc.entry import EntryContext
from reviewbot.program.call_graph import FunctionKey
from reviewbot.support.patterns import pattern

DEEPEST = 4  # calls from what is held down to the function with the request
ANY = "*"  # the scope of what a call gives back whose name says that it may; see Effect.once as well
_LAST = pattern(r"(\w+)\W*\Z")


class Lock(NamedTuple):
    """What tells one lock from others: its scope, and the last member of its name.

    `member`: "" for what has no name, such as an RCU section. `parameter`: the lock is the argument at this position,
    from 0; -1 where it is not. `local`: the name is that of a variable of one function, and says nothing in others.
    `wide`: who gives it back may end more than a lock: interrupts or preemption are on again, or RCU is left.
    """

    scope: str
    member: str
    parameter: int = -1
    local: bool = False
    wide: bool = False


class Condition(NamedTuple):
    """A condition on the way to a call, and how it turned out.

    `text`: in terms of the parameters of the function that it belongs to. `telling`: it may be what tells one caller's
    context from another's; `fixed`: no caller can settle it.
    """

    text: str
    true: bool
    telling: bool
    fixed: bool = False


Way = frozenset[Condition]


class SiteState(NamedTuple):
    """What holds on some of the ways to a call: conditions as the caller has them, and the scopes that are open.

    `last_user`: only who has given back the last reference comes there.
    """

    facts: frozenset[tuple[str, bool]]
    way: Way
    held: tuple[int, ...]
    last_user: bool


class Through(NamedTuple):
    """A call through a member of a structure, taken for one function.

    `name`: what stands before the parenthesis; `bodies`: how many functions it may be; `function`: which it is taken
    for; `row`: the path of a file and a row, from 0, that put this one there, None where they were not read.
    """

    name: str
    bodies: int
    function: str
    row: tuple[str, int] | None


class CallSite(Struct, frozen=True):
    """A call of one known function in another.

    `at` and `row`: its instruction and its row in the caller, from 0; `args`: the texts of the arguments; `states`:
    what is known on the ways to it, with the numbers of `opened`; `opened`: the entry context that each open scope
    makes, and its lock; `dropped`: what the caller may have given back before; `once`: see Effect; `blank`: the local
    structures of the caller of which it has set some members, see settle; `fresh`: its variables that point to what it
    has just allocated; `through`: the member that is called, None where the call names its function.
    """

    caller: FunctionKey
    callee: FunctionKey
    at: int
    row: int
    args: tuple[str, ...]
    states: tuple[SiteState, ...]
    opened: tuple[tuple[Lock, EntryContext], ...]
    dropped: frozenset[Lock] = frozenset()
    once: str = ""
    blank: Mapping[str, frozenset[str]] = {}
    fresh: frozenset[str] = frozenset()
    through: Through | None = None


class Effect(Struct, frozen=True):
    """A call that matters to the callers of a function, in it or in what it calls.

    `origin`: the function in which that call stands, and its instruction; `at`: the instruction of the summary's own
    function by which it comes to that; `calls`: the functions from there down to the origin, each with the row in which
    it makes the next call. `ways`: the conditions on which it is reached; `dropped`: the locks that may be given back
    before. `by_others`: it does not matter where only the last user comes to it, who need not hold what is held.
    `once`: a function on the way comes to it only as long as something is not there yet, which it then sets up: in what
    this parameter points to, ANY for something else, "" where there is no such thing; `through`: the members that are
    called on the way.
    """

    origin: tuple[FunctionKey, int]
    at: int
    ways: tuple[Way, ...]
    dropped: frozenset[Lock] = frozenset()
    calls: tuple[tuple[FunctionKey, int], ...] = ()
    by_others: bool = False
    once: str = ""
    through: tuple[Through, ...] = ()


class Summary(Struct, frozen=True):
    """What callers have to know of a function.

    `params`: the names of its parameters, "" for one that it writes to; `effects`: what matters to them, as many calls
    deep as was asked; `releases`: the locks that it may give back without having taken them; `abstained`: why nothing
    else is known, "" if it is.
    """

    function: FunctionKey
    params: tuple[str, ...]
    effects: tuple[Effect, ...] = ()
    releases: frozenset[Lock] = frozenset()
    abstained: str = ""


def last_member(text: str) -> str:
    """The last name in the text of a lock, by which it is known in all functions."""
    found = _LAST.search(text)
    return found[1] if found is not None else ""


def given_back(lock: Lock, dropped: Iterable[Lock]) -> bool:
    """Whether a lock may be among those that are given back."""
    for one in dropped:
        if one.scope == ANY or (lock.member and lock.member == one.member):
            return True
        if lock.member and lock.scope == one.scope and (lock.local or one.local):
            return True
        if not lock.member and one.scope == lock.scope:
            return True
    return False


def enables(dropped: Iterable[Lock]) -> bool:
    """Whether anything that is given back may end the context in which others run a function."""
    return any(one.wide for one in dropped)


def passed_up(dropped: Iterable[Lock], args: tuple[str, ...], named: Callable[[str, str], Lock]) -> frozenset[Lock]:
    """Locks that a callee gives back, as its caller knows them. `named(scope, text)`: what a lock is in the caller."""
    return frozenset(
        named(one.scope, args[one.parameter]) if 0 <= one.parameter < len(args) else one for one in dropped
    )
