"""Defines the abstract state of some paths to an instruction, and its join.

A state holds open scopes, facts, masks and the results of allocations.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from reviewbot.dataflow import mask_algebra
from reviewbot.model.kernel import Mask

UNKNOWN = "?"  # a scope of a kind that only the run knows
_MOST_ALIKE = 6  # states with the same open scopes
OTHER = -1  # a variable's value comes from elsewhere
_OTHER = frozenset((OTHER,))

Masks = Mapping[str, Mask]
FactSet = frozenset[tuple[str, bool]]


class OpenScope(NamedTuple):
    """A scope that is open. `step`: the instruction that opened it.

    `token`: the variable that can close it; `key`: the lock; `guard`: the guard that holds it; `handed`: somebody else
    will close it.
    """

    scope: str
    step: int
    token: str = ""
    key: str = ""
    guard: str = ""
    handed: bool = False


class State(NamedTuple):
    """The abstract state of some paths to an instruction.

    `facts`: conditions and how they turned out; `masks`: see mask_env; `holds`: the allocations, by instruction, whose
    results a variable may have, OTHER included.
    """

    open: tuple[OpenScope, ...] = ()
    facts: FactSet = frozenset()
    masks: Mapping[str, Mask] | None = None
    holds: Mapping[str, frozenset[int]] | None = None


class Event(NamedTuple):
    """What happened to a scope or a result at an instruction.

    kind: "leak", "overwritten", "dropped", "wrong-kind", "wrong-token", "not-saved", "tested", "used". `other` is the
    instruction of the save, the lock or the allocation; `always`: on every path to the instruction.
    """

    kind: str
    step: int
    other: int
    scope: str
    token: str
    always: bool


def merge(states: tuple[State, ...], telling: FactSet) -> tuple[State, ...]:
    """Join states with the same open scopes: the result has what all of them agree on.

    They stay apart by which of the `telling` facts they know: after `if (a || b) save();` it takes both ways in to see
    that `if (a || b) restore();` is reached. Of more than _MOST_ALIKE with the same scopes one is left.
    """
    by: dict[tuple[OpenScope, ...], list[State]] = {}
    for state in states:
        alike = by.setdefault(state.open, [])
        at = next((i for i, one in enumerate(alike) if not telling or one.facts & telling <= state.facts), None)
        if at is None:
            alike.append(state)
        else:
            alike[at] = _join(alike[at], state)
    return tuple(state for alike in by.values() for state in _few(alike))


def _few(states: list[State]) -> list[State]:
    if len(states) <= _MOST_ALIKE:
        return states
    first = states[0]
    for state in states[1:]:
        first = _join(first, state)
    return [first]


def _join(left: State, right: State) -> State:
    if left == right:
        return left
    masks_l, masks_r = left.masks or {}, right.masks or {}
    masks = masks_l
    if masks_l != masks_r:
        masks = {name: mask_algebra.join(masks_l[name], masks_r[name]) for name in masks_l.keys() & masks_r.keys()}
    holds_l, holds_r = left.holds or {}, right.holds or {}
    holds = holds_l
    if holds_l != holds_r:
        holds = dict(holds_l)
        for name, _ in holds_l.items() ^ holds_r.items():
            one, two = holds_l.get(name, _OTHER), holds_r.get(name, _OTHER)
            holds[name] = one if one is two else one | two
    return State(left.open, left.facts & right.facts, masks, holds)
