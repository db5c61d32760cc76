"""A series, a kernel and its rules in, a Review out: found after minus found before, hung on an added line."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from string import Template

from reviewbot import changes
from reviewbot.checks.base import Check, Context, Hit
from reviewbot.csource import squeeze
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
from reviewbot.sides import Reader, Slice

_SOURCE = re.compile(r"\.(?:c|h|inc|S)\Z")
# a macro, or what may be an enumerator: a name alone on its line
_DEFINES = re.compile(r"^\+(?:\s*#\s*define\s+(\w+)|\s*(\w+)\s*(?:=[^=,\n]*)?,[ \t]*$)", re.MULTILINE)

Key = tuple[str, str, str]


def check_of(rule: Rule) -> Check:
    """The generator that a rule's `check = "module:function"` names under reviewbot.checks; ConfigError if none is."""
    module, _, name = rule.check.partition(":")
    try:
        found: Check = getattr(import_module(f"reviewbot.checks.{module}"), name)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"rules/{rule.id}.toml: check = {rule.check!r} names no check") from error
    return found


class Engine:
    """Reviews patches against one kernel's facts and rules."""

    def __init__(self, kernel: Kernel, rules: Sequence[Rule]) -> None:
        self.kernel, self.reader = kernel, Reader(kernel)
        self.rules = [(rule, check_of(rule)) for rule in rules if _in_life(rule, kernel)]
        self.defined: frozenset[str] = frozenset()  # names that the series under review defines

    def review(self, series: Series) -> Review:
        """All patches of a series; a problem that a later patch takes away again is named as resolved by it."""
        self.defined = frozenset(name for patch in series.patches for name in _defined(patch.diff))
        patches = tuple(self.patch(patch) for patch in series.patches)
        return Review(series, _resolved(patches), self.kernel.version, series.unread)

    def patch(self, patch: Patch) -> PatchReview:
        """One patch, each of its files on its own: what is wrong with one is no reason to skip the next."""
        files, unread = changes.parse(patch.diff)
        defined = self.defined | _defined(patch.diff)
        findings: list[Finding] = []
        notes = [*patch.unread, *unread]
        for change in files:
            if _SOURCE.search(change.path) and not change.deleted:
                found, missed = self.file(change, defined)
                findings += found
                notes += missed
        return PatchReview(patch, tuple(findings), tuple(notes), "diff", files)

    def file(self, change: FileChange, defined: frozenset[str]) -> tuple[list[Finding], list[Unread]]:
        after, before = self.reader.side(change, "+"), self.reader.side(change, "-")
        notes = [Unread(change.path, reason) for part in after for reason in part.unread]
        findings: list[Finding] = []
        for rule, check in self.rules:
            old = self._hits(rule, check, before, tuple(None for _ in before), defined)
            new = self._hits(rule, check, after, before, defined)
            for part, hit in _subtract(rule, new, old):
                finding = self._finding(rule, part, hit)
                if finding is not None:
                    findings.append(finding)
        return _once_a_line(findings), notes

    def _hits(
        self,
        rule: Rule,
        check: Check,
        side: Sequence[Slice],
        twins: Sequence[Slice | None],
        defined: frozenset[str],
    ) -> list[tuple[Slice, Hit]]:
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
            Evidence(part.path, part.numbers[at], hit.function, part.rows[at], note)
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
        )


def _defined(diff: str) -> frozenset[str]:
    """The names that the added lines of a diff define."""
    return frozenset(name for pair in _DEFINES.findall(diff) for name in pair if name)


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


def _key(rule: Rule, hit: Hit) -> Key:
    return rule.id, hit.function, squeeze(hit.key)


def _subtract(rule: Rule, new: list[tuple[Slice, Hit]], old: list[tuple[Slice, Hit]]) -> Iterator[tuple[Slice, Hit]]:
    """Hits of the after side that the before side did not have; of equal ones, those on added lines are the new."""
    had = Counter(_key(rule, hit) for _, hit in old)
    groups: dict[Key, list[tuple[Slice, Hit]]] = {}
    for part, hit in new:
        groups.setdefault(_key(rule, hit), []).append((part, hit))
    for key, group in groups.items():
        fresh = len(group) - had[key]
        if fresh > 0:
            group.sort(key=lambda pair: not any(pair[0].changed[row] for row in pair[1].rows if _inside(pair[0], row)))
            yield from group[:fresh]


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


def _once_a_line(findings: list[Finding]) -> list[Finding]:
    """The same rule says the same thing of a line once."""
    seen: dict[tuple[str, str, int, str], Finding] = {}
    for finding in findings:
        seen.setdefault((finding.rule, finding.path, finding.line, finding.message), finding)
    return sorted(seen.values(), key=lambda finding: (finding.line, finding.rule))


def _resolved(patches: tuple[PatchReview, ...]) -> tuple[PatchReview, ...]:
    """Name the later patch that removes a line which an earlier one was asked about."""
    out = []
    for index, review in enumerate(patches):
        later = patches[index + 1 :]
        findings = tuple(replace(one, resolved_by=_mender(one, later)) for one in review.findings)
        out.append(replace(review, findings=findings))
    return tuple(out)


def _mender(finding: Finding, later: tuple[PatchReview, ...]) -> str | None:
    for review in later:
        for change in review.files:
            if finding.path in (change.path, change.old_path) and _removes(change, finding.line_text):
                again = any(one.fingerprint == finding.fingerprint for one in review.findings)
                return None if again else f"{review.patch.number}/{review.patch.total}"
    return None


def _removes(change: FileChange, text: str) -> bool:
    wanted = squeeze(text)
    lines = [(line.mark, squeeze(line.text)) for hunk in change.hunks for line in hunk.lines]
    return ("-", wanted) in lines and ("+", wanted) not in lines
