"""Reviews the commits of a range in several processes, and resolves the findings of each by the later ones.

A prefilter selects the hunks to read. The facts of the kernel version that a commit belongs to apply to it; neighbours
have the same, so the engine of a version is kept.

Only hunks of files with findings are kept: of a thousand commits little more stays in memory than their subjects and
the names of their files.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple
from zlib import crc32

from msgspec import Struct
from msgspec.structs import replace

from reviewbot.frontend.cut_functions import ChangedLines
from reviewbot.git.commits import CommitDiff, Section
from reviewbot.git.kernel_versions import Era
from reviewbot.model.patch import FileChange, Patch, ReadFile, Unread
from reviewbot.model.review import WIDTHS, PatchReview
from reviewbot.patch import parse
from reviewbot.review.engine import NO_NAMES, Engine
from reviewbot.review.linked_files import linked_heads
from reviewbot.review.neighbourhood.beside import FilesBeside
from reviewbot.review.patched_file import Selected
from reviewbot.review.prefilter.change import NOTHING_TAKEN
from reviewbot.review.prefilter.prefilter import Prefilter
from reviewbot.review.resolved import Resolver
from reviewbot.sources.outcomes import Fate, FileTrails, Judge, TracedFinding, resolve_findings
from reviewbot.support.workers import WorkerDied, each

_BYTES = 1 << 18  # of diff in one task, and
_COMMITS = 16  # commits in one task
_ERAS = 8  # kernels whose rules are in memory at once
_FEW = 8  # files with findings from which on other processes are worth their start
_FILES = 64  # files whose contents are in memory at once
_EMPTY = "nothing"  # the tree before a root


class NumberedCommit(Struct, frozen=True):
    """A commit with its number in the range, from 1. `defined`: the flag names that it and those before it define."""

    number: int
    total: int
    change: CommitDiff
    defined: frozenset[str]
    era: Era

    def patch(self, sections: Iterable[Section | _Kept] = ()) -> Patch:
        """The commit as a patch, with the diff of some of its sections."""
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
    """Reviews commits one by one. `contents(ids)`: gives the bytes of blobs, None for one too large or not here.

    `engine(era, read)` makes what reviews by a kernel, see Engine; `end` is that of the review as a whole.
    """

    def __init__(
        self,
        engine: Callable[[Era, ReadFile], Engine],
        end: Era,
        contents: Callable[[Sequence[str]], Mapping[str, bytes | None]],
    ) -> None:
        self._make, self._whole, self._contents = engine, end.version, contents
        self._tools: OrderedDict[Era, _Tools] = OrderedDict()
        self._ids: dict[tuple[str, str], str] = {}
        self._near: Mapping[str, bytes | None] = {}  # what was looked at last
        self.engine, self._prefilter = self._turned(end)

    def _turned(self, era: Era) -> _Tools:
        """The engine and the prefilter for a kernel, out of the eight used last, else made anew."""
        if era not in self._tools:
            engine = self._make(era, self._read)
            self._tools[era] = _Tools(engine, Prefilter(engine.kernel, [rule for rule, _ in engine.rules]))
            if len(self._tools) > _ERAS:
                self._tools.popitem(last=False)
        self._tools.move_to_end(era)
        return self._tools[era]

    def review(self, one: NumberedCommit) -> PatchReview:
        """Review a commit. The result has its files without their hunks, except those with findings, and no diff."""
        self.turn_to(one)
        whole = [section for section in one.change.sections if section.has_hunks]
        sifted = [*self._sifted(one.change.after, whole)]
        kept = [section for section in sifted if section.text]
        left = (Unread(section.file.path, section.left) for section in sifted if section.left and not section.text)
        only = {section.file.path: section.selected for section in kept if section.selected.rows}
        reviewed = self.engine.patch(one.patch(kept), only, one.defined)
        read = {section.file.path: section.text for section in kept}
        rest = (section.text for section in whole if section.text != read.get(section.file.path))
        if reviewed.findings and any(map(self._prefilter.takes, rest)):  # what they say may have stood there before
            reviewed = self.engine.patch(one.patch(whole), only, one.defined)
        names = {section.file.path for section in kept}
        width = self.engine.width if whole and names <= reviewed.whole else reviewed.width
        found = replace(
            reviewed,
            patch=one.patch(),
            unread=(*reviewed.unread, *left, *_binary(one.change)),
            depth="file" if names <= reviewed.whole else "diff",
            width=width,
            calls_left=reviewed.calls_left if width in ("", WIDTHS[0]) else None,
            files=tuple(section.file for section in one.change.sections),
            whole=frozenset(section.file.path for section in whole) - names | reviewed.whole,
            unlisted=sum(section.added for section in one.change.sections),
            kernel=None if one.era.version == self._whole else one.era.version,
        )
        return _with_hunks(one, found, {finding.path for finding in reviewed.findings})

    def fates(self, remarks: Sequence[TracedFinding], defined: frozenset[str]) -> list[Fate]:
        """See Judge."""
        return Judge(lambda era: self._turned(era).engine, self._contents, defined).fates(remarks)

    def turn_to(self, one: NumberedCommit) -> None:
        """Have the files of a commit at hand, and what reviews by its kernel."""
        self.engine, self._prefilter = self._turned(one.era)
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

    def _sifted(self, tree: str, sections: Sequence[Section]) -> Iterator[_Kept]:
        """The hunks of each file that the prefilter keeps; all hunks of a file that is too large to be read."""
        for at in range(0, len(sections), _FILES):
            some = sections[at : at + _FILES]
            self._near = self._contents([section.new for section in some if section.new])
            called = linked_heads([section.text for section in some])
            for section, names in zip(some, called, strict=True):
                after = self._near[section.new] if section.new else b""
                if after is None:
                    yield _Kept(section.file, section.text, Selected(()))
                    continue
                beside, left = self.engine.beside, list[str]()
                leading = None if beside is None else partial(_leading, beside, left, tree, section.file.path)
                lent = NOTHING_TAKEN if beside is None else beside.lent(tree, section.file, after)
                found = self._prefilter.kept(section.file.path, section.text, after, names, leading, lent)
                text = section.among(found.rows) if found.rows else b""
                yield _Kept(section.file, text, found, next(iter(left), ""))


def _leading(
    beside: FilesBeside, left: list[str], tree: str, path: str, lines: Mapping[bytes, ChangedLines]
) -> frozenset[bytes]:
    """The functions on ways through other files on which a change matters. `lines`: the changed ones, by function.

    Adds to `left` why these may not be all.
    """
    found = beside.around(tree, {(path, name.decode("utf-8", "replace")): some for name, some in lines.items()})
    left += [found.left] if found.left else []
    return frozenset(name.encode() for _, name in found.through)


class _Tools(NamedTuple):
    engine: Engine
    prefilter: Prefilter


class _Kept(NamedTuple):
    file: FileChange
    text: bytes
    selected: Selected
    left: str = ""  # why other files may matter that were not looked at


def _binary(change: CommitDiff) -> Iterator[Unread]:
    for section in change.sections:
        if any(line.startswith("Binary file") for line in section.file.header):
            yield Unread(section.file.path, "git takes it for binary")


class RangeReview(NamedTuple):
    """Commits in order with what was found in each, by which kernel, and the way of their files.

    `defined`: the names that all of them define.
    """

    reviews: list[PatchReview]
    eras: list[Era]
    trails: FileTrails
    defined: frozenset[str]


def review(
    reviewer: Reviewer,
    read: Iterable[tuple[CommitDiff, Era]],
    total: int,
    processes: int,
    begin: Callable[[], None],
    done: Callable[[], None],
) -> RangeReview:
    """All commits in order; `done` is called after each. See crew.each() for `processes` and `begin`."""
    settling, eras, trails, defined = Resolver(), list[Era](), FileTrails(), NO_NAMES
    about = set[str | None]()  # files with remarks, whose lines later commits move
    tasks = _tasks(
        _numbered(read, total, reviewer.engine), max(1, processes)
    )  # of all kernels, it knows the same names

    def work(task: list[NumberedCommit]) -> list[PatchReview]:
        return [reviewer.review(one) for one in task]

    answers: dict[int, tuple[NumberedCommit, PatchReview]] = {}
    for task, made in each(work, tasks, processes, begin, lambda task: _lane(task[0].change)):
        said = [_alone(reviewer, one, begin) for one in task] if isinstance(made, WorkerDied) else made
        answers |= {one.number: (one, reviewed) for one, reviewed in zip(task, said, strict=True)}
        while (answer := answers.pop(len(eras) + 1, None)) is not None:
            one, reviewed = answer
            concerned = settling.concerns(reviewed.files)  # a function may have moved to any of them
            every = {file.path for file in reviewed.files} if concerned else set()
            moving = {file.path for file in reviewed.files if not about.isdisjoint((file.path, file.old_path))}
            settling.add(_with_hunks(one, reviewed, every), _with_hunks(one, reviewed, moving))
            found = {finding.path for finding in reviewed.findings}
            trails.add(one.number - 1, one.change.sections, found)
            about |= found | moving
            eras.append(one.era)
            defined = one.defined
            done()
    return RangeReview(list(settling.reviews()), eras, trails, defined)


def outcome(
    reviewer: Reviewer, found: RangeReview, tip: Callable[[str], str], processes: int, begin: Callable[[], None]
) -> tuple[PatchReview, ...]:
    """The reviews, with `resolved_by` for findings that a later commit fixes. For `tip` see resolve_findings()."""

    def judge(group: Sequence[TracedFinding]) -> list[Fate]:
        return reviewer.fates(group, found.defined)

    def fates(groups: Sequence[Sequence[TracedFinding]]) -> Iterator[Sequence[Fate] | None]:
        for _, made in each(judge, groups, processes if len(groups) >= _FEW else 0, begin):
            yield None if isinstance(made, WorkerDied) else made

    resolve_findings(found.reviews, found.eras, found.trails, tip, fates)
    return tuple(found.reviews)


def _numbered(read: Iterable[tuple[CommitDiff, Era]], total: int, engine: Engine) -> Iterator[NumberedCommit]:
    """The commits with their numbers, and the flag names that they and those before them define."""
    stems = [stem.encode() for stem in engine.kernel.words["telling"]]
    known: frozenset[str] = frozenset()
    for number, (change, era) in enumerate(read, 1):
        for section in change.sections:
            if any(stem in section.text for stem in stems):
                known |= engine.definitions(section.text.decode("utf-8", "surrogateescape"))
        yield NumberedCommit(number, total, change, known, era)


def _tasks(commits: Iterable[NumberedCommit], lanes: int) -> Iterator[list[NumberedCommit]]:
    """Tasks of commits, in order. Commits to the same file come into the same one of so many lanes."""
    begun: dict[int, list[NumberedCommit]] = {}
    sizes: dict[int, int] = {}
    for one in commits:
        lane = _lane(one.change) % lanes
        begun.setdefault(lane, []).append(one)
        sizes[lane] = sizes.get(lane, 0) + sum(len(section.text) for section in one.change.sections)
        if sizes[lane] >= _BYTES or len(begun[lane]) >= _COMMITS:
            sizes[lane] = 0
            yield begun.pop(lane)
    yield from begun.values()


def _lane(change: CommitDiff) -> int:
    """A number that is the same for commits with the same first file, in every run."""
    return crc32(change.sections[0].file.path.encode("utf-8", "surrogateescape")) if change.sections else 0


def _alone(reviewer: Reviewer, one: NumberedCommit, begin: Callable[[], None]) -> PatchReview:
    """Review a commit in a process of its own, after a process has died with the task that it was in."""
    ((_, made),) = each(reviewer.review, [one], 1, begin)
    if not isinstance(made, WorkerDied):
        return made
    reason = f"the process that read it ended ({f'signal {-made.code}' if made.code < 0 else f'code {made.code}'})"
    return PatchReview(one.patch(), (), (*one.change.unread, Unread(None, reason)))


def _with_hunks(one: NumberedCommit, reviewed: PatchReview, paths: set[str]) -> PatchReview:
    """The review with the hunks of some of its files."""
    paths = paths - {file.path for file in reviewed.files if file.hunks}
    shown = {section.file.path: section for section in one.change.sections if section.file.path in paths}
    if not shown:
        return reviewed
    text = "".join(section.text.decode("utf-8", "surrogateescape") for section in shown.values())
    listed = {file.path: file for file in parse.parse_diff(text)[0]}
    files = tuple(listed.get(file.path, file) for file in reviewed.files)
    added = sum(section.added for path, section in shown.items() if path in listed)
    return replace(reviewed, files=files, unlisted=reviewed.unlisted - added)
