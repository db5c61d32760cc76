"""Reads the files of a tree that have to be read with those of a patch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache, cached_property
from itertools import groupby

from reviewbot.frontend.cut_functions import (
    ChangedLines,
    CutFile,
    Run,
    byte_words,
    changed,
    declaring,
    handed_in,
    run_at,
    said_by_function,
)
from reviewbot.model.kernel import Rule
from reviewbot.model.patch import FileChange, Hunk, Unread
from reviewbot.program.call_graph import NOTHING_BESIDE, Beside, FunctionKey
from reviewbot.program.file_version import FileVersion
from reviewbot.program.helpers.guards import guard_name
from reviewbot.program.helpers.sides import NearbyHelpers, PatchHelpers, SideHelpers
from reviewbot.program.helpers.words import HelperNames
from reviewbot.program.reader import Reader
from reviewbot.review.neighbourhood.function_words import FileWords, FunctionWords, WordReader
from reviewbot.review.neighbourhood.graph.word_graph import ChangedFunctions
from reviewbot.review.neighbourhood.neighbourhood import NearbyFile, NearbyFiles, Neighbourhood
from reviewbot.review.neighbourhood.tree_source import TreeSource
from reviewbot.review.neighbourhood.visibility import Layout
from reviewbot.review.patched_file import PatchedFile
from reviewbot.review.prefilter.change import NOTHING_TAKEN, LentWords
from reviewbot.review.prefilter.words import RowWords, known_rules


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

    def _read(self, path: str, text: bytes, known: Mapping[str, FunctionWords]) -> FileWords:
        return self._words.read(path, text, known)  # what reads is made when a file is new

    def _names(self, path: str, text: bytes) -> HelperNames:
        return self._reader.helpers.words.names(path, text)

    @cached_property
    def _neighbourhood(self) -> Neighbourhood:
        return Neighbourhood(self._source, self._read, Layout.of(self._reader.kernel), self._names)

    @cached_property
    def _known(self) -> frozenset[str]:
        kernel = self._reader.kernel
        gates = (gate.call for one in kernel.scopes.values() for gate in (*one.enter, *one.leave))
        quiet = (kernel.words[name] for name in ("only_read", "noreturn", "known_calls"))
        return frozenset((*kernel.allocators, *gates)).union(*quiet)

    def around(self, tree: str, lines: Mapping[FunctionKey, ChangedLines]) -> NearbyFiles:
        """See Neighbourhood. `lines`: those that are changed in each function; "" is none of a file."""
        said = {function: self._words.changed(some) for function, some in lines.items() if function[1]}
        words = ((path, word) for (path, _), some in lines.items() for word in handed_in(some.said))
        handed = dict.fromkeys((path, word.decode("utf-8", "replace")) for path, word in words)
        return self._neighbourhood.around(tree, ChangedFunctions(said, self._known), handed)

    def helpers(self, tree: str, changes: Sequence[FileChange]) -> NearbyHelpers | None:
        """See Neighbourhood. `tree`: that after the changes."""
        return self._neighbourhood.helpers(tree, [change.path for change in changes])

    def lent(self, tree: str, change: FileChange, text: bytes) -> LentWords:
        """The names by which others may take a lock for a file or give one back; `tree`: that after its change."""
        near = self._neighbourhood.helpers(tree, [change.path])
        if near is None:
            return NOTHING_TAKEN
        helpers = self._reader.helpers.words
        words, own = frozenset(byte_words(text)), helpers.own(text)
        takers, givers = (
            frozenset(one for one in some & words - own if near.helper(change.path, one.decode()) is not None)
            for some in (near.takers, near.givers)
        )
        classes = (one for one in helpers.guards.used(text) if guard_name(one) in near.takers)
        return LentWords(takers.union(classes), givers)

    def of(self, tree: str, files: Sequence[PatchedFile], helpers: PatchHelpers) -> tuple[Beside, list[Unread]]:
        """The files to read with some that are read as one, after a patch; `tree`: that after it."""
        sides = [(one.change, one.after) for one in files if one.whole and one.after is not None]
        lines = {key: said for change, side in sides for key, said in _changed(change, side)}
        if not lines:
            return NOTHING_BESIDE, []
        found = self.around(tree, lines)
        left = [Unread(sides[0][1].path, found.left)] if found.left else []
        read = [self._version(one, helpers.after) for one in found.files]

        @cache
        def before() -> Sequence[FileVersion]:
            return [self._version(one, helpers.before, now) for one, now in zip(found.files, read, strict=True)]

        return Beside(read, found.meant, found.operations, before), left

    def _version(self, one: NearbyFile, helpers: SideHelpers, other: FileVersion | None = None) -> FileVersion:
        """How a file is read on one side of the patch. `other`: how it is on the other side, which may be the same."""
        idle = frozenset(name.encode() for name in one.idle)
        text, shown = (said.decode("utf-8", "surrogateescape") for said in (one.text, declaring(one.text, idle)))
        lent = helpers.lent(one.path, shown)
        return (
            other if other is not None and other.lent == lent else self._reader.unchanged(one.path, text, shown, lent)
        )


def _changed(change: FileChange, side: FileVersion) -> Iterator[tuple[FunctionKey, ChangedLines]]:
    """The functions of a file that a patch changes, each with the lines that were, and those beside."""
    file = CutFile(side.path.encode("utf-8", "surrogateescape"), side.text.encode("utf-8", "surrogateescape"))
    runs = (run for hunk in change.hunks for run in _runs(hunk))
    for name, said in said_by_function(changed(file, runs)).items():
        yield (side.path, name.decode("utf-8", "replace")), said


def _runs(hunk: Hunk) -> Iterator[Run]:
    """The runs of changed lines of a hunk."""
    row = next((line.new for line in hunk.lines if line.new), 1) - 1
    for is_changed, some in groupby(hunk.lines, lambda line: line.mark != " "):
        lines = [*some]
        added = sum(line.mark != "-" for line in lines)
        if is_changed:
            removed = "".join(f"{line.text}\n" for line in lines if line.mark == "-")
            yield run_at(row, added, removed.encode("utf-8", "surrogateescape"))
        row += added
