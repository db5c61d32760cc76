"""The Reviewdog Diagnostic Format: columns in bytes, and suggestions."""

from __future__ import annotations

import json

from msgspec.structs import replace

from report_cases import ALLOC, SCOPE, evidence, frame, review, reviewed
from report_readers import rdf
from reviewbot.report.registry import FORMATS


def only(given):
    whole = json.loads(FORMATS["rdjson"].render(given, frame()))
    rdf("DiagnosticResult", whole)
    (one,) = whole["diagnostics"]
    return one


def test_a_diagnostic():
    patch = reviewed([(ALLOC, {"fix": "\tt->buf = NULL;"})])
    shown = (evidence(patch.files, SCOPE, "entered"),)
    patch = replace(patch, findings=(replace(patch.findings[0], evidence=shown),))
    assert only(review(patch)) == {
        "message": "a scope that takes reclaim away",
        "location": {
            "path": "fs/toy/alloc.c",
            "range": {"start": {"line": 23, "column": 2}, "end": {"line": 23, "column": 41}},
        },
        "severity": "ERROR",
        "code": {"value": "toy-scope"},
        "related_locations": [
            {
                "message": "entered",
                "location": {
                    "path": "fs/toy/alloc.c",
                    "range": {"start": {"line": 17, "column": 1}, "end": {"line": 17, "column": 46}},
                },
            }
        ],
        "suggestions": [
            {"range": {"start": {"line": 23}, "end": {"line": 23}}, "text": "\tt->buf = NULL;"},
        ],
    }


def test_columns_count_bytes_as_the_file_has_them():
    text = b'\t\xc3\xa9 = "\xf0\x9f\x98\x80\xe9";'.decode("utf-8", "surrogateescape")
    ends = only(review(reviewed([(ALLOC, {"line_text": text})])))["location"]["range"]
    assert (ends["start"]["column"], ends["end"]["column"]) == (2, 2 + len(b'\xc3\xa9 = "\xf0\x9f\x98\x80\xe9";'))


def test_an_empty_line_has_no_columns():
    ends = only(review(reviewed([(ALLOC, {"line_text": " "})])))["location"]["range"]
    assert ends == {"start": {"line": 23}}


def test_nothing_is_suggested_for_a_line_that_could_not_be_put_back():
    assert "suggestions" not in only(review(reviewed([(ALLOC, {"fix": "\tx;", "line_text": "\tx\udce9;"})])))


def test_lines_have_what_the_object_has():
    given = review(reviewed([ALLOC, SCOPE]))
    whole = json.loads(FORMATS["rdjson"].render(given, frame()))
    lines = [json.loads(line) for line in FORMATS["rdjsonl"].render(given, frame()).splitlines()]
    assert lines == [{**one, "source": whole["source"]} for one in whole["diagnostics"]]
