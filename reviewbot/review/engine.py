"""Reviews the patches of a series: runs the checks on both sides of each file and reports the findings that are new.

Takes a series, the facts of a kernel version and its rules; gives a Review. A finding stands on a line that the patch
adds, or where it removes one. With the trees of a patch whole files are read, up to 4 MB each; without, only hunks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from reviewbot.checks.declaration import check_of
from reviewbot.frontend.cut_functions import CutFile
from reviewbot.frontend.instructions import squeeze
from reviewbot.model.kernel import Kernel, Rule
from reviewbot.model.lent_scopes import NOTHING_LENT
from reviewbot.model.patch import FileChange, Patch, ReadFile, Series, Unread
from reviewbot.model.review import WIDTHS, Finding, PatchReview, Review
from reviewbot.patch import parse
from reviewbot.patch.function_hunks import function_hunks, heirs, is_touched, speaks_of, text_of
from reviewbot.patch.relocate import relocate
from reviewbot.program.call_graph import NOTHING_BESIDE, Beside, FileCallGraph
from reviewbot.program.context import Check, Context, Hit
from reviewbot.program.file_version import FileVersion
from reviewbot.program.helpers.sides import PatchHelpers, patch_helpers
from reviewbot.program.reader import Reader, reader_of
from reviewbot.review.changed_ways import ChangedWays, ScopeEnds, scope_ends
from reviewbot.review.findings import finding_of, once_a_line
from reviewbot.review.left_calls import calls_left, known_calls
from reviewbot.review.linked_files import MOST_EARLIER, Earlier, are_linked, first_missing, grouped, link, with_files
from reviewbot.review.neighbourhood.visibility import Layout
from reviewbot.review.new_findings import Pair, Sides, new_hits
from reviewbot.review.patched_file import PatchedFile, Selected
from reviewbot.review.resolved import FindingKey, FindingOrigin, Resolver
from reviewbot.support.patterns import pattern

# a macro, or what may be an enumerator: a name alone on its line
_DEFINES = pattern(r"^\+(?:\s*#\s*define\s+(\w+)|\s*(\w+)\s*(?:=[^=,\n]*)?,[ \t]*$)")

_LARGEST = 4 << 20  # bytes of a file; the largest C file of the kernel that is no table has a quarter of it
if TYPE_CHECKING:
    from reviewbot.review.neighbourhood.beside import FilesBeside
    from reviewbot.review.neighbourhood.tree_source import TreeSource

_OTHER = "the tree's file is not what the hunks say; only these were read"
_NO_FILE = f"the file has more than {_LARGEST >> 20} MB, or is not in this clone; only its hunks were read"

Hits = Mapping[str, Sequence[Pair]]  # by rule
Only = Mapping[str, Selected]
Keys = frozenset[FindingKey]
FileTexts = tuple[CutFile | None, CutFile]  # before and after
_NOTHING = Selected(())
NO_NAMES = frozenset[str]()  # where functions are chosen by names: no restriction


class Engine:
    """Reviews patches by the facts of one kernel version and the rules that apply to it.

    `read(tree, path)` gives the bytes of a file in the tree of that id, None if it is not there. With it, patches that
    know their trees are read as whole files. With `tree` calls are followed into other files of it.
    """

    def __init__(
        self, kernel: Kernel, rules: Sequence[Rule], read: ReadFile | None = None, tree: TreeSource | None = None
    ) -> None:
        records = tree.records if tree is not None else None
        self.kernel, self.reader, self.read = kernel, reader_of(kernel, records), read
        self.beside = _files_beside(tree, rules, self.reader) if tree is not None else None
        self.rules = [(rule, check_of(rule)) for rule in rules if _in_life(rule, kernel)]
        self._defined = NO_NAMES  # by the series under review
        self._first_missing = float("inf")  # the number of the first patch of it that is not here
        self._incomplete = False  # the patch at hand comes after one that is not here
        self._earlier: Earlier | None = None  # what earlier patches of a series have left

    @property
    def width(self) -> str:
        """How far calls are followed where whole files are read, one of WIDTHS."""
        return self.beside.width if self.beside is not None else WIDTHS[0]

    @cached_property
    def _ends(self) -> ScopeEnds:
        return scope_ends(self.reader.lookup, [rule for rule, _ in self.rules])

    @cached_property
    def _known_calls(self) -> frozenset[str]:
        return known_calls(self.kernel, [rule for rule, _ in self.rules])

    def review(self, series: Series) -> Review:
        """Review all patches of a series. A finding that a later patch fixes has that patch as `resolved_by`."""
        self._begin(series)
        self._earlier = Earlier() if len(series.patches) > 1 else None
        resolver = Resolver(self._still_there)
        for patch in series.patches:
            resolver.add(self.patch(patch))
        self._earlier = None
        return Review(series, resolver.reviews(), self.kernel.version, series.unread)

    def one(self, series: Series, at: int) -> PatchReview:
        """Review the patch at index `at`, and of the later ones only those that may fix its findings."""
        self._begin(series)
        resolver = Resolver(self._still_there)
        self._earlier = Earlier()
        for patch in series.patches[:at]:
            if are_linked(patch.diff, series.patches[at].diff):
                self._earlier.add(self.left_by(patch))
        resolver.add(self.patch(series.patches[at]))
        self._earlier = None
        for patch in series.patches[at + 1 :]:
            if resolver.concerns(parse.parse_diff(patch.diff)[0]):
                resolver.add(self.patch(patch))
        return resolver.reviews()[0]

    def left_by(self, patch: Patch) -> Sequence[FileVersion]:
        """The files of a patch as it leaves them, not checked."""
        changes = [change for change in parse.parse_diff(patch.diff)[0] if parse.is_source(change)]
        helpers = self._helpers(patch, changes)
        read = (self._file(patch, change, None, helpers)[0].after for change in changes)
        return [side for side in read if side is not None]

    def _begin(self, series: Series) -> None:
        self._defined = frozenset(name for patch in series.patches for name in self.definitions(patch.diff))
        self._first_missing = first_missing(series)

    def patch(self, patch: Patch, only: Only | None = None, defined: frozenset[str] = NO_NAMES) -> PatchReview:
        """Review one patch, file by file: if one cannot be read, `unread` says so and the next one is reviewed.

        `only`: by path, what to look at; paths not in it are not read.
        `defined`: flag names that what comes before the patch defines.
        """
        self._incomplete = patch.number > self._first_missing
        files, unread = parse.parse_diff(patch.diff)
        notes = [*patch.unread, *unread]
        names = self._defined | defined | self.definitions(patch.diff)
        read: list[tuple[PatchedFile, Hits]] = []
        placed = {}
        left: list[FileVersion] = []
        calls = 0
        for group in grouped([one for one in enumerate(files) if parse.is_source(one[1])]):
            helpers = self._helpers(patch, [change for _, change in group])
            notes += [Unread(group[0][1].path, helpers.left)] if helpers.left else []
            opened = [(at, *self._file(patch, change, only, helpers)) for at, change in group]
            notes += self._link_beside(patch, [file for _, file, _ in opened], helpers)
            for at, file, missed in opened:
                selected = only.get(file.change.path) if only is not None else None
                read.append((file, self._hits(file, names, selected.rules if selected is not None else None)))
                notes += (*missed, *file.unfollowed, *file.cut_off)
                placed[at] = file.change
            calls += calls_left([file for _, file, _ in opened], self._known_calls)
            if self._earlier is not None:
                left = [*left, *(file.after for _, file, _ in opened if file.after is not None)][-MOST_EARLIER:]
            if not any(hits for _, hits in read[-len(opened) :]):
                for file, _ in read[-len(opened) :]:
                    file.forget()  # of a patch to thousands of files, only those that are hit stay in memory
        files = tuple(placed.get(at, change) for at, change in enumerate(files))
        findings = self._findings(read, names)
        for file, _ in read:
            file.release()
        self.reader.settle()
        if self._earlier is not None:
            self._earlier.add(left)
        whole = frozenset(file.change.path for file, _ in read if file.whole)
        depth = "file" if read and all(file.whole for file, _ in read) else "diff"
        width = (self.width if depth == "file" else WIDTHS[0]) if read else ""
        counted = calls if width in ("", WIDTHS[0]) else None
        return PatchReview(
            *(patch, tuple(findings), tuple(notes), depth, files, whole), width=width, calls_left=counted
        )

    def file(self, change: FileChange, defined: frozenset[str]) -> tuple[list[Finding], list[Unread]]:
        """Review one file of a diff by its hunks alone. `defined`: flag names that the series defines."""
        file, unread = self._by_hunks(change)
        self._link([file])
        hits = self._hits(file, defined)
        found = self._findings([(file, hits)], defined), [*unread, *file.unfollowed, *file.cut_off]
        file.release()
        return found

    def wrong(self, path: str, texts: FileTexts, function: str, defined: frozenset[str] = NO_NAMES) -> Keys | None:
        """The keys of all hits in a function of a file, or anywhere in it for "". `texts`: the file before and after.

        `defined`: as for patch(). None where the hits are not known, because a part of the file could not be parsed.
        """
        before, after = texts
        change = function_hunks(path, before, after, function)
        side = self.reader.file(change, _source(after), "+")
        if side.unread:
            return None

        def earlier(names: frozenset[str]) -> FileVersion | None:
            return None if before is None else self.reader.file(change, _source(before), "-", names=names)

        file = PatchedFile(change, side, earlier, True)
        self._link([file])
        hits = self._hits(file, self._defined | defined)
        file.release()
        return frozenset((rule, hit.function, squeeze(hit.key)) for rule, pairs in hits.items() for _, hit in pairs)

    def _still_there(self, origin: FindingOrigin, patch: Patch, change: FileChange) -> bool | None:
        """Whether a finding is left after a patch to its file; see `left` of Resolver."""
        self._incomplete = patch.number > self._first_missing
        finding = origin.finding
        if finding.needs_other_files:
            return None
        old, new = self._before(patch, change), self._after(patch, change)
        if new is None or (old is None and not change.created):
            return False if change.deleted else None
        after, earlier = text_of(change.path, new), None if old is None else text_of(change.path, old)
        if earlier is not None and not is_touched(earlier, after, finding.function):
            return None
        first = self._before(origin.patch, origin.change)
        if first is None and not origin.change.created:
            return None
        before = None if first is None else text_of(origin.change.path, first)
        speaks = speaks_of(after, finding.function)
        keys = self.wrong(change.path, (before, after), finding.function) if speaks else frozenset()
        if keys is None or (finding.rule, finding.function, finding.key) in keys:
            return None if keys is None else True
        for name in heirs(earlier, after):
            keys = self.wrong(change.path, (before, after), name)
            if keys is None or (finding.rule, name, finding.key) in keys:
                return None  # it has another name now, and is as wrong
        return False

    def definitions(self, diff: str) -> frozenset[str]:
        """Flag names (of any kernel version) that the added lines define."""
        stems = self.kernel.words["telling"]
        lines = (line for line in diff.split("\n") if line[:1] == "+" and any(stem in line for stem in stems))
        names = (name for line in lines for pair in _DEFINES.findall(line) for name in pair)
        return frozenset(names) & self.kernel.spans.keys()

    def _file(
        self, patch: Patch, change: FileChange, only: Only | None, helpers: PatchHelpers
    ) -> tuple[PatchedFile, list[Unread]]:
        """Both sides of a file: as a whole if the trees are known and match the diff, else by its hunks."""
        if self.read is None or patch.before is None or patch.after is None:
            return self._by_hunks(change, helpers)
        new = self._after(patch, change)
        if patch.commit is None:
            placed = relocate(change, self._before(patch, change), new)
        else:  # the diff is of these very trees
            placed = change if change.deleted or new is not None else None
        if placed is None:
            file, notes = self._by_hunks(change, helpers)
            return file, [Unread(change.path, _OTHER if patch.commit is None else _NO_FILE), *notes]
        rows = None if only is None else only.get(change.path, _NOTHING).rows
        lends = helpers.after
        after = None if new is None else self.reader.file(placed, new, "+", rows, lent=lends.lent(placed.path, new))

        def before(names: frozenset[str]) -> FileVersion | None:
            old = self._before(patch, change)  # not kept: a patch may be to thousands of files
            lent = NOTHING_LENT if old is None else helpers.before.lent(placed.path, old)
            return None if old is None else self.reader.file(placed, old, "-", names=names, lent=lent)

        file = PatchedFile(placed, after, before, True)
        return file, file.unread

    def _before(self, patch: Patch, change: FileChange) -> str | None:
        return None if change.created else self._text(patch.before, change.old_path or change.path)

    def _after(self, patch: Patch, change: FileChange) -> str | None:
        return None if change.deleted else self._text(patch.after, change.path)

    def _text(self, tree: str | None, path: str) -> str | None:
        data = self.read(tree, path) if self.read is not None and tree is not None else None
        return None if data is None or len(data) > _LARGEST else data.decode("utf-8", "surrogateescape")

    def _link(self, files: Sequence[PatchedFile], beside: Beside = NOTHING_BESIDE) -> None:
        earlier = self._earlier.files if self._earlier is not None else ()
        link(files, self.kernel, with_files(beside, earlier))

    def _link_beside(self, patch: Patch, files: Sequence[PatchedFile], helpers: PatchHelpers) -> list[Unread]:
        """Link some files of a patch, with others of its tree through which their calls lead; gives what was left."""
        beside, left = (
            self.beside.of(patch.after, files, helpers)
            if self.beside is not None and patch.after is not None
            else (NOTHING_BESIDE, [])
        )
        self._link(files, beside)
        return left

    def _by_hunks(self, change: FileChange, helpers: PatchHelpers | None = None) -> tuple[PatchedFile, list[Unread]]:
        def side(mark: str) -> FileVersion:
            return self.reader.hunks(change, mark, NOTHING_LENT if helpers is None else helpers.hunks(change, mark))

        after = None if change.deleted else side("+")
        file = PatchedFile(change, after, lambda _: None if change.created else side("-"), False)
        return file, file.unread

    def _helpers(self, patch: Patch, changes: Sequence[FileChange]) -> PatchHelpers:
        """What files lend those that a patch changes, and they lend others."""
        trees = self.read is not None and patch.before is not None and patch.after is not None
        near = None
        if self.beside is not None and trees and patch.after is not None:
            near = self.beside.helpers(patch.after, changes)
        earlier = self._earlier.files if self._earlier is not None else ()
        whole = (partial(self._after, patch), partial(self._before, patch)) if trees else None
        return patch_helpers(lambda: self.reader.helpers, changes, earlier, whole, near, Layout.of(self.kernel).sees)

    def _hits(self, file: PatchedFile, defined: frozenset[str], wanted: frozenset[str] | None = None) -> Hits:
        """The hits of the rules in a file after the patch. `wanted`: those rules that may find something new."""
        assert file.calls is not None
        if file.after is None or not file.after.tells:
            return {}
        context = self._context(file.after, defined, lambda names: file.before(_names_to_read(names)), file.calls)
        run = [(rule, check) for rule, check in self.rules if wanted is None or rule.id in wanted]
        hits = {rule.id: _run(rule, check, file.after, context) for rule, check in run}
        asked = {name for rule, _ in run if hits[rule.id] for name in rule.yields_to} - hits.keys()
        hits |= {rule.id: _run(rule, check, file.after, context) for rule, check in self.rules if rule.id in asked}
        remaining = ((rule.id, _without_yielded(hits[rule.id], rule, hits)) for rule, _ in run)
        return {rule: pairs for rule, pairs in remaining if pairs}

    def _findings(self, read: Sequence[tuple[PatchedFile, Hits]], defined: frozenset[str]) -> list[Finding]:
        out, ways = list[Finding](), ChangedWays((file for file, _ in read), self._ends)
        for rule, check in self.rules:
            if not any(rule.id in hits for _, hits in read):
                continue
            sides = [self._sides(file, hits.get(rule.id, ()), (rule, check), defined) for file, hits in read]
            for part, hit in new_hits(sides):
                finding = finding_of(rule, part, hit, self.reader.known_as, ways)
                if finding is not None:
                    out.append(finding)
        return once_a_line(out, [file.change.path for file, _ in read])

    def _context(
        self,
        side: FileVersion | None,
        defined: frozenset[str],
        before: Callable[[frozenset[str]], FileVersion | None],
        calls: FileCallGraph,
    ) -> Context:
        """The context of the checks on one side of a file. Helpers of the file are added."""
        kernel, own = self.kernel, side.allocators if side is not None else {}
        if own:
            kernel = replace(kernel, allocators={**kernel.allocators, **own})
        own_scopes = side.lookup if side is not None else None
        return Context(kernel, own_scopes or self.reader.lookup, before, defined, calls, self._incomplete)

    def _sides(
        self, file: PatchedFile, after: Sequence[Pair], rule: tuple[Rule, Check], defined: frozenset[str]
    ) -> Sides:
        """The hits of a rule in a file after the patch, and before it in all functions that the patch touches."""
        before = file.before(NO_NAMES)
        assert file.calls_before is not None
        context = self._context(before, defined, lambda _: None, file.calls_before)
        hits = _run(*rule, before, context) if before is not None and (after or before.tells) else []
        prefixes = tuple(self.kernel.words["flag_prefixes"])
        stems = tuple({prefix.strip("_").lower() for prefix in prefixes})
        return Sides(
            *(after, hits, (file.after, before), file.old_names),
            *(prefixes, stems, self.reader.lookup.markers),
        )


def _files_beside(source: TreeSource, rules: Sequence[Rule], reader: Reader) -> FilesBeside:
    from reviewbot.review.neighbourhood.beside import FilesBeside  # most checks have no tree

    return FilesBeside(source, rules, reader)


def _source(text: CutFile) -> str:
    return text.text.decode("utf-8", "surrogateescape")


def _in_life(rule: Rule, kernel: Kernel) -> bool:
    return (rule.since is None or kernel.version >= rule.since) and (rule.until is None or kernel.version < rule.until)


def _run(rule: Rule, check: Check, side: FileVersion, context: Context) -> list[Pair]:
    return [(hit.side or side, hit) for hit in check(side, rule, context)]


def _names_to_read(names: Iterable[str]) -> frozenset[str]:
    """The names that restrict what is read. A name that is "" may stand anywhere, so it lifts the restriction."""
    restriction = frozenset(names)
    return NO_NAMES if "" in restriction else restriction


def _without_yielded(pairs: Sequence[Pair], rule: Rule, hits: Hits) -> Sequence[Pair]:
    """The hits of a rule on lines that no rule in its `yields_to` hits too: one mistake gets one finding."""
    others = {row for name in rule.yields_to for _, hit in hits.get(name, ()) for row in _rows(hit)}
    return [pair for pair in pairs if others.isdisjoint(_rows(pair[1]))] if others else pairs


def _rows(hit: Hit) -> set[int]:
    """The rows of a hit and of its evidence."""
    return {*hit.rows, *(row for row, _ in hit.because)}
