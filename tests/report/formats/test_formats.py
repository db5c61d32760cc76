"""What all formats for CI systems have in common: which remarks, where, and that no text breaks out of its place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from report_cases import ALLOC, DIR, SCOPE, evidence, frame, review, reviewed
from report_readers import READERS, checkstyle_tree, commands, junit_tree
from reviewbot.config import Surface
from reviewbot.model.patch import Unread
from reviewbot.report.registry import FORMATS
from reviewbot.support.escape import printable, raw, visible, xml

ANY = st.text(st.characters(exclude_categories=()), min_size=1, max_size=60)
SEVERITIES = {
    "gitlab": {"error": "major", "warning": "minor", "note": "info"},
    "github": {"error": "error", "warning": "warning", "note": "notice"},
    "checkstyle": {"error": "error", "warning": "warning", "note": "info"},
    "rdjson": {"error": "ERROR", "warning": "WARNING", "note": "INFO"},
    "rdjsonl": {"error": "ERROR", "warning": "WARNING", "note": "INFO"},
}


def rendered(name, given, **bars):
    return FORMATS[name].render(given, frame(**bars))


def rows(name, given, **bars):
    return READERS[name](rendered(name, given, **bars))


def only(name, given, **bars):
    (row,) = rows(name, given, **bars)
    return row


def test_every_format_has_a_reader_and_a_surface():
    assert {*READERS, "text", "json", "html"} == set(FORMATS)
    assert set(Surface.__struct_fields__) == {*FORMATS, "b4", "local", "mail", "patchwork"}


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("severity", ["error", "warning", "note"])
def test_a_remark_is_at_its_line_with_its_rule_and_severity(name, severity):
    row = only(name, review(reviewed([(ALLOC, {"severity": severity})])))
    assert (row.rule, row.path, row.line) == ("toy-scope", "fs/toy/alloc.c", 23)
    assert row.severity == SEVERITIES.get(name, {}).get(severity, severity)
    assert row.message == "a scope that takes reclaim away"


@pytest.mark.parametrize("name", READERS)
def test_bars(name):
    given = review(
        reviewed(
            [
                (SCOPE, {"rule": "one"}),
                (ALLOC, {"rule": "two", "severity": "warning", "confidence": "medium"}),
                (DIR, {"rule": "three", "severity": "note", "confidence": "low"}),
            ]
        )
    )
    assert [row.rule for row in rows(name, given)] == ["one", "two", "three"]
    assert [row.rule for row in rows(name, given, min_severity="warning")] == ["one", "two"]
    assert [row.rule for row in rows(name, given, min_confidence="high")] == ["one"]


@pytest.mark.parametrize("name", READERS)
def test_what_a_later_patch_settles_is_not_there(name):
    assert rows(name, review(reviewed([(SCOPE, {"resolved_by": "2/2"})]))) == []


@pytest.mark.parametrize(
    ("name", "report"),
    [
        ("github", ""),
        ("gitlab", "[]\n"),
        ("rdjsonl", ""),
        ("rdjson", '{\n  "source": {\n    "name": "reviewbot"\n  },\n  "diagnostics": []\n}\n'),
        ("checkstyle", '<?xml version="1.0" encoding="UTF-8"?>\n<checkstyle version="4.3" />\n'),
    ],
)
def test_a_clean_review(name, report):
    assert rendered(name, review(reviewed())) == report


@pytest.mark.parametrize("name", [name for name in READERS if name != "junit"])
def test_a_remark_of_two_patches_is_one_where_the_last_has_it(name):
    """JUnit has a suite a patch, and both have it."""
    first = reviewed([(ALLOC, {"fingerprint": "f"})], number=1, total=2)
    second = reviewed([(DIR, {"fingerprint": "f"})], number=2, total=2)
    assert only(name, review(first, second)).path == "fs/toy/dir.c"
    assert only(name, review(second, first)).path == "fs/toy/alloc.c"
    assert len(rows("junit", review(first, second))) == 2


# --- no text breaks out ---


@pytest.mark.parametrize("name", READERS)
@given(message=ANY, path=ANY, note=ANY, function=ANY)
def test_any_text_survives(name, message, path, note, function):
    patch = reviewed([SCOPE])
    shown = replace(evidence(patch.files, ALLOC, note), path=path, text=message)
    changed = {"message": message, "path": path, "function": function, "line_text": message, "evidence": (shown,)}
    found = replace(patch.findings[0], **changed)
    row = only(name, review(replace(patch, findings=(found,))))
    if name == "sarif":
        assert row.path == raw(path.lstrip("/")).decode("utf-8", "surrogateescape") or row.path == "."
        assert row.message == visible(message).replace("](", "] (") or " ([" in message
    elif name == "junit":
        assert row.message == xml(message)
        assert row.told.startswith(f"{xml(path)}:17 in {xml(function)}(): ")
    elif name == "kcidb":
        assert (row.message, row.path) == (printable(message), printable(path))
    elif name == "checkstyle":
        assert (row.message, row.path) == (xml(message), xml(path))
    else:
        assert (row.message, row.path) == (visible(message), visible(path))


@pytest.mark.parametrize("name", FORMATS)
@given(text=ANY)
def test_any_text_of_a_mail_makes_no_report_that_cannot_be_read(name, text):
    patch = reviewed([(SCOPE, {"resolved_by": text}), (ALLOC, {"fix": text, "line_text": text})])
    mail = replace(patch.patch.mail, message_id=text)
    patch = replace(
        patch,
        patch=replace(patch.patch, subject=text, mail=mail),
        unread=(Unread(text, text), Unread(None, text)),
    )
    report = rendered(name, review(patch, unread=(Unread(text, text),)))
    assert report.encode("utf-8")
    if name in READERS:
        assert len(READERS[name](report)) == 1


# --- what was not looked at ---


MISSED = (Unread("fs/toy/b.c", "the hunk ends early"), Unread(None, "an attachment was left out"))


@pytest.mark.parametrize("name", [name for name in FORMATS if FORMATS[name].unread])
def test_what_was_not_looked_at_is_said(name):
    report = rendered(name, review(reviewed(unread=MISSED[:1]), unread=MISSED[1:]))
    for part in ("fs/toy/b.c", "the hunk ends early", "an attachment was left out"):
        assert part in report


@pytest.mark.parametrize("name", [name for name in FORMATS if not FORMATS[name].unread])
def test_a_format_without_a_place_for_it_is_as_if_it_were_clean(name):
    assert rendered(name, review(reviewed(unread=MISSED))) == rendered(name, review(reviewed()))


def test_where_it_is_said():
    given = review(reviewed(unread=MISSED[:1]), unread=MISSED[1:])
    (notice,) = commands(rendered("github", given))
    assert notice.name == "notice"
    assert notice.message.split("\n")[1:] == ["an attachment was left out", "fs/toy/b.c: the hunk ends early"]
    skipped = [case.find("skipped") for case in junit_tree(rendered("junit", given)).iter("testcase")]
    assert [one.get("message") for one in skipped if one is not None] == [one.reason for one in MISSED]
    files = {file.get("name"): file.findtext("exception") for file in checkstyle_tree(rendered("checkstyle", given))}
    assert files == {"(the whole patch)": "an attachment was left out", "fs/toy/b.c": "the hunk ends early"}


def test_the_fingerprint_is_the_same_in_all_that_have_one():
    given = review(reviewed([SCOPE, ALLOC]))
    wanted = [found.fingerprint for found in given.patches[0].findings]
    assert [row.fingerprint for row in rows("sarif", given)] == wanted
    assert [row.fingerprint for row in rows("gitlab", given)] == wanted
    assert all(each in rendered("json", given) for each in wanted)


def test_equal_lines_of_a_function_have_fingerprints_of_their_own():
    given = review(reviewed([(SCOPE, {"fingerprint": "f"}), (ALLOC, {"fingerprint": "f"})]))
    assert [row.fingerprint for row in rows("sarif", given)] == ["f", "f:2"]
    assert [row.fingerprint for row in rows("gitlab", given)] == ["f", "f:2"]
