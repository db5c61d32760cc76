"""Writes the report on one's own changes for a terminal: a line for each remark, as a compiler prints it.

Each begins with "path:line:" as the file is after the last change, so that a terminal or an editor finds the place.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from msgspec import Struct

from reviewbot.model.kernel import Rule
from reviewbot.model.patch import FileChange
from reviewbot.model.review import Evidence, Finding, PatchReview, Review
from reviewbot.report.chain import shown_by, without_chain
from reviewbot.report.remarks import Remark, ReportContext, remarks_of, suggestion
from reviewbot.report.reply.quote import CUT, excerpt, places
from reviewbot.report.reply.wrap import readable
from reviewbot.report.select import unread_beside, unread_of
from reviewbot.report.terminal import text
from reviewbot.report.terminal.text import PIPE_WIDTH, Line, View
from reviewbot.review.resolved import title_of
from reviewbot.support.escape import visible


class Viewpoint(Struct, frozen=True):
    """How to print a report on one's own changes. `top`: the work tree; `here`: the folder that paths are relative to.

    Both are absolute, or "" to print the paths of the tree. `later`: the changes of the files after the last patch;
    `what`: the name of the changes under review, "" for the number of patches; `width`: columns.
    """

    top: str = ""
    here: str = ""
    later: tuple[FileChange, ...] = ()
    what: str = ""
    explain: bool = False
    width: int = PIPE_WIDTH
    summary: bool = True

    def name(self, path: str) -> str:
        """A path of the tree, relative to `here`."""
        return posixpath.relpath(posixpath.join(self.top, path), self.here) if self.top and self.here else path


def render(review: Review, context: ReportContext) -> str:
    """The report for a file or a pipe, with paths as they are in the tree."""
    return text.without_styles(local_lines(review, context, Viewpoint()))


def local_lines(review: Review, context: ReportContext, viewpoint: Viewpoint) -> Iterator[Line]:
    """The remarks of each patch below its title, what was not read, and a summary as the last line."""
    remarks = remarks_of(review, context, viewpoint.later)
    for reviewed in review.patches:
        mine = [remark for remark in remarks if remark.patch is reviewed.patch]
        if mine:
            yield ((visible(title_of(reviewed.patch)), "head"),)
        for remark in mine:
            yield from _remark(remark, viewpoint)
            if viewpoint.explain:
                yield from _explained(remark, reviewed, context, viewpoint)
    missed = dict.fromkeys(
        (*(part for reviewed in review.patches for part in unread_of(reviewed)), *unread_beside(review))
    )
    for part in missed:
        where = f"{visible(viewpoint.name(part.path))}: " if part.path else ""
        yield ((f"{where}not looked at: {visible(part.reason)}", "faint"),)
    if viewpoint.summary and review.patches:
        view = View(context.kernel, context.min_severity, context.min_confidence)
        yield text.summary_line(review, view, visible(viewpoint.what))


def _remark(remark: Remark, viewpoint: Viewpoint) -> Iterator[Line]:
    finding = remark.finding
    yield (
        (f"{visible(viewpoint.name(finding.path))}:{finding.line}: ", "rule"),
        (f"{finding.severity}: ", finding.severity),
        (visible(finding.message), ""),
        (f" [{finding.rule}, {finding.confidence}]", "faint"),
    )
    if not viewpoint.explain:
        yield (f"{finding.line:>7} | ", "faint"), (text.code_line(finding.line_text), "")


def _explained(remark: Remark, reviewed: PatchReview, context: ReportContext, viewpoint: Viewpoint) -> Iterator[Line]:
    """The code around a remark, its evidence, the question, why it matters and what to do."""
    finding = remark.finding
    yield from _around(remark, reviewed)
    yield from text.chain_lines(finding.chain, viewpoint.width)
    for evidence in shown_by(finding):
        yield from _evidence(evidence, viewpoint)
    rule = next((rule for rule in context.rules if rule.id == finding.rule), None)
    for head, reason in _reasons(finding, rule):
        yield ()
        yield from text.prose(f"{head}{reason}", "    ", viewpoint.width)
    yield ()


def _around(remark: Remark, reviewed: PatchReview) -> Iterator[Line]:
    """The lines of the hunk around a remark, with their diff marks."""
    finding = remark.finding
    own = next((other for other in reviewed.findings if other.fingerprint == finding.fingerprint), finding)
    place = places(reviewed.files).get((own.path, own.line))
    if place is None:
        yield (f"{finding.line:>7} | ", "faint"), (text.code_line(finding.line_text), "")
    else:
        hunk = reviewed.files[place.file].hunks[place.hunk]
        for at in excerpt(hunk, (place.line,), before=3, after=2):
            if at is not CUT:
                line = hunk.lines[at]
                yield (
                    (f"    {'>' if at == place.line else ' '} ", "rule"),
                    (f"{line.mark}{text.code_line(line.text)}", line.mark),
                )


def _evidence(evidence: Evidence, viewpoint: Viewpoint) -> Iterator[Line]:
    function = f" in {visible(evidence.function)}()" if evidence.function else ""
    yield (
        (f"{visible(viewpoint.name(evidence.path))}:{evidence.line}: ", "rule"),
        ("note: ", "note"),
        (f"{visible(evidence.note)}{function}", ""),
    )
    yield (f"{evidence.line:>7} | ", "faint"), (text.code_line(evidence.text), "")


def _reasons(finding: Finding, rule: Rule | None) -> Iterator[tuple[str, str]]:
    if finding.question:
        yield "", without_chain(finding.question, finding)
    if rule is not None:
        yield "Why: ", readable(rule.why)
        yield "What to do: ", readable(rule.fix)
    better = suggestion(finding)
    if better is not None:
        yield "Better: ", better.strip()
    yield "", f"reviewbot rule {finding.rule} says more."
