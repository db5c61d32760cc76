"""The pieces of a text in, their functions and what holds in them out; what the last text had as well is taken over.

Both sides of a patch have most of their functions in common, some rows further down. What holds at a step does not
depend on its row, nor on anything outside of its piece but the masks that the file itself gives a name.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping

from reviewbot import csource
from reviewbot.csource import Function
from reviewbot.flow import Flow, Lookup
from reviewbot.model import Mask
from reviewbot.pieces import Piece

_Pairs = tuple[tuple[Function, Flow], ...]
_Key = tuple[str, str, str, str, bool, bool, bool, tuple[tuple[int, str], ...]]


class Followed:
    """Follows functions, and remembers those of the last text."""

    def __init__(self, lookup: Lookup) -> None:
        self.lookup = lookup
        self._marks: Mapping[int, str] = {}
        self._given: Mapping[str, Mask] = {}
        self._offsets: list[int] = []
        self._last: dict[_Key, tuple[int, _Pairs]] = {}
        self._now: dict[_Key, tuple[int, _Pairs]] = {}

    def begin(self, marks: Mapping[int, str], given: Mapping[str, Mask]) -> None:
        """The next pieces are of a text with these marks (dialect's), in which these names are worth a mask."""
        self._last = self._now if given == self._given else {}
        self._now, self._marks, self._given = {}, marks, given
        self._offsets = sorted(marks)

    def of(self, piece: Piece) -> _Pairs:
        """The functions of a piece, followed."""
        first, last = (bisect_left(self._offsets, at) for at in (piece.offset, piece.offset + len(piece.text)))
        inside = tuple((at, self._marks[at]) for at in self._offsets[first:last])
        here = tuple((at - piece.offset, word) for at, word in inside)
        key = (piece.prefix, piece.text, piece.suffix, piece.name, piece.starts, piece.ends, piece.macro, here)
        line, pairs = self._last.get(key) or self._now.get(key) or (piece.line, self._follow(piece, dict(inside)))
        if line != piece.line:
            pairs = tuple(_moved(function, flow, piece.line - line) for function, flow in pairs)
        self._now[key] = piece.line, pairs
        return pairs

    def _follow(self, piece: Piece, marks: Mapping[int, str]) -> _Pairs:
        found = csource.functions(piece, self.lookup.kernel.words, marks)
        return tuple((one, self._later(one, self._given)) for one in found)

    def _later(self, function: Function, given: Mapping[str, Mask]) -> Flow:
        return _Later(lambda: vars(Flow(function, self.lookup, given)))


class _Later(Flow):
    """A function that is followed when something of it is asked for: of most that stand around, nothing is."""

    def __init__(self, make: Callable[[], dict[str, object]]) -> None:
        self._make = make

    def __getattr__(self, name: str) -> object:
        if "_make" not in vars(self):
            raise AttributeError(name)
        made = self._make()  # which may be ended by a time limit, and asked for again
        vars(self).update(made)
        del self._make
        return getattr(self, name)


def _moved(function: Function, flow: Flow, rows: int) -> tuple[Function, Flow]:
    there = csource.moved(function, rows)

    def make() -> dict[str, object]:
        flow.at  # noqa: B018 - followed now, if it was not
        return {**vars(flow), "function": there}

    return there, _Later(make)
