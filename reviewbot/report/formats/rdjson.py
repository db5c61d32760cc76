"""A Review in, one DiagnosticResult of the Reviewdog Diagnostic Format out (proto/rdf/reviewdog.proto, as JSON).

Columns count bytes of UTF-8 from 1, and the end of a range is the first that is not in it. A suggestion replaces its
whole line, which is what the forges can show. What a later patch settles is left out; the format has no place for what
was not looked at.
"""

from __future__ import annotations

import json

from reviewbot.model.review import Evidence, Finding, Review
from reviewbot.report.remarks import ReportContext, columns, remarks_of, suggestion
from reviewbot.support.escape import raw, visible

Diagnostic = dict[str, object]

SOURCE = {"name": "reviewbot"}
SEVERITY = {"note": "INFO", "warning": "WARNING", "error": "ERROR"}


def render(review: Review, frame: ReportContext) -> str:
    """One object in ASCII, with a newline at the end."""
    return json.dumps({"source": SOURCE, "diagnostics": diagnostics(review, frame)}, indent=2) + "\n"


def diagnostics(review: Review, frame: ReportContext) -> list[Diagnostic]:
    """A Diagnostic for each remark."""
    return [_diagnostic(remark.finding) for remark in remarks_of(review, frame)]


def _diagnostic(found: Finding) -> Diagnostic:
    message: Diagnostic = {
        "message": visible(found.message),
        "location": _location(found.path, found.line, found.line_text),
        "severity": SEVERITY[found.severity],
        "code": {"value": found.rule},
    }
    if found.evidence:
        message["related_locations"] = [_related(shown) for shown in found.evidence]
    fix = suggestion(found)
    if fix is not None:
        whole_line = {"start": {"line": found.line}, "end": {"line": found.line}}
        message["suggestions"] = [{"range": whole_line, "text": fix}]
    return message


def _related(shown: Evidence) -> Diagnostic:
    return {"message": visible(shown.note), "location": _location(shown.path, shown.line, shown.text)}


def _location(path: str, line: int, text: str) -> Diagnostic:
    indent, code = columns(text)
    start = 1 + len(raw(indent))
    ends = {"start": {"line": line, "column": start}, "end": {"line": line, "column": start + len(raw(code))}}
    return {"path": visible(path), "range": ends if code else {"start": {"line": line}}}
