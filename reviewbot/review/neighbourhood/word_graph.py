"""The call graph of some folders by their words. A function is the path of its file and its name."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from posixpath import dirname

from reviewbot.interproc.summary import DEEPEST
from reviewbot.program.call_graph import FunctionKey, within_calls
from reviewbot.review.neighbourhood.folder_words import FolderWords
from reviewbot.review.neighbourhood.function_words import FunctionWords


class WordGraph:
    """Who calls whom, who holds something and who asks for memory, as far as words tell."""

    def __init__(self, folders: Sequence[FolderWords]) -> None:
        self._folders = {one.path: one for one in folders}
        self._visible: dict[str, FunctionKey | None] = {}

    def words(self, function: FunctionKey) -> FunctionWords | None:
        """What a function says, None where it is none of these."""
        folder = self._folders.get(dirname(function[0]))
        return folder.functions(function[0]).get(function[1]) if folder is not None else None

    def meant(self, path: str, name: str) -> FunctionKey | None:
        """The function that a name means in a file: its own, else the only one that is visible there."""
        folders = self._folders.values()
        if not any(one.defining(name) for one in folders) or any(one.is_macro(name) for one in folders):
            return None
        if self.words((path, name)) is not None:
            return path, name
        if name not in self._visible:
            seen = [*self._defined(name)]
            self._visible[name] = seen[0] if len(seen) == 1 else None
        return self._visible[name]

    def _defined(self, name: str) -> Iterator[FunctionKey]:
        """The functions of a name that other files see."""
        for folder in self._folders.values():
            for path in sorted(folder.defining(name)):
                found = folder.functions(path).get(name)
                if found is not None and not found.own:
                    yield path, name

    def callees(self, function: FunctionKey) -> Collection[FunctionKey]:
        """The functions that one names before a parenthesis."""
        said = self.words(function)
        meant = (self.meant(function[0], name) for name in said.calls) if said is not None else ()
        return [one for one in meant if one is not None and one != function]

    def callers(self, function: FunctionKey) -> Collection[FunctionKey]:
        """The functions that name one before a parenthesis."""
        said, name = self.words(function), function[1]
        if said is None:
            return ()
        calling = [(folder, path) for folder in self._folders.values() for path in sorted(folder.calling(name))]
        found = (
            (path, other.name)
            for folder, path in calling
            if not said.own or path == function[0]
            for other in folder.functions(path).values()
            if name in other.calls
        )
        return [one for one in found if one != function and self.meant(one[0], name) == function]

    def holding(self, functions: Collection[FunctionKey]) -> Mapping[FunctionKey, Collection[FunctionKey]]:
        """See `holding` of program.call_graph.between()."""
        found: dict[FunctionKey, Collection[FunctionKey]] = {}
        for one in functions:
            said = self.words(one)
            if said is not None and (said.run or self.running(one)):
                found[one] = (one,)
            elif said is not None and said.held:
                meant = (self.meant(one[0], name) for name in said.held)
                found[one] = [other for other in meant if other is not None]
        return {one: some for one, some in found.items() if some}

    def running(self, function: FunctionKey) -> Collection[str]:
        """The other files that put or hand a function where others run it."""
        path, name = function
        said = self.words(function)
        if said is None or said.own:
            return ()
        there = (at for one in self._folders.values() for at in sorted(one.running(name)) if at != path)
        return [at for at in there if self.meant(at, name) == function]

    def handing(self, functions: Collection[FunctionKey]) -> Collection[FunctionKey]:
        """Those that may hand a mask to some functions, or be handed one; also by others that hand on theirs."""
        taking = [one for one in functions if self._takes(one)]
        above = within_calls(lambda one: self.callers(one) if self._takes(one) else (), taking, DEEPEST)
        below = within_calls(lambda one: filter(self._takes, self.callees(one)), functions, DEEPEST)
        return [*above, *(one for one in below if self._takes(one))]

    def _takes(self, function: FunctionKey) -> bool:
        said = self.words(function)
        return said is not None and said.takes

    def asking(self, functions: Collection[FunctionKey]) -> Collection[FunctionKey]:
        """Those of some functions that may ask for memory and sleep."""
        return [one for one in functions if (said := self.words(one)) is not None and said.asks]
