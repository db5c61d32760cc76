"""Leaves out of a review the findings that somebody has decided about, and writes and reads baseline files.

A finding is left out where a table under [[ignore]] in config.toml says why, or where a baseline file knows it. Both
match by rule, path, function and fingerprint and never by line number, so they hold through rebases.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from reviewbot.kernel import schema
from reviewbot.kernel.schema import TABLES, TEXT, Kind
from reviewbot.model.errors import ConfigError
from reviewbot.model.review import Finding, PatchReview, Review
from reviewbot.support.escape import printable

SCHEMA = 1
_COUNT = Kind("a whole number above 0", lambda value: type(value) is int and value > 0)
_FILE = {"schema": Kind(str(SCHEMA), lambda value: value == SCHEMA), "remarks": TABLES}
_ENTRY = {**dict.fromkeys(("rule", "path", "function", "line", "fingerprint"), TEXT), "count": _COUNT}


class Ignore(Struct, frozen=True):
    """Findings that are not wanted, and the reason. "" matches all; in `path` and `function`, * also matches "/"."""

    reason: str
    rule: str = ""
    path: str = ""
    function: str = ""
    fingerprint: str = ""

    def covers(self, finding: Finding) -> bool:
        """Whether the finding is one of those that are not wanted."""
        return (
            self.rule in ("", finding.rule)
            and self.fingerprint in ("", finding.fingerprint)
            and (not self.path or fnmatchcase(finding.path, self.path))
            and (not self.function or fnmatchcase(finding.function, self.function))
        )

    @property
    def name(self) -> str:
        """Its keys and their values, in one line for messages; "" where it has none."""
        keys = ("rule", "path", "function", "fingerprint")
        return ", ".join(f"{key} {getattr(self, key)}" for key in keys if getattr(self, key))


class BaselineEntry(Struct, frozen=True, order=True):
    """The findings of one fingerprint in a baseline, `count` in one patch at most.

    Only fingerprint and count are compared; the rest is for people who read the file.
    """

    path: str
    function: str
    rule: str
    line: str
    fingerprint: str
    count: int


class BaselineResult(NamedTuple):
    """The review that is left, and how many findings were left out because they are `ignored` or `known`.

    `idle`: the [[ignore]] tables that matched nothing; `stale`: the entries that count more than any patch has.
    """

    review: Review
    ignored: int
    known: int
    idle: tuple[Ignore, ...]
    stale: tuple[BaselineEntry, ...]


def without_ignored(patches: Sequence[PatchReview], ignores: Sequence[Ignore]) -> tuple[PatchReview, ...]:
    """The same patches, without the findings that a table covers."""

    def kept(findings: Sequence[Finding]) -> tuple[Finding, ...]:
        return tuple(finding for finding in findings if not any(ignore.covers(finding) for ignore in ignores))

    return tuple(replace(reviewed, findings=kept(reviewed.findings)) for reviewed in patches)


def without_known(review: Review, ignores: Sequence[Ignore], baseline: Sequence[BaselineEntry]) -> BaselineResult:
    """The review without ignored and known findings.

    Of the findings of one fingerprint in a patch, the first are known, as many as the baseline counts. Those that a
    later patch resolves are not counted.
    """
    findings = [finding for reviewed in review.patches for finding in reviewed.findings]
    idle = tuple(ignore for ignore in ignores if not any(map(ignore.covers, findings)))
    room = {known.fingerprint: known.count for known in baseline}
    met: Counter[str] = Counter()
    ignored, left_out = len(findings), 0
    patches: list[PatchReview] = []
    for reviewed in without_ignored(review.patches, ignores):
        ignored -= len(reviewed.findings)
        here: Counter[str] = Counter()
        kept: list[Finding] = []
        for finding in reviewed.findings:
            here[finding.fingerprint] += finding.resolved_by is None
            if finding.resolved_by is None and here[finding.fingerprint] <= room.get(finding.fingerprint, 0):
                left_out += 1
            else:
                kept.append(finding)
        met |= here
        patches.append(replace(reviewed, findings=tuple(kept)))
    stale = tuple(entry for entry in baseline if met[entry.fingerprint] < entry.count)
    left = replace(review, patches=tuple(patches), set_aside=ignored + left_out)
    return BaselineResult(left, ignored, left_out, idle, stale)


def new_baseline(review: Review, before: Sequence[BaselineEntry] = ()) -> tuple[BaselineEntry, ...]:
    """A baseline of the entries of `before` and all findings of a review that no later patch resolves, sorted."""
    entries = {entry.fingerprint: entry for entry in before}
    for reviewed in review.patches:
        for finding, count in _counted(reviewed):
            old = entries.get(finding.fingerprint)
            entries[finding.fingerprint] = BaselineEntry(
                printable(finding.path),
                printable(finding.function),
                finding.rule,
                printable(finding.line_text.strip()),
                finding.fingerprint,
                max(count, old.count if old else 0),
            )
    return tuple(sorted(entries.values()))


def _counted(reviewed: PatchReview) -> Iterator[tuple[Finding, int]]:
    """Each open finding of a patch, and how many of them have its fingerprint."""
    still = [finding for finding in reviewed.findings if finding.resolved_by is None]
    counts = Counter(finding.fingerprint for finding in still)
    yield from ((finding, counts[finding.fingerprint]) for finding in still)


def dumped(baseline: Sequence[BaselineEntry]) -> str:
    """The text of a baseline file: JSON with each value on a line of its own, so that diffs of it can be read."""
    keys = ("rule", "path", "function", "line", "fingerprint", "count")
    entries = [{key: getattr(entry, key) for key in keys} for entry in baseline]
    return json.dumps({"schema": SCHEMA, "remarks": entries}, indent=2, ensure_ascii=False) + "\n"


def loaded(text: str, where: str) -> tuple[BaselineEntry, ...]:
    """Read a baseline from its text. Raises ConfigError, which begins with `where`, for anything else."""
    try:
        table = json.loads(text)
    except ValueError as error:
        raise ConfigError(f"{where}: not a baseline file: invalid JSON: {error}") from error
    except RecursionError as error:
        raise ConfigError(f"{where}: not a baseline file: too deeply nested") from error
    schema.check_table(table, _FILE, where, ("schema", "remarks"))
    for entry in table["remarks"]:
        schema.check_table(entry, _ENTRY, f"{where}: remarks", tuple(_ENTRY))
    return tuple(BaselineEntry(**entry) for entry in table["remarks"])


def ignore_of(table: Mapping[str, str], where: str) -> Ignore:
    """Read one table under [[ignore]]. Raises ConfigError if it has no reason, or would leave out all findings."""
    schema.check_table(table, dict.fromkeys(Ignore.__struct_fields__, TEXT), where)
    if not table.get("reason", "").strip():
        raise ConfigError(f"{where}: reason is missing")
    ignore = Ignore(**table)
    if not ignore.name:
        raise ConfigError(f"{where}: it would leave out every remark; name a rule, a path, a function or a fingerprint")
    return ignore
