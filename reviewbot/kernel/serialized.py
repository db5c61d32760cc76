"""Turns a Kernel and its rules into plain data for the cache and back, so that they are checked only once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from msgspec.structs import astuple, replace

from reviewbot.model.kernel import (
    Allocator,
    Data,
    Flag,
    Kernel,
    Lifetime,
    Limit,
    Rule,
    ScopeCall,
    ScopeKind,
    Verdict,
    Version,
)

Fields = Sequence[Any]  # the values of a record in the order of its fields


def to_plain(kernel: Kernel, rules: Sequence[Rule]) -> tuple[dict[str, Any], Callable[[Any], Any]]:
    """The data, and the `default` of json.dumps() for the objects in it.

    What allocators have in common stands in one place: their limits, and all but the name of those that are alike.
    """
    limits = list({limit.name: limit for one in kernel.allocators.values() for limit in one.limits}.values())
    numbers = {id(limit): number for number, limit in enumerate(limits)}
    shapes: dict[Fields, int] = {}
    names = {name: shapes.setdefault(astuple(one)[1:], len(shapes)) for name, one in kernel.allocators.items()}

    def shown(one: Any) -> Any:
        if isinstance(one, Limit):
            return numbers[id(one)]
        return sorted(one) if isinstance(one, frozenset) else astuple(one)

    data = {
        "kernel": replace(kernel, allocators=names),  # numbers, for JSON
        "shapes": list(shapes),
        "limits": [astuple(limit) for limit in limits],
        "rules": rules,
    }
    return data, shown


def from_plain(data: Any) -> tuple[Kernel, tuple[Rule, ...]]:
    """The kernel and the rules of to_plain(), read back from JSON.

    Raises TypeError, ValueError or LookupError for other data.
    """
    version, flags, spans, scopes, allocators, words = data["kernel"]
    limits = [_limit(*row) for row in data["limits"]]
    kernel = Kernel(
        version=_version(version) or (0, 0),
        flags={name: _flag(*row) for name, row in flags.items()},
        spans={name: _span(*row) for name, row in spans.items()},
        scopes={name: _scope(*row) for name, row in scopes.items()},
        allocators=_Allocators(allocators, [_shape(limits, *row) for row in data["shapes"]]),
        words={name: frozenset(listed) for name, listed in words.items()},
    )
    return kernel, tuple(_rule(row) for row in data["rules"])


class _Allocators(Mapping[str, Allocator]):
    """The allocators, each made when it is asked for: there are a thousand, of which a review needs a few."""

    def __init__(self, numbers: Mapping[str, int], shapes: Sequence[Fields]) -> None:
        self._numbers, self._shapes = numbers, shapes
        self._made: dict[str, Allocator] = {}

    def __getitem__(self, name: str) -> Allocator:
        made = self._made.get(name)
        if made is None:
            made = self._made[name] = Allocator(name, *self._shapes[self._numbers[name]])
        return made

    def __contains__(self, name: object) -> bool:
        return name in self._numbers

    def get(self, name: str, default: Any = None) -> Any:
        return self[name] if name in self._numbers else default

    def __iter__(self) -> Iterator[str]:
        return iter(self._numbers)

    def __len__(self) -> int:
        return len(self._numbers)


def _version(pair: Fields | None) -> Version | None:
    return (pair[0], pair[1]) if pair is not None else None


def _limit(name: str, has: Fields, lacks: Fields, *rest: str) -> Limit:
    return Limit(name, frozenset(has), frozenset(lacks), *rest)


def _flag(
    name: str, kind: str, group: str, bits: Fields, meaning: str, on: Fields, off: Fields, api: Fields, *rest: Any
) -> Flag:
    return Flag(name, kind, group, frozenset(bits), meaning, Verdict(*on), Verdict(*off), tuple(api), *rest)


def _span(name: str, since: Fields | None, until: Fields | None, *rest: str) -> Lifetime:
    return Lifetime(name, _version(since), _version(until), *rest)


def _scope_calls(rows: Fields) -> tuple[ScopeCall, ...]:
    return tuple(ScopeCall(*row) for row in rows)


def _scope(
    name: str, family: str, enter: Fields, leave: Fields, guards: Fields, clears: Fields, sets: Fields, *rest: Any
) -> ScopeKind:
    *words, hides, known_by = rest
    return ScopeKind(
        *(name, family, _scope_calls(enter), _scope_calls(leave), tuple(guards), frozenset(clears), frozenset(sets)),
        *(*words, tuple(hides), known_by),
    )


def _shape(limits: Sequence[Limit], family: str, gfp: int | None, implicit: str, *rest: Any) -> Fields:
    """All but the name of an allocator."""
    size, order, sleeps, allocates, returns, nofail_order, nofail_when, held = rest
    words = (family, gfp, implicit, tuple(size), order, sleeps, allocates, returns, nofail_order)
    return (*words, frozenset(nofail_when), tuple([limits[number] for number in held]))


def _rule(row: Fields) -> Rule:
    *words, see, since, until, rows, yields_to, ask, bad, good, path = row
    facts = tuple(_data(one) for one in rows)
    lists = tuple(yields_to), ask, tuple(bad), tuple(good), path
    return Rule(*(*words, tuple(see), _version(since), _version(until), facts, *lists))


def _data(row: Mapping[str, Any]) -> dict[str, Data]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()}
