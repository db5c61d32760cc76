"""Follows calls through members by the words of files: down to the functions put there, and up to who calls them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from functools import cache

from reviewbot.program.call_graph import FunctionKey
from reviewbot.program.operations.resolver import Operations, meant_by
from reviewbot.program.operations.words import NO_OPERATIONS, FileOperations, last_of
from reviewbot.review.neighbourhood.function_words import FunctionWords
from reviewbot.review.neighbourhood.visibility import Layout
from reviewbot.review.neighbourhood.word_tables import SourceWords

_MOST_CALLING = 100  # files with calls through a member of a name, see word_graph.MOST_CALLING


class WordOperations:
    """What some files say of members that are called; see TableWords.

    `meant`: the function that a name means; `whole`: see Operations.
    """

    def __init__(
        self,
        words: Sequence[SourceWords],
        layout: Layout,
        meant: Callable[[str, str], FunctionKey | None],
        whole: bool,
    ) -> None:
        self._words, self.sees, self.meant = words, layout.sees, meant
        self.resolved = Operations(self, whole)
        self.operations = cache(self._operations)

    def structuring(self, name: str) -> Collection[str]:
        """See TableWords."""
        return _sorted(one.structuring(name) for one in self._words)

    def pointing(self, member: str) -> Collection[str]:
        """See TableWords."""
        return _sorted(one.pointing(member) for one in self._words)

    def putting(self, place: str) -> Collection[str]:
        """See TableWords."""
        return _sorted(one.putting(place) for one in self._words)

    def _operations(self, path: str) -> FileOperations:
        return next((found for one in self._words if any(found := one.operations(path))), NO_OPERATIONS)

    def bodies(self, path: str, said: FunctionWords, member: str) -> Collection[FunctionKey]:
        """The functions that a member may be through which a function of a file calls."""
        places = (self.resolved.place(path, one) for one in said.through if last_of(one) == member)
        puts = (self.resolved.standing(place) or () for place in places if place is not None)
        return dict.fromkeys(one.function for some in puts for one in meant_by(path, some))

    def callers(self, function: FunctionKey) -> Iterator[tuple[str, FunctionWords, str]]:
        """The functions that call one through a member, with their files, and the member."""
        path, name = function
        storing = _sorted(one.storing(name) for one in self._words)
        for place in self.resolved.places_of(function, dict.fromkeys((path, *storing))):
            calling = _sorted(one.through(place.member) for one in self._words)
            puts = self.resolved.standing(place) if len(calling) <= _MOST_CALLING else None
            for at in calling if puts is not None else ():
                if function not in [one.function for one in meant_by(at, puts or ())]:
                    continue
                for said in next(filter(None, (one.functions(at) for one in self._words)), {}).values():
                    paths = (one for one in said.through if last_of(one) == place.member)
                    if any(self.resolved.place(at, one) == place for one in paths):
                        yield at, said, place.member


def _sorted(found: Iterator[Collection[str]]) -> Sequence[str]:
    return sorted({path for some in found for path in some})
