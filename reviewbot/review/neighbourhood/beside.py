"""Reads the files of a tree that have to be read with those of a patch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

from reviewbot.model.kernel import Rule
from reviewbot.model.patch import Folders, Unread
from reviewbot.model.review import WIDTHS
from reviewbot.program.call_graph import FunctionKey
from reviewbot.program.file_version import FileVersion
from reviewbot.program.reader import Reader
from reviewbot.review.neighbourhood.function_words import WordReader
from reviewbot.review.neighbourhood.neighbourhood import Neighbourhood
from reviewbot.review.patched_file import PatchedFile
from reviewbot.review.prefilter.words import RowWords, known_rules


class FilesBeside:
    """Looks for them by the facts of one kernel, and by what its rules list.

    `width`: how far calls are followed with them, one of WIDTHS.
    """

    width = WIDTHS[1]

    def __init__(self, folders: Folders, rules: Sequence[Rule], reader: Reader) -> None:
        self._folders, self._rules, self._reader = folders, rules, reader

    @cached_property
    def neighbourhood(self) -> Neighbourhood:
        """What looks around."""
        words = WordReader(self._reader.kernel, RowWords(known_rules(self._rules)))
        return Neighbourhood(self._folders, words.read)

    def of(self, tree: str, files: Sequence[PatchedFile]) -> tuple[list[FileVersion], list[Unread]]:
        """The files to read with some that are read as one, after a patch; `tree`: that after it."""
        sides = [one.after for one in files if one.whole and one.after is not None]
        starts = [key for side in sides for key in _changed(side)]
        handed = [(side.path, name) for side in sides for name in sorted(side.handed)]
        if not starts and not handed:
            return [], []
        found = self.neighbourhood.around(tree, starts, handed)
        texts = ((one.path, one.text.decode("utf-8", "surrogateescape")) for one in found.files)
        left = [Unread(sides[0].path, found.left)] if found.left else []
        return [self._reader.unchanged(path, text) for path, text in texts], left


def _changed(side: FileVersion) -> Iterator[FunctionKey]:
    names = (unit.function.name for unit in side.units if not unit.function.macro)
    yield from ((side.path, name) for name in (*names, *sorted(side.quiet)) if name)
