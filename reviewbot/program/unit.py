"""Parses the fragments of a text into function units, each once, and keeps the last few texts.

A text is needed more than once: by the rules, for what stood there before, and again where code may have been moved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache, partial

from reviewbot.dataflow.analysis import FunctionAnalysis
from reviewbot.dataflow.cfg import Cfg
from reviewbot.dataflow.macro_calls import macro_allocators
from reviewbot.dataflow.reaching import Reaching
from reviewbot.dataflow.scope_table import ScopeTable
from reviewbot.frontend import fragments, parse
from reviewbot.frontend.fragments import Fragment
from reviewbot.frontend.instructions import Function
from reviewbot.frontend.preprocess import directives, prepare, rewrite
from reviewbot.frontend.stitch import StitchedText, Stretch, connected, show
from reviewbot.model.kernel import Kernel, Mask
from reviewbot.program.file_masks import file_masks
from reviewbot.program.file_scopes import file_scopes
from reviewbot.support.patterns import pattern

_MOST_OPEN = 4  # both sides of two files
_WORD = pattern(r"\w+")


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


class PreparedText:
    """A text that was prepared and cut into fragments.

    `masks`: those of its own macros and helpers, by name; `allocators`: macros of it that wrap one; `lookup`: the scope
    calls, with helpers of it that take or give back a lock.
    """

    def __init__(self, stretches: Sequence[Stretch], whole: bool, lookup: ScopeTable, words: rewrite.Words) -> None:
        self._words = words
        stitched = tuple(show(stretches, whole, words))
        self._marks = {at: word for one in stitched for at, word in one.prepared.marks.items()}
        self.masks = _masks(stitched, whole, lookup)
        self.fragments = connected(stitched)
        self.lookup = file_scopes(self.fragments, self._marks, lookup)
        self.macros = [macro for one in stitched for macro in one.prepared.macros]
        self.allocators = macro_allocators(self.macros, lookup.kernel)
        self._units: dict[int, tuple[FunctionUnit, ...]] = {}  # by the fragment, which lives as long as this
        self._macro_units: dict[int, tuple[FunctionUnit, ...]] = {}

    def units(self, fragment: Fragment) -> tuple[FunctionUnit, ...]:
        """The functions of one of the fragments."""
        if id(fragment) not in self._units:
            self._units[id(fragment)] = tuple(self._read(fragment))
        return self._units[id(fragment)]

    def _read(self, fragment: Fragment) -> Iterator[FunctionUnit]:
        read = parse.functions(fragment, self.lookup.kernel.words, self._marks)
        found = [
            FunctionUnit(one, fragment.text, partial(FunctionAnalysis, one, self.lookup, self.masks)) for one in read
        ]
        if fragment.parts and any(unit.function.broken for unit in found):  # each part may still be understood
            for part in fragment.parts:
                yield from self._read(part)
        else:
            yield from found

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


def opener(kernel: Kernel, lookup: ScopeTable) -> Callable[[tuple[Stretch, ...], bool], PreparedText]:
    """The function that prepares texts for one kernel and keeps the last few.

    Its arguments are the stretches of a text, and whether they are all of a file.
    """
    words = rewrite.sorted_words(kernel.words)
    return lru_cache(maxsize=_MOST_OPEN)(lambda stretches, whole: PreparedText(stretches, whole, lookup, words))


def _masks(stitched: Sequence[StitchedText], whole: bool, lookup: ScopeTable) -> Mapping[str, Mask]:
    """The masks of the text's own names; a name for which two stretches give different ones is left out."""
    found: dict[str, list[Mask]] = {}
    for one in stitched:
        here = file_masks(one.stretch.text, whole, one.prepared, one.fragments, lookup)
        for name, mask in here.items():
            found.setdefault(name, []).append(mask)
    return {name: masks[0] for name, masks in found.items() if all(mask == masks[0] for mask in masks)}
