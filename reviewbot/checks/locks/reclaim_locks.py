"""Says where a request may wait for its own task: it may enter reclaim, which waits for a lock that is held."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from posixpath import dirname
from typing import NamedTuple

from reviewbot.checks.context.atomic_calls import of_file
from reviewbot.checks.context.held_above import FAR
from reviewbot.checks.declaration import Role, no_role
from reviewbot.checks.locks.held_requests import HeldRequest, HeldRequests
from reviewbot.checks.locks.lock_walk import LockWalk
from reviewbot.checks.locks.waited_locks import WaitedLocks
from reviewbot.checks.reclaim.requests import ReclaimRequest, reclaim_request
from reviewbot.dataflow.state import State
from reviewbot.interproc.entry import asks
from reviewbot.kernel.rows import row_words, strings
from reviewbot.model.kernel import Rule
from reviewbot.model.review import CONFIDENCES
from reviewbot.program.call_graph import FunctionKey
from reviewbot.program.context import Context, Hit
from reviewbot.program.file_version import FileVersion
from reviewbot.program.unit import FunctionUnit

LOCK_KEYS: Mapping[str, Role] = {
    **dict.fromkeys(("blocks", "block_guards", "unblocks"), Role.LOCKS),
    **dict.fromkeys(("asked_there", "granted", "last", "never"), Role.CONDITIONS),
    **no_role("makes", "makes_locks", "lock_bit", "lock_instead", "lock_why", "ends", "given_mask", "pinned", "waits"),
}


class RequestTools(NamedTuple):
    """What a check knows of requests: which functions may ask, by words, and what is taken away."""

    asking: Callable[[Collection[FunctionKey]], Collection[FunctionKey]]
    taken: Callable[[State, str, Rule, Context], bool]
    keeps_flags: Callable[[FunctionUnit, Context], bool]


def lock_hits(
    side: FileVersion, rule: Rule, context: Context, requests: RequestTools, known_as_wrong: Collection[tuple[str, int]]
) -> Iterator[Hit]:
    """The requests of a file that may enter reclaim while a lock is held for which reclaim waits.

    `known_as_wrong`: the paths and rows of requests of which more is known already.

    Rows with `waits` say what reclaim runs, and how sure a remark is about a lock that it takes there, but where a word
    of `unless_asked` or `asked_there` stands in a condition, which tell reclaim from others, or one of `last`, which
    only the last user of something meets; `granted` holds in reclaim, `never` does not; `given_mask`: members with the
    mask that it was called with. `ends`: parts of the names of what it is the end of, whose locks nobody else holds by
    then; `pinned`: words of files where reclaim never runs it. See lock_calls() for the calls that take a lock;
    `lock_bit`, `lock_why` and `lock_instead`: what is wrong with a request that has a bit, and what is not.
    """
    known = context.calls.once(f"{rule.id} locks", lambda: _LockedRequests(rule, context, requests))
    here = {side.path, *(one.path for one in context.calls.earlier)}
    for one in known.found:
        row = one.walk.unit.steps[one.at].lines[0]
        if one.function[0] in here and (one.function[0], row) not in known_as_wrong:
            yield known.hit(one, side)


class _LockedRequests:
    """Those of all files that are read as one, worked out once for all of them."""

    def __init__(self, rule: Rule, context: Context, requests: RequestTools) -> None:
        self._rule, self._requests, self._sides = rule, requests, context.calls.sides
        self._contexts = {path: of_file(context, side) for path, side in self._sides.items()}
        self._read: dict[tuple[int, int], ReclaimRequest | None] = {}
        waited = WaitedLocks(rule, context.calls, lambda path: self._contexts[path].lookup)
        self.found = HeldRequests(waited, requests.asking, self._bits, self._taken).found

    def _asked(self, walk: LockWalk, at: int) -> ReclaimRequest | None:
        unit = walk.unit
        return reclaim_request(unit, at, unit.steps[at], self._rule, self._contexts[walk.path])

    def _bits(self, walk: LockWalk, at: int) -> frozenset[str]:
        asked = self._asked(walk, at)
        return asked.bits if asked is not None else frozenset()

    def _taken(self, walk: LockWalk, at: int, state: State, bits: frozenset[str]) -> bool:
        context = self._contexts[walk.path]
        if self._requests.keeps_flags(walk.unit, context) or asks(walk.unit, at, row_words(self._rule, "asked")):
            return True
        return any(self._requests.taken(state, bit, self._rule, context) for bit in bits)

    def hit(self, one: HeldRequest, side: FileVersion) -> Hit:
        """A request as the check of the rule says it."""
        asked, step = self._asked(one.walk, one.at), one.walk.unit.steps[one.at]
        assert asked is not None  # it was one when it was found
        path, name = one.function
        bit = str(one.waited.row["bit"])
        shown = (*one.shown, *one.waited.shown)
        rows = [row for row in self._rule.rows if strings(row, "lock_bit") == (bit,)]
        held = f"{one.held}" + (f" in {one.calls[0][1]}()" if one.calls else "")
        values: Mapping[str, str] = {
            "call": asked.said,
            "where": f"{one.waited.lock.said} is held since {held}, {one.waited.said}",
            "bit": bit,
            "why": str(rows[0]["lock_why"]),
            "instead": str(rows[0]["lock_instead"]),
        }
        others = {where for where, _, _ in shown} - {path}
        far = bool(others) and max(len(one.shown), len(one.waited.shown)) > FAR + 1
        # two folders may each have a structure of one name
        apart = bool(one.waited.lock.struct) and dirname(one.shown[0][0]) != dirname(one.waited.shown[-1][0])
        return Hit(
            (*asked.rows, *step.lines),
            name,
            f"{step.name} {asked.mask} {bit} {one.waited.lock.said}",
            values,
            tuple((row, note) for where, row, note in shown if where == path),
            min(asked.sure, "medium", "low" if far or apart else one.sure, key=CONFIDENCES.index),
            cause=f"{bit} {one.waited.lock.said}",
            side=None if path == side.path else self._sides[path],
            elsewhere=tuple((self._sides[where], row, note) for where, row, note in shown if where != path),
            said="asks here" if one.calls else "",
        )
