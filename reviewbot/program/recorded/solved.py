"""Turns functions and their analyses into bytes and back: what is alike in many states stands there once."""

from __future__ import annotations

import zlib
from collections.abc import Hashable, Mapping, Sequence
from typing import Generic, NamedTuple, TypeVar

import msgspec

from reviewbot.dataflow.analysis import FunctionAnalysis, Solved
from reviewbot.dataflow.state import Event, OpenScope, State
from reviewbot.frontend.instructions import Function
from reviewbot.model.kernel import Mask

_LEVEL = 1  # of zlib; it also tells bytes that are damaged
_NONE = -1  # the number of what a state does not have
Plain = TypeVar("Plain")


class _PlainSolved(NamedTuple):
    """An analysis, with numbers for the parts of its states, and for its states."""

    opened: list[tuple[OpenScope, ...]]
    facts: list[list[tuple[str, bool]]]
    masks: list[dict[str, Mask]]
    holds: list[dict[str, list[int]]]
    states: list[tuple[int, int, int, int]]
    at: list[list[int]]
    lost: bool
    events: list[Event]
    made: list[str]


_encoder = msgspec.msgpack.Encoder()
_functions = msgspec.msgpack.Decoder(tuple[Function, ...])
_solved = msgspec.msgpack.Decoder(_PlainSolved)


def functions_to_bytes(functions: Sequence[Function]) -> bytes:
    """Functions as bytes. Raises ValueError for text that is no Unicode."""
    return zlib.compress(_encoder.encode(functions), _LEVEL)


def functions_from_bytes(data: bytes) -> tuple[Function, ...]:
    """The opposite. Raises ValueError for bytes that were not made so."""
    try:
        return _functions.decode(zlib.decompress(data))
    except (zlib.error, msgspec.DecodeError) as error:
        raise ValueError(str(error)) from error


def solved_to_bytes(flow: FunctionAnalysis) -> bytes:
    """What was solved of a function, as bytes. Raises ValueError for text that is no Unicode."""
    opened, states = _Numbers[tuple[OpenScope, ...]](), _Numbers[tuple[int, int, int, int]]()
    facts, masks, holds = (
        _Numbers[list[tuple[str, bool]]](),
        _Numbers[dict[str, Mask]](),
        _Numbers[dict[str, list[int]]](),
    )

    def number(state: State) -> int:
        found = (
            opened.of(state.open, state.open),
            facts.of(state.facts, [*state.facts]),
            _NONE if state.masks is None else masks.of(tuple(state.masks.items()), {**state.masks}),
            _NONE if state.holds is None else holds.of(tuple(state.holds.items()), _lists(state.holds)),
        )
        return states.of(found, found)

    at = [[number(state) for state in some] for some in flow.at]
    parts = opened.values, facts.values, masks.values, holds.values, states.values
    return zlib.compress(_encoder.encode(_PlainSolved(*parts, at, flow.lost, flow.events, sorted(flow.made))), _LEVEL)


def solved_from_bytes(data: bytes) -> Solved:
    """The opposite. Raises ValueError for bytes that were not made so."""
    try:
        plain = _solved.decode(zlib.decompress(data))
        facts = [frozenset(one) for one in plain.facts]
        holds = [{name: frozenset(some) for name, some in one.items()} for one in plain.holds]
        states = [
            State(
                plain.opened[opened],
                facts[known],
                None if masks == _NONE else plain.masks[masks],
                None if held == _NONE else holds[held],
            )
            for opened, known, masks, held in plain.states
        ]
        at = [tuple([states[number] for number in some]) for some in plain.at]
    except (zlib.error, msgspec.DecodeError, IndexError) as error:
        raise ValueError(str(error)) from error
    return Solved(at, plain.lost, plain.events, frozenset(plain.made))


def _lists(holds: Mapping[str, frozenset[int]]) -> dict[str, list[int]]:
    return {name: [*some] for name, some in holds.items()}


class _Numbers(Generic[Plain]):
    """Numbers values, those that are alike once."""

    def __init__(self) -> None:
        self.values: list[Plain] = []
        self._known: dict[Hashable, int] = {}

    def of(self, key: Hashable, value: Plain) -> int:
        """The number of a value; `key` tells it from others."""
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = len(self.values)
            self.values.append(value)
        return found
