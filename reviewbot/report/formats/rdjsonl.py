"""Renders a review in the Reviewdog Diagnostic Format as JSON lines: the Diagnostics of rdjson, one a line."""

from __future__ import annotations

import json

from reviewbot.model.review import Review
from reviewbot.report.formats.rdjson import SOURCE, diagnostics
from reviewbot.report.remarks import ReportContext


def render(review: Review, context: ReportContext) -> str:
    """A line of ASCII for each remark, "" where there is none."""
    return "".join(json.dumps({**diagnostic, "source": SOURCE}) + "\n" for diagnostic in diagnostics(review, context))
