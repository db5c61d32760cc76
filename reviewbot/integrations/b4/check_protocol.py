"""Reviewed patches in, what b4's two check protocols want on standard output out.

`b4 review` reads a JSON list of results and shows one a tool in a cell beside each message, as pass, warn or fail
(_run_external_cmd() of b4 0.16). `b4 prep` and `b4 am` read lines, each of which is a warning, or a failure where
"ERROR:" stands in it (run_local_check()).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from reviewbot.model.patch import Unread
from reviewbot.model.review import SEVERITIES, Finding, PatchReview
from reviewbot.patch import parse
from reviewbot.report.select import ordered, select, unread_of
from reviewbot.support.escape import clip, visible

TOOL = "gfp"  # b4 makes it the title of a column
SERIES_TOOL = "gfp-series"  # a row of its own: without a cover letter b4 puts it beside the first patch
PASS, WARN, FAIL = "pass", "warn", "fail"
# a note costs little: who looks for what is yellow must find what is worth a look
STATUS = {"note": PASS, "warning": WARN, "error": FAIL}
_WORDS = {"note": "NOTE", "warning": "WARNING", "error": "ERROR"}
_SUMMARY = 120  # characters of a message in the line above the details
_LONGEST = 400  # characters of a line of a patch

Result = dict[str, str]


class CheckContext(NamedTuple):
    """What a result says besides its remarks: the kernel and the rules judged by, what was read, a link, the bars."""

    kernel: str
    digest: str
    how: str = ""
    url: str = ""
    min_severity: str = "note"
    min_confidence: str = "medium"

    @property
    def by(self) -> str:
        return f"kernel {self.kernel}, rules {self.digest}"


def results(patches: Sequence[PatchReview], told: CheckContext, whole: bool) -> list[Result]:
    """The result for one patch, or (`whole`) for a series; none where it has no source file.

    "Nothing found" is a result as well: b4 remembers it, and an empty cell looks like a check that did not run.
    """
    unread = [part for reviewed in patches for part in unread_of(reviewed)]
    if not unread and not any(parse.is_source(change) for reviewed in patches for change in reviewed.files):
        return []
    shown = [(reviewed, _shown(reviewed, told)) for reviewed in patches]
    live = [found for _, findings in shown for found in findings if found.resolved_by is None]
    status = STATUS[max((found.severity for found in live), key=SEVERITIES.index, default="note")]
    if unread and status == PASS:
        status = WARN
    details = [line for reviewed, findings in shown for line in _details(reviewed, findings, whole)]
    details += [f"not looked at: {_unread(part)}" for part in unread]
    details += [f"read: {told.how}; {told.by}"] if told.how else []
    summary = f"{_summary(live, unread)} ({told.by})"
    return [_row(SERIES_TOOL if whole else TOOL, status, summary, told.url, "\n".join(details))]


def trouble(status: str, why: str, whole: bool, url: str = "") -> Result:
    """The result where nothing could be reviewed."""
    return _row(SERIES_TOOL if whole else TOOL, status, f"could not look: {visible(why)}", url, "")


def speaks(patches: Sequence[PatchReview], told: CheckContext) -> bool:
    """Whether there is a remark that no later patch settles."""
    return any(found.resolved_by is None for reviewed in patches for found in _shown(reviewed, told))


def prep_lines(reviewed: PatchReview, told: CheckContext) -> list[str]:
    """A line a remark, and one for each part that was not looked at; none for a clean patch."""
    out: list[str] = []
    for found in _shown(reviewed, told):
        if found.resolved_by is None:
            text = _harmless(f"{found.rule}: {visible(found.message)}")
            out.append(f"{_harmless(visible(found.path))}:{found.line}: {_WORDS[found.severity]}: {text}")
    return [*out, *(line_of(f"not looked at: {_unread(part)}") for part in unread_of(reviewed))]


def line_of(text: str, fails: bool = False) -> str:
    """A line that speaks of no place in a patch; b4 puts the name of the program before it."""
    return f"{'ERROR: ' if fails else ''}{_harmless(visible(text))}"


def _harmless(text: str) -> str:
    """What comes from a patch does not decide whether a check has failed."""
    return text.replace("ERROR:", "ERROR :")


def _row(tool: str, status: str, summary: str, url: str, details: str) -> Result:
    return {"tool": tool, "status": status, "summary": summary, "url": url, "details": details}


def _shown(reviewed: PatchReview, told: CheckContext) -> tuple[Finding, ...]:
    return select(ordered(reviewed), told.min_severity, told.min_confidence)


def _summary(live: Sequence[Finding], unread: Sequence[Unread]) -> str:
    if live:
        counts = Counter(found.severity for found in live)
        kinds = (f"{counts[one]} {one}{'' if counts[one] == 1 else 's'}" for one in reversed(SEVERITIES) if counts[one])
        worst = max(live, key=lambda found: SEVERITIES.index(found.severity))
        return f"{', '.join(kinds)}: {clip(visible(worst.message), _SUMMARY)}" + (
            "; not all of it was looked at" if unread else ""
        )
    return f"not all of it was looked at: {_unread(unread[0])}" if unread else "nothing found"


def _details(reviewed: PatchReview, findings: Sequence[Finding], whole: bool) -> Iterator[str]:
    patch = reviewed.patch
    if whole and findings:
        yield f"{patch.number}/{patch.total} {visible(patch.subject)}"
        yield ""
    for found in findings:
        function = f" {visible(found.function)}()" if found.function else ""
        yield f"{visible(found.path)}:{found.line}{function}"
        yield f"    {_code(found.line_text)}"
        yield f"  {found.severity}, {found.confidence} confidence, {found.rule}: {visible(found.message)}"
        for shown in found.evidence:
            place = f"{shown.line}" if shown.path == found.path else f"{visible(shown.path)}:{shown.line}"
            yield f"  {visible(shown.note)}: {place}: {_code(shown.text)}"
        if found.resolved_by:
            yield f"  settled by patch {visible(found.resolved_by)}"
        yield ""


def _unread(part: Unread) -> str:
    return visible(f"{part.path}: {part.reason}" if part.path else part.reason)


def _code(text: str) -> str:
    return clip(visible(text.strip()).expandtabs(), _LONGEST)
