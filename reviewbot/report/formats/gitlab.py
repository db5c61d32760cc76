"""Renders a review as a GitLab Code Quality report: a JSON array, empty where nothing is wrong.

GitLab compares the report of a branch with that of its target by fingerprint, and of two equal ones shows the first:
so each remark has its own. Findings that a later patch resolves are left out, and so is what was not read: everything
in this report counts as a degradation of the code.
"""

from __future__ import annotations

import json

from reviewbot.model.review import Review
from reviewbot.report.remarks import Remark, ReportContext, remarks_of
from reviewbot.support.escape import visible

# "critical" and "blocker" would say that the bug was seen to happen
SEVERITY = {"note": "info", "warning": "minor", "error": "major"}


def render(review: Review, context: ReportContext) -> str:
    """The array as ASCII, with a newline at the end."""
    return json.dumps([_issue(remark) for remark in remarks_of(review, context)], indent=2) + "\n"


def _issue(remark: Remark) -> dict[str, object]:
    finding = remark.finding
    return {
        "description": visible(finding.message),
        "check_name": finding.rule,
        "fingerprint": remark.name,
        "severity": SEVERITY[finding.severity],
        "location": {"path": visible(finding.path), "lines": {"begin": finding.line}},
    }
