"""Renders a review as Markdown for the summary of a GitHub Actions step: all remarks, where annotations have a cap.

Findings that a later patch of the series resolves are listed and marked so; what was not read is listed, too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from reviewbot.model.patch import Unread
from reviewbot.model.review import SEVERITIES, Evidence, Finding, Review, ShownChain
from reviewbot.report.chain import beside_chain, doubts_of, functions_of, others_of
from reviewbot.report.coverage import clean_words
from reviewbot.report.formats.markdown import code_span, paragraph
from reviewbot.report.remarks import ReportContext, remarks_of, unread, worst_first
from reviewbot.report.select import kernels, ordered, select
from reviewbot.support.escape import clip

# a step may write 1 MiB; above that, GitHub shows nothing of it
LARGEST = 1_000_000
_LONGEST = 400  # characters of a line of a file


def step_summary(review: Review, context: ReportContext) -> str:
    """A section with a heading and an item for each remark, at most LARGEST bytes; it says how many are left out."""
    remarks, missed = worst_first(remarks_of(review, context)), unread(review)
    head = f"### reviewbot: {_headline(review, [remark.finding for remark in remarks], missed)}\n\n"
    tail = f"\n{_count(len(review.patches), 'patch', 'patches')}, kernel {paragraph(kernels(review, context.kernel))}\n"
    entries = [
        *(_entry(remark.finding) for remark in remarks),
        *(
            _entry(finding, f"settled by patch {paragraph(finding.resolved_by or '')}: ")
            for finding in _resolved(review, context)
        ),
        *(_unread(part) for part in missed),
    ]
    body, left = _bounded(entries, LARGEST - len(head.encode()) - len(tail.encode()) - 100)
    more = f"- and {left} more, for which there is no room here\n" if left else ""
    return head + body + more + tail


def _headline(review: Review, findings: list[Finding], missed: tuple[Unread, ...]) -> str:
    if not findings:
        return f"nothing found in what was read, {len(missed)} not looked at" if missed else clean_words(review)
    counts = Counter(finding.severity for finding in findings)
    kinds = (_count(counts[word], word) for word in reversed(SEVERITIES) if counts[word])
    unread = f", {len(missed)} not looked at" if missed else ""
    return f"{_count(len(findings), 'remark')} ({', '.join(kinds)}){unread}"


def _resolved(review: Review, context: ReportContext) -> Iterator[Finding]:
    for reviewed in review.patches:
        for finding in select(ordered(reviewed), context.min_severity, context.min_confidence):
            if finding.resolved_by is not None:
                yield finding


def _entry(finding: Finding, before: str = "") -> str:
    place = f"{code_span(f'{finding.path}:{finding.line}')}{_in(finding.function)}"
    lines = [f"- **{finding.severity}** {code_span(finding.rule)} {place}: {before}{paragraph(finding.message)}"]
    lines += _path(finding.chain) if finding.chain is not None else []
    return "\n".join([*lines, *map(_evidence, beside_chain(finding))]) + "\n"


def _path(chain: ShownChain) -> list[str]:
    """A chain as a numbered list, a step an item, below a line with its functions."""
    doubts = [f"  - {paragraph(doubts_of(chain))}"] if chain.doubts else []
    steps = (
        f"    {number}. {code_span(f'{step.path}:{step.line}')}{_in(step.function)}, {paragraph(step.note)}: "
        f"{code_span(clip(step.text.strip(), _LONGEST) or ' ')}"
        for number, step in enumerate(chain.steps, 1)
    )
    return [f"  - {code_span(functions_of(chain))} {others_of(chain)}".rstrip(), *steps, *doubts]


def _evidence(evidence: Evidence) -> str:
    return f"  - {paragraph(evidence.note)}: {code_span(f'{evidence.path}:{evidence.line}')}"


def _in(function: str) -> str:
    return f" in {code_span(f'{function}()')}" if function else ""


def _unread(part: Unread) -> str:
    where = f"{code_span(part.path)}: " if part.path else ""
    return f"- not looked at: {where}{paragraph(part.reason)}\n"


def _bounded(entries: list[str], room: int) -> tuple[str, int]:
    """As many entries as fit into `room` bytes, and how many are left out."""
    kept: list[str] = []
    for entry in entries:
        room -= len(entry.encode())
        if room < 0:
            break
        kept.append(entry)
    return "".join(kept), len(entries) - len(kept)


def _count(number: int, word: str, many: str = "") -> str:
    return f"{number} {word if number == 1 else many or word + 's'}"
