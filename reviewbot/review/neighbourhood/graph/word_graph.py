"""The call graph of some files by their words. A function is the path of its file and its name.

Inside a file and between those of the folders that a patch touches each call counts. Farther away half of all functions
reach each other so: there a call counts that no branch is around, or below a lock, and one of the patch itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property
from posixpath import dirname
from typing import NamedTuple

from reviewbot.interproc.summary import DEEPEST
from reviewbot.program.call_graph import FunctionKey, within_calls
from reviewbot.review.neighbourhood.function_words import ChangedWords, FunctionWords
from reviewbot.review.neighbourhood.graph.meanings import Meanings
from reviewbot.review.neighbourhood.graph.word_operations import WordOperations
from reviewbot.review.neighbourhood.visibility import Layout
from reviewbot.review.neighbourhood.word_tables import SourceWords

MOST_CALLING = 100  # files that call a function; whoever calls one of more does not know what it is called with


class ChangedFunctions(NamedTuple):
    """The functions that a patch changes, with what their changed lines say. `known`: calls of which all is known."""

    functions: Mapping[FunctionKey, ChangedWords]
    known: Collection[str] = ()


class WordGraph:
    """Who calls whom, who holds something and who asks for memory, as far as words tell.

    `whole`: the words are those of all files of a tree; `known`: a graph of them of which this one is to be without
    calls through members.
    """

    def __init__(
        self,
        words: Sequence[SourceWords],
        layout: Layout,
        change: ChangedFunctions,
        whole: bool,
        known: WordGraph | None = None,
    ) -> None:
        self._words, self._layout, self._change = words, layout, change
        self._near = {dirname(path) for path, _ in change.functions}
        self._visible: Meanings = known._visible if known is not None else Meanings(words, layout)
        self._held: dict[FunctionKey, Collection[str]] = known._held if known is not None else {}
        self._callers: dict[FunctionKey, Collection[FunctionKey]] = {}
        self._callees: dict[FunctionKey, Collection[FunctionKey]] = {}
        self._operations = WordOperations(words, layout, self.meant, whole) if known is None else None
        self.resolved = self._operations.resolved if self._operations is not None else None

    def direct(self) -> WordGraph:
        """The same without calls through members."""
        return WordGraph(self._words, self._layout, self._change, whole=False, known=self)

    def words(self, function: FunctionKey) -> FunctionWords | None:
        """What a function says, None where it is none of these."""
        return self._functions(function[0]).get(function[1])

    def functions(self, path: str) -> Collection[FunctionWords]:
        """The functions of a file."""
        return self._functions(path).values()

    def _functions(self, path: str) -> Mapping[str, FunctionWords]:
        return self._visible.functions(path)

    def meant(self, path: str, name: str) -> FunctionKey | None:
        """See Meanings."""
        return self._visible.meant(path, name)

    def callees(self, function: FunctionKey) -> Collection[FunctionKey]:
        """The functions that one names before a parenthesis."""
        if function not in self._callees:
            said = self.words(function)
            self._callees[function] = self.called(function, self._counting(function, said)) if said is not None else ()
        return self._callees[function]

    def _counting(self, function: FunctionKey, said: FunctionWords) -> Collection[str]:
        """The names of a function's calls that may count, see _leads(): not each is looked for in all of the tree."""
        if self.is_near(function):
            return said.calls
        return {*said.plain, *self.held(function, said), *self._functions(function[0])}.difference(self._change.known)

    def callers(self, function: FunctionKey) -> Collection[FunctionKey]:
        """The functions that name one before a parenthesis; none where that is done in too many files."""
        if function not in self._callers:
            self._callers[function] = self._calling(function)
        return self._callers[function]

    def _calling(self, function: FunctionKey) -> Collection[FunctionKey]:
        said, (path, name) = self.words(function), function
        if said is None:
            return ()
        files = self._words if not said.own else ()
        calling = {path: None, **{other: None for one in files for other in sorted(one.calling(name))}}
        if len(calling) > MOST_CALLING:
            return ()
        found = (
            (at, other.name)
            for at in calling
            if self.meant(at, name) == function
            for other in self._functions(at).values()
            if name in other.calls and self._leads((at, other.name), other, function, name)
        )
        put = (
            (at, other.name)
            for at, other, member in (self._operations.callers(function) if self._operations is not None else ())
            if self._leads((at, other.name), other, function, member)
        )
        return [one for one in dict.fromkeys((*found, *put)) if one != function]

    def _leads(self, function: FunctionKey, said: FunctionWords, callee: FunctionKey, name: str) -> bool:
        """Whether a call counts. `name`: what it has for the callee."""
        if self.is_near(function) and self.is_near(callee):
            return True
        changed = self._change.functions.get(function)
        if name in self._change.known:
            return False
        if changed is not None:
            if changed.loosens or name in changed.calls:
                return True
            return (changed.locks or changed.drops) and name in self.held(function, said)
        return name in said.plain or function[0] == callee[0] or name in self.held(function, said)

    def is_near(self, function: FunctionKey) -> bool:
        """Whether a function stands in a folder that the patch touches."""
        return dirname(function[0]) in self._near

    def is_defined_near(self, path: str, name: str) -> bool:
        """Whether a file, or one of a folder that the patch touches, defines a function."""
        near = (dirname(at) in self._near for one in self._words for at in one.defining(name))
        return name in self._functions(path) or any(near)

    def called(self, function: FunctionKey, names: Collection[str]) -> Collection[FunctionKey]:
        """Those of the functions that one names before a parenthesis which some names mean."""
        said = self.words(function)
        if said is None:
            return ()
        meant = ((name, one) for name in said.calls if name in names for one in self._meanings(function[0], said, name))
        found = (one for name, one in meant if one != function and self._leads(function, said, one, name))
        return [*dict.fromkeys(found)]

    def _meanings(self, path: str, said: FunctionWords, name: str) -> Iterator[FunctionKey]:
        """The functions that a name before a parenthesis means in a function, also if it is a member."""
        meant = self.meant(path, name)
        yield from (meant,) if meant is not None else ()
        yield from self._operations.bodies(path, said, name) if self._operations is not None else ()

    def holding(self, functions: Collection[FunctionKey]) -> Mapping[FunctionKey, Collection[FunctionKey]]:
        """See `holding` of program.call_graph.between()."""
        found: dict[FunctionKey, Collection[FunctionKey]] = {}
        for one in functions:
            said = self.words(one) if one[1] not in self._layout.early else None
            if said is not None and (said.run or any(self._running(one))):
                found[one] = (one,)
            elif said is not None and (held := self.held(one, said)):
                found[one] = [other for name in held for other in self._meanings(one[0], said, name)]
        return {one: some for one, some in found.items() if some}

    def held(self, function: FunctionKey, said: FunctionWords) -> Collection[str]:
        """The names that a function calls below a lock or in a scope, also if others take that lock for it."""
        if self._takers.isdisjoint(said.calls):
            return said.held
        if function not in self._held:
            taking = (name for name in said.calls if name in self._takers and self._takes_for(function[0], name))
            first = next(taking, None)
            after = said.calls[said.calls.index(first) + 1 :] if first is not None else ()
            self._held[function] = dict.fromkeys((*said.held, *after)).keys()
        return self._held[function]

    def lends(self, function: FunctionKey, changed: ChangedWords) -> bool:
        """Whether a changed function may take another lock for its callers than before, or give one back."""
        return changed.drops or (changed.locks and self.is_helper(function))

    def is_helper(self, function: FunctionKey) -> bool:
        """Whether a function may take a lock for its callers, or give one back."""
        return function[1] in self._takers or any(function[1] in one.givers for one in self._words)

    @cached_property
    def _takers(self) -> frozenset[str]:
        return frozenset[str]().union(*(one.takers for one in self._words))

    def _takes_for(self, path: str, name: str) -> bool:
        """Whether a function or a macro of another file has a name in a file."""
        meant = self.meant(path, name)
        return meant[0] != path if meant is not None else self._visible.macro(path, name) not in (None, path)

    def running(self, function: FunctionKey) -> Collection[str]:
        """The other files that put or hand a function where others run it: those nearby, else one."""
        there = [*self._running(function)]
        return [at for at in there if dirname(at) in self._near] or there[:1]

    def _running(self, function: FunctionKey) -> Iterator[str]:
        path, name = function
        said = self.words(function)
        if said is not None and not said.own:
            there = (at for one in self._words for at in sorted(one.running(name)) if at != path)
            yield from (at for at in there if self.meant(at, name) == function)

    def handing(self, functions: Collection[FunctionKey]) -> Collection[FunctionKey]:
        """Those that may hand a mask to some functions, or be handed one; also by others that hand on theirs."""
        taking = [one for one in functions if self._takes(one)]
        above = within_calls(lambda one: self.callers(one) if self._takes(one) else (), taking, DEEPEST)
        below = within_calls(lambda one: filter(self._takes, self.callees(one)), functions, DEEPEST)
        return [*above, *(one for one in below if self._takes(one))]

    def _takes(self, function: FunctionKey) -> bool:
        said = self.words(function)
        return said is not None and said.takes

    def idle(self, path: str, ways: Collection[FunctionKey]) -> Collection[str]:
        """The functions of a file that have nothing to do with some functions there and those that these call."""
        functions, names = self._functions(path), {name for _, name in ways}
        changed = (said for one in self._change.functions if (said := self.words(one)) is not None)
        called_there = names.union(*(said.calls for said in changed))
        leading = (one for one in functions.values() if one.name in called_there or not names.isdisjoint(one.calls))
        first = [one.name for one in leading]

        def called(one: FunctionKey) -> Iterator[FunctionKey]:
            yield from ((path, name) for name in functions[one[1]].calls if name in functions)

        near = within_calls(called, [(path, name) for name in first], DEEPEST)
        # who takes a lock may do so for them, and give it back
        return [name for name, one in functions.items() if (path, name) not in near and not one.locks]

    def asking(self, functions: Collection[FunctionKey]) -> Collection[FunctionKey]:
        """Those of some functions that may ask for memory and sleep."""
        words = ((one, self.words(one)) for one in functions)
        return [one for one, said in words if said is not None and (said.surely or (said.asks and self.is_near(one)))]
