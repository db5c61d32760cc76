"""The call graph of some files with calls through members of structures, as far as tables show what these may be."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import NamedTuple

from reviewbot.frontend.cut_functions import CutFile
from reviewbot.program.call_graph import FileCallGraph, FunctionKey
from reviewbot.program.operations.resolver import MOST_BODIES, MemberPlace, Operations, PutFunction, meant_by
from reviewbot.program.operations.words import NO_OPERATIONS, FileOperations, called_through, last_of, operations_in

_MOST_TEXTS = 32  # files whose tables are known: those of a patch, and of others beside it
_MOST_FUNCTIONS = 2048  # of which is known what they call through members


class Bodies(NamedTuple):
    """What a member that is called may be: those of the functions that were read, and how many there are in all.

    `rows`: where a function is put there, as the path of a file that was read and a row, from 0.
    """

    functions: Sequence[FunctionKey]
    number: int
    rows: Mapping[FunctionKey, tuple[str, int]]


class TableCalls:
    """A call graph; see CallGraph. Its functions are those of `graph`, whose own calls do not go through members."""

    def __init__(self, graph: FileCallGraph) -> None:
        self._graph = graph
        self._bodies: dict[FunctionKey, Mapping[str, Bodies]] = {}
        self._own = _SideWords(graph)
        self._resolved = graph.beside.operations or Operations(self._own, whole=False)

    def callees(self, function: FunctionKey) -> Collection[FunctionKey]:
        """See CallGraph."""
        found = (one for bodies in self.bodies(function).values() for one in bodies.functions if one != function)
        return [*dict.fromkeys((*self._graph.callees(function), *found))]

    def callers(self, function: FunctionKey) -> Collection[FunctionKey]:
        """See CallGraph."""
        return [*dict.fromkeys((*self._graph.callers(function), *self._callers.get(function, ())))]

    def bodies(self, function: FunctionKey) -> Mapping[str, Bodies]:
        """What the members may be that a function calls, by what stands before the parenthesis."""
        if function not in self._bodies:
            said = _called_through(self._graph.text(function)) if self._may_lead else {}
            found = ((name, self._of(function[0], path)) for name, path in said.items())
            self._bodies[function] = {name: bodies for name, bodies in found if bodies is not None}
        return self._bodies[function]

    def named(self, function: FunctionKey) -> Mapping[str, Sequence[FunctionKey]]:
        """The same, by the member."""
        found: dict[str, list[FunctionKey]] = {}
        for name, bodies in self.bodies(function).items():
            found.setdefault(last_of(name.replace(">", ".")), []).extend(bodies.functions)
        return found

    def _of(self, path: str, member_path: str) -> Bodies | None:
        if self._graph.beside.operations is None and last_of(member_path) not in self._own.members:
            return None
        place = self._resolved.place(path, member_path)
        standing = self._resolved.standing(place) if place is not None else None
        if place is None or standing is None:
            return None
        # what a patch changes stands in a table on one of its sides only
        sides = {side.path for side in self._graph.touched}
        puts = [*(one for one in standing if one.path not in sides), *self._put(place)]
        every = {one.function: one.path for one in meant_by(path, puts)}
        known = [one for one in every if one in self._graph.functions]
        if not known or len(every) > MOST_BODIES:
            return None
        found = {one: self._own.row(every[one], place.member, one[1]) for one in known}
        return Bodies(known, len(every), {one: (every[one], row) for one, row in found.items() if row >= 0})

    def _put(self, place: MemberPlace) -> Iterator[PutFunction]:
        """What the files that the patch changes put into a place."""
        for side in self._graph.touched:
            for put in self._own.operations(side.path).puts:
                if last_of(put.path) == place.member and self._resolved.place(side.path, put.path) == place:
                    meant = self._own.meant(side.path, put.function)
                    yield from (PutFunction(side.path, meant),) if meant is not None else ()

    @cached_property
    def _may_lead(self) -> bool:
        """Whether any function may be called so: of most files this is answered soon."""
        return self._graph.beside.operations is not None or bool(self._own.members)

    @cached_property
    def _callers(self) -> Mapping[FunctionKey, Sequence[FunctionKey]]:
        found: dict[FunctionKey, list[FunctionKey]] = {}
        for function in self._graph.functions if self._may_lead else ():
            for bodies in self.bodies(function).values():
                for one in bodies.functions:
                    if one != function:
                        found.setdefault(one, []).append(function)
        return found


def table_calls(graph: FileCallGraph) -> TableCalls:
    """That of a graph, made once."""
    return graph.once("tables", lambda: TableCalls(graph))


class _SideWords:
    """What the texts of a call graph say of members; see TableWords."""

    def __init__(self, graph: FileCallGraph) -> None:
        self._graph = graph
        # a header says nothing that a rule is about, but which types there are
        self._sides = {side.path: side for side in (*graph.earlier, *graph.touched)}

    def structuring(self, name: str) -> Collection[str]:
        return [path for path in self._sides if name in self.operations(path).structures]

    def pointing(self, member: str) -> Collection[str]:
        return [path for path in self._sides if member in self.operations(path).pointers]

    def putting(self, place: str) -> Collection[str]:
        return [path for path in self._sides if place in self.operations(path).places]

    def operations(self, path: str) -> FileOperations:
        side = self._sides.get(path)
        return _operations(path, side.text) if side is not None else NO_OPERATIONS

    def row(self, path: str, member: str, name: str) -> int:
        """The first row in which a file puts a function into a member, from 0; -1 where it was not read."""
        text = self._sides[path].text if path in self._sides else ""
        found = re.search(rf"[.>]{member}\s*+=\s*+&?\s*+{name}\b", text)
        return text.count("\n", 0, found.start()) if found is not None else -1

    def sees(self, path: str, other: str) -> bool:
        return True

    def meant(self, path: str, name: str) -> FunctionKey | None:
        found = self._graph.meant(path, name)
        beside = self._graph.beside.meant
        return beside(path, name) if found is None and beside is not None else found

    @cached_property
    def members(self) -> frozenset[str]:
        """The members into which these files put something."""
        every = (put.path for path in self._sides for put in self.operations(path).puts)
        return frozenset(map(last_of, every))


@lru_cache(maxsize=_MOST_TEXTS)
def _operations(path: str, text: str) -> FileOperations:
    file = CutFile(*(said.encode("utf-8", "surrogateescape") for said in (path, text)))
    names = {name.decode("utf-8", "replace") for name in file.named}
    return operations_in(file.text, [part.text for part in file.parts], names)


@lru_cache(maxsize=_MOST_FUNCTIONS)  # both sides of a patch have most functions as they were
def _called_through(text: str) -> Mapping[str, str]:
    return called_through(text.encode("utf-8", "surrogateescape")) if "(" in text else {}
