"""Renders a review as workflow commands of GitHub Actions: annotations beside the lines of a pull request.

GitHub shows ten errors, ten warnings and ten notices of a step (and fifty annotations of a job) and drops the rest
without a word. So the worst come first, and a notice counts those left out: formats/github_summary.py has all of them.
Findings that a later patch resolves are left out. What was not read is one notice, or one error where it fails the
run. A review without remarks of which all was read gives "".
"""

from __future__ import annotations

from collections import Counter

from reviewbot.model.patch import Unread
from reviewbot.model.review import Finding, Review
from reviewbot.report.chain import shown_by
from reviewbot.report.remarks import ReportContext, columns, remarks_of, unread, worst_first
from reviewbot.report.unread import FAIL
from reviewbot.support.ci_commands import disarmed
from reviewbot.support.escape import clip, visible

MOST = 10  # of a kind in one step: actions/runner, _maxCountPerIssueType
LONGEST = 4096  # characters of a message: actions/runner, _maxIssueMessageLength
KIND = {"note": "notice", "warning": "warning", "error": "error"}

_IN_MESSAGE = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_IN_PROPERTY = {**_IN_MESSAGE, ":": "%3A", ",": "%2C"}


def render(review: Review, context: ReportContext) -> str:
    """A line for each annotation."""
    remarks, missed = worst_first(remarks_of(review, context)), unread(review)
    beside = "error" if context.unread == FAIL else "notice"
    room = dict.fromkeys(KIND.values(), MOST)
    room[beside] -= bool(missed)
    counts = Counter(KIND[remark.finding.severity] for remark in remarks)
    if any(counts[kind] > room[kind] for kind in room):
        room["notice"] -= 1
    lines: list[str] = []
    for remark in remarks:
        kind = KIND[remark.finding.severity]
        if room[kind] > 0:
            room[kind] -= 1
            lines.append(_annotation(kind, remark.finding))
    left = len(remarks) - len(lines)
    lines += [_titled("notice", _left_out(left))] if left else []
    lines += [_titled(beside, _missed(missed))] if missed else []
    return "".join(f"{line}\n" for line in lines)


def _annotation(kind: str, finding: Finding) -> str:
    lines = [finding.message, *(f"{evidence.note}: {evidence.path}:{evidence.line}" for evidence in shown_by(finding))]
    properties = {
        "file": finding.path,
        "line": str(finding.line),
        "endLine": str(finding.line),
        "col": str(len(columns(finding.line_text)[0]) + 1),
        "title": finding.rule,
    }
    fields = ",".join(f"{key}={_escaped(disarmed(visible(value)), _IN_PROPERTY)}" for key, value in properties.items())
    return f"::{kind} {fields}::{_message(lines)}"


def _titled(kind: str, text: list[str]) -> str:
    return f"::{kind} title=reviewbot::{_message(text)}"


def _left_out(count: int) -> list[str]:
    remarks = "1 more remark is" if count == 1 else f"{count} more remarks are"
    return [f"{remarks} in the summary of this step: GitHub shows {MOST} annotations of a kind"]


def _missed(parts: tuple[Unread, ...]) -> list[str]:
    return ["not looked at:", *(f"{part.path}: {part.reason}" if part.path else part.reason for part in parts)]


def _message(lines: list[str]) -> str:
    return _escaped(clip(disarmed("\n".join(map(visible, lines))), LONGEST), _IN_MESSAGE)


def _escaped(text: str, table: dict[str, str]) -> str:
    return "".join(table.get(char, char) for char in text)
