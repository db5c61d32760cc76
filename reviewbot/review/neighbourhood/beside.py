"""Reads the files of a tree that have to be read with those of a patch."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from functools import cached_property

from reviewbot.model.kernel import Rule
from reviewbot.model.patch import Hunk, Unread
from reviewbot.program.call_graph import NOTHING_BESIDE, Beside, FunctionKey
from reviewbot.program.file_version import FileVersion
from reviewbot.program.reader import Reader
from reviewbot.review.neighbourhood.function_words import FileWords, WordReader
from reviewbot.review.neighbourhood.neighbourhood import NearbyFiles, Neighbourhood
from reviewbot.review.neighbourhood.tree_source import TreeSource
from reviewbot.review.neighbourhood.visibility import Layout
from reviewbot.review.neighbourhood.word_graph import ChangedFunctions
from reviewbot.review.patched_file import PatchedFile
from reviewbot.review.prefilter.words import RowWords, known_rules

_ABOVE = 2  # rows of a statement above a changed one


class FilesBeside:
    """Looks for them by the facts of one kernel, and by what its rules list."""

    def __init__(self, source: TreeSource, rules: Sequence[Rule], reader: Reader) -> None:
        self._source, self._rules, self._reader = source, rules, reader

    @property
    def width(self) -> str:
        """How far calls are followed with them, one of WIDTHS."""
        return self._neighbourhood.width

    @cached_property
    def _words(self) -> WordReader:
        return WordReader([self._reader.kernel], RowWords(known_rules(self._rules)))

    def _read(self, path: str, text: bytes) -> FileWords:
        return self._words.read(path, text)  # what reads is made when a file is new

    @cached_property
    def _neighbourhood(self) -> Neighbourhood:
        return Neighbourhood(self._source, self._read, Layout.of(self._reader.kernel))

    @cached_property
    def _known(self) -> frozenset[str]:
        kernel = self._reader.kernel
        gates = (gate.call for one in kernel.scopes.values() for gate in (*one.enter, *one.leave))
        quiet = (kernel.words[name] for name in ("only_read", "noreturn", "known_calls"))
        return frozenset((*kernel.allocators, *gates)).union(*quiet)

    def around(
        self, tree: str, functions: Collection[FunctionKey], lines: bytes, handed: Collection[FunctionKey]
    ) -> NearbyFiles:
        """See Neighbourhood. `lines`: those that are added to some functions, and removed."""
        change = ChangedFunctions(dict.fromkeys(functions).keys(), self._words.changed(lines), self._known)
        return self._neighbourhood.around(tree, change, handed)

    def of(self, tree: str, files: Sequence[PatchedFile]) -> tuple[Beside, list[Unread]]:
        """The files to read with some that are read as one, after a patch; `tree`: that after it."""
        sides = [one.after for one in files if one.whole and one.after is not None]
        starts = [key for side in sides for key in _changed(side)]
        handed = [(side.path, name) for side in sides for name in sorted(side.handed)]
        if not starts and not handed:
            return NOTHING_BESIDE, []
        lines = "\n".join(line for one in files for hunk in one.change.hunks for line in _changed_lines(hunk))
        found = self.around(tree, starts, lines.encode("utf-8", "surrogateescape"), handed)
        texts = ((one.path, one.text.decode("utf-8", "surrogateescape")) for one in found.files)
        left = [Unread(sides[0].path, found.left)] if found.left else []
        return Beside([self._reader.unchanged(path, text) for path, text in texts], found.meant), left


def _changed_lines(hunk: Hunk) -> Iterator[str]:
    """The lines that are added and removed, and those above in which their statement may begin."""
    changed = [at for at, line in enumerate(hunk.lines) if line.mark != " "]
    rows = dict.fromkeys(row for at in changed for row in range(max(at - _ABOVE, 0), at + 1))
    yield from (hunk.lines[row].text for row in rows)


def _changed(side: FileVersion) -> Iterator[FunctionKey]:
    names = (unit.function.name for unit in side.units if not unit.function.macro)
    yield from ((side.path, name) for name in (*names, *sorted(side.quiet)) if name)
