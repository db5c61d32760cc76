"""Finds out for each finding in a range of commits which later commit resolves it.

A finding that the last version of its file still has is open, whatever happened in between: that is the usual case, and
takes one look. Only for one that it has not, and for one that was made twice, all versions of the file are read: a
commit has resolved it if it touches the function, and the cause is there before it and not after it. The commits of two
branches stand in one row here, so a version need not be made from the one before.

The findings of one file are judged together, by `Judge`, in any process, which gets blob ids and no contents.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from reviewbot.frontend.cut_functions import CutFile
from reviewbot.git.commits import Section
from reviewbot.git.kernel_versions import Era
from reviewbot.model.review import Finding, PatchReview
from reviewbot.patch.function_hunks import heirs, is_touched, speaks_of
from reviewbot.review.engine import Engine
from reviewbot.review.resolved import FindingKey, is_copy, with_resolution

_TEXTS = 16  # files that are kept cut into functions
_BESIDE = 256  # files of one commit in which a moved function is searched


class FileState(Struct, frozen=True):
    """A file after a commit. `commit`: its 0-based index in the range; `old`, `new`: the blob ids, "" for no file.

    `beside`: path and blob id of all files that the commit leaves.
    """

    commit: int
    path: str
    old: str
    new: str
    beside: tuple[tuple[str, str], ...]


class TracedFinding(Struct, frozen=True):
    """A finding with the later versions of its file. `at`: the 0-based indexes of its commit and of itself there.

    `before`, `after`: the blob ids of its file before and after its commit; `path`, `last`: path and blob id at the end
    of the range; `again`: a later commit has the same finding.
    """

    at: tuple[int, int]
    key: FindingKey
    era: Era
    before: str
    after: str
    states: tuple[FileState, ...]
    path: str
    last: str
    again: bool = False


class Fate(NamedTuple):
    """The index of the commit that resolves a finding, None for none; `moved`: it only moved it to this file."""

    commit: int | None = None
    moved: str = ""


_OPEN = Fate()


class FileTrails:
    """The versions and the names of each file through a range."""

    def __init__(self) -> None:
        self._touches: dict[str, list[FileState]] = {}  # by the path of the file before
        self._names: dict[str, list[tuple[int, str]]] = {}  # by the old path: from which commit on, and the new path
        self._origins: dict[tuple[int, str], FileState] = {}

    def add(self, commit: int, sections: Sequence[Section], about: Collection[str]) -> None:
        """Add the files of the next commit. `about`: the paths of those with findings."""
        beside = tuple((section.file.path, section.new) for section in sections if section.new)
        for section in sections:
            file = section.file
            moves = file.old_path is not None and file.old_path != file.path and not is_copy(file)
            path = file.old_path if moves and file.old_path is not None else file.path
            if moves:
                self._names.setdefault(path, []).append((commit, file.path))
            if section.old or section.new:  # else its content stays what it was
                state = FileState(commit, file.path, section.old, section.new, beside)
                self._touches.setdefault(path, []).append(state)
                if file.path in about:
                    self._origins[commit, file.path] = state

    def origin(self, commit: int, path: str) -> FileState | None:
        """The version of a file with findings that a commit made; None if it has none there."""
        return self._origins.get((commit, path))

    def after(self, commit: int, path: str) -> tuple[tuple[FileState, ...], str]:
        """The versions of a file after a commit, and its path at the end of the range."""
        found: list[FileState] = []
        while True:
            names = self._names.get(path, [])
            moves = bisect_right(names, commit, key=lambda name: name[0])
            end = names[moves][0] if moves < len(names) else None
            touches = self._touches.get(path, [])
            for state in touches[bisect_right(touches, commit, key=attrgetter("commit")) :]:
                if end is not None and state.commit > end:
                    break
                found.append(state)
            if end is None:
                return tuple(found), path
            commit, path = names[moves]


class Judge:
    """Tells the fates of remarks. `engine(era)` is what reviews by a kernel; `contents(ids)`: see Reviewer.

    `defined`: the names that the commits of the range define.
    """

    def __init__(
        self,
        engine: Callable[[Era], Engine],
        contents: Callable[[Sequence[str]], Mapping[str, bytes | None]],
        defined: frozenset[str],
    ) -> None:
        self._engine, self._contents, self._defined = engine, contents, defined
        self._texts: OrderedDict[str, CutFile | None] = OrderedDict()
        self._known: dict[tuple[str, Era, str, str, str], frozenset[FindingKey] | None] = {}

    def fates(self, remarks: Sequence[TracedFinding]) -> list[Fate]:
        """The fates of the findings of one file, in their order."""
        self._known.clear()
        fates = [_OPEN] * len(remarks)
        gone = {at: one for at, one in enumerate(remarks) if self._goes_on(one)}
        states = {(one.commit, one.path): one for remark in gone.values() for one in remark.states}
        own = {at: {(state.commit, state.path) for state in one.states} for at, one in gone.items()}
        for place, state in sorted(states.items(), key=itemgetter(0)):
            for at, one in list(gone.items()):
                if place in own[at] and self._ends(one, state):
                    fate = self._moved(one, state)
                    if fate is not None:
                        fates[at] = fate
                        del gone[at]
        return fates

    def _goes_on(self, one: TracedFinding) -> bool:
        """Whether the last version of the file does not tell the fate: it lacks the cause, or it is found again."""
        if one.last == one.after:
            return one.again
        return one.again or self._is_there(one, one.path, one.last) is False

    def _ends(self, one: TracedFinding, state: FileState) -> bool:
        """Whether the cause is there before a commit, and not after it."""
        function = one.key[1]
        if state.old and state.new:
            old, new = self._text(state.old), self._text(state.new)
            if old is None or new is None or not is_touched(old, new, function):
                return False
        if self._is_there(one, state.path, state.new) is not False or self._is_renamed(one, state):
            return False
        return state.old == one.after or self._is_there(one, state.path, state.old) is True

    def _is_renamed(self, one: TracedFinding, state: FileState) -> bool:
        """Whether a function that a commit adds has the cause: then the old function may only have a new name."""
        old, new = self._text(state.old) if state.old else None, self._text(state.new) if state.new else None
        rule, _, cause = one.key
        named = (replace(one, key=(rule, name, cause)) for name in (heirs(old, new) if new is not None else ()))
        return any(self._is_there(other, state.path, state.new) is not False for other in named)

    def _moved(self, one: TracedFinding, state: FileState) -> Fate | None:
        """The fate of a finding that ends with a commit; None if it has too many files to search for the function."""
        others = [other for other in state.beside if other[0] != state.path]
        if len(others) > _BESIDE:
            return None
        there = (path for path, content in others if self._is_there(one, path, content))
        return Fate(state.commit, next(there, ""))

    def _is_there(self, one: TracedFinding, path: str, content: str) -> bool | None:
        """Whether the cause is in a blob; None if that is not known."""
        if not content:
            return False
        function = one.key[1]
        asked = function, one.era, one.before, path, content
        if asked not in self._known:
            self._known[asked] = self._wrong(one, path, content)
        found = self._known[asked]
        return None if found is None else one.key in found

    def _wrong(self, one: TracedFinding, path: str, content: str) -> frozenset[FindingKey] | None:
        text = self._text(content)
        if text is None:
            return None
        if not speaks_of(text, one.key[1]):
            return frozenset()
        before = self._text(one.before) if one.before else None
        if one.before and before is None:
            return None
        return self._engine(one.era).wrong(path, (before, text), one.key[1], self._defined)

    def _text(self, content: str) -> CutFile | None:
        if content not in self._texts:
            data = self._contents([content])[content]
            self._texts[content] = None if data is None else CutFile(b"", data)
            if len(self._texts) > _TEXTS:
                self._texts.popitem(last=False)
        self._texts.move_to_end(content)
        return self._texts[content]


RunJudges = Callable[[Sequence[Sequence[TracedFinding]]], Iterable[Sequence[Fate] | None]]


def resolve_findings(
    reviews: list[PatchReview], eras: Sequence[Era], trails: FileTrails, tip: Callable[[str], str], run: RunJudges
) -> None:
    """Set `resolved_by` in `reviews` for findings that a later commit resolves.

    `tip(path)`: the blob id of a file at the end of the range, "" for none; `run`: gives the fates of each group, None
    for a group that could not be judged.
    """
    open_ = [
        (found, commit, finding.path)
        for commit, reviewed in enumerate(reviews)
        for at, finding in enumerate(reviewed.findings)
        if finding.path in reviewed.whole and (found := _origin(commit, at, finding, eras, trails)) is not None
    ]
    while open_:
        asked = _followed(open_, trails, tip)
        groups = [list(group) for _, group in groupby(asked, key=attrgetter("path"))]
        open_ = []
        for group, fates in zip(groups, run(groups), strict=True):
            for one, fate in zip(group, fates or (), strict=False):
                if fate.commit is not None and fate.moved:
                    open_.append((one, fate.commit, fate.moved))
                elif fate.commit is not None:
                    commit, at = one.at
                    reviews[commit] = with_resolution(reviews[commit], at, reviews[fate.commit].patch)


def _origin(commit: int, at: int, finding: Finding, eras: Sequence[Era], trails: FileTrails) -> TracedFinding | None:
    state = trails.origin(commit, finding.path)
    if state is None or finding.needs_other_files:
        return None
    key = finding.rule, finding.function, finding.key
    return TracedFinding((commit, at), key, eras[commit], state.old, state.new, (), finding.path, "")


def _followed(
    found: Sequence[tuple[TracedFinding, int, str]], trails: FileTrails, tip: Callable[[str], str]
) -> list[TracedFinding]:
    """The findings with the versions of their file after a commit and path, sorted by the path at the end.

    Those whose file has no later version are left out.
    """
    every: list[TracedFinding] = []
    for one, commit, path in found:
        states, last = trails.after(commit, path)
        every.append(replace(one, states=states, path=last, last=tip(last) if states else ""))
    later: dict[tuple[str, FindingKey], int] = {}
    for one in every:
        later[one.path, one.key] = max(one.at[0], later.get((one.path, one.key), 0))
    marked = (replace(one, again=later[one.path, one.key] > one.at[0]) for one in every if one.states)
    return sorted(marked, key=lambda one: (one.path, one.at))
