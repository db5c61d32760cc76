"""Follows calls from what a caller holds down to the calls that matter there: who comes to them, and how.

Summaries are made bottom-up, round by round, so that what is one call deep is known before what is two. A chain ends
where a caller surely holds something on every way to its call, or where a function is entered in a context of its own.
Conditions are settled on the way; one that nobody settles and that may tell one caller from another ends the chain.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from reviewbot.interproc import settle
from reviewbot.interproc.entry import EntryContext
from reviewbot.interproc.function_reading import FunctionReading, ReleasedBy, entered_sites, releases_of
from reviewbot.interproc.summary import (
    DEEPEST,
    CallSite,
    Effect,
    Lock,
    SiteState,
    Summary,
    Way,
    enables,
    given_back,
    passed_up,
)
from reviewbot.program.call_graph import FunctionKey

_MOST_EFFECTS = 64  # of one function and one depth
_MOST_ALIKE = 4  # of these that come to one call
_MOST_CHAINS = 16  # to one call

Entered = Mapping[FunctionKey, Sequence[tuple[Lock | None, EntryContext]]]


class CallChain(Struct, frozen=True):
    """How a call is reached in a context in which it matters.

    `entry`: the context, with the functions on the way; `once`: it is reached only until something is set up; `shown`:
    what shows it, each row, from 0, with the path of its file and a note.
    """

    entry: EntryContext
    once: bool
    shown: tuple[tuple[str, int, str], ...]


class CallChains:
    """The chains to some calls of known functions.

    `effects`: the calls that matter, by the function they stand in; `entered`: the functions that are entered in a
    context of their own, each with the lock that this is, None where it is none.
    """

    def __init__(
        self, readings: Sequence[FunctionReading], effects: Mapping[FunctionKey, Sequence[Effect]], entered: Entered
    ) -> None:
        self._readings = {one.key: one for one in readings}
        self._entered = entered
        self._releases: ReleasedBy = releases_of(readings, DEEPEST)
        self._sites: dict[FunctionKey, list[CallSite]] = {}
        for site in entered_sites(readings, self._releases):
            self._sites.setdefault(site.callee, []).append(site)
        self._found: dict[tuple[FunctionKey, int], list[CallChain]] = {}
        self._abstained: set[FunctionKey] = set()
        level = {key: [self._dropping(key, one) for one in some] for key, some in effects.items()}
        for depth in range(DEEPEST + 1):
            for key, some in level.items():
                self._end(key, some)
            level = self._up(level) if depth < DEEPEST else {}

    def to(self, function: FunctionKey, at: int) -> Sequence[CallChain]:
        """The chains to a call, the shortest first."""
        return self._found.get((function, at), ())

    @property
    def abstained(self) -> Iterable[FunctionKey]:
        """The functions that come to more calls that matter than are followed."""
        return self._abstained

    def summary(self, function: FunctionKey, effects: Sequence[Effect]) -> Summary:
        """What callers have to know of a function."""
        reading = self._readings[function]
        static = reading.unit.function.static
        return Summary(function, reading.params, static, tuple(effects), self._releases[function], reading.abstained)

    def _dropping(self, key: FunctionKey, effect: Effect) -> Effect:
        return replace(effect, dropped=effect.dropped | self._readings[key].dropped(effect.at, self._releases))

    # -- a step up --

    def _up(self, level: Mapping[FunctionKey, Sequence[Effect]]) -> dict[FunctionKey, list[Effect]]:
        """What the callers of some functions come to, by these."""
        found: dict[FunctionKey, list[Effect]] = {}
        for callee, effects in level.items():
            if self._readings[callee].abstained:
                continue
            for site in self._sites.get(callee, ()):
                mine = found.setdefault(site.caller, [])
                for effect in effects:
                    self._ends_held(site, effect)
                    if (up := self._lifted(site, effect)) is not None and _room(mine, up):
                        mine.append(up)
                if len(mine) > _MOST_EFFECTS:
                    self._abstained.add(site.caller)
                    del mine[_MOST_EFFECTS:]
        return found

    def _lifted(self, site: CallSite, effect: Effect) -> Effect | None:
        """An effect of a callee as one of its caller; None where the caller's conditions exclude it."""
        if any(key == site.caller for key, _ in effect.calls) or effect.origin[0] == site.caller:
            return None
        ways = {way for state in site.states for way in self._bound(effect, site, state)}
        if not ways:
            return None
        dropped = site.dropped | passed_up(effect.dropped, site.args, self._readings[site.caller].lock)
        calls = ((site.caller, site.row), *effect.calls)
        once = effect.once or site.once
        return replace(effect, at=site.at, ways=settle.few(ways), dropped=dropped, calls=calls, once=once)

    def _bound(self, effect: Effect, site: CallSite, state: SiteState) -> set[Way]:
        if effect.by_others and state.last_user:
            return set()
        params, own = self._readings[site.callee].params, self._readings[site.caller].params
        return settle.bound(effect.ways, site, state, params, frozenset(own) - {""})

    # -- where a chain ends --

    def _ends_held(self, site: CallSite, effect: Effect) -> None:
        """A chain from what the caller of a callee holds at the call, on every way on which it comes to the effect."""
        calls = ((site.caller, site.row), *effect.calls)
        held: list[tuple[int, ...]] = []
        ways: set[Way] = set()
        for state in site.states:
            if found := self._bound(effect, site, state._replace(way=frozenset())):
                ways |= found
                held.append(state.held)
        if not held or settle.undecided(ways):
            return
        dropped = passed_up(effect.dropped, site.args, self._readings[site.caller].lock)
        for number in reversed(held[0]):  # the one taken last says most
            lock, entry = site.opened[number]
            if all(number in one for one in held) and not given_back(lock, dropped):
                self._add(effect, entry, calls)

    def _end(self, key: FunctionKey, effects: Sequence[Effect]) -> None:
        """CallChains from the contexts in which a function is entered itself."""
        for lock, entry in self._entered.get(key, ()):
            for effect in effects:
                kept = not enables(effect.dropped) if lock is None else not given_back(lock, effect.dropped)
                if kept and not self._readings[key].abstained and not settle.undecided(effect.ways):
                    self._add(effect, entry, effect.calls)

    def _add(self, effect: Effect, entry: EntryContext, calls: tuple[tuple[FunctionKey, int], ...]) -> None:
        mine = self._found.setdefault(effect.origin, [])
        if len(mine) < _MOST_CHAINS:
            names = tuple(name for (_, name), _ in calls)
            first = calls[0][0] if calls else effect.origin[0]
            shown = ((first[0], row, note) for row, note in entry.rows)
            called = ((key[0], row, "called from here") for key, row in calls)
            once = effect.once and len(calls) > 1
            mine.append(CallChain(replace(entry, callers=names), once, (*shown, *called)))


def _room(known: Sequence[Effect], effect: Effect) -> bool:
    """Whether one more effect that comes to the same call says something."""
    alike = [one for one in known if one.origin == effect.origin]
    return len(alike) < _MOST_ALIKE and not any(one.ways == effect.ways and one.at == effect.at for one in alike)
