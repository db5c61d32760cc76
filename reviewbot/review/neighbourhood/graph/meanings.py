"""Says what a name means in a file: the function or the macro of a tree that is visible there, by words alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from posixpath import dirname
from typing import Protocol, TypeVar

from reviewbot.program.call_graph import FunctionKey
from reviewbot.review.neighbourhood.function_words import FunctionWords
from reviewbot.review.neighbourhood.visibility import Layout
from reviewbot.review.neighbourhood.word_tables import SourceWords

Answer = TypeVar("Answer")


class Later(Protocol):
    """Asks words that may be damaged."""

    def __call__(self, ask: Callable[[], Answer], nothing: Answer, /) -> Answer:
        """The answer, `nothing` where they are."""


class Meanings:
    """Looks in what the files of some folders, or of a tree, say."""

    def __init__(self, words: Sequence[SourceWords], layout: Layout) -> None:
        self._words, self._layout = words, layout
        self._known: dict[str, Mapping[str, FunctionWords]] = {}
        self._meant: dict[tuple[str, str], FunctionKey | None] = {}

    def functions(self, path: str) -> Mapping[str, FunctionWords]:
        """The functions of a file by name."""
        if path not in self._known:
            self._known[path] = next((found for one in self._words if (found := one.functions(path))), {})
        return self._known[path]

    def meant(self, path: str, name: str) -> FunctionKey | None:
        """The function that a name means in a file: its own, else the only one that is visible there."""
        at = path, name
        if at not in self._meant:
            self._meant[at] = self._sought(path, name)
        return self._meant[at]

    def macro(self, path: str, name: str) -> str | None:
        """The file of the macro that a name means in a file: the only one that is visible there, and no function."""
        named = {other for one in self._words for other in one.macros(name)}
        seen = [one for one in named if one == path or (one.endswith(".h") and self._layout.sees(path, one))]
        if len(seen) != 1 or name in self.functions(path) or name in self.functions(seen[0]):
            return None
        return seen[0] if not self._defining(path, name) else None

    def _sought(self, path: str, name: str) -> FunctionKey | None:
        own = name in self.functions(path)
        if not own and not any(one.defining(name) for one in self._words):
            return None
        if any(self._layout.sees(path, other) for one in self._words for other in one.macros(name)):
            return None
        if own:
            return path, name
        seen = self._defining(path, name)
        if len(seen) > 1:
            # those of the same folder are linked with it; what does nothing in a header stands for another
            beside = {key: said for key, said in seen.items() if dirname(key[0]) == dirname(path)} or seen
            seen = {key: said for key, said in beside.items() if not key[0].endswith(".h") or said.calls or said.asks}
        return next(iter(seen)) if len(seen) == 1 else None

    def _defining(self, path: str, name: str) -> Mapping[FunctionKey, FunctionWords]:
        """The functions of a name that other files define and a file may call."""
        return {
            (other, name): said
            for one in self._words
            for other in sorted(one.defining(name))
            if self._layout.sees(path, other) and (said := self.functions(other).get(name)) is not None and not said.own
        }


class TreeHelpers:
    """The functions and macros of a tree that take a lock for callers in other files, or give one back.

    `later`: asks when the words may be damaged by then; its second argument is the answer if they are. `left`: see
    NearbyHelpers.
    """

    def __init__(self, words: Sequence[SourceWords], layout: Layout, later: Later, left: str = "") -> None:
        self._words, self._meanings, self._later, self._left = words, Meanings(words, layout), later, left

    @property
    def left(self) -> str:
        """See NearbyHelpers."""
        return self._left

    @cached_property
    def takers(self) -> frozenset[bytes]:
        """See NearbyHelpers."""
        return self._later(lambda: _bytes(name for one in self._words for name in one.takers), frozenset[bytes]())

    @cached_property
    def givers(self) -> frozenset[bytes]:
        """See NearbyHelpers."""
        return self._later(lambda: _bytes(name for one in self._words for name in one.givers), frozenset[bytes]())

    def helper(self, path: str, name: str) -> str | None:
        """See NearbyHelpers."""

        def found() -> str | None:
            meant = self._meanings.meant(path, name)
            return meant[0] if meant is not None else self._meanings.macro(path, name)

        return self._later(found, None)

    def text(self, path: str) -> bytes | None:
        """See NearbyHelpers."""
        return self._later(lambda: next(filter(None, (one.text(path) for one in self._words)), None), None)


def _bytes(names: Iterable[str]) -> frozenset[bytes]:
    return frozenset(name.encode("utf-8", "surrogateescape") for name in names)
