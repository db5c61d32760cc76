"""Answers who calls whom, and reads the functions that lie between what is held and what is asked for.

A file has hundreds of functions, and few of them have to do with a change. So words say first who may call whom; only
functions on a way from one that may hold something, through one of the change, to one that may ask for memory are
parsed, at most MOST_READ of them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import NamedTuple, Protocol, TypeVar, cast

from reviewbot.frontend.cut_functions import called_in
from reviewbot.model.kernel import Kernel
from reviewbot.program.file_version import FileVersion
from reviewbot.program.operations.resolver import Operations
from reviewbot.program.unit import FunctionUnit
from reviewbot.support.patterns import pattern

_CALL = pattern(r"\b(\w+)\s*\(")
_HEAD = pattern(r"(?m)^[A-Za-z_][^=;\n]{0,200}?\b(\w+)\s*\(")  # of a function
_MEMBER_CALLED = pattern(r"[.>](\w++)\s*+\(")
_MEMBER_SET = pattern(r"[.>](\w++)\s*+=\s*+[&\w]")
_BEFORE = pattern(r"[;{}()]")  # what ends before the head of a function
_LONGEST = 200  # characters of a head before the name
_WORD = pattern(r"\w+")
_MANY = 60  # functions whose callers are looked for one by one
MOST_READ = 160  # functions beside those of the change, of some file versions

FunctionKey = tuple[str, str]  # the path of a file, and the name of a function in it
Found = TypeVar("Found")
Asking = Callable[[Collection[FunctionKey]], Collection[FunctionKey]]
Holding = Callable[[Collection[FunctionKey]], Mapping[FunctionKey, Collection[FunctionKey]]]


class Call(NamedTuple):
    """A call of a function: the path of its file, the function that makes it, and its instruction there."""

    path: str
    unit: FunctionUnit
    at: int


class CallGraph(Protocol):
    """Who calls whom."""

    def callees(self, function: FunctionKey) -> Collection[FunctionKey]:
        """The functions that one calls, as far as they are known."""

    def callers(self, function: FunctionKey) -> Collection[FunctionKey]:
        """The functions that call one, as far as they are known."""


class Beside(NamedTuple):
    """Files to read with those that a patch touches.

    `meant`: the function of another file that a name means in a file, as far as more is known than these files show;
    `operations`: what members that are called may be, if more is known of that; `before`: gives the files as they are
    read before the patch, None for the same.
    """

    files: Sequence[FileVersion] = ()
    meant: Callable[[str, str], FunctionKey | None] | None = None
    operations: Operations | None = None
    before: Callable[[], Sequence[FileVersion]] | None = None


NOTHING_BESIDE = Beside()


class FileCallGraph:
    """The call graph of some file versions read as one, as their words have it.

    `touched`: gives those that a patch changes; `beside`: others of its series or tree, as they are by now. A name
    means the function of the same file, else the only one of the others that is visible there. `kernel`: the one they
    are read for. `cut_off`: the paths of files of which not all was followed, each with why.
    """

    def __init__(
        self, touched: Callable[[], Sequence[FileVersion]], kernel: Kernel, beside: Beside = NOTHING_BESIDE
    ) -> None:
        self._touched, self.kernel, self.beside = touched, kernel, beside
        self._callees: dict[FunctionKey, Sequence[FunctionKey]] = {}
        self._found: dict[FunctionKey, Sequence[FunctionKey]] = {}
        self._sought = 0
        self._calls: dict[FunctionKey, Sequence[Call]] = {}
        self._kept: dict[str, object] = {}
        self.cut_off: list[tuple[str, str]] = []

    def once(self, name: str, make: Callable[[], Found]) -> Found:
        """What a check works out of the graph, once. `name` tells it from what others do."""
        if name not in self._kept:
            self._kept[name] = make()
        return cast(Found, self._kept[name])

    def forget(self) -> None:
        """Keep nothing any more of what checks have worked out: it knows the graph, and nobody looks for garbage."""
        self._kept.clear()

    @cached_property
    def touched(self) -> Sequence[FileVersion]:
        """The file versions that the patch changes."""
        return self._touched()

    @cached_property
    def earlier(self) -> Sequence[FileVersion]:
        """The others."""
        paths = {side.path for side in self.touched}
        files = self.beside.files if self.beside.before is None else self.beside.before()
        return [side for side in files if side.path not in paths]

    @cached_property
    def sides(self) -> Mapping[str, FileVersion]:
        """All of them that say or lead to anything, by path."""
        every = {side.path: side for side in (*self.earlier, *self.touched)}
        plain = [path for path, side in every.items() if side.beside is None]
        locks = self.kernel.words["sleepers"] | self.kernel.words["sleeping_guards"]
        said = {path: _Said(side.text, locks) for path, side in every.items()} if plain and len(every) > 1 else {}
        named = {path for path in plain for other in said if other != path and said[path].goes_with(said[other])}
        return {path: side for path, side in every.items() if side.beside is not None or path in named}

    @cached_property
    def _units(self) -> Mapping[FunctionKey, Sequence[FunctionUnit]]:
        found: dict[FunctionKey, list[FunctionUnit]] = {}
        for side in self.sides.values():
            for unit in side.units:
                if unit.steps and not unit.function.macro and unit.function.name:
                    found.setdefault((side.path, unit.function.name), []).append(unit)
        return found

    @cached_property
    def _texts(self) -> Mapping[FunctionKey, Sequence[str]]:
        found: dict[FunctionKey, list[str]] = {}
        for key, units in self._units.items():
            found.setdefault(key, []).extend(unit.text for unit in units)
        for side in self.sides.values():
            for name, fragments in side.named.items():
                found.setdefault((side.path, name), []).extend(one.text for one in fragments)
        # a macro is what a call means where a function has the same name
        macros = {side.path: {one.name for one in side.defines} for side in self.sides.values()}
        return {key: texts for key, texts in found.items() if key[1] not in macros[key[0]]}

    def changed(self, side: FileVersion) -> Iterator[FunctionKey]:
        """The functions of a file version that the change touches, or hands to somebody."""
        names = (unit.function.name for unit in side.units if not unit.function.macro)
        yield from ((side.path, name) for name in names if name)
        yield from ((side.path, name) for name in sorted(side.quiet))
        meant = (self.meant(side.path, name) for name in sorted(side.handed))
        yield from (one for one in meant if one is not None)

    @property
    def functions(self) -> Collection[FunctionKey]:
        """All functions of these files."""
        return self._texts.keys()

    def text(self, function: FunctionKey) -> str:
        """The text of a function, with what stands around it."""
        return "\n".join(self._texts.get(function, ()))

    def meant(self, path: str, name: str) -> FunctionKey | None:
        """The function that a name means in a file; None where it is none of these, or one of several."""
        if (path, name) in self._texts:
            return path, name
        seen = self._visible.get(name, ())
        if not seen or self.beside.meant is None:
            return seen[0] if len(seen) == 1 else None
        meant = self.beside.meant(path, name)
        return meant if meant in seen else None

    def callees(self, function: FunctionKey) -> Collection[FunctionKey]:
        """The functions that one names before a parenthesis."""
        if function not in self._callees:
            named = dict.fromkeys(one for text in self._texts.get(function, ()) for one in _called_in(text))
            meant = (self.meant(function[0], name) for name in named)
            self._callees[function] = [one for one in meant if one is not None and one != function]
        return self._callees[function]

    def callers(self, function: FunctionKey) -> Collection[FunctionKey]:
        """The functions that name one before a parenthesis."""
        self._sought += 1
        if self._sought > _MANY:
            return self._callers.get(function, ())
        if function not in self._found:  # to look for a few names costs less than to look at all
            found = (key for key in self._naming(function[1]) if any(function[1] in one for one in self._texts[key]))
            self._found[function] = [key for key in found if function in self.callees(key)]
        return self._found[function]

    def _naming(self, name: str) -> Sequence[FunctionKey]:
        """The functions of the files that name one, in order: most files name few of the functions of others."""
        places = (self._places.get(path, ()) for path, side in self.sides.items() if name in side.words)
        return [key for _, key in sorted(one for some in places for one in some)]

    @cached_property
    def _places(self) -> Mapping[str, Sequence[tuple[int, FunctionKey]]]:
        """The functions of each file, with their places among those of all files."""
        found: dict[str, list[tuple[int, FunctionKey]]] = {}
        for number, key in enumerate(self._texts):
            found.setdefault(key[0], []).append((number, key))
        return found

    def calls(self, function: FunctionKey) -> Sequence[Call]:
        """The calls of a function, those of its own file first."""
        if function not in self._calls:
            found = sorted(self.callers(function), key=lambda key: key[0] != function[0])
            self._calls[function] = [
                Call(key[0], unit, at)
                for key in found
                for unit in self.units(key)
                for at, step in enumerate(unit.steps)
                if step.kind == "call" and not step.op and step.name == function[1]
            ]
        return self._calls[function]

    def parsed(self, function: FunctionKey) -> Sequence[FunctionUnit]:
        """The functions of this name that are parsed in any case, because the change touches them."""
        return self._units.get(function, ())

    def units(self, function: FunctionKey) -> Sequence[FunctionUnit]:
        """The functions of this name, parsed."""
        side, name = self.sides[function[0]], function[1]
        found = self._units.get(function, ()) or [unit for one in side.named.get(name, ()) for unit in side.read(one)]
        return [one for one in found if one.function.name == name and one.steps and not one.function.macro]

    @cached_property
    def _visible(self) -> Mapping[str, Sequence[FunctionKey]]:
        """The functions that other files may call, by name."""
        found: dict[str, list[FunctionKey]] = {}
        for key in self._texts if len(self.sides) > 1 else ():
            if key[0].endswith(".h") or not any(_is_static(text, key[1]) for text in self._texts[key]):
                found.setdefault(key[1], []).append(key)
        return found

    @cached_property
    def _callers(self) -> Mapping[FunctionKey, Sequence[FunctionKey]]:
        found: dict[FunctionKey, list[FunctionKey]] = {}
        for function in self._texts:
            for one in self.callees(function):
                found.setdefault(one, []).append(function)
        return found


class _Said:
    """What tells by words whether a text has to do with another one.

    Its words, the names of the functions that it may define, the members that it calls and sets, and whether it has one
    of some locks.
    """

    def __init__(self, text: str, locks: frozenset[str]) -> None:
        self._words, self._heads = frozenset(_WORD.findall(text)), frozenset(_HEAD.findall(text))
        self._called, self._put = frozenset(_MEMBER_CALLED.findall(text)), frozenset(_MEMBER_SET.findall(text))
        self._locks = not locks.isdisjoint(self._words)

    def goes_with(self, other: _Said) -> bool:
        """Whether one of two texts names a function of the other, or sets a member that the other calls.

        Also if both have locks, which may be the same.

        What says nothing itself may lie between others, or wait for what these hold.
        """
        if self._locks and other._locks:
            return True
        named = not self._heads.isdisjoint(other._words) or not other._heads.isdisjoint(self._words)
        return named or not self._called.isdisjoint(other._put) or not other._called.isdisjoint(self._put)


@lru_cache(maxsize=4096)  # the next version of a file has most functions as they were
def _called_in(text: str) -> Sequence[str]:
    """The names that stand before a parenthesis, each once."""
    names = called_in(text.encode("utf-8", "surrogateescape"))
    return tuple(name.decode("utf-8", "surrogateescape") for name in names)


def _is_static(text: str, name: str) -> bool:
    """Whether a text defines a function for its own file alone."""
    if "static" not in text:
        return False
    heads = (text[max(0, call.start() - _LONGEST) : call.start()] for call in _CALL.finditer(text) if call[1] == name)
    return any("static" in _WORD.findall(_BEFORE.split(head)[-1]) for head in heads)


def between(
    graph: CallGraph, starts: Collection[FunctionKey], holding: Holding, asking: Asking, deepest: int
) -> Sequence[FunctionKey]:
    """The functions on a way from one that holds something, through one of `starts`, to one that asks.

    `holding`: of some functions those that are reached at once where one of them may hold something, by that one;
    `asking`: those that may ask. A way has at most `deepest` calls; those on the shortest come first.
    """
    below = within_calls(graph.callees, starts, deepest)
    askers = asking(below)
    above = within_calls(graph.callers, starts, deepest) if askers else {}
    held = holding(above) if askers else {}
    near = above.keys() | below.keys()
    first = dict.fromkeys(one for some in held.values() for one in some if one in near)
    reached = within_calls(graph.callees, first, deepest, near)
    leading = within_calls(graph.callers, askers, deepest, near) if first else {}
    # a start that no way leads through is of no use to those above and below it
    used = [one for one in starts if one in leading and (one in reached or one in held)]
    around = (
        within_calls(graph.callees, used, deepest, near).keys()
        | within_calls(graph.callers, used, deepest, near).keys()
    )
    calls = {one: reached[one] + leading[one] for one in reached if one in around and one in leading}
    found = sorted((one for one in calls if calls[one] <= deepest), key=calls.__getitem__)
    holders = (one for one, some in held.items() if one in around and not leading.keys().isdisjoint(some))
    return list(dict.fromkeys((*found, *holders)))


def taking_masks(graph: FileCallGraph, side: FileVersion, deepest: int) -> Sequence[tuple[str, FunctionUnit]]:
    """The unchanged functions that changed ones of a file may hand a mask, by others that hand on theirs.

    Each with the path of its file: that one, or one that the patch leaves alone.
    """
    known = {side.path, *(one.path for one in graph.earlier)}
    kinds = graph.kernel.words["mask_types"]
    first = dict.fromkeys(graph.changed(side))

    def takes(function: FunctionKey) -> bool:
        head = graph.text(function).partition("{")[0]
        return any(kind in head for kind in kinds)

    def handed(function: FunctionKey) -> Collection[FunctionKey]:
        if function not in first and not takes(function):
            return ()
        return [one for one in graph.callees(function) if one[0] in known and takes(one)]

    found = within_calls(handed, first, deepest)
    return [(one[0], unit) for one in list(found)[len(first) : len(first) + MOST_READ] for unit in graph.units(one)]


def giving_back(
    graph: CallGraph, functions: Collection[FunctionKey], unlocking: Asking, deepest: int
) -> Sequence[FunctionKey]:
    """The functions by which some others may come to one that gives back a lock. `unlocking`: which ones may do so."""
    below = within_calls(graph.callees, functions, deepest)
    leading = within_calls(graph.callers, unlocking(below), deepest, below)
    return [one for one in leading if one not in functions]


def within_calls(
    onward: Callable[[FunctionKey], Iterable[FunctionKey]],
    starts: Collection[FunctionKey],
    deepest: int,
    within: Collection[FunctionKey] | None = None,
) -> Mapping[FunctionKey, int]:
    """The functions at most so many steps from `starts`, and how many; the nearest first."""
    found = dict.fromkeys(starts, 0)
    level = list(starts)
    for depth in range(1, deepest + 1):
        fresh = []
        for one in level:
            for other in onward(one):
                if other not in found and (within is None or other in within):
                    found[other] = depth
                    fresh.append(other)
        level = fresh
    return found
