"""Shows the patches of a review one after the other: what each says of itself, its diff, and the remarks in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reviewbot.model.review import Finding, PatchReview, Review
from reviewbot.report.html.covered import unread_list
from reviewbot.report.html.diff import MOST_LINES, code_row, file_part
from reviewbot.report.html.element import Child, Html, element, together
from reviewbot.report.html.remark import remark
from reviewbot.report.remarks import ReportContext
from reviewbot.report.reply.quote import places
from reviewbot.report.select import kernel_of, unread_of
from reviewbot.review.resolved import title_of
from reviewbot.support.escape import clip

_LONGEST_LOG = 400  # lines of a commit message
_LONGEST_LINE = 1000  # characters of one
_DEPTHS = {
    "diff": "Read from the lines that its hunks show",
    "file": "Read with the whole of its files",
    "tree": "Read with the whole of its files and those around them",
}

Numbered = Sequence[tuple[int, Finding]]  # findings with their numbers on the page, counted from 1
Placed = dict[int, dict[int, dict[int, list[Html]]]]  # remarks by file, hunk and line of a diff, all 0-based


def patch_sections(review: Review, numbered: Sequence[Numbered], context: ReportContext) -> Iterator[Html]:
    """A section for each patch. `numbered`: the findings to show, for each patch."""
    room = MOST_LINES
    for reviewed, findings in zip(review.patches, numbered, strict=True):
        marks, loose = _placed(reviewed, findings, context)
        parts = [_head(reviewed, context)]
        left = 0
        for at, change in enumerate(reviewed.files):
            if at in marks or room:
                part, used = file_part(change, marks.get(at, {}), room)
                room -= min(max(used, 1), room)
                parts.append(part)
            else:
                left += 1
        if left:
            said = f"Not shown, for they have no remark: {left} more of its files."
            parts.append(element("p", said, class_="faint"))
        for finding, shown in loose:
            parts.append(element("h3", element("code", finding.path)))
            parts.append(code_row(finding.line_text, finding.line, [shown]))
        yield element("section", *parts, class_="patch")


def _placed(
    reviewed: PatchReview, findings: Numbered, context: ReportContext
) -> tuple[Placed, list[tuple[Finding, Html]]]:
    """The remarks by their places in the diff, and those on lines that no hunk shows."""
    where = places(reviewed.files)
    marks: Placed = {}
    loose: list[tuple[Finding, Html]] = []
    for number, finding in findings:
        shown = remark(finding, number, context)
        place = where.get((finding.path, finding.line))
        if place is None:
            loose.append((finding, shown))
        else:
            marks.setdefault(place.file, {}).setdefault(place.hunk, {}).setdefault(place.line, []).append(shown)
    return marks, loose


def _head(reviewed: PatchReview, context: ReportContext) -> Html:
    patch = reviewed.patch
    parts: list[Child] = [element("h2", title_of(patch))]
    if patch.mail is not None:
        author = patch.mail.author
        parts.append(element("p", f"{author.name} <{author.email}>, {patch.mail.date}", class_="faint"))
    if patch.body.strip():
        log = patch.body.strip().split("\n")
        rest = [f"[{len(log) - _LONGEST_LOG} more lines]"] if len(log) > _LONGEST_LOG else []
        shown = (clip(one, _LONGEST_LINE) for one in log[:_LONGEST_LOG])
        text = element("pre", together([*shown, *rest], Html("\n")), tabindex="0")
        parts.append(element("details", element("summary", "Commit message"), text))
    judged = f"{_DEPTHS[reviewed.depth]}; judged as Linux {kernel_of(reviewed, context.kernel)}."
    parts.append(element("p", judged if reviewed.looked else "Not read.", class_="faint"))
    missed = unread_of(reviewed)
    if missed:
        parts.append(unread_list(missed))
    if reviewed.unlisted:
        said = f"{reviewed.unlisted} more added lines were read; they have no remark and are not shown."
        parts.append(element("p", said, class_="faint"))
    return element("div", *parts, class_="patch-head")
