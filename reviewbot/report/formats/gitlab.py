"""A Review in, a GitLab Code Quality report out: a JSON array, empty when nothing is wrong.

GitLab compares the report of a branch with that of its target by fingerprint, and of two equal ones shows the first,
so that each remark has its own. What a later patch settles is left out, and so is what was not looked at: everything
in this report counts as a degradation of the code.
"""

from __future__ import annotations

import json

from reviewbot.model.review import Review
from reviewbot.report.remarks import Remark, ReportContext, remarks_of
from reviewbot.support.escape import visible

# "critical" and "blocker" are for what somebody has seen happen
SEVERITY = {"note": "info", "warning": "minor", "error": "major"}


def render(review: Review, frame: ReportContext) -> str:
    """The array as ASCII, with a newline at the end."""
    return json.dumps([_issue(remark) for remark in remarks_of(review, frame)], indent=2) + "\n"


def _issue(remark: Remark) -> dict[str, object]:
    found = remark.finding
    return {
        "description": visible(found.message),
        "check_name": found.rule,
        "fingerprint": remark.name,
        "severity": SEVERITY[found.severity],
        "location": {"path": visible(found.path), "lines": {"begin": found.line}},
    }
