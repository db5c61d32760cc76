"""Chooses the files that show whether reclaim waits for a lock which is held around a request.

The one side is a function that holds such a lock and asks, or calls what asks; the other is what reclaim runs and waits
for a lock of that name. Only one of them has to be in what a patch changes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import islice
from posixpath import dirname
from typing import NamedTuple

from reviewbot.interproc.summary import DEEPEST
from reviewbot.program.call_graph import FunctionKey, within_calls
from reviewbot.review.neighbourhood.function_words import ChangedWords
from reviewbot.review.neighbourhood.graph.word_graph import WordGraph
from reviewbot.review.neighbourhood.ways import ways_of
from reviewbot.review.neighbourhood.word_tables import SourceWords

_MOST_SHARING = 6  # files of other folders with a lock of one name; what more of them have is no name of one lock
_MOST_HOLDERS = 40  # functions that take a lock which changed code of reclaim waits for


class LockedWays(NamedTuple):
    """The functions between what holds a lock and what asks, and the files that show that reclaim waits for it."""

    functions: Collection[FunctionKey] = ()
    files: Collection[str] = ()


def locked_ways(
    graph: WordGraph,
    words: Sequence[SourceWords],
    changed: Mapping[FunctionKey, ChangedWords],
    told: Collection[FunctionKey],
) -> LockedWays:
    """Those that have to do with a change. `told`: see ways_of()."""
    starts = dict.fromkeys((*changed, *told))
    shared = _Shared(words, {dirname(path) for path, _ in starts})

    def locks(function: FunctionKey) -> Sequence[str]:
        said = graph.words(function)
        return said.locks if said is not None else ()

    def waiting(function: FunctionKey) -> Collection[str]:
        return dict.fromkeys(path for name in locks(function) for path in shared.waiting(name))

    def holding(functions: Collection[FunctionKey]) -> Mapping[FunctionKey, Collection[FunctionKey]]:
        return {one: (one,) for one in functions if waiting(one)}

    said = {one: some._replace(locks=some.locks or bool(locks(one))) for one, some in changed.items()}
    held = dict.fromkeys(ways_of(graph, said, told, holding))
    files = dict.fromkeys(path for one in held for path in waiting(one))
    holders = ((one, within_calls(graph.callees, [one], DEEPEST)) for one in _holders(graph, shared, starts))
    others = [one for one, below in holders if graph.asking(below)]
    found = dict.fromkeys((*held, *others))
    return LockedWays(found.keys(), dict.fromkeys((*files, *(path for path, _ in others))).keys())


class _Shared:
    """The files of trees by the names of locks in them, as far as these tell one lock from others."""

    def __init__(self, words: Sequence[SourceWords], near: Collection[str]) -> None:
        self._words, self._near = words, near

    def waiting(self, name: str) -> Sequence[str]:
        """Those in which reclaim may wait for a lock of a name."""
        return self._few(sorted({path for one in self._words for path in one.waiting(name)}))

    def locking(self, name: str) -> Sequence[str]:
        """Those that take one."""
        return self._few(sorted({path for one in self._words for path in one.locking(name)}))

    def _few(self, paths: Sequence[str]) -> Sequence[str]:
        """Those in the folders of the patch, and the others where they are few."""
        near = [path for path in paths if dirname(path) in self._near]
        return near if len(paths) - len(near) > _MOST_SHARING else [*dict.fromkeys((*near, *paths))]


def _holders(graph: WordGraph, shared: _Shared, starts: Collection[FunctionKey]) -> Sequence[FunctionKey]:
    """The functions of other files that take a lock for which reclaim may wait in one of `starts`."""
    said = ((path, one) for path, name in starts if (one := graph.words((path, name))) is not None)
    names = dict.fromkeys((path, name) for path, one in said for name in one.locks if path in shared.waiting(name))
    there = ((path, name) for own, name in names for path in shared.locking(name) if path != own)
    found = ((path, one.name) for path, name in there for one in graph.functions(path) if name in one.locks)
    return [*islice(dict.fromkeys(found), _MOST_HOLDERS)]
