"""Follows calls from what a caller holds down to the calls that matter there: who comes to them, and how.

Summaries are made bottom-up, round by round, so that what is one call deep is known before what is two. A chain ends
where a caller surely holds something on every way to its call, or where a function is entered in a context of its own.
Conditions are settled on the way; one that nobody settles and that may tell one caller from another ends the chain.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from reviewbot.interproc import settle
from reviewbot.interproc.entry import EntryContext
from reviewbot.interproc.function_reading import FunctionReading, ReleasedBy, entered_sites, releases_of
from reviewbot.interproc.summary import (
    ANY,
    DEEPEST,
    CallSite,
    Effect,
    Lock,
    SiteState,
    Summary,
    Through,
    Way,
    enables,
    given_back,
    passed_up,
)
from reviewbot.program.call_graph import FunctionKey
from reviewbot.program.context import HitChain
from reviewbot.program.file_version import FileVersion
from reviewbot.program.operations.resolver import FEW_BODIES

_MOST_EFFECTS = 64  # of one function and one depth
_MOST_ALIKE = 4  # of these that come to one call
_MOST_CHAINS = 16  # to one call

Entered = Mapping[FunctionKey, Sequence[tuple[Lock | None, EntryContext]]]
Callers = Callable[[FunctionKey], Collection[FunctionKey]]


class CallChain(Struct, frozen=True):
    """How a call is reached in a context in which it matters.

    `entry`: the context, with the functions on the way; `once`: it is reached only until something is set up; `shown`:
    what shows it, each row, from 0, with the path of its file and a note; `through`: see Effect.
    """

    entry: EntryContext
    once: bool
    shown: tuple[tuple[str, int, str], ...]
    through: tuple[Through, ...] = ()

    @property
    def unsure(self) -> bool:
        """Whether a member on the way may be too many functions, or two of them may not belong together."""
        return len(self.through) > 1 or any(one.bodies > FEW_BODIES for one in self.through)

    @property
    def doubts(self) -> Iterator[str]:
        """What is not certain of the members on the way, for a reader."""
        for one in self.through:
            if one.bodies == 1:
                yield f"{one.name}() is {one.function}() as far as tables of functions show"
            else:
                yield f"{one.name}() is {one.function}() or another one: tables have {one.bodies} functions there"

    def doubts_about(self, far: bool, unread: str) -> Iterator[str]:
        """What else is not certain of it, for a reader.

        `far`: the way is too long for what it shows; `unread`: what is handed the mask, "" for nothing.
        """
        if self.once:
            yield "it may be reached only while something is not set up, or has no operation of its own"
        if far:
            yield f"{len(self.calls)} calls through several files are a long way"
        if unread:
            yield f"what {unread}() does with the mask was not read"

    @property
    def calls(self) -> tuple[FunctionKey, ...]:
        """The functions that call one another on the way, the outermost first."""
        callers = self.entry.callers
        behind = self.shown[len(self.shown) - len(callers) :]
        return tuple((path, name) for (path, _, _), name in zip(behind, callers, strict=True))


class CallChains:
    """The chains to some calls of known functions.

    `effects`: the calls that matter, by the function they stand in; `entered`: the functions that are entered in a
    context of their own, each with the lock that this is, None where it is none; `callers`: who comes to a function, by
    words. `abstained`: the functions that come to more calls that matter than are followed.
    """

    def __init__(
        self,
        readings: Sequence[FunctionReading],
        effects: Mapping[FunctionKey, Sequence[Effect]],
        entered: Entered,
        callers: Callers = lambda _: (),
    ) -> None:
        self._readings = {one.key: one for one in readings}
        self._entered = entered
        releases: ReleasedBy = releases_of(readings, DEEPEST)
        self._sites: dict[FunctionKey, list[CallSite]] = {}
        for site in entered_sites(readings, releases):
            self._sites.setdefault(site.callee, []).append(site)
        self._found: dict[tuple[FunctionKey, int], list[CallChain]] = {}
        self.abstained: set[FunctionKey] = set()
        level = [_summary(one, effects.get(one.key, ()), releases) for one in readings]
        self._known = level
        for depth in range(DEEPEST + 1):
            for summary in level:
                self._end(summary)
            level = self._up(level) if depth < DEEPEST else []
        for (function, _), chains in self._found.items():
            chains[:] = _with_once(function, chains, callers) if any(one.once for one in chains) else chains

    def to(self, function: FunctionKey, at: int) -> Sequence[CallChain]:
        """The chains to a call, the shortest first."""
        return self._found.get((function, at), ())

    # -- a step up --

    def _up(self, level: Sequence[Summary]) -> list[Summary]:
        """The summaries of callers, of what they come to by some functions."""
        found: dict[FunctionKey, list[Effect]] = {}
        for summary in (one for one in level if not one.abstained):
            for site in self._sites.get(summary.function, ()):
                mine = found.setdefault(site.caller, [])
                for effect in summary.effects:
                    self._ends_held(summary, site, effect)
                    if (up := self._lifted(summary, site, effect)) is not None and _room(mine, up):
                        mine.append(up)
                if len(mine) > _MOST_EFFECTS:
                    self.abstained.add(site.caller)
                    del mine[_MOST_EFFECTS:]
        known = {one.function: one for one in self._known}
        return [replace(known[key], effects=tuple(effects)) for key, effects in found.items() if effects]

    def _lifted(self, summary: Summary, site: CallSite, effect: Effect) -> Effect | None:
        """An effect of a callee as one of its caller; None where the caller's conditions exclude it."""
        if any(key == site.caller for key, _ in effect.calls) or effect.origin[0] == site.caller:
            return None
        ways = {way for state in site.states for way in self._bound(summary, effect, site, state)}
        if not ways:
            return None
        dropped = site.dropped | passed_up(effect.dropped, site.args, self._readings[site.caller].lock)
        calls = ((site.caller, site.row), *effect.calls)
        once = {self._once(summary, site, effect), site.once} - {""}
        through = _through(site, effect)
        ways_up = settle.few(ways)
        return replace(
            effect,
            at=site.at,
            ways=ways_up,
            dropped=dropped,
            calls=calls,
            once="".join(once) if len(once) < 2 else ANY,
            through=through,
        )

    def _once(self, summary: Summary, site: CallSite, effect: Effect) -> str:
        """What a callee sets up once, as its caller knows it; "" where that is never there at the call."""
        if effect.once not in summary.params or not effect.once:
            return effect.once
        place = summary.params.index(effect.once)
        given = site.args[place] if place < len(site.args) else ""
        if given in site.fresh:
            return ""
        return given if given and given in self._readings[site.caller].params else ANY

    def _bound(self, summary: Summary, effect: Effect, site: CallSite, state: SiteState) -> set[Way]:
        if effect.by_others and state.last_user:
            return set()
        own = frozenset(self._readings[site.caller].params) - {""}
        return settle.bound(effect.ways, site, state, summary.params, own)

    # -- where a chain ends --

    def _ends_held(self, summary: Summary, site: CallSite, effect: Effect) -> None:
        """A chain from what the caller of a callee holds at the call, on every way on which it comes to the effect."""
        calls = ((site.caller, site.row), *effect.calls)
        held: list[tuple[int, ...]] = []
        ways: set[Way] = set()
        for state in site.states:
            if found := self._bound(summary, effect, site, state._replace(way=frozenset())):
                ways |= found
                held.append(state.held)
        if not held or settle.undecided(ways):
            return
        dropped = passed_up(effect.dropped, site.args, self._readings[site.caller].lock)
        for number in reversed(held[0]):  # the one taken last says most
            lock, entry = site.opened[number]
            if all(number in one for one in held) and not given_back(lock, dropped):
                once = self._once(summary, site, effect)
                self._add(replace(effect, through=_through(site, effect), once=once), entry, calls)

    def _end(self, summary: Summary) -> None:
        """Chains from the contexts in which a function is entered itself.

        Of a function that is shown in part, those of a context that ends with the function, whatever else it does.
        """
        entered = self._entered.get(summary.function, ())
        if summary.abstained:
            shown = self._readings[summary.function].is_shown_in_part
            entered = [one for one in entered if one[0] is None] if shown else ()
        for lock, entry in entered:
            for effect in summary.effects:
                kept = not enables(effect.dropped) if lock is None else not given_back(lock, effect.dropped)
                if kept and not settle.undecided(effect.ways):
                    self._add(effect, entry, effect.calls)

    def _add(self, effect: Effect, entry: EntryContext, calls: tuple[tuple[FunctionKey, int], ...]) -> None:
        mine = self._found.setdefault(effect.origin, [])
        if len(mine) < _MOST_CHAINS:
            names = tuple(name for (_, name), _ in calls)
            first = calls[0][0] if calls else effect.origin[0]
            shown = ((entry.path or first[0], row, note) for row, note in entry.rows)
            called = ((key[0], row, "called from here") for key, row in calls)
            put = (
                (*one.row, f"{one.function}() stands in a table here") for one in effect.through if one.row is not None
            )
            way = (*put, *shown, *called)
            mine.append(CallChain(replace(entry, callers=names), bool(effect.once), way, effect.through))


def _with_once(function: FunctionKey, chains: Sequence[CallChain], callers: Callers) -> list[CallChain]:
    """Chains to a call in a function, where it matters that something is set up once.

    Who calls straight away has no reason to set it up beforehand, unless somebody else comes there, who may be first.
    """
    known = {function, *(key for one in chains for key in one.calls)}

    def others(one: CallChain) -> bool:
        return any(not known.issuperset(callers(key)) for key in (*one.calls[1:], function))

    return [replace(one, once=one.once and (len(one.calls) > 1 or others(one))) for one in chains]


def _summary(reading: FunctionReading, effects: Sequence[Effect], releases: ReleasedBy) -> Summary:
    """What callers have to know of a function by itself."""
    dropped = (replace(one, dropped=one.dropped | reading.dropped(one.at, releases)) for one in effects)
    return Summary(reading.key, reading.params, tuple(dropped), releases[reading.key], reading.abstained)


def _through(site: CallSite, effect: Effect) -> tuple[Through, ...]:
    """The members that are called on the way from a call to an effect of its callee."""
    return (site.through, *effect.through) if site.through is not None else effect.through


def _room(known: Sequence[Effect], effect: Effect) -> bool:
    """Whether one more effect that comes to the same call says something."""
    alike = [one for one in known if one.origin == effect.origin]
    return len(alike) < _MOST_ALIKE and not any(one.ways == effect.ways and one.at == effect.at for one in alike)


def as_hit_chain(
    found: Sequence[CallChain],
    name: str,
    request: tuple[FileVersion, int, str],
    sides: Mapping[str, FileVersion],
    doubts: Collection[str] = (),
) -> HitChain | None:
    """The first of some chains to one request as a hit shows it, and how many others there are; None without a call.

    `name`: the function of the request; `request`: its row, with a note; `sides`: the file versions by path.
    """
    first = found[0]
    deepest = len(first.calls)
    if not deepest:
        return None
    held = len(first.shown) - deepest
    above = ((sides[path], row, note, max(0, at - held)) for at, (path, row, note) in enumerate(first.shown))
    others = {one.calls for one in found} - {first.calls}
    every = (*first.doubts, *doubts)
    return HitChain((*first.entry.callers, name), (*above, (*request, deepest)), len(others), every)
