"""A series, a kernel and its rules in, a Review out: found after minus found before, hung on an added line."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from string import Template

from reviewbot import changes
from reviewbot.checks.base import Check, Context, Hit
from reviewbot.csource import squeeze
from reviewbot.fixes import fixed
from reviewbot.model import (
    CONFIDENCES,
    SEVERITIES,
    ConfigError,
    Evidence,
    FileChange,
    Finding,
    Kernel,
    Patch,
    PatchReview,
    Review,
    Rule,
    Series,
    Unread,
)
from reviewbot.placed import place
from reviewbot.sides import Reader, Slice

# a macro, or what may be an enumerator: a name alone on its line
_DEFINES = re.compile(r"^\+(?:\s*#\s*define\s+(\w+)|\s*(\w+)\s*(?:=[^=,\n]*)?,[ \t]*$)", re.MULTILINE)

_OFFERED = (".h", ".inc")
_LARGEST = 4 << 20  # characters of a file; the largest C file of the kernel that is no table has a quarter of it

Key = tuple[str, str, str]
Pair = tuple[Slice, Hit]
Read = Callable[[str, str], bytes | None]


def check_of(rule: Rule) -> Check:
    """The generator that a rule's `check = "module:function"` names under reviewbot.checks; ConfigError if none is."""
    module, _, name = rule.check.partition(":")
    try:
        found: Check = getattr(import_module(f"reviewbot.checks.{module}"), name)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"rules/{rule.id}.toml: check = {rule.check!r} names no check") from error
    return found


@dataclass(slots=True)
class _Sides:
    """One file of a patch: its slices after and before, and what each rule hit on each of them."""

    change: FileChange
    after: tuple[Slice, ...]
    before: tuple[Slice, ...]
    whole: bool
    new: dict[str, list[Pair]] = field(default_factory=dict)
    old: dict[str, list[Pair]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _End:
    """What a patch leaves of a whole file: the functions it touches, and what is wrong in them then."""

    number: str
    functions: frozenset[str]
    keys: frozenset[Key]


class Engine:
    """Reviews patches against one kernel's facts and rules.

    `read(tree, path)` gives a file's bytes in the tree of that id, None if it is not there: with it, patches that
    know their trees are seen as whole files.
    """

    def __init__(self, kernel: Kernel, rules: Sequence[Rule], read: Read | None = None) -> None:
        self.kernel, self.reader, self.read = kernel, Reader(kernel), read
        self.rules = [(rule, check_of(rule)) for rule in rules if _in_life(rule, kernel)]
        self.defined: frozenset[str] = frozenset()  # names that the series under review defines
        self._keys: dict[str, Key] = {}  # of the findings made, by fingerprint
        self._ends: dict[str, list[_End]] = {}  # by path, in the order of the patches

    def review(self, series: Series) -> Review:
        """All patches of a series; a problem that a later patch takes away again is named as resolved by it."""
        self._begin(series)
        patches = tuple(self.patch(patch) for patch in series.patches)
        mended = tuple(
            replace(review, findings=tuple(self._resolved(one, review, patches[at + 1 :]) for one in review.findings))
            for at, review in enumerate(patches)
        )
        return Review(series, mended, self.kernel.version, series.unread)

    def one(self, series: Series, at: int) -> PatchReview:
        """One patch of a series by its index; of the later ones only those are read that touch what it is about."""
        self._begin(series)
        mine = self.patch(series.patches[at])
        paths = {finding.path for finding in mine.findings}
        later = tuple(self.patch(patch) for patch in series.patches[at + 1 :] if paths & _touched(patch))
        return replace(mine, findings=tuple(self._resolved(finding, mine, later) for finding in mine.findings))

    def _begin(self, series: Series) -> None:
        self._keys, self._ends = {}, {}
        self.defined = frozenset(name for patch in series.patches for name in _defined(patch.diff))

    def _resolved(self, finding: Finding, review: PatchReview, later: Sequence[PatchReview]) -> Finding:
        """The finding with the later patch that takes its cause away, if one does."""
        ends = self._ends.get(finding.path, [])
        mine = next((at for at, end in enumerate(ends) if end.number == _number(review.patch)), None)
        if mine is None:
            return replace(finding, resolved_by=_mender(finding, later))
        key = self._keys[finding.fingerprint]
        gone = (end.number for end in ends[mine + 1 :] if finding.function in end.functions and key not in end.keys)
        return replace(finding, resolved_by=next(gone, None))

    def patch(self, patch: Patch) -> PatchReview:
        """One patch, each of its files on its own: what is wrong with one is no reason to skip the next."""
        files, unread = changes.parse(patch.diff)
        notes = [*patch.unread, *unread]
        sides: list[_Sides] = []
        for at, change in enumerate(files):
            if change.is_source:
                one, missed = self._sides(patch, change)
                notes += missed
                sides.append(one)
                files = (*files[:at], one.change, *files[at + 1 :])
        findings = self._findings(sides, self.defined | _defined(patch.diff))
        for one in sides:
            if one.whole:
                self._ends.setdefault(one.change.path, []).append(_end(_number(patch), one))
        depth = "file" if sides and all(one.whole for one in sides) else "diff"
        return PatchReview(patch, tuple(findings), tuple(notes), depth, files)

    def file(self, change: FileChange, defined: frozenset[str]) -> tuple[list[Finding], list[Unread]]:
        """One file of a diff by its hunks alone."""
        one = self._by_hunks(change)
        return self._findings([one], defined), _unread(one)

    def _sides(self, patch: Patch, change: FileChange) -> tuple[_Sides, list[Unread]]:
        """Both sides of a file: whole if the trees are known and have it as the diff says, else its hunks."""
        notes: list[Unread] = []
        if self.read is not None and patch.before is not None and patch.after is not None:
            old = None if change.created else self._text(patch.before, change.old_path or change.path)
            new = None if change.deleted else self._text(patch.after, change.path)
            found = place(change, old, new)
            if found is not None:
                after = () if new is None else (self.reader.file(found, new, "+"),)
                before = () if old is None else (self.reader.file(found, old, "-"),)
                one = _Sides(found, after, before, True)
                return one, _unread(one)
            notes.append(Unread(change.path, "the tree's file is not what the hunks say; only these were read"))
        one = self._by_hunks(change)
        return one, [*notes, *_unread(one)]

    def _text(self, tree: str, path: str) -> str | None:
        data = self.read(tree, path) if self.read is not None else None
        return None if data is None or len(data) > _LARGEST else data.decode("utf-8", "surrogateescape")

    def _by_hunks(self, change: FileChange) -> _Sides:
        after = () if change.deleted else (self.reader.hunks(change, "+"),)
        before = () if change.created else (self.reader.hunks(change, "-"),)
        return _Sides(change, after, before, False)

    def _findings(self, sides: Sequence[_Sides], defined: frozenset[str]) -> list[Finding]:
        out: list[Finding] = []
        for rule, check in self.rules:
            for one in sides:
                nothing = tuple(None for _ in one.before)
                twins = (*one.before, *(None for _ in one.after[len(one.before) :]))[: len(one.after)]
                one.old[rule.id] = self._hits(rule, check, one.before, nothing, defined)
                one.new[rule.id] = self._hits(rule, check, one.after, twins, defined)
            for part, hit in _subtract(rule, sides):
                finding = self._finding(rule, part, hit)
                if finding is not None:
                    self._keys[finding.fingerprint] = _key(rule.id, hit)
                    out.append(finding)
        return _once_a_line(out, [one.change.path for one in sides])

    def _hits(
        self,
        rule: Rule,
        check: Check,
        side: Sequence[Slice],
        twins: Sequence[Slice | None],
        defined: frozenset[str],
    ) -> list[Pair]:
        return [
            (part, hit)
            for part, twin in zip(side, twins, strict=True)
            if part.units or part.defines
            for hit in check(part, rule, Context(self.kernel, self.reader.lookup, twin, defined))
        ]

    def _finding(self, rule: Rule, part: Slice, hit: Hit) -> Finding | None:
        row = _anchor(part, hit)
        if row is None:
            return None
        confidence = min(rule.confidence, hit.confidence or rule.confidence, key=CONFIDENCES.index)
        severity = min(rule.severity, hit.severity or rule.severity, key=SEVERITIES.index)
        values = {**hit.values, "function": hit.function, "line": squeeze(part.rows[row])}
        evidence = tuple(
            Evidence(part.path, part.numbers[at], _function_at(part, at) or hit.function, part.rows[at], note)
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
            function=hit.function,
            message=squeeze(fill(rule, "summary", values)),
            question=fill(rule, "question", values).strip(),
            evidence=evidence,
            fingerprint=fingerprint(rule.id, part.path, hit.function, text),
            fix=fixed(text, hit.replace) if hit.replace and row == hit.rows[0] else None,
        )


def _defined(diff: str) -> frozenset[str]:
    """The names that the added lines of a diff define."""
    return frozenset(name for pair in _DEFINES.findall(diff) for name in pair if name)


def _touched(patch: Patch) -> frozenset[str]:
    files, _ = changes.parse(patch.diff)
    return frozenset(path for change in files for path in (change.path, change.old_path) if path is not None)


def fill(rule: Rule, text: str, values: Mapping[str, str]) -> str:
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


def _in_life(rule: Rule, kernel: Kernel) -> bool:
    return (rule.since is None or kernel.version >= rule.since) and (rule.until is None or kernel.version < rule.until)


def _key(rule: str, hit: Hit) -> Key:
    return rule, "" if hit.anywhere else hit.function, squeeze(hit.key)


def _subtract(rule: Rule, sides: Sequence[_Sides]) -> Iterator[Pair]:
    """Hits of the after side that the before side did not have; of equal ones, those on added lines are the new.

    A function that is gone from another file of the patch was moved; in a header it is offered to more than before.
    """
    fresh: list[Pair] = []
    gone: Counter[Key] = Counter()
    for one in sides:
        had: dict[Key, list[Pair]] = {}
        for pair in one.old[rule.id]:
            had.setdefault(_key(rule.id, pair[1]), []).append(pair)
        groups: dict[Key, list[Pair]] = {}
        for pair in one.new[rule.id]:
            groups.setdefault(_key(rule.id, pair[1]), []).append(pair)
        for key, group in groups.items():
            old = had.pop(key, [])
            if len(group) > len(old):
                group.sort(key=_is_old)
                fresh += group[: len(group) - len(old)]
            gone[key] += max(0, len(old) - len(group))
        gone.update({key: len(group) for key, group in had.items()})
    for part, hit in fresh:
        key = _key(rule.id, hit)
        if gone[key] and hit.function and not part.path.endswith(_OFFERED):
            gone[key] -= 1
        else:
            yield part, hit


def _is_old(pair: Pair) -> bool:
    part, hit = pair
    return not any(part.changed[row] for row in hit.rows if _inside(part, row))


def _inside(part: Slice, row: int) -> bool:
    return 0 <= row < len(part.rows)


def _anchor(part: Slice, hit: Hit) -> int | None:
    """The row a remark hangs on: its own if that was added, else the added cause, else the place of a removal."""
    rows = [row for row in hit.rows if _inside(part, row)]
    causes = [row for row, _ in hit.because if _inside(part, row)]
    for row in (*rows, *causes):
        if part.changed[row]:
            return row
    return next((row for row in (*rows, *causes) if part.near[row]), None)


def _function_at(part: Slice, row: int) -> str:
    """The function that a row stands in; "" if it is in none that was read."""
    inside = (unit.function for unit in (*part.units, *part.around) if not unit.function.macro)
    return next((one.name for one in inside if one.lines[0] <= row <= one.lines[1]), "")


def _once_a_line(findings: list[Finding], paths: Sequence[str]) -> list[Finding]:
    """The same rule says the same thing of a line once; in the order of the diff."""
    seen: dict[tuple[str, str, int, str], Finding] = {}
    for finding in findings:
        seen.setdefault((finding.rule, finding.path, finding.line, finding.message), finding)
    return sorted(seen.values(), key=lambda finding: (paths.index(finding.path), finding.line, finding.rule))


def _unread(one: _Sides) -> list[Unread]:
    return [Unread(one.change.path, reason) for part in one.after for reason in part.unread]


def _number(patch: Patch) -> str:
    return f"{patch.number}/{patch.total}"


def _end(number: str, one: _Sides) -> _End:
    functions = {unit.function.name for side in (one.after, one.before) for part in side for unit in part.units}
    keys = {_key(rule, hit) for rule, pairs in one.new.items() for _, hit in pairs}
    return _End(number, frozenset(functions), frozenset(keys))


def _mender(finding: Finding, later: Sequence[PatchReview]) -> str | None:
    """The later patch that removes the line in question."""
    for review in later:
        for change in review.files:
            if finding.path in (change.path, change.old_path) and _removes(change, finding.line_text):
                again = any(one.fingerprint == finding.fingerprint for one in review.findings)
                return None if again else _number(review.patch)
    return None


def _removes(change: FileChange, text: str) -> bool:
    wanted = squeeze(text)
    lines = [(line.mark, squeeze(line.text)) for hunk in change.hunks for line in hunk.lines]
    return ("-", wanted) in lines and ("+", wanted) not in lines
