"""Commits in, what was found in each out: sifted, read in several processes, and settled by those that come later.

Each is judged by the kernel that it is a commit of. Neighbours have the same, and what is made for one is kept.

A commit keeps the hunks of those files only that a remark is about: of a thousand commits little else stays in memory
than their subjects and the names of their files.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from reviewbot import changes
from reviewbot.commits import Change, Section
from reviewbot.crew import Died, each
from reviewbot.engine import Engine
from reviewbot.model import FileChange, Patch, PatchReview, Unread, Version
from reviewbot.records import dataclass, replace
from reviewbot.settled import End, Settling
from reviewbot.sides import Rows
from reviewbot.sift import Sieve

_BYTES = 1 << 18  # of diff, and
_COMMITS = 16  # in one task
_ERAS = 8  # kernels whose rules are in memory together
_FILES = 64  # whose contents are in memory together
_EMPTY = "nothing"  # the tree before a root


class Era(NamedTuple):
    """A kernel to judge by. `names`: those of its headers that matter, None where the version alone tells.

    `end`: it is that of the end of the range, whatever its names.
    """

    version: Version
    names: frozenset[str] | None = None
    end: bool = False


@dataclass(frozen=True, slots=True)
class Numbered:
    """A commit with its place in the range, the names that it and those before it define, and its kernel."""

    number: int
    total: int
    change: Change
    defined: frozenset[str]
    era: Era

    def patch(self, sections: Iterable[Section | _Kept] = ()) -> Patch:
        """The commit as a patch to the files of some of its sections."""
        change = self.change
        diff = b"".join(section.text for section in sections).decode("utf-8", "surrogateescape")
        trees = (change.before or _EMPTY, change.after)
        return Patch(
            *(self.number, self.total, change.subject, change.body, diff),
            commit=change.commit,
            unread=change.unread,
            before=trees[0],
            after=trees[1],
            label=change.label,
        )


class Reviewer:
    """Reviews commits. `contents(ids)` gives what is in some files, None for one that is too large or not there.

    `engine(era)` makes what reviews by a kernel; `end` is that of the review as a whole.
    """

    def __init__(
        self,
        engine: Callable[[Era], Engine],
        end: Era,
        contents: Callable[[Sequence[str]], Mapping[str, bytes | None]],
    ) -> None:
        self._make, self._whole, self._contents = engine, end.version, contents
        self._tools: OrderedDict[Era, _Tools] = OrderedDict()
        self._ids: dict[tuple[str, str], str] = {}
        self._near: Mapping[str, bytes | None] = {}  # what was looked at last
        self._defined: frozenset[str] = frozenset()
        self.engine, self._sieve = self._turned(end)

    def _turned(self, era: Era) -> _Tools:
        """What reviews by a kernel, made where it is not among those that were in use lately."""
        if era not in self._tools:
            engine = self._make(era)
            engine.read = self._read
            self._tools[era] = _Tools(engine, Sieve(engine.kernel, [rule for rule, _ in engine.rules]))
            if len(self._tools) > _ERAS:
                self._tools.popitem(last=False)
        self._tools.move_to_end(era)
        self._tools[era].engine.defined = self._defined
        return self._tools[era]

    def review(self, one: Numbered) -> PatchReview:
        """What is found in a commit; its files are there without their hunks, and its diff is not."""
        self.turn_to(one)
        whole = [section for section in one.change.sections if section.has_hunks]
        kept = [section for section in self._sifted(whole) if section.text]
        only = {section.file.path: section.rows for section in kept if section.rows}
        reviewed = self.engine.patch(one.patch(kept), only)
        read = {section.file.path: section.text for section in kept}
        rest = (section.text for section in whole if section.text != read.get(section.file.path))
        if reviewed.findings and any(map(self._sieve.takes, rest)):  # what they say may have stood there before
            reviewed = self.engine.patch(one.patch(whole), only)
        names = {section.file.path for section in kept}
        return replace(
            reviewed,
            patch=one.patch(),
            unread=(*reviewed.unread, *_binary(one.change)),
            depth="file" if names <= reviewed.whole else "diff",
            files=tuple(section.file for section in one.change.sections),
            whole=frozenset(section.file.path for section in whole) - names | reviewed.whole,
            unlisted=sum(section.added for section in one.change.sections),
            kernel=None if one.era.version == self._whole else one.era.version,
        )

    def end(self, patch: Patch, change: FileChange, era: Era) -> End | None:
        """As Engine.end(), of the commit that was turned to last, by the kernel of another."""
        return self._turned(era).engine.end(patch, change)

    def turn_to(self, one: Numbered) -> None:
        """Have the files of a commit at hand, and what reviews by its kernel."""
        self._defined = one.defined
        self.engine, self._sieve = self._turned(one.era)
        self._ids, self._near = {}, {}
        for section in one.change.sections:
            file = section.file
            self._ids[one.change.before or _EMPTY, file.old_path or file.path] = section.old
            self._ids[one.change.after, file.path] = section.new

    def _read(self, tree: str, path: str) -> bytes | None:
        found = self._ids.get((tree, path))
        if not found:
            return None
        return self._near[found] if found in self._near else self._contents([found])[found]

    def _sifted(self, sections: Sequence[Section]) -> Iterator[_Kept]:
        """The hunks of each file that are worth reading; of one that is too large to look at, all."""
        for at in range(0, len(sections), _FILES):
            some = sections[at : at + _FILES]
            self._near = self._contents([section.new for section in some if section.new])
            for section in some:
                after = self._near[section.new] if section.new else b""
                rows = () if after is None else self._sieve.kept(section.file.path, section.text, after)
                text = section.text if after is None else section.among(rows) if rows else b""
                yield _Kept(section.file, text, rows)


class _Tools(NamedTuple):
    engine: Engine
    sieve: Sieve


class _Kept(NamedTuple):
    file: FileChange
    text: bytes
    rows: Sequence[Rows]


def _binary(change: Change) -> Iterator[Unread]:
    for section in change.sections:
        if any(line.startswith("Binary file") for line in section.file.header):
            yield Unread(section.file.path, "git takes it for binary")


def review(
    reviewer: Reviewer,
    read: Iterable[tuple[Change, Era]],
    total: int,
    processes: int,
    begin: Callable[[], None],
    done: Callable[[], None],
) -> tuple[PatchReview, ...]:
    """All commits in order; `done` is called after each. See crew.each() for `processes` and `begin`."""
    settling = Settling(reviewer.end)
    tasks = _tasks(_numbered(read, total, reviewer.engine))  # of all kernels, it knows the same names

    def work(task: list[Numbered]) -> list[PatchReview]:
        return [reviewer.review(one) for one in task]

    for task, made in each(work, tasks, processes, begin):
        answers = [_alone(reviewer, one, begin) for one in task] if isinstance(made, Died) else made
        for one, reviewed in zip(task, answers, strict=True):
            reviewer.turn_to(one)
            _settle(settling, one, reviewed)
            done()
    return settling.reviews()


def _settle(settling: Settling[Era], one: Numbered, reviewed: PatchReview) -> None:
    about = {finding.path for finding in reviewed.findings}
    concerned = [file for file in reviewed.files if settling.concerns([file])]
    kept = _with_hunks(one, reviewed, about | {file.path for file in concerned})
    every = {file.path for file in reviewed.files} if concerned else set()  # a function may have moved to any of them
    settling.add(_with_hunks(one, reviewed, every), one.era, kept)


def _numbered(read: Iterable[tuple[Change, Era]], total: int, engine: Engine) -> Iterator[Numbered]:
    """The commits with their numbers, and the flags that they and those before them define."""
    stems = [stem.encode() for stem in engine.kernel.words["telling"]]
    known: frozenset[str] = frozenset()
    for number, (change, era) in enumerate(read, 1):
        for section in change.sections:
            if any(stem in section.text for stem in stems):
                known |= engine.definitions(section.text.decode("utf-8", "surrogateescape"))
        yield Numbered(number, total, change, known, era)


def _tasks(commits: Iterable[Numbered]) -> Iterator[list[Numbered]]:
    task: list[Numbered] = []
    size = 0
    for one in commits:
        task.append(one)
        size += sum(len(section.text) for section in one.change.sections)
        if size >= _BYTES or len(task) >= _COMMITS:
            yield task
            task, size = [], 0
    if task:
        yield task


def _alone(reviewer: Reviewer, one: Numbered, begin: Callable[[], None]) -> PatchReview:
    """A commit of a task with which a process ended, in a process of its own."""
    ((_, made),) = each(reviewer.review, [one], 1, begin)
    if not isinstance(made, Died):
        return made
    reason = f"the process that read it ended ({f'signal {-made.code}' if made.code < 0 else f'code {made.code}'})"
    return PatchReview(one.patch(), (), (*one.change.unread, Unread(None, reason)))


def _with_hunks(one: Numbered, reviewed: PatchReview, paths: set[str]) -> PatchReview:
    """With the hunks of some of its files."""
    shown = {section.file.path: section for section in one.change.sections if section.file.path in paths}
    if not shown:
        return reviewed
    text = "".join(section.text.decode("utf-8", "surrogateescape") for section in shown.values())
    listed = {file.path: file for file in changes.parse(text)[0]}
    files = tuple(listed.get(file.path, file) for file in reviewed.files)
    added = sum(section.added for path, section in shown.items() if path in listed)
    return replace(reviewed, files=files, unlisted=reviewed.unlisted - added)
