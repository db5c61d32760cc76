"""A Kernel and its rules in, plain data for store.py out, and back: what was checked once is not checked again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from reviewbot.model import Allocator, Data, Flag, Gate, Kernel, Limit, Rule, ScopeKind, Span, Verdict, Version
from reviewbot.records import values

Row = Sequence[Any]  # the values of a record in the order of its fields


def plain(kernel: Kernel, rules: Sequence[Rule]) -> tuple[dict[str, Any], Callable[[Any], Any]]:
    """Data, and what json.dumps() is to make of the objects in it. Limits are shared, so they stand in one place."""
    limits = list({limit.name: limit for one in kernel.allocators.values() for limit in one.limits}.values())
    numbers = {id(limit): number for number, limit in enumerate(limits)}

    def shown(one: Any) -> Any:
        if isinstance(one, Limit):
            return numbers[id(one)]
        return sorted(one) if isinstance(one, frozenset) else values(one)

    data = {"kernel": kernel, "rules": rules, "limits": [values(limit) for limit in limits]}
    return data, shown


def restored(data: Any) -> tuple[Kernel, tuple[Rule, ...]]:
    """The kernel and the rules that plain() was given. Raises TypeError, ValueError or LookupError for other data."""
    version, flags, spans, scopes, allocators, words = data["kernel"]
    limits = [_limit(*row) for row in data["limits"]]
    kernel = Kernel(
        version=_version(version) or (0, 0),
        flags={name: _flag(*row) for name, row in flags.items()},
        spans={name: _span(*row) for name, row in spans.items()},
        scopes={name: _scope(*row) for name, row in scopes.items()},
        allocators={name: _allocator(limits, *row) for name, row in allocators.items()},
        words={name: frozenset(listed) for name, listed in words.items()},
    )
    return kernel, tuple(_rule(row) for row in data["rules"])


def _version(pair: Row | None) -> Version | None:
    return (pair[0], pair[1]) if pair is not None else None


def _limit(name: str, has: Row, lacks: Row, *rest: str) -> Limit:
    return Limit(name, frozenset(has), frozenset(lacks), *rest)


def _flag(name: str, kind: str, group: str, bits: Row, meaning: str, on: Row, off: Row, api: Row, *rest: Any) -> Flag:
    return Flag(name, kind, group, frozenset(bits), meaning, Verdict(*on), Verdict(*off), tuple(api), *rest)


def _span(name: str, since: Row | None, until: Row | None, *rest: str) -> Span:
    return Span(name, _version(since), _version(until), *rest)


def _gates(rows: Row) -> tuple[Gate, ...]:
    return tuple(Gate(*row) for row in rows)


def _scope(
    name: str, family: str, enter: Row, leave: Row, guards: Row, clears: Row, sets: Row, *rest: Any
) -> ScopeKind:
    *words, hides, known_by = rest
    return ScopeKind(
        *(name, family, _gates(enter), _gates(leave), tuple(guards), frozenset(clears), frozenset(sets)),
        *(*words, tuple(hides), known_by),
    )


def _allocator(
    limits: Sequence[Limit], name: str, family: str, gfp: int | None, implicit: str, *rest: Any
) -> Allocator:
    size, order, sleeps, allocates, returns, nofail_order, nofail_when, held = rest
    bits = frozenset(nofail_when) if nofail_when else _NO_BITS
    return Allocator(
        *(name, family, gfp, implicit, tuple(size), order, sleeps, allocates, returns, nofail_order, bits),
        limits=tuple([limits[number] for number in held]),
    )


_NO_BITS = frozenset[str]()


def _rule(row: Row) -> Rule:
    *words, see, since, until, rows, yields_to = row
    facts = tuple(_data(one) for one in rows)
    return Rule(*(*words, tuple(see), _version(since), _version(until), facts, tuple(yields_to)))


def _data(row: Mapping[str, Any]) -> dict[str, Data]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()}
