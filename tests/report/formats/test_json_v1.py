"""The JSON contract, schema 1."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from answers import checked
from report_cases import ALLOC, DIR, DRAIN, QUESTION, RULES, SCOPE, evidence, review, reviewed
from reviewbot import __version__
from reviewbot.model.patch import Unread
from reviewbot.report.formats import json_v1
from reviewbot.report.remarks import ReportContext


def rendered(given, **bars):
    text = json_v1.render(given, ReportContext("6.12", "d1", **bars))
    assert text.isascii()
    assert text.endswith("}\n")
    return checked(text)


def test_contract():
    patch = reviewed([SCOPE])
    found = replace(patch.findings[0], evidence=(evidence(patch.files, ALLOC),), resolved_by="2/2")
    whole = rendered(review(replace(patch, findings=(found,), unread=(Unread("fs/x.c", "a reason"),))))
    assert whole == {
        "schema": 1,
        "reviewbot": __version__,
        "rules": "d1",
        "kernel": "6.12",
        "series": {
            "subject": "toy: fill",
            "version": 2,
            "message_id": "20260304.1@author.example",
            "base": None,
        },
        "patches": [
            {
                "number": 1,
                "subject": "toy: fill 1",
                "message_id": "20260304.1@author.example",
                "commit": None,
                "depth": "diff",
                "calls_followed": None,
                "calls_left": 0,
                "findings": [
                    {
                        "rule": "toy-scope",
                        "severity": "error",
                        "confidence": "high",
                        "path": "fs/toy/alloc.c",
                        "line": 17,
                        "line_text": "\tunsigned int flags = toy_save(TOY_NORECLAIM);",
                        "function": "toy_fill",
                        "message": "a scope that takes reclaim away",
                        "question": QUESTION,
                        "why": "",
                        "fix": "",
                        "sources": [],
                        "evidence": [
                            {
                                "path": "fs/toy/alloc.c",
                                "line": 23,
                                "function": "toy_fill",
                                "text": "t->buf = toy_alloc(t->len, TOY_KERNEL);",
                                "note": "scope entered",
                            }
                        ],
                        "resolved_by": "2/2",
                        "fingerprint": SCOPE.encode().hex()[:16],
                    }
                ],
                "unread": [{"path": "fs/x.c", "reason": "a reason"}],
            }
        ],
        "unread": [],
    }


def test_a_remark_says_why_and_what_to_do_and_where_that_is_from():
    given = review(reviewed([(SCOPE, {"fix": "\tnothing();"})]))
    (found,) = rendered(given, rules=RULES)["patches"][0]["findings"]
    said = {key: found[key] for key in ("why", "fix", "sources", "suggestion")}
    assert said == {
        "why": "It does.\n\nAlways [so](1): $5 *each*.",
        "fix": "Leave it out.",
        "sources": ["mm/toy.c: toy_save()"],
        "suggestion": "\tnothing();",
    }


def test_order_is_that_of_the_diff():
    asks = [DIR, DRAIN, (SCOPE, {"rule": "z-rule"}), (SCOPE, {"rule": "a-rule"}), "beside the diff", ALLOC]
    (patch,) = rendered(review(reviewed(asks)))["patches"]
    assert [(found["path"], found["line"], found["rule"]) for found in patch["findings"]] == [
        ("fs/toy/alloc.c", 17, "a-rule"),
        ("fs/toy/alloc.c", 17, "z-rule"),
        ("fs/toy/alloc.c", 23, "toy-scope"),
        ("fs/toy/alloc.c", 44, "toy-scope"),
        ("fs/toy/dir.c", 2, "toy-scope"),
        ("fs/toy/elsewhere.c", 7, "toy-scope"),
    ]


@pytest.mark.parametrize(
    ("bars", "left"),
    [
        ({}, {"error high", "warning medium", "note low"}),
        ({"min_severity": "warning"}, {"error high", "warning medium"}),
        ({"min_confidence": "high"}, {"error high"}),
        ({"min_severity": "error", "min_confidence": "low"}, {"error high"}),
    ],
)
def test_bars(bars, left):
    asks = [
        (SCOPE, {}),
        (ALLOC, {"severity": "warning", "confidence": "medium"}),
        (DIR, {"severity": "note", "confidence": "low"}),
    ]
    (patch,) = rendered(review(reviewed(asks)), **bars)["patches"]
    assert {f"{found['severity']} {found['confidence']}" for found in patch["findings"]} == left


def test_bytes_that_are_no_utf_8_and_what_is_beside_the_patches():
    patch = reviewed([(SCOPE, {"line_text": "caf\udce9 \u2028", "path": "fs/\udcff.c"})])
    whole = rendered(review(patch, unread=(Unread(None, "a mail of the thread had no date \udc80"),)))
    assert whole["patches"][0]["findings"][0]["line_text"] == "caf\\xe9 \u2028"
    assert whole["patches"][0]["findings"][0]["path"] == "fs/\\xff.c"
    assert whole["unread"] == [{"path": None, "reason": "a mail of the thread had no date \\x80"}]


def test_what_the_mail_lost_is_unread_too_and_once():
    patch = reviewed([SCOPE])
    lost, both = Unread(None, "an attachment was left out"), Unread("a.c", "truncated")
    mailed = replace(patch.patch, unread=(lost, both))
    (shown,) = rendered(review(replace(patch, patch=mailed, unread=(both,))))["patches"]
    assert [part["reason"] for part in shown["unread"]] == ["an attachment was left out", "truncated"]
