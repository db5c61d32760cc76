"""Turns the findings of a review into remarks as a CI shows them: each once, at its line after the last patch.

Mails are answered patch by patch, and a finding has the line number of its own patch. A CI looks at the end of a
series: there, lines that later patches add above have moved it, and a finding that two patches share is one remark.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from reviewbot.model.kernel import Kernel, Rule, Version
from reviewbot.model.patch import FileChange, Hunk, Patch, Unread
from reviewbot.model.review import CONFIDENCES, SEVERITIES, Evidence, Finding, Review
from reviewbot.report.kcidb.options import KcidbOptions
from reviewbot.report.select import ordered, select, unread_beside, unread_of
from reviewbot.report.unread import SAY
from reviewbot.review.resolved import is_copy
from reviewbot.support.escape import visible

FileLine = tuple[str, int]  # a path and a line of it, 1-based
Shown = TypeVar("Shown", bound=Evidence)


class ReportContext(Struct, frozen=True):
    """What a report says besides the review: the kernel version, the rules and their digest, and the bars.

    `repository`: the URI of the repository whose commits the patches are, "" where that is not known; `unread`: a word
    of report.unread.UNREAD, whether a run in which something was not read fails; `pages`: the address under which the
    pages of the rules are published, "" for none; `facts`: what the tables say of that kernel;
    `reply_only`: what was not read and matters for a reply alone; `kcidb`: the settings of that format.
    """

    kernel: str
    digest: str
    rules: tuple[Rule, ...] = ()
    min_severity: str = "note"
    min_confidence: str = "low"
    repository: str = ""
    unread: str = SAY
    pages: str = ""
    facts: Kernel | None = None
    reply_only: tuple[Unread, ...] = ()
    kcidb: KcidbOptions | None = None


class Remark(Struct, frozen=True):
    """A finding with its line after the last patch, without evidence on that same line. `patch`: the last that has it.

    `nth`: 1 for the first remark with its fingerprint, 2 for the next; `kernel`: as in PatchReview.
    """

    finding: Finding
    patch: Patch
    nth: int
    kernel: Version | None = None

    @property
    def name(self) -> str:
        """A name that no other remark has: the fingerprint, with `nth` from the second on."""
        return self.finding.fingerprint if self.nth == 1 else f"{self.finding.fingerprint}:{self.nth}"


def remarks_of(review: Review, context: ReportContext, later: Sequence[FileChange] = ()) -> tuple[Remark, ...]:
    """The remarks at or above the bars that no later patch resolves; of equal ones in several patches, the last.

    Their lines are those after the last patch and after `later`, changes that are not reviewed.
    """
    remarks: dict[tuple[str, int], Remark] = {}
    moves = [*(_Moves(reviewed.files) for reviewed in review.patches), _Moves(later)]
    for at, reviewed in enumerate(review.patches):
        counts: Counter[str] = Counter()
        for finding in select(ordered(reviewed), context.min_severity, context.min_confidence):
            if finding.resolved_by is None:
                counts[finding.fingerprint] += 1
                key = finding.fingerprint, counts[finding.fingerprint]
                remarks.pop(key, None)
                remarks[key] = Remark(_moved(finding, moves[at + 1 :]), reviewed.patch, key[1], reviewed.kernel)
    return tuple(remarks.values())


def worst_first(remarks: Iterable[Remark]) -> list[Remark]:
    """The remarks by severity, then by confidence, the highest first; equals stay in their order."""

    def key(remark: Remark) -> tuple[int, int]:
        return -SEVERITIES.index(remark.finding.severity), -CONFIDENCES.index(remark.finding.confidence)

    return sorted(remarks, key=key)


def unread(review: Review) -> tuple[Unread, ...]:
    """All that was not read, each once: what concerns the series, then patch by patch."""
    parts = (part for reviewed in review.patches for part in unread_of(reviewed))
    return tuple(dict.fromkeys((*unread_beside(review), *parts)))


def columns(text: str) -> tuple[str, str]:
    """A line of code as (indent, code without trailing blanks); ("", "") for a blank line."""
    code = text.strip()
    return text[: len(text) - len(text.lstrip())] if code else "", code


def suggestion(finding: Finding) -> str | None:
    """The fixed line of a finding; None if it has none, or its line has characters that visible() would change."""
    return finding.fix if visible(finding.line_text) == finding.line_text else None


# --- where a line of one patch is after the next ones ---


def _moved(finding: Finding, later: Sequence[_Moves]) -> Finding:
    path, line = _end((finding.path, finding.line), later)
    moved = (_moved_evidence(evidence, later) for evidence in finding.evidence)
    elsewhere = tuple(evidence for evidence in moved if (evidence.path, evidence.line) != (path, line))
    chain = finding.chain
    if chain is not None:
        chain = replace(chain, steps=tuple(_moved_evidence(step, later) for step in chain.steps))
    return replace(finding, path=path, line=line, evidence=elsewhere, chain=chain)


def _moved_evidence(evidence: Shown, later: Sequence[_Moves]) -> Shown:
    path, line = _end((evidence.path, evidence.line), later)
    return replace(evidence, path=path, line=line)


def _end(place: FileLine, later: Sequence[_Moves]) -> FileLine:
    for moves in later:
        place = moves.after(place)
    return place[0], max(place[1], 1)


class _Moves:
    """Maps lines of files before a patch to those after it."""

    def __init__(self, files: Sequence[FileChange]) -> None:
        self.files = files

    def after(self, place: FileLine) -> FileLine:
        """The path and line after the patch of a line before it."""
        path, line = place
        shift = self._by_path.get(path)
        return place if shift is None else (shift.path, shift.line(line))

    @cached_property
    def _by_path(self) -> dict[str, _Shift]:
        changes = (change for change in self.files if not change.deleted and not is_copy(change))
        return {change.old_path or change.path: _Shift(change) for change in changes}


class _Shift:
    """Maps old lines of one file to new ones: those in hunks one by one, the others by what was added above them."""

    def __init__(self, change: FileChange) -> None:
        self.path = change.path
        self._inside: dict[int, int] = {}
        self._ends: list[int] = []  # the last old line of each hunk
        self._shifts = [0]  # of what stands above the first hunk, between it and the next, ...
        for hunk in change.hunks:
            olds = [line.old for line in hunk.lines if line.old is not None]
            news = [line.new for line in hunk.lines if line.new is not None]
            shift = self._shifts[-1]
            self._inside.update(_kept(hunk, olds[0] + shift if olds else 0))
            self._ends.append(olds[-1] if olds else news[0] - 1 - shift if news else 0)
            self._shifts.append(shift + len(news) - len(olds))

    def line(self, line: int) -> int:
        """The new number of an old line, or that of the line in its place; both 1-based."""
        return self._inside.get(line) or line + self._shifts[bisect_left(self._ends, line)]


def _kept(hunk: Hunk, behind: int) -> Iterator[tuple[int, int]]:
    """Pairs of old and new line numbers of a hunk.

    A removed line goes with the line where the hunk adds it again, else with the next line; `behind`: that line where
    the hunk has none.
    """
    added: dict[str, list[int]] = {}
    for line in reversed(hunk.lines):
        if line.old is None and line.new is not None:
            added.setdefault("".join(line.text.split()), []).append(line.new)
    gone: list[int] = []
    last = behind
    for line in hunk.lines:
        if line.new is None and line.old is not None:
            again = added.get("".join(line.text.split()))
            if again:
                yield line.old, again.pop()
            else:
                gone.append(line.old)
        elif line.new is not None:
            yield from ((old, line.new) for old in gone)
            gone, last = [], line.new
            if line.old is not None:
                yield line.old, line.new
    yield from ((old, last) for old in gone)
