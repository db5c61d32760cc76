"""Renders a review as a DiagnosticResult of the Reviewdog Diagnostic Format (proto/rdf/reviewdog.proto, as JSON).

Columns count bytes of UTF-8 from 1, and the end of a range is exclusive. A suggestion replaces its whole line, which
is what the forges can show. Findings that a later patch resolves are left out; the format has no place for what was
not read.
"""

from __future__ import annotations

import json

from reviewbot.model.review import Evidence, Finding, Review
from reviewbot.report.chain import shown_by
from reviewbot.report.remarks import ReportContext, columns, remarks_of, suggestion
from reviewbot.support.escape import raw, visible

Diagnostic = dict[str, object]

SOURCE = {"name": "reviewbot"}
SEVERITY = {"note": "INFO", "warning": "WARNING", "error": "ERROR"}


def render(review: Review, context: ReportContext) -> str:
    """One object in ASCII, with a newline at the end."""
    return json.dumps({"source": SOURCE, "diagnostics": diagnostics(review, context)}, indent=2) + "\n"


def diagnostics(review: Review, context: ReportContext) -> list[Diagnostic]:
    """A Diagnostic of the format for each remark."""
    return [_diagnostic(remark.finding) for remark in remarks_of(review, context)]


def _diagnostic(finding: Finding) -> Diagnostic:
    message: Diagnostic = {
        "message": visible(finding.message),
        "location": _location(finding.path, finding.line, finding.line_text),
        "severity": SEVERITY[finding.severity],
        "code": {"value": finding.rule},
    }
    if finding.evidence:
        message["related_locations"] = [_related(evidence) for evidence in shown_by(finding)]
    fix = suggestion(finding)
    if fix is not None:
        whole_line = {"start": {"line": finding.line}, "end": {"line": finding.line}}
        message["suggestions"] = [{"range": whole_line, "text": fix}]
    return message


def _related(evidence: Evidence) -> Diagnostic:
    return {"message": visible(evidence.note), "location": _location(evidence.path, evidence.line, evidence.text)}


def _location(path: str, line: int, text: str) -> Diagnostic:
    indent, code = columns(text)
    start = 1 + len(raw(indent))
    ends = {"start": {"line": line, "column": start}, "end": {"line": line, "column": start + len(raw(code))}}
    return {"path": visible(path), "range": ends if code else {"start": {"line": line}}}
