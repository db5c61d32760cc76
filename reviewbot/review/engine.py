"""A series, a kernel and its rules in, a Review out: found after minus found before, hung on an added line."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, cached_property
from importlib import import_module
from string import Template

from msgspec.structs import replace

from reviewbot.frontend.cut_functions import CutFile
from reviewbot.frontend.fragments import OPEN
from reviewbot.frontend.instructions import squeeze
from reviewbot.model.errors import ConfigError
from reviewbot.model.kernel import Kernel, Rule
from reviewbot.model.patch import FileChange, Patch, ReadFile, Series, Unread
from reviewbot.model.review import CONFIDENCES, SEVERITIES, Evidence, Finding, PatchReview, Review
from reviewbot.patch import parse
from reviewbot.patch.function_hunks import function_hunks, heirs, is_touched, speaks_of, text_of
from reviewbot.patch.relocate import relocate
from reviewbot.patch.renames import renamed
from reviewbot.patch.suggestion import fixed
from reviewbot.program.context import Check, Context, Hit
from reviewbot.program.file_version import FileVersion
from reviewbot.program.reader import Reader, Rows
from reviewbot.review.new_findings import Pair, Sides, new_hits
from reviewbot.review.resolved import FindingKey, FindingOrigin, Resolver
from reviewbot.support.patterns import pattern

# a macro, or what may be an enumerator: a name alone on its line
_DEFINES = pattern(r"^\+(?:\s*#\s*define\s+(\w+)|\s*(\w+)\s*(?:=[^=,\n]*)?,[ \t]*$)")

_LARGEST = 4 << 20  # characters of a file; the largest C file of the kernel that is no table has a quarter of it
_OTHER = "the tree's file is not what the hunks say; only these were read"
_NO_FILE = f"the file has more than {_LARGEST >> 20} MB, or is not in this clone; only its hunks were read"

Hits = Mapping[str, Sequence[Pair]]  # by rule
Only = Mapping[str, Sequence[Rows]]

NO_NAMES = frozenset[str]()
_ALL = NO_NAMES  # names that are no restriction


def check_of(rule: Rule) -> Check:
    """The generator that a rule's `check = "module:function"` names under reviewbot.checks; ConfigError if none is."""
    module, _, name = rule.check.partition(":")
    try:
        found: Check = getattr(import_module(f"reviewbot.checks.{module}"), name)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"rules/{rule.id}.toml: check = {rule.check!r} names no check") from error
    return found


class _File:
    """One file of a patch.

    `before(names)`: those of its functions before the patch that say one of the names, all if there are none. They
    are read when somebody asks: most changes are hit by no rule.
    """

    def __init__(
        self,
        change: FileChange,
        after: FileVersion | None,
        before: Callable[[frozenset[str]], FileVersion | None],
        whole: bool,
    ) -> None:
        self.change, self.after, self.whole = change, after, whole
        self.before = cache(before)

    def forget(self) -> None:
        """Have no more of what it is after the patch."""
        self.after = None

    @cached_property
    def old_names(self) -> Mapping[str, str]:
        """What renamed functions were called, by their new names."""
        return renamed(self.change)


class Engine:
    """Reviews patches against one kernel's facts and rules.

    `read(tree, path)` gives a file's bytes in the tree of that id, None if it is not there: with it, patches that
    know their trees are seen as whole files.
    """

    def __init__(self, kernel: Kernel, rules: Sequence[Rule], read: ReadFile | None = None) -> None:
        self.kernel, self.reader, self.read = kernel, Reader(kernel), read
        self.rules = [(rule, check_of(rule)) for rule in rules if _in_life(rule, kernel)]
        self._defined = NO_NAMES  # by the series under review
        self._first_missing = float("inf")  # the number of the first patch of it that is not here
        self._incomplete = False  # the patch at hand comes after one that is not here

    def review(self, series: Series) -> Review:
        """All patches of a series; a problem that a later patch takes away again is named as resolved by it."""
        self._begin(series)
        settling = Resolver(self._left)
        for patch in series.patches:
            settling.add(self.patch(patch))
        return Review(series, settling.reviews(), self.kernel.version, series.unread)

    def one(self, series: Series, at: int) -> PatchReview:
        """One patch of a series by its index; of the later ones only those are read that touch what it is about."""
        self._begin(series)
        settling = Resolver(self._left)
        settling.add(self.patch(series.patches[at]))
        for patch in series.patches[at + 1 :]:
            if settling.concerns(parse.parse_diff(patch.diff)[0]):
                settling.add(self.patch(patch))
        return settling.reviews()[0]

    def _begin(self, series: Series) -> None:
        self._defined = frozenset(name for patch in series.patches for name in self.definitions(patch.diff))
        self._first_missing = _first_missing(series)

    def patch(self, patch: Patch, only: Only | None = None, defined: frozenset[str] = NO_NAMES) -> PatchReview:
        """One patch, each of its files on its own: what is wrong with one is no reason to skip the next.

        `only`: by path, the rows (from 0) of the functions to read after the patch; what is not there is not read.
        `defined`: names that what comes before the patch defines.
        """
        self._incomplete = patch.number > self._first_missing
        files, unread = parse.parse_diff(patch.diff)
        notes = [*patch.unread, *unread]
        names = self._defined | defined | self.definitions(patch.diff)
        read: list[tuple[_File, Hits]] = []
        for at, change in enumerate(files):
            if parse.is_source(change):
                one, missed = self._file(patch, change, only)
                notes += missed
                read.append((one, self._hits(one, names)))
                notes += _unfollowed(one)
                if not read[-1][1]:
                    one.forget()  # of a patch to thousands of files, only those that are hit stay in memory
                files = (*files[:at], one.change, *files[at + 1 :])
        findings = self._findings(read, names)
        whole = frozenset(one.change.path for one, _ in read if one.whole)
        depth = "file" if read and all(one.whole for one, _ in read) else "diff"
        return PatchReview(patch, tuple(findings), tuple(notes), depth, files, whole)

    def file(self, change: FileChange, defined: frozenset[str]) -> tuple[list[Finding], list[Unread]]:
        """One file of a diff by its hunks alone."""
        one, unread = self._by_hunks(change)
        hits = self._hits(one, defined)
        return self._findings([(one, hits)], defined), [*unread, *_unfollowed(one)]

    def wrong(
        self,
        path: str,
        texts: tuple[CutFile | None, CutFile],
        function: str,
        defined: frozenset[str] = NO_NAMES,
    ) -> frozenset[FindingKey] | None:
        """What is wrong in a function of a file, "" for anything there, held against what the file was before.

        `defined`: as for patch(). None where that is not known, for not all of it was understood.
        """
        before, after = texts
        change = function_hunks(path, before, after, function)
        side = self.reader.file(change, _said_by(after), "+")
        if side.unread:
            return None

        def earlier(names: frozenset[str]) -> FileVersion | None:
            return None if before is None else self.reader.file(change, _said_by(before), "-", names=names)

        hits = self._hits(_File(change, side, earlier, True), self._defined | defined)
        return frozenset((rule, hit.function, squeeze(hit.key)) for rule, pairs in hits.items() for _, hit in pairs)

    def _left(self, origin: FindingOrigin, patch: Patch, change: FileChange) -> bool | None:
        """See Settling."""
        self._incomplete = patch.number > self._first_missing
        finding = origin.finding
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
        found = self.wrong(change.path, (before, after), finding.function) if speaks else frozenset()
        if found is None or (finding.rule, finding.function, finding.key) in found:
            return None if found is None else True
        for name in heirs(earlier, after):
            there = self.wrong(change.path, (before, after), name)
            if there is None or (finding.rule, name, finding.key) in there:
                return None  # it has another name now, and is as wrong
        return False

    def definitions(self, diff: str) -> frozenset[str]:
        """The names that the added lines of a diff define, of those that some kernel version has for a flag."""
        stems = self.kernel.words["telling"]
        lines = (line for line in diff.split("\n") if line[:1] == "+" and any(stem in line for stem in stems))
        found = (name for line in lines for pair in _DEFINES.findall(line) for name in pair)
        return frozenset(found) & self.kernel.spans.keys()

    def _file(self, patch: Patch, change: FileChange, only: Only | None) -> tuple[_File, list[Unread]]:
        """Both sides of a file: whole if the trees are known and have it as the diff says, else its hunks."""
        if self.read is None or patch.before is None or patch.after is None:
            return self._by_hunks(change)
        new = self._after(patch, change)
        if patch.commit is None:
            found = relocate(change, self._before(patch, change), new)
        else:  # the diff is of these very trees
            found = change if change.deleted or new is not None else None
        if found is None:
            one, notes = self._by_hunks(change)
            return one, [Unread(change.path, _OTHER if patch.commit is None else _NO_FILE), *notes]
        rows = None if only is None else only.get(change.path, ())
        after = None if new is None else self.reader.file(found, new, "+", rows)

        def before(names: frozenset[str]) -> FileVersion | None:
            again = self._before(patch, change)  # not kept: a patch may be to thousands of files
            return None if again is None else self.reader.file(found, again, "-", names=names)

        one = _File(found, after, before, True)
        return one, _unread(one)

    def _before(self, patch: Patch, change: FileChange) -> str | None:
        return None if change.created else self._text(patch.before, change.old_path or change.path)

    def _after(self, patch: Patch, change: FileChange) -> str | None:
        return None if change.deleted else self._text(patch.after, change.path)

    def _text(self, tree: str | None, path: str) -> str | None:
        data = self.read(tree, path) if self.read is not None and tree is not None else None
        return None if data is None or len(data) > _LARGEST else data.decode("utf-8", "surrogateescape")

    def _by_hunks(self, change: FileChange) -> tuple[_File, list[Unread]]:
        after = None if change.deleted else self.reader.hunks(change, "+")
        one = _File(change, after, lambda _: None if change.created else self.reader.hunks(change, "-"), False)
        return one, _unread(one)

    def _hits(self, one: _File, defined: frozenset[str]) -> Hits:
        """What the rules hit in a file after the patch."""
        context = self._context(one.after, defined, lambda names: one.before(_said(names)))
        found = {rule.id: _run(rule, check, one.after, context) for rule, check in self.rules}
        heard = ((rule.id, _unsaid(found[rule.id], rule, found)) for rule, _ in self.rules)
        return {rule: pairs for rule, pairs in heard if pairs}

    def _findings(self, read: Sequence[tuple[_File, Hits]], defined: frozenset[str]) -> list[Finding]:
        out: list[Finding] = []
        for rule, check in self.rules:
            if not any(rule.id in hits for _, hits in read):
                continue
            sides = [self._sides(one, hits.get(rule.id, ()), (rule, check), defined) for one, hits in read]
            for part, hit in new_hits(sides):
                finding = self._finding(rule, part, hit)
                if finding is not None:
                    out.append(finding)
        return _once_a_line(out, [one.change.path for one, _ in read])

    def _context(
        self, side: FileVersion | None, defined: frozenset[str], before: Callable[[frozenset[str]], FileVersion | None]
    ) -> Context:
        """What checks may ask about a side; its own macros may be allocators."""
        kernel, own = self.kernel, side.allocators if side is not None else {}
        if own:
            kernel = replace(kernel, allocators={**kernel.allocators, **own})
        return Context(kernel, self.reader.lookup, before, defined, self._incomplete)

    def _sides(self, one: _File, after: Sequence[Pair], rule: tuple[Rule, Check], defined: frozenset[str]) -> Sides:
        """What a rule hits in a file, and what it hit in all that the patch touches there before."""
        before = one.before(_ALL)
        hits = _run(*rule, before, self._context(before, defined, lambda _: None))
        prefixes = tuple(self.kernel.words["flag_prefixes"])
        stems = tuple({prefix.strip("_").lower() for prefix in prefixes})
        return Sides(
            *(after, hits, (one.after, before), one.old_names),
            *(prefixes, stems, self.reader.lookup.markers),
        )

    def _finding(self, rule: Rule, part: FileVersion, hit: Hit) -> Finding | None:
        row = _anchor(part, hit)
        if row is None:
            return None
        confidence = min(rule.confidence, hit.confidence or rule.confidence, key=CONFIDENCES.index)
        severity = min(rule.severity, hit.severity or rule.severity, key=SEVERITIES.index)
        function = "" if hit.function == OPEN else hit.function
        values = {**hit.values, "function": function, "line": squeeze(part.rows[row])}
        evidence = tuple(
            Evidence(part.path, part.numbers[at], part.function_at(at), part.rows[at], note)
            for at, note in hit.because
            if 0 <= at < len(part.rows)
        )
        text = part.rows[row]
        return Finding(
            rule=rule.id,
            severity=severity,
            confidence=confidence,
            path=part.path,
            line=part.numbers[row],
            line_text=text,
            function=function,
            message=squeeze(filled_text(rule, "summary", values)),
            question=filled_text(rule, "question", values).strip(),
            evidence=evidence,
            fingerprint=fingerprint(rule.id, part.path, self.reader.known_as(part, function), text),
            fix=fixed(text, hit.replace) if hit.replace and row == hit.rows[0] else None,
            key=squeeze(hit.key),
        )


def _first_missing(series: Series) -> float:
    """The number of the first patch of a series that is not here; infinity where none is known to be missing."""
    here = {patch.number for patch in series.patches}
    gaps = (number for number in range(1, max(here, default=0)) if number not in here)
    return 0 if series.headless else next(gaps, float("inf"))


def filled_text(rule: Rule, text: str, values: Mapping[str, str]) -> str:
    """One of a rule's texts with a finding's values; ConfigError names a placeholder that no check gives."""
    source = rule.summary if text == "summary" else rule.question
    try:
        return Template(source).substitute(values)
    except (KeyError, ValueError) as error:
        raise ConfigError(
            f"rules/{rule.id}.toml: {text}: no value for {error}; known: {', '.join(sorted(values))}"
        ) from error


def fingerprint(rule: str, path: str, function: str, text: str) -> str:
    """16 hex digits that survive rebases and moved lines."""
    said = "\0".join((rule, path, function, squeeze(text)))
    return hashlib.sha256(said.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _said_by(text: CutFile) -> str:
    return text.text.decode("utf-8", "surrogateescape")


def _in_life(rule: Rule, kernel: Kernel) -> bool:
    return (rule.since is None or kernel.version >= rule.since) and (rule.until is None or kernel.version < rule.until)


def _run(rule: Rule, check: Check, side: FileVersion | None, context: Context) -> list[Pair]:
    if side is None or not (side.units or side.defines):
        return []
    return [(side, hit) for hit in check(side, rule, context)]


def _said(names: Iterable[str]) -> frozenset[str]:
    """Names to read by; what has none may stand anywhere."""
    found = frozenset(names)
    return _ALL if "" in found else found


def _unsaid(pairs: Sequence[Pair], rule: Rule, found: Hits) -> Sequence[Pair]:
    """The hits of a rule whose lines none of the rules that it yields to speaks of: one mistake gets one remark."""
    others = {row for name in rule.yields_to for _, hit in found.get(name, ()) for row in _rows(hit)}
    return [pair for pair in pairs if others.isdisjoint(_rows(pair[1]))] if others else pairs


def _rows(hit: Hit) -> set[int]:
    """The rows that a hit is about, its evidence included."""
    return {*hit.rows, *(row for row, _ in hit.because)}


def _inside(part: FileVersion, row: int) -> bool:
    return 0 <= row < len(part.rows)


def _anchor(part: FileVersion, hit: Hit) -> int | None:
    """The row a remark hangs on: its own if that was added, else the added cause, else the place of a removal."""
    rows = [row for row in hit.rows if _inside(part, row)]
    causes = [row for row, _ in hit.because if _inside(part, row)]
    for row in (*rows, *causes):
        if part.changed[row]:
            return row
    return next((row for row in (*rows, *causes) if part.near[row]), None)


def _once_a_line(findings: list[Finding], paths: Sequence[str]) -> list[Finding]:
    """The same rule says the same thing of a line once; in the order of the diff."""
    seen: dict[tuple[str, str, int, str], Finding] = {}
    for finding in findings:
        seen.setdefault((finding.rule, finding.path, finding.line, finding.message), finding)
    return sorted(seen.values(), key=lambda finding: (paths.index(finding.path), finding.line, finding.rule))


def _unfollowed(one: _File) -> list[Unread]:
    """The functions of a file that the rules have asked about, and of which nothing is known."""
    units = one.after.units if one.after is not None else ()
    lost = ((unit.function.name, unit.unfollowed) for unit in units)
    return [Unread(one.change.path, f"{name}(): {why}") for name, why in lost if why]


def _unread(one: _File) -> list[Unread]:
    return [Unread(one.change.path, reason) for reason in (one.after.unread if one.after is not None else ())]
