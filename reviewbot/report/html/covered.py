"""Says what the page of a review speaks of and what it does not, so that silence is not taken for more than it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reviewbot.model.patch import Unread
from reviewbot.model.review import Review
from reviewbot.report.coverage import left_calls, width_of
from reviewbot.report.html.element import Html, element
from reviewbot.report.remarks import ReportContext
from reviewbot.report.select import select, unread_beside


def covered(review: Review, context: ReportContext) -> Html:
    """The section at the end of the page."""
    parts = [element("p", said) for said in _said(review, context)]
    beside = unread_beside(review)
    if beside:
        parts.append(unread_list(beside))
    return element("section", element("h2", "What this covers"), *parts, class_="covered")


def _said(review: Review, context: ReportContext) -> Iterator[str]:
    if not review.looked:
        yield "Nothing was read, so this page says nothing about the patches."
        return
    every = [finding for reviewed in review.patches for finding in reviewed.findings]
    below = len(every) - len(select(every, context.min_severity, context.min_confidence))
    left_out = below or review.set_aside
    yield (
        "In lines that were read and have no remark, these rules find nothing"
        f"{' but what is left out here' if left_out else ''}. "
        "They know what a memory allocation may do where it stands, and nothing else."
    )
    if width := width_of(review):
        yield f"Calls were followed through the {width}."
    if left := left_calls(review):
        yield f"{left}. What happens behind them is not known."
    if below:
        bar = f"severity {context.min_severity}, confidence {context.min_confidence}"
        yield f"Left out: {below} below the bar ({bar})."
    if review.set_aside:
        yield f"Left out: {review.set_aside} known or ignored."


def unread_list(parts: Sequence[Unread]) -> Html:
    """What was not looked at, each with its reason."""
    rows = (element("li", *([element("code", part.path), ": "] if part.path else []), part.reason) for part in parts)
    return element("div", element("b", "Not looked at:"), element("ul", *rows), class_="unread")
