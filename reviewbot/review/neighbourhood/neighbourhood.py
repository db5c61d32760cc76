"""Chooses the files of a tree that have to be read with those that a patch touches.

Input: the tree after a patch, and the functions of it that are changed. Output: the texts of other files that stand on
a way from a function which holds something, by a changed one, to one that asks for memory: those of the same folders,
and with an index those of the whole tree.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Sequence
from functools import cache, cached_property
from posixpath import dirname
from typing import NamedTuple, TypeVar

from reviewbot.model.errors import DamagedDatabase
from reviewbot.model.review import WIDTHS
from reviewbot.program.call_graph import FunctionKey
from reviewbot.program.helpers.sides import NearbyHelpers
from reviewbot.program.operations.resolver import Operations
from reviewbot.review.neighbourhood.folder_words import FolderWords, ReadWords
from reviewbot.review.neighbourhood.graph.included import IncludedHeaders, ReadNames
from reviewbot.review.neighbourhood.graph.meanings import TreeHelpers
from reviewbot.review.neighbourhood.graph.word_graph import ChangedFunctions, WordGraph
from reviewbot.review.neighbourhood.locked_ways import locked_ways
from reviewbot.review.neighbourhood.tree_source import TreeSource
from reviewbot.review.neighbourhood.visibility import Layout
from reviewbot.review.neighbourhood.ways import ways_of
from reviewbot.review.neighbourhood.word_tables import SourceWords

_MOST_READ = 24  # files that are read with those of a patch
_MOST_FOLDERS = 8  # of a patch; of one to more than these, none is looked at
SERIES, FOLDER, TREE = WIDTHS
_KEPT = 12  # folders whose words are in memory at once

Answer = TypeVar("Answer")
Meant = Callable[[str, str], FunctionKey | None]  # the function that a name means in the file of a path
Text = Callable[[str], bytes | None]  # of the file at a path, None where it is not there
Idle = Callable[[str], Collection[str]]  # see NearbyFile


class NearbyFile(NamedTuple):
    """A file to read with others. `idle`: its functions that call none of those on the ways, nor are called by them."""

    path: str
    text: bytes
    idle: Collection[str] = ()


class NearbyFiles:
    """Files to read with others; they are read when they are first asked for.

    `ways`: all functions on the ways; `left`: why these are not all that may matter; `meant`: says which function of
    another file a name means, None where nobody knows more than these files show; `operations`: the same of members
    that are called.
    """

    def __init__(
        self,
        ways: Collection[FunctionKey] = (),
        paths: Sequence[str] = (),
        read: tuple[Text, Idle] = (lambda _: None, lambda _: ()),
        left: str = "",
        known: tuple[Meant | None, Operations | None] = (None, None),
    ) -> None:
        self.ways, self.left, (self.meant, self.operations) = ways, left, known
        self._paths, self._text, self._idle = paths, cache(read[0]), read[1]

    @cached_property
    def files(self) -> Sequence[NearbyFile]:
        """Those of the files that are there."""
        texts = ((path, self._text(path)) for path in self._paths)
        return [NearbyFile(path, text, self._idle(path)) for path, text in texts if text is not None]

    @cached_property
    def through(self) -> Collection[FunctionKey]:
        """The functions on ways, if these lead through other files."""
        return self.ways if any(self._text(path) is not None for path in self._paths) else ()


class Neighbourhood:
    """Looks around in trees, and remembers what the files there say. `names`: reads the helpers of a header."""

    def __init__(self, source: TreeSource, read: ReadWords, layout: Layout, names: ReadNames | None = None) -> None:
        self._folders, self._index, self._read, self._layout = source.folders, source.index, read, layout
        self._included = IncludedHeaders(source.folders, names) if names is not None else None
        self._known: OrderedDict[str, FolderWords] = OrderedDict()
        self.width = FOLDER if self._index is None else TREE  # how far it looked the last time, one of WIDTHS
        self._lending: tuple[str, NearbyHelpers | None] | None = None
        self._last: tuple[object, NearbyFiles] | None = None  # a commit to one file is asked about twice

    def around(self, tree: str, change: ChangedFunctions, handed: Collection[FunctionKey] = ()) -> NearbyFiles:
        """What has to be read with the files of some changed functions; `tree`: what they are in after the change.

        `handed`: the files, and words of them that may be functions which are put or handed to somebody there.
        """
        asked = tree, [*change.functions.items()], change.known, [*handed]
        if self._last is None or self._last[0] != asked:
            self._last = None  # should the time be up on the way
            found = self._around(tree, change, handed)
            self._last = asked, found
        return self._last[1]

    def _around(self, tree: str, change: ChangedFunctions, handed: Collection[FunctionKey]) -> NearbyFiles:
        touched = frozenset(path for path, _ in (*change.functions, *handed))
        try:
            words, left = self._words(tree, touched)
            if words or not left:
                return self._along(words, touched, change, handed, left)
        except DamagedDatabase as error:
            self._give_up(error)
            return self._around(tree, change, handed)
        return NearbyFiles(left=left)

    def _words(self, tree: str, touched: Collection[str]) -> tuple[Sequence[SourceWords], str]:
        """What the files around some say, and why these are not all that may matter. Raises DamagedDatabase."""
        words = self._index.words(tree, self._folders, self._read) if self._index is not None else None
        if words is not None:
            self.width = TREE
            return [words], ""
        self.width = FOLDER
        names = sorted({dirname(path) for path in touched} - {""})
        if len(names) > _MOST_FOLDERS:
            return [], f"it touches {len(names)} folders; calls were followed into none of their files"
        folders = [self._folder(tree, name) for name in names]
        return folders, next((one.left for one in folders if one.left), "")

    def helpers(self, tree: str, touched: Collection[str]) -> NearbyHelpers | None:
        """What the files around some lend them; None where nothing is known of these."""

        def found() -> NearbyHelpers | None:
            words, _ = self._words(tree, touched)
            if words and self.width == FOLDER and self._included is not None:
                read = ((path, next(filter(None, (one.text(path) for one in words)), None)) for path in touched)
                texts = {path: text for path, text in read if text is not None}
                self._included.turn_to(tree, texts, {dirname(path) for path in touched})
                return TreeHelpers([*words, self._included], self._layout, self._later, self._included.left)
            return TreeHelpers(words, self._layout, self._later) if words else None

        if self._lending is None or self.width != TREE or self._lending[0] != tree:
            self._lending = None  # should the time be up on the way
            self._lending = tree, self._later(found, None)
        return self._lending[1]

    def _along(
        self,
        words: Sequence[SourceWords],
        touched: Collection[str],
        change: ChangedFunctions,
        handed: Collection[FunctionKey],
        left: str = "",
    ) -> NearbyFiles:
        graph = WordGraph(words, self._layout, change, self.width == TREE)
        # far away a short word is the name of something as well
        meant = (graph.meant(*one) for one in handed if "_" in one[1] or graph.is_defined_near(*one))
        told = [one for one in meant if one is not None]
        held, waiting = locked_ways(graph.direct(), words, change.functions, told)
        ways = dict.fromkeys((*ways_of(graph, change.functions, told), *held))
        runs = (path for one in ways for path in graph.running(one))
        every = dict.fromkeys((*waiting, *(path for path, _ in ways), *runs))
        paths = [path for path in every if path not in touched]
        beside = {dirname(path) for path in touched}
        paths.sort(key=lambda path: dirname(path) not in beside)  # what is near is the surest
        if len(paths) > _MOST_READ:
            left = f"its calls lead through {len(paths)} more files of the {self.width}; {_MOST_READ} of them were read"

        def text(path: str) -> bytes | None:
            return self._later(lambda: next(filter(None, (one.text(path) for one in words)), None), None)

        def idle(path: str) -> Collection[str]:
            return () if path in waiting else self._later(lambda: graph.idle(path, ways), ())

        def means(path: str, name: str) -> FunctionKey | None:
            return self._later(lambda: graph.meant(path, name), None)

        return NearbyFiles(ways, paths[:_MOST_READ], (text, idle), left, (means, graph.resolved))

    def _later(self, ask: Callable[[], Answer], nothing: Answer) -> Answer:
        """The answer to what is asked when the ways are known; the index may be damaged by then."""
        try:
            return ask()
        except DamagedDatabase as error:
            self._give_up(error)
            return nothing

    def _give_up(self, error: DamagedDatabase) -> None:
        if self._index is not None:
            self._index.give_up(str(error))
        self._index, self.width, self._last, self._lending = None, SERIES, None, None

    def _folder(self, tree: str, name: str) -> FolderWords:
        folder = self._known.get(name) or FolderWords(name, self._folders, self._read)
        self._known[name] = folder
        self._known.move_to_end(name)
        if len(self._known) > _KEPT:
            self._known.popitem(last=False)
        folder.turn_to(tree)
        return folder
