"""Renders a review as one page: each patch with its diff, the remarks in place, and what was not looked at."""

from __future__ import annotations

from collections.abc import Sequence

from reviewbot.model.review import Review
from reviewbot.report.html.covered import covered
from reviewbot.report.html.document import document
from reviewbot.report.html.element import Html, element
from reviewbot.report.html.patches import Numbered, patch_sections
from reviewbot.report.html.verdicts import severity
from reviewbot.report.remarks import ReportContext
from reviewbot.report.select import ordered, select
from reviewbot.report.terminal.text import View, summary_line


def render(review: Review, context: ReportContext) -> str:
    """The page."""
    numbered: list[Numbered] = []
    last = 0
    for reviewed in review.patches:
        findings = select(ordered(reviewed), context.min_severity, context.min_confidence)
        numbered.append([*enumerate(findings, last + 1)])
        last += len(findings)
    title = review.series.subject or "Review"
    view = View(context.kernel, context.min_severity, context.min_confidence)
    said = "".join(text for text, _ in summary_line(review, view))
    body = [
        element("a", "Skip to the first remark", href="#r1", class_="skip") if last else Html(),
        element("header", element("h1", title), element("p", said, class_="said"), _series(review, context)),
        element(
            "main", _contents(review, numbered), *patch_sections(review, numbered, context), covered(review, context)
        ),
        _keys() if last else Html(),
    ]
    return document(f"{title} – review", body, ("base.css", "review.css"), ("review.js",) if last else ())


def _series(review: Review, context: ReportContext) -> Html:
    series = review.series
    told = [
        ("version", f"v{series.version}" if series.version > 1 else ""),
        ("message", series.message_id or ""),
        ("base", series.base or ""),
        ("kernel", context.kernel),
        ("rules", context.digest),
    ]
    rows = (element("div", element("dt", key), element("dd", value)) for key, value in told if value)
    return element("dl", *rows, class_="told")


def _contents(review: Review, numbered: Sequence[Numbered]) -> Html:
    """All remarks in a row, each with a link to where it stands."""
    rows = []
    for reviewed, findings in zip(review.patches, numbered, strict=True):
        for number, finding in findings:
            place = element("code", f"{finding.path}:{finding.line}")
            link = element("a", finding.rule, href=f"#r{number}")
            later = f"resolved by {finding.resolved_by}" if finding.resolved_by else ""
            named = element("span", link, " ", element("span", later, class_="faint"))
            patch = element("span", f"{reviewed.patch.number}/{reviewed.patch.total}", class_="faint")
            rows.append(element("li", severity(finding.severity), named, place, patch))
    return element("nav", element("ol", *rows, class_="contents"), aria_label="Remarks") if rows else Html()


def _keys() -> Html:
    keys = (("j", "next remark"), ("k", "remark before"), ("?", "these keys"), ("Esc", "close"))
    rows = (element("div", element("dt", element("kbd", key)), element("dd", said)) for key, said in keys)
    close = element("form", element("button", "Close"), method="dialog")
    shown = element(
        "dialog",
        element("h2", "Keys", id="keys-title"),
        element("dl", *rows),
        close,
        id="keys",
        aria_labelledby="keys-title",
    )
    return element("footer", element("p", element("kbd", "?"), " shows keys", id="hint", hidden=True), shown)
