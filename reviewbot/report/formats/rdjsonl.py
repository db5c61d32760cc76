"""A Review in, the Reviewdog Diagnostic Format out as JSON lines: what rdjson has, a Diagnostic a line."""

from __future__ import annotations

import json

from reviewbot.model.review import Review
from reviewbot.report.formats.rdjson import SOURCE, diagnostics
from reviewbot.report.remarks import ReportContext


def render(review: Review, frame: ReportContext) -> str:
    """A line of ASCII for each remark, "" where there is none."""
    return "".join(json.dumps({**one, "source": SOURCE}) + "\n" for one in diagnostics(review, frame))
