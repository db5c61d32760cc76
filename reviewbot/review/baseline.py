"""A Review and what somebody has decided about its remarks in, the same without those out.

A remark is left out where a table under [[ignore]] in config.toml says why, or where a baseline file knows it. Both
go by rule, path, function and fingerprint and never by a line's number, so they hold through rebases.
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
    """Remarks that are not wanted, and why. "" is any; in `path` and `function` * stands for anything, "/" too."""

    reason: str
    rule: str = ""
    path: str = ""
    function: str = ""
    fingerprint: str = ""

    def covers(self, finding: Finding) -> bool:
        return (
            self.rule in ("", finding.rule)
            and self.fingerprint in ("", finding.fingerprint)
            and (not self.path or fnmatchcase(finding.path, self.path))
            and (not self.function or fnmatchcase(finding.function, self.function))
        )

    @property
    def name(self) -> str:
        """What it is about, in one line."""
        keys = ("rule", "path", "function", "fingerprint")
        return ", ".join(f"{key} {getattr(self, key)}" for key in keys if getattr(self, key))


class BaselineEntry(Struct, frozen=True, order=True):
    """Remarks of one fingerprint that a baseline has. All but fingerprint and count is there for those who read it."""

    path: str
    function: str
    rule: str
    line: str
    fingerprint: str
    count: int


class BaselineResult(NamedTuple):
    """`ignored` and `known` count what was left out; `idle` left out nothing, `stale` counts more than was there."""

    review: Review
    ignored: int
    known: int
    idle: tuple[Ignore, ...]
    stale: tuple[BaselineEntry, ...]


def without_ignored(patches: Sequence[PatchReview], ignores: Sequence[Ignore]) -> tuple[PatchReview, ...]:
    """The same patches, without the remarks that a table covers."""
    return tuple(
        replace(one, findings=tuple(found for found in one.findings if not any(each.covers(found) for each in ignores)))
        for one in patches
    )


def without_known(review: Review, ignores: Sequence[Ignore], baseline: Sequence[BaselineEntry]) -> BaselineResult:
    """What is left of a review. Of equal remarks in one patch as many are known as the baseline counts."""
    found = [finding for reviewed in review.patches for finding in reviewed.findings]
    idle = tuple(one for one in ignores if not any(map(one.covers, found)))
    room = {known.fingerprint: known.count for known in baseline}
    met: Counter[str] = Counter()
    ignored, left_out = len(found), 0
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
    stale = tuple(one for one in baseline if met[one.fingerprint] < one.count)
    left = replace(review, patches=tuple(patches), set_aside=ignored + left_out)
    return BaselineResult(left, ignored, left_out, idle, stale)


def new_baseline(review: Review, before: Sequence[BaselineEntry] = ()) -> tuple[BaselineEntry, ...]:
    """A baseline with all of a review that no later patch settles, and with what was known before, in order."""
    found = {one.fingerprint: one for one in before}
    for reviewed in review.patches:
        for one, count in _counted(reviewed):
            old = found.get(one.fingerprint)
            found[one.fingerprint] = BaselineEntry(
                printable(one.path),
                printable(one.function),
                one.rule,
                printable(one.line_text.strip()),
                one.fingerprint,
                max(count, old.count if old else 0),
            )
    return tuple(sorted(found.values()))


def _counted(reviewed: PatchReview) -> Iterator[tuple[Finding, int]]:
    still = [one for one in reviewed.findings if one.resolved_by is None]
    counts = Counter(one.fingerprint for one in still)
    yield from ((one, counts[one.fingerprint]) for one in still)


def dumped(baseline: Sequence[BaselineEntry]) -> str:
    """The text of a baseline file: the same for the same remarks, with a row for each thing that may change."""
    keys = ("rule", "path", "function", "line", "fingerprint", "count")
    entries = [{key: getattr(one, key) for key in keys} for one in baseline]
    return json.dumps({"schema": SCHEMA, "remarks": entries}, indent=2, ensure_ascii=False) + "\n"


def loaded(text: str, where: str) -> tuple[BaselineEntry, ...]:
    """A baseline from its text; ConfigError, with `where`, for what is none."""
    try:
        table = json.loads(text)
    except ValueError as error:
        raise ConfigError(f"{where}: no baseline, since no JSON: {error}") from error
    except RecursionError as error:
        raise ConfigError(f"{where}: no baseline, since nested too deep") from error
    schema.check_table(table, _FILE, where, ("schema", "remarks"))
    for entry in table["remarks"]:
        schema.check_table(entry, _ENTRY, f"{where}: remarks", tuple(_ENTRY))
    return tuple(BaselineEntry(**entry) for entry in table["remarks"])


def ignore_of(table: Mapping[str, str], where: str) -> Ignore:
    """One table under [[ignore]]; ConfigError without a reason, or where it would leave out everything."""
    schema.check_table(table, dict.fromkeys(Ignore.__struct_fields__, TEXT), where)
    if not table.get("reason", "").strip():
        raise ConfigError(f"{where}: say why, in a reason")
    found = Ignore(**table)
    if not found.name:
        raise ConfigError(f"{where}: it would leave out every remark; name a rule, a path, a function or a fingerprint")
    return found
