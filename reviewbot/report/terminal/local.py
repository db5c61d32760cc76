"""A Review in, what somebody reads about changes of their own out: a line a remark, as a compiler says it.

Each begins with "path:line:", as that file is when all is done, so that a terminal or an editor finds the place.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from msgspec import Struct

from reviewbot.model.kernel import Rule
from reviewbot.model.patch import FileChange
from reviewbot.model.review import Evidence, Finding, PatchReview, Review
from reviewbot.report.remarks import Remark, ReportContext, remarks_of, suggestion
from reviewbot.report.reply.quote import CUT, excerpt, places
from reviewbot.report.reply.wrap import readable
from reviewbot.report.select import unread_beside, unread_of
from reviewbot.report.terminal import text
from reviewbot.report.terminal.text import PIPE_WIDTH, Line, View
from reviewbot.review.resolved import title_of
from reviewbot.support.escape import visible


class Viewpoint(Struct, frozen=True):
    """Where somebody sits: paths stand below `top`, and are named as seen from `here`; both absolute, or "".

    `later`: what became of the files after the last patch; `what`: the changes under review, in words, "" for their
    number.
    """

    top: str = ""
    here: str = ""
    later: tuple[FileChange, ...] = ()
    what: str = ""
    explain: bool = False
    width: int = PIPE_WIDTH
    summary: bool = True

    def name(self, path: str) -> str:
        """A path of the tree as it is called from here."""
        return posixpath.relpath(posixpath.join(self.top, path), self.here) if self.top and self.here else path


def render(review: Review, frame: ReportContext) -> str:
    """The report for a file or a pipe, with paths as they are in the tree."""
    return text.without_styles(local_lines(review, frame, Viewpoint()))


def local_lines(review: Review, frame: ReportContext, desk: Viewpoint) -> Iterator[Line]:
    """The remarks of each patch below its title, what was not looked at, and a summary as the last line."""
    found = remarks_of(review, frame, desk.later)
    for reviewed in review.patches:
        mine = [one for one in found if one.patch is reviewed.patch]
        if mine:
            yield ((visible(title_of(reviewed.patch)), "head"),)
        for one in mine:
            yield from _remark(one, desk)
            if desk.explain:
                yield from _explained(one, reviewed, frame, desk)
    missed = dict.fromkeys(
        (*(part for reviewed in review.patches for part in unread_of(reviewed)), *unread_beside(review))
    )
    for part in missed:
        where = f"{visible(desk.name(part.path))}: " if part.path else ""
        yield ((f"{where}not looked at: {visible(part.reason)}", "faint"),)
    if desk.summary and review.patches:
        view = View(frame.kernel, frame.min_severity, frame.min_confidence)
        yield text.summary_line(review, view, visible(desk.what))


def _remark(remark: Remark, desk: Viewpoint) -> Iterator[Line]:
    found = remark.finding
    yield (
        (f"{visible(desk.name(found.path))}:{found.line}: ", "rule"),
        (f"{found.severity}: ", found.severity),
        (visible(found.message), ""),
        (f" [{found.rule}, {found.confidence}]", "faint"),
    )
    if not desk.explain:
        yield (f"{found.line:>7} | ", "faint"), (text.code_line(found.line_text), "")


def _explained(remark: Remark, reviewed: PatchReview, frame: ReportContext, desk: Viewpoint) -> Iterator[Line]:
    """The code around, where the trouble comes from, and the question, why it matters and what to do."""
    found = remark.finding
    yield from _around(remark, reviewed)
    for shown in found.evidence:
        yield from _evidence(shown, desk)
    rule = next((one for one in frame.rules if one.id == found.rule), None)
    for head, said in _reasons(found, rule):
        yield ()
        yield from text.prose(f"{head}{said}", "    ", desk.width)
    yield ()


def _around(remark: Remark, reviewed: PatchReview) -> Iterator[Line]:
    """The lines beside, with the numbers that the patch itself gives them: their marks say what it does."""
    found = remark.finding
    own = next((one for one in reviewed.findings if one.fingerprint == found.fingerprint), found)
    place = places(reviewed.files).get((own.path, own.line))
    if place is None:
        yield (f"{found.line:>7} | ", "faint"), (text.code_line(found.line_text), "")
    else:
        hunk = reviewed.files[place.file].hunks[place.hunk]
        for at in excerpt(hunk, (place.line,), before=3, after=2):
            if at is not CUT:
                line = hunk.lines[at]
                yield (
                    (f"    {'>' if at == place.line else ' '} ", "rule"),
                    (f"{line.mark}{text.code_line(line.text)}", line.mark),
                )


def _evidence(shown: Evidence, desk: Viewpoint) -> Iterator[Line]:
    function = f" in {visible(shown.function)}()" if shown.function else ""
    yield (
        (f"{visible(desk.name(shown.path))}:{shown.line}: ", "rule"),
        ("note: ", "note"),
        (f"{visible(shown.note)}{function}", ""),
    )
    yield (f"{shown.line:>7} | ", "faint"), (text.code_line(shown.text), "")


def _reasons(found: Finding, rule: Rule | None) -> Iterator[tuple[str, str]]:
    if found.question:
        yield "", found.question
    if rule is not None:
        yield "Why: ", readable(rule.why)
        yield "What to do: ", readable(rule.fix)
    better = suggestion(found)
    if better is not None:
        yield "Better: ", better.strip()
    yield "", f"reviewbot rule {found.rule} says more."
