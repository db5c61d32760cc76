"""Chooses the files of a folder that have to be read with those that a patch touches.

Input: the tree after a patch, and the functions of it that are changed. Output: the texts of other files in their
folders that stand on a way from a function which holds something, by a changed one, to one that asks for memory.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Sequence
from posixpath import dirname
from typing import NamedTuple

from reviewbot.interproc.summary import DEEPEST
from reviewbot.model.patch import Folders
from reviewbot.program.call_graph import FunctionKey, between
from reviewbot.review.neighbourhood.folder_words import FolderWords, ReadWords
from reviewbot.review.neighbourhood.word_graph import WordGraph

_MOST_READ = 24  # files that are read with those of a patch
_MOST_FOLDERS = 8  # of a patch; of one to more than these, none is looked at
_KEPT = 12  # folders whose words are in memory at once


class NearbyFile(NamedTuple):
    """A file to read with others."""

    path: str
    text: bytes


class NearbyFiles(NamedTuple):
    """Files to read with others. `ways`: all functions on the ways; `left`: why these are not all that may matter."""

    files: Sequence[NearbyFile]
    ways: Collection[FunctionKey]
    left: str = ""

    @property
    def through(self) -> Collection[FunctionKey]:
        """The functions on ways, if these lead through other files."""
        return self.ways if self.files else ()


class Neighbourhood:
    """Looks around in folders of trees, and remembers what the files there say."""

    def __init__(self, folders: Folders, read: ReadWords) -> None:
        self._folders, self._read = folders, read
        self._known: OrderedDict[str, FolderWords] = OrderedDict()

    def around(self, tree: str, starts: Collection[FunctionKey], handed: Collection[FunctionKey] = ()) -> NearbyFiles:
        """What has to be read with the files of some changed functions; `tree`: what they are in after the change.

        `handed`: the files, and words of them that may be functions which are put or handed to somebody there.
        """
        touched = frozenset(path for path, _ in (*starts, *handed))
        names = sorted({dirname(path) for path in touched} - {""})
        if len(names) > _MOST_FOLDERS:
            return NearbyFiles((), (), f"it touches {len(names)} folders; calls were followed into none of their files")
        folders = [self._folder(tree, name) for name in names]
        graph = WordGraph(folders)
        meant = (graph.meant(*one) for one in handed)
        starts = dict.fromkeys((*starts, *(one for one in meant if one is not None)))
        ways = dict.fromkeys((*between(graph, starts, graph.holding, graph.asking, DEEPEST), *graph.handing(starts)))
        runs = (path for one in ways for path in graph.running(one))
        paths = [path for path in dict.fromkeys((*(path for path, _ in ways), *runs)) if path not in touched]
        left = next((one.left for one in folders if one.left), "")
        if len(paths) > _MOST_READ:
            left = f"its calls lead through {len(paths)} more files of the folder; {_MOST_READ} of them were read"
        texts = ((path, self._known[dirname(path)].text(path)) for path in paths[:_MOST_READ])
        return NearbyFiles([NearbyFile(path, text) for path, text in texts if text is not None], ways, left)

    def _folder(self, tree: str, name: str) -> FolderWords:
        folder = self._known.get(name) or FolderWords(name, self._folders, self._read)
        self._known[name] = folder
        self._known.move_to_end(name)
        if len(self._known) > _KEPT:
            self._known.popitem(last=False)
        folder.turn_to(tree)
        return folder
