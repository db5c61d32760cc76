"""Chooses the files of a tree that have to be read with those that a patch touches.

Input: the tree after a patch, and the functions of it that are changed. Output: the texts of other files that stand on
a way from a function which holds something, by a changed one, to one that asks for memory: those of the same folders,
and with an index those of the whole tree.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Sequence
from functools import partial
from posixpath import dirname
from typing import NamedTuple

from reviewbot.model.errors import DamagedDatabase
from reviewbot.model.review import WIDTHS
from reviewbot.program.call_graph import FunctionKey
from reviewbot.program.operations.resolver import Operations
from reviewbot.review.neighbourhood.folder_words import FolderWords, ReadWords
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

Meant = Callable[[str, str], FunctionKey | None]  # the function that a name means in the file of a path


class NearbyFile(NamedTuple):
    """A file to read with others. `idle`: its functions that call none of those on the ways, nor are called by them."""

    path: str
    text: bytes
    idle: Collection[str] = ()


class NearbyFiles(NamedTuple):
    """Files to read with others. `ways`: all functions on the ways; `left`: why these are not all that may matter.

    `meant`: says which function of another file a name means, None where nobody knows more than these files show;
    `operations`: the same of members that are called.
    """

    files: Sequence[NearbyFile]
    ways: Collection[FunctionKey]
    left: str = ""
    meant: Meant | None = None
    operations: Operations | None = None

    @property
    def through(self) -> Collection[FunctionKey]:
        """The functions on ways, if these lead through other files."""
        return self.ways if self.files else ()


class Neighbourhood:
    """Looks around in trees, and remembers what the files there say."""

    def __init__(self, source: TreeSource, read: ReadWords, layout: Layout) -> None:
        self._folders, self._index, self._read, self._layout = source.folders, source.index, read, layout
        self._known: OrderedDict[str, FolderWords] = OrderedDict()
        self.width = FOLDER if self._index is None else TREE  # how far it looked the last time, one of WIDTHS

    def around(self, tree: str, change: ChangedFunctions, handed: Collection[FunctionKey] = ()) -> NearbyFiles:
        """What has to be read with the files of some changed functions; `tree`: what they are in after the change.

        `handed`: the files, and words of them that may be functions which are put or handed to somebody there.
        """
        touched = frozenset(path for path, _ in (*change.functions, *handed))
        try:
            words = self._index.words(tree, self._folders, self._read) if self._index is not None else None
            if words is not None:
                self.width = TREE
                return self._along([words], touched, change, handed)
        except DamagedDatabase as error:
            self._give_up(error)
        self.width = FOLDER
        names = sorted({dirname(path) for path in touched} - {""})
        if len(names) > _MOST_FOLDERS:
            return NearbyFiles((), (), f"it touches {len(names)} folders; calls were followed into none of their files")
        folders = [self._folder(tree, name) for name in names]
        found = self._along(folders, touched, change, handed)
        left = found.left or next((one.left for one in folders if one.left), "")
        return found._replace(left=left)

    def _along(
        self,
        words: Sequence[SourceWords],
        touched: Collection[str],
        change: ChangedFunctions,
        handed: Collection[FunctionKey],
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
        left = ""
        if len(paths) > _MOST_READ:
            left = f"its calls lead through {len(paths)} more files of the {self.width}; {_MOST_READ} of them were read"
        texts = ((path, next(filter(None, (one.text(path) for one in words)), None)) for path in paths[:_MOST_READ])
        files = [
            NearbyFile(path, text, () if path in waiting else graph.idle(path, ways))
            for path, text in texts
            if text is not None
        ]
        return NearbyFiles(files, ways, left, partial(self._meant, graph), graph.resolved)

    def _meant(self, graph: WordGraph, path: str, name: str) -> FunctionKey | None:
        """The function that a name means; it is asked later, and the index may be damaged by then."""
        try:
            return graph.meant(path, name)
        except DamagedDatabase as error:
            self._give_up(error)
            return None

    def _give_up(self, error: DamagedDatabase) -> None:
        if self._index is not None:
            self._index.give_up(str(error))
        self._index, self.width = None, SERIES

    def _folder(self, tree: str, name: str) -> FolderWords:
        folder = self._known.get(name) or FolderWords(name, self._folders, self._read)
        self._known[name] = folder
        self._known.move_to_end(name)
        if len(self._known) > _KEPT:
            self._known.popitem(last=False)
        folder.turn_to(tree)
        return folder
