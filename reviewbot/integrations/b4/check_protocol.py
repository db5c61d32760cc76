"""Writes patch reviews in the two check protocols of b4.

`b4 review` reads a JSON list of results and shows one for each tool beside each message, as pass, warn or fail
(_run_external_cmd() of b4 0.16). `b4 prep` and `b4 am` read lines, each of which is a warning, or a failure if
"ERROR:" stands in it (run_local_check()).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from reviewbot.model.patch import Unread
from reviewbot.model.review import SEVERITIES, Finding, PatchReview
from reviewbot.patch import parse
from reviewbot.report.chain import shown_by
from reviewbot.report.select import ordered, select, unread_of
from reviewbot.support.escape import clip, visible

TOOL = "gfp"  # b4 makes it the title of a column
SERIES_TOOL = "gfp-series"  # a row of its own: without a cover letter b4 puts it beside the first patch
PASS, WARN, FAIL = "pass", "warn", "fail"
# a note costs little: what b4 shows in yellow must be worth a look
STATUS = {"note": PASS, "warning": WARN, "error": FAIL}
_WORDS = {"note": "NOTE", "warning": "WARNING", "error": "ERROR"}
_SUMMARY = 120  # characters of a message in the line above the details
_LONGEST = 400  # characters of a line of a patch

Result = dict[str, str]


class CheckContext(NamedTuple):
    """What a result says besides its findings: the kernel version and the digest of the rules, and the bars.

    `how`: what was read, in words; `url`: a link, "" for none.
    """

    kernel: str
    digest: str
    how: str = ""
    url: str = ""
    min_severity: str = "note"
    min_confidence: str = "medium"

    @property
    def by(self) -> str:
        """The kernel version and the digest of the rules, in words."""
        return f"kernel {self.kernel}, rules {self.digest}"


def results(patches: Sequence[PatchReview], context: CheckContext, whole: bool) -> list[Result]:
    """The result for one patch, or (`whole`) for a series, in a list; an empty list if there is no source file in it.

    "Nothing found" is a result, too: b4 remembers it, and an empty cell looks like a check that did not run.
    """
    unread = [part for reviewed in patches for part in unread_of(reviewed)]
    if not unread and not any(parse.is_source(change) for reviewed in patches for change in reviewed.files):
        return []
    selected = [(reviewed, _selected(reviewed, context)) for reviewed in patches]
    open_findings = [finding for _, findings in selected for finding in findings if finding.resolved_by is None]
    status = STATUS[max((finding.severity for finding in open_findings), key=SEVERITIES.index, default="note")]
    if unread and status == PASS:
        status = WARN
    details = [line for reviewed, findings in selected for line in _details(reviewed, findings, whole)]
    details += [f"not looked at: {_unread(part)}" for part in unread]
    details += [f"read: {context.how}; {context.by}"] if context.how else []
    summary = f"{_summary(open_findings, unread)} ({context.by})"
    return [_row(SERIES_TOOL if whole else TOOL, status, summary, context.url, "\n".join(details))]


def trouble(status: str, why: str, whole: bool, url: str = "") -> Result:
    """The result where nothing could be reviewed."""
    return _row(SERIES_TOOL if whole else TOOL, status, f"could not look: {visible(why)}", url, "")


def speaks(patches: Sequence[PatchReview], context: CheckContext) -> bool:
    """Whether there is a finding at or above the bars that no later patch resolves."""
    return any(finding.resolved_by is None for reviewed in patches for finding in _selected(reviewed, context))


def prep_lines(reviewed: PatchReview, context: CheckContext) -> list[str]:
    """A line for each open finding, and one for each part that was not read; none for a clean patch."""
    out: list[str] = []
    for finding in _selected(reviewed, context):
        if finding.resolved_by is None:
            text = _harmless(f"{finding.rule}: {visible(finding.message)}")
            out.append(f"{_harmless(visible(finding.path))}:{finding.line}: {_WORDS[finding.severity]}: {text}")
    return [*out, *(line_of(f"not looked at: {_unread(part)}") for part in unread_of(reviewed))]


def line_of(text: str, fails: bool = False) -> str:
    """A line that names no place in a patch, a failure if it `fails`; b4 puts the name of the program before it."""
    return f"{'ERROR: ' if fails else ''}{_harmless(visible(text))}"


def _harmless(text: str) -> str:
    """Text of a patch without the mark of a failure, which a patch must not be able to set."""
    return text.replace("ERROR:", "ERROR :")


def _row(tool: str, status: str, summary: str, url: str, details: str) -> Result:
    return {"tool": tool, "status": status, "summary": summary, "url": url, "details": details}


def _selected(reviewed: PatchReview, context: CheckContext) -> tuple[Finding, ...]:
    return select(ordered(reviewed), context.min_severity, context.min_confidence)


def _summary(open_findings: Sequence[Finding], unread: Sequence[Unread]) -> str:
    if open_findings:
        counts = Counter(finding.severity for finding in open_findings)
        kinds = (f"{counts[one]} {one}{'' if counts[one] == 1 else 's'}" for one in reversed(SEVERITIES) if counts[one])
        worst = max(open_findings, key=lambda finding: SEVERITIES.index(finding.severity))
        return f"{', '.join(kinds)}: {clip(visible(worst.message), _SUMMARY)}" + (
            "; not all of it was looked at" if unread else ""
        )
    return f"not all of it was looked at: {_unread(unread[0])}" if unread else "nothing found"


def _details(reviewed: PatchReview, findings: Sequence[Finding], whole: bool) -> Iterator[str]:
    patch = reviewed.patch
    if whole and findings:
        yield f"{patch.number}/{patch.total} {visible(patch.subject)}"
        yield ""
    for finding in findings:
        function = f" {visible(finding.function)}()" if finding.function else ""
        yield f"{visible(finding.path)}:{finding.line}{function}"
        yield f"    {_code(finding.line_text)}"
        yield f"  {finding.severity}, {finding.confidence} confidence, {finding.rule}: {visible(finding.message)}"
        for evidence in shown_by(finding):
            place = f"{evidence.line}" if evidence.path == finding.path else f"{visible(evidence.path)}:{evidence.line}"
            yield f"  {visible(evidence.note)}: {place}: {_code(evidence.text)}"
        if finding.resolved_by:
            yield f"  settled by patch {visible(finding.resolved_by)}"
        yield ""


def _unread(part: Unread) -> str:
    return visible(f"{part.path}: {part.reason}" if part.path else part.reason)


def _code(text: str) -> str:
    return clip(visible(text.strip()).expandtabs(), _LONGEST)
