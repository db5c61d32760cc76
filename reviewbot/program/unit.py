"""Parses the fragments of a text into function units, each once, and keeps the last few texts.

A text is needed more than once: by the rules, for what stood there before, and again where code may have been moved.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from functools import cached_property, lru_cache, partial
from typing import TYPE_CHECKING, TypeVar

from reviewbot.dataflow.analysis import FunctionAnalysis
from reviewbot.dataflow.cfg import Cfg
from reviewbot.dataflow.macro_calls import macro_allocators, macro_scopes
from reviewbot.dataflow.reaching import Reaching
from reviewbot.dataflow.scope_table import ScopeRows, ScopeTable
from reviewbot.frontend import fragments, parse
from reviewbot.frontend.fragments import Fragment
from reviewbot.frontend.instructions import Function
from reviewbot.frontend.preprocess import directives, prepare, rewrite
from reviewbot.frontend.stitch import StitchedText, Stretch, connected, show
from reviewbot.model.kernel import Kernel, Mask, ScopeKind
from reviewbot.model.lent_scopes import LentScopes
from reviewbot.program.file_masks import file_masks
from reviewbot.program.file_scopes import file_scopes
from reviewbot.support.patterns import pattern

if TYPE_CHECKING:
    from reviewbot.program.recorded.records import FunctionRecords

_MOST_OPEN = 4  # both sides of two files
_MOST_KNOWN = 256  # functions, and analyses
_WORD = pattern(r"\w+")

Made = TypeVar("Made")
Marks = tuple[tuple[int, str], ...]
Said = tuple[str, str, str, str, bool, bool, bool, bool, Marks]  # what a fragment says, wherever it stands


class FunctionUnit:
    """A function (or a macro's body) of a file version, and its analysis, which is made at its first use.

    `text`: the fragment the function was parsed from; it may contain its neighbours.
    """

    def __init__(self, function: Function, text: str, follow: Callable[[], FunctionAnalysis]) -> None:
        self.function, self.steps, self.text = function, function.steps, text
        self._follow = follow

    @cached_property
    def words(self) -> frozenset[str]:
        """All words of its text: a quick answer to what it surely does not call or name."""
        return frozenset(_WORD.findall(self.text))

    @cached_property
    def flow(self) -> FunctionAnalysis:
        """The analysis of its paths."""
        return self._follow()

    @cached_property
    def cfg(self) -> Cfg:
        """The control-flow graph of its instructions."""
        return Cfg(self.steps)

    @property
    def analysed(self) -> bool:
        """Whether somebody has asked for the analysis."""
        return "flow" in self.__dict__

    @property
    def unfollowed(self) -> str:
        """Why nothing is known of its paths; "" if something is, or it was not analysed."""
        return "more paths or open scopes than are followed" if self.analysed and self.flow.lost else ""

    @cached_property
    def assigned(self) -> Mapping[str, Sequence[int]]:
        """The instructions that assign or declare a variable, by its text."""
        found: dict[str, list[int]] = {}
        for at, step in enumerate(self.steps):
            if step.kind == "assign":
                found.setdefault(step.target, []).append(at)
        return found

    @cached_property
    def reaching(self) -> Reaching:
        """Its reaching definitions."""
        return Reaching(self.cfg)


class KnownFunctions:
    """The functions that were read last for one kernel, and their analyses: most stay as they are from text to text.

    `lookup`: the scope calls of the kernel; all texts have these and some of their own. `records`: what earlier runs
    have read.
    """

    def __init__(self, lookup: ScopeTable, records: FunctionRecords | None = None) -> None:
        self._base, self._records = lookup, records
        self._read: OrderedDict[Hashable, tuple[Function, ...]] = OrderedDict()
        self._flows: OrderedDict[Hashable, FunctionAnalysis] = OrderedDict()

    def shown(self, stretches: Sequence[Stretch], whole: bool, words: rewrite.Words) -> tuple[StitchedText, ...]:
        """The stretches of a text, prepared and cut."""

        def made() -> tuple[StitchedText, ...]:
            return tuple(show(stretches, whole, words))

        if self._records is None or not whole or len(stretches) != 1:
            return made()
        return (self._records.shown(stretches[0], lambda: made()[0]),)

    def units(
        self, fragment: Fragment, marks: Marks, lookup: ScopeTable, masks: Mapping[str, Mask]
    ) -> Iterator[FunctionUnit]:
        """The functions of a fragment. `marks`: its own, see parse.functions(), by their offsets in its text.

        `lookup`, `masks`: those of its text.
        """
        shown = (fragment.prefix, fragment.text, fragment.suffix, fragment.name, fragment.starts, fragment.ends)
        said = (*shown, fragment.macro, bool(fragment.parts), marks)

        def parsed() -> tuple[Function, ...]:
            moved = {at + fragment.offset: word for at, word in marks}
            return tuple(parse.functions(fragment, self._base.kernel.words, moved))

        def read() -> tuple[Function, ...]:
            return parsed() if self._records is None else self._records.functions((said, fragment.line), parsed)

        found = _kept(self._read, (said, fragment.line), read)
        for number, one in enumerate(found):
            follow = partial(self._follow, (said, number), one, lookup, masks)
            yield FunctionUnit(copy(one), fragment.text, follow)  # a copy, for units are told apart by their functions

    def _follow(
        self, said: tuple[Said, int], function: Function, lookup: ScopeTable, masks: Mapping[str, Mask]
    ) -> FunctionAnalysis:
        """The analysis of a function; it does not depend on the rows that it stands on.

        `said`: the text that it was read from, and which of the functions there it is. Of the rest of the file only
        that matters which is said of the words in it.
        """
        (_, text, *_, marks), _ = said
        words = sorted({*_WORD.findall(text), *(word for _, word in marks)})
        key = (
            said,
            _own(lookup.enter, self._base.enter, words),
            _own(lookup.leave, self._base.leave, words),
            tuple(name for name in words if name not in lookup.leave and lookup.may_give_back(name)),
            tuple((name, masks[name]) for name in words if name in masks),
            *_own_guards(lookup.guards, self._base.guards, words),
        )

        def follow() -> FunctionAnalysis:
            if self._records is None:
                return FunctionAnalysis(function, lookup, masks)
            return self._records.flow(key, function, lookup, masks)

        return _kept(self._flows, key, follow)


def _own_guards(found: Mapping[str, ScopeKind], base: Mapping[str, ScopeKind], words: Iterable[str]) -> Iterator[str]:
    """Which guards of classes that others do not know are in a text, and what they are."""
    for one in words:
        if one in found and one not in base:
            yield f"{one} {found[one].name}"


def _own(found: Mapping[str, ScopeRows], base: Mapping[str, ScopeRows], words: Iterable[str]) -> Hashable:
    """What some words are to a text, and to no other."""
    return tuple((one, tuple(found[one])) for one in words if one in found and found[one] is not base.get(one))


def _kept(known: OrderedDict[Hashable, Made], key: Hashable, make: Callable[[], Made]) -> Made:
    """What is known under a key, made where it is not; the one used last is forgotten last."""
    found = known.get(key)
    if found is None:
        found = known[key] = make()  # whole, or not at all: the time may be up in the middle
        if len(known) > _MOST_KNOWN:
            known.popitem(last=False)
    else:
        known.move_to_end(key)
    return found


class PreparedText:
    """A text that was prepared and cut into fragments.

    `masks`: those of its own macros and helpers, by name; `allocators`: macros of it that wrap one; `lookup`: the scope
    calls, with helpers of it that take or give back a lock, and those that it is lent.
    """

    def __init__(
        self, stretches: Sequence[Stretch], whole: bool, lookup: ScopeTable, words: rewrite.Words, known: KnownFunctions
    ) -> None:
        self._words, self._known = words, known
        stitched = known.shown(stretches, whole, words)
        self._marks = {at: word for one in stitched for at, word in one.prepared.marks.items()}
        self._places = sorted(self._marks)
        self.masks = _masks(stitched, whole, lookup)
        self.fragments = connected(stitched)
        self.macros = [macro for one in stitched for macro in one.prepared.macros]
        self.lookup = file_scopes(self.fragments, self._marks, macro_scopes(self.macros, lookup))
        self.allocators = macro_allocators(self.macros, lookup.kernel)
        self._units: dict[int, tuple[FunctionUnit, ...]] = {}  # by the fragment, which lives as long as this
        self._macro_units: dict[int, tuple[FunctionUnit, ...]] = {}

    def units(self, fragment: Fragment) -> tuple[FunctionUnit, ...]:
        """The functions of one of the fragments."""
        if id(fragment) not in self._units:
            self._units[id(fragment)] = tuple(self._read(fragment))
        return self._units[id(fragment)]

    def _read(self, fragment: Fragment) -> Iterator[FunctionUnit]:
        found = [*self._known.units(fragment, self._marks_of(fragment), self.lookup, self.masks)]
        if fragment.parts and any(unit.function.broken for unit in found):  # each part may still be understood
            for part in fragment.parts:
                yield from self._read(part)
        else:
            yield from found

    def _marks_of(self, fragment: Fragment) -> Marks:
        """The marks of a fragment, by their offsets in its text."""
        start = fragment.offset
        first = bisect_left(self._places, start)
        last = bisect_left(self._places, start + len(fragment.text))
        return tuple((at - start, self._marks[at]) for at in self._places[first:last])

    def macro(self, macro: directives.Macro) -> tuple[FunctionUnit, ...]:
        """The function that the body of one of the macros makes."""
        if id(macro) not in self._macro_units:
            self._macro_units[id(macro)] = tuple(self._read_macro(macro))
        return self._macro_units[id(macro)]

    def _read_macro(self, macro: directives.Macro) -> Iterator[FunctionUnit]:
        prepared = prepare.prepare(macro.body, self._words)
        fragment = fragments.macro_fragment(macro, prepared.text)
        if macro.name in self.masks:
            fragment = fragments.mask_fragment(macro)
        if fragment is not None:
            marks: Mapping[int, str] = {at + macro.body_offset: word for at, word in prepared.marks.items()}
            for function in parse.functions(fragment, self.lookup.kernel.words, marks):
                yield FunctionUnit(function, fragment.text, partial(FunctionAnalysis, function, self.lookup))


def opener(
    kernel: Kernel, lookup: ScopeTable, records: FunctionRecords | None = None
) -> Callable[[tuple[Stretch, ...], bool, LentScopes], PreparedText]:
    """The function that prepares texts for one kernel and keeps the last few.

    Its arguments are the stretches of a text, whether they are all of a file, and what other files lend it. `records`:
    see KnownFunctions.
    """
    words, known = rewrite.sorted_words(kernel.words), KnownFunctions(lookup, records)
    return lru_cache(maxsize=_MOST_OPEN)(
        lambda stretches, whole, lent: PreparedText(stretches, whole, lookup.lending(lent), words, known)
    )


def _masks(stitched: Sequence[StitchedText], whole: bool, lookup: ScopeTable) -> Mapping[str, Mask]:
    """The masks of the text's own names; a name for which two stretches give different ones is left out."""
    found: dict[str, list[Mask]] = {}
    for one in stitched:
        here = file_masks(one.stretch.text, whole, one.prepared, one.fragments, lookup)
        for name, mask in here.items():
            found.setdefault(name, []).append(mask)
    return {name: masks[0] for name, masks in found.items() if all(mask == masks[0] for mask in masks)}
