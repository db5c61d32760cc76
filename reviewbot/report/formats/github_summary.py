"""A Review in, Markdown for the summary of a GitHub Actions step out: all remarks, where annotations have a cap.

What a later patch of the series settles is listed too, and said so; and what was not looked at.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from reviewbot.model.patch import Unread
from reviewbot.model.review import SEVERITIES, Finding, Review
from reviewbot.report.formats.markdown import code_span, paragraph
from reviewbot.report.remarks import ReportContext, remarks_of, unread, worst_first
from reviewbot.report.select import kernels, ordered, select

# a step may write 1 MiB; above that, GitHub shows nothing of it
LARGEST = 1_000_000


def step_summary(review: Review, frame: ReportContext) -> str:
    """The section with a heading, a line for each remark; as much of it as GitHub takes."""
    found, missed = worst_first(remarks_of(review, frame)), unread(review)
    head = f"### reviewbot: {_headline([remark.finding for remark in found], missed)}\n\n"
    tail = f"\n{_count(len(review.patches), 'patch', 'patches')}, kernel {paragraph(kernels(review, frame.kernel))}\n"
    entries = [
        *(_entry(remark.finding) for remark in found),
        *(_entry(one, f"settled by patch {paragraph(one.resolved_by or '')}: ") for one in _settled(review, frame)),
        *(_unread(part) for part in missed),
    ]
    body, left = _bounded(entries, LARGEST - len(head.encode()) - len(tail.encode()) - 100)
    more = f"- and {left} more, for which there is no room here\n" if left else ""
    return head + body + more + tail


def _headline(found: list[Finding], missed: tuple[Unread, ...]) -> str:
    if not found:
        return f"nothing found in what was read, {len(missed)} not looked at" if missed else "clean"
    counts = Counter(one.severity for one in found)
    kinds = (_count(counts[word], word) for word in reversed(SEVERITIES) if counts[word])
    unread = f", {len(missed)} not looked at" if missed else ""
    return f"{_count(len(found), 'remark')} ({', '.join(kinds)}){unread}"


def _settled(review: Review, frame: ReportContext) -> Iterator[Finding]:
    for reviewed in review.patches:
        for one in select(ordered(reviewed), frame.min_severity, frame.min_confidence):
            if one.resolved_by is not None:
                yield one


def _entry(found: Finding, before: str = "") -> str:
    function = f" in {code_span(f'{found.function}()')}" if found.function else ""
    place = f"{code_span(f'{found.path}:{found.line}')}{function}"
    lines = [f"- **{found.severity}** {code_span(found.rule)} {place}: {before}{paragraph(found.message)}"]
    lines += [f"  - {paragraph(shown.note)}: {code_span(f'{shown.path}:{shown.line}')}" for shown in found.evidence]
    return "\n".join(lines) + "\n"


def _unread(part: Unread) -> str:
    where = f"{code_span(part.path)}: " if part.path else ""
    return f"- not looked at: {where}{paragraph(part.reason)}\n"


def _bounded(entries: list[str], room: int) -> tuple[str, int]:
    """As many entries as there is room for, in bytes, and how many are left."""
    kept: list[str] = []
    for entry in entries:
        room -= len(entry.encode())
        if room < 0:
            break
        kept.append(entry)
    return "".join(kept), len(entries) - len(kept)


def _count(number: int, word: str, many: str = "") -> str:
    return f"{number} {word if number == 1 else many or word + 's'}"
