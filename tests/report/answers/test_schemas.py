"""The schema that is shipped: sound itself, with what every command prints, and with nothing else."""

from __future__ import annotations

import json
import re

import pytest

from answers import _closed, check_output, checked, remark_schema, validator, whole_schema
from command import THREADS
from reviewbot.cli.arguments.explain import SCHEMAS
from reviewbot.report.answers.head import SCHEMA
from reviewbot.report.answers.schemas import FILE, KINDS, schema_of

jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is missing: pip install -e '.[dev]'")
DEMO = THREADS / "demo.mbox"


def test_the_file_is_a_schema_of_its_version():
    whole = whole_schema()
    jsonschema.Draft202012Validator.check_schema(whole)
    assert f"v{SCHEMA}.json" == FILE
    assert whole["$id"] == f"urn:reviewbot:schema:{SCHEMA}"
    assert [one["$ref"].removeprefix("#/$defs/") for one in whole["anyOf"]] == [*KINDS] == [*SCHEMAS]


@pytest.mark.parametrize("kind", KINDS)
def test_a_part_stands_by_itself(command, kind):
    shown = json.loads(command("schema", kind).out)
    jsonschema.Draft202012Validator.check_schema(shown)
    assert shown["type"] == "object"
    named = {one.removeprefix("#/$defs/") for one in re.findall(r'"\$ref": "([^"]*)"', json.dumps(shown))}
    assert named == {*shown.get("$defs", {})}


def test_the_whole_file_is_printed_without_a_kind(command):
    assert json.loads(command("schema").out) == whole_schema()
    done = command("schema", "revue")
    assert (done.code, done.out) == (2, "")


def test_every_key_is_explained():
    def bare(value, path=""):
        if isinstance(value, dict):
            for name, one in value.get("properties", {}).items():
                if "description" not in one and "$ref" not in one:
                    yield f"{path}.{name}"
            for name, one in value.items():
                yield from bare(one, f"{path}.{name}")

    assert [*bare(whole_schema())] == []


@pytest.mark.parametrize(
    "words",
    [
        ("rule",),
        ("rule", "scope-leak"),
        ("rule", "--kernel", "5.10"),
        ("matrix",),
        ("matrix", "__GFP_NOFAIL"),
        ("matrix", "GFP_KERNEL"),
        ("matrix", "memalloc_nofs_save"),
        ("matrix", "--kernel", "5.4"),
        ("matrix", "__GFP_ATOMIC", "--kernel", "6.12"),
    ],
    ids=" ".join,
)
def test_what_the_tables_print(command, words):
    done = command(*words, "--format", "json")
    assert (done.code, done.err) == (0, "")
    assert "$" not in done.out.replace("$$", "")
    checked(done.out, words[0])


def test_one_rule_and_all_of_them(command):
    every = json.loads(command("rule", "--format", "json").out)["listed"]
    (one,) = json.loads(command("rule", "Scope-Leak", "--format", "json").out)["listed"]
    assert one in every
    assert len(every) > 30
    assert one["fix"] == "Restore before every return, or route all exits through one label in front of the restore."
    assert one["bad"][0].startswith("nofs = memalloc_nofs_save();")
    (unsafe,) = json.loads(command("rule", "unsafe-scope", "--format", "json").out)["listed"]
    assert unsafe["question"] != unsafe["ask"]


def test_rows_of_the_matrix(command):
    whole = json.loads(command("matrix", "--kernel", "6.12", "--format", "json").out)
    flags = {flag["name"]: flag for flag in whole["flags"]}
    assert (flags["__GFP_FS"]["set"]["word"], flags["__GFP_FS"]["clear"]["word"]) == ("unsafe", "safe")
    assert "__GFP_DIRECT_RECLAIM" in flags["GFP_KERNEL"]["bits"]
    (scope,) = json.loads(command("matrix", "memalloc_nofs_save", "--format", "json").out)["scopes"]
    assert scope["clears"] == ["__GFP_FS"]
    gone = json.loads(command("matrix", "__GFP_ATOMIC", "--kernel", "6.12", "--format", "json").out)
    assert (gone["flags"], [one["name"] for one in gone["absent"]]) == ([], ["__GFP_ATOMIC"])


def test_an_unknown_name_is_an_error_and_no_answer(command):
    for words in (("rule", "scope-leek"), ("matrix", "__GFP_NOFAILS"), ("matrix", "")):
        done = command(*words, "--format", "json")
        assert (done.code, done.out) == (2, "")
        assert len(done.err.splitlines()) == 1


def test_what_cannot_be_read_has_an_answer_too(command):
    for given in (b"", b"From nobody", b"\0" * 100, DEMO.read_bytes().replace(b"@@", b"&&")):
        done = command("thread", "-", "--format", "json", stdin=given)
        assert done.code == 3
        assert checked(done.out)["unread"]


def test_a_key_that_nobody_has_explained_fails():
    whole = {"path": None, "reason": "too long", "size": 7}
    closed = jsonschema.Draft202012Validator(_closed(whole_schema()["$defs"]["unread"]))
    assert [one.validator for one in closed.iter_errors(whole)] == ["additionalProperties"]
    jsonschema.Draft202012Validator(schema_of("review", whole_schema())["$defs"]["unread"]).validate(whole)


def test_a_page_is_allowed_and_is_a_url(command):
    whole = json.loads(command("thread", DEMO, "--kernel", "6.10", "--format", "json").out)
    remark = whole["patches"][0]["findings"][0]
    inner = validator("review").evolve(schema=remark_schema())
    assert inner.is_valid({**remark, "page": "https://pages.example.org/scope-leak.html"})
    assert not inner.is_valid({**remark, "page": 7})


def test_wrong_output_of_a_command_would_be_noticed(command):
    out = command("thread", DEMO, "--kernel", "6.10", "--format", "json").out
    check_output(("thread", "x", "--format", "json"), out)
    with pytest.raises(AssertionError):
        check_output(("thread", "x", "--format", "json"), out.replace('"question"', '"ask"', 1))
