"""Renders a review as tab-separated values: rule, severity, path, line, message."""

from __future__ import annotations

from reviewbot.model.review import Review
from reviewbot.report.remarks import ReportContext, remarks_of
from reviewbot.support.escape import visible


def render(review: Review, frame: ReportContext) -> str:
    """A line a remark; what a later patch settles is left out."""
    found = [one.finding for one in remarks_of(review, frame)]
    rows = ((one.rule, one.severity, visible(one.path), str(one.line), visible(one.message)) for one in found)
    return "".join("\t".join(row) + "\n" for row in rows)
