"""Workflow commands and the summary of a step: the caps of GitHub, and what becomes of the rest."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from msgspec.structs import replace

from report_cases import ALLOC, DIR, SCOPE, evidence, frame, review, reviewed
from report_readers import commands
from reviewbot.model.patch import Unread
from reviewbot.report.formats import github, github_summary
from reviewbot.report.formats.markdown import code_span, paragraph
from reviewbot.support.escape import visible

ANY = st.text(st.characters(exclude_categories=()), max_size=60)
MISSED = (Unread("fs/a.c", "it ends early"),)


def annotations(given, **bars):
    return commands(github.render(given, frame(**bars)))


def many(**counts: int):
    """A patch with so many remarks of each severity."""
    asks = [
        (ALLOC, {"severity": severity, "line": number, "fingerprint": f"{severity} {number}"})
        for severity, count in counts.items()
        for number in range(1, count + 1)
    ]
    return reviewed(asks)


def test_an_annotation():
    patch = reviewed([(ALLOC, {"message": "50% off: a, b", "path": "fs/a,b:c%.c"})])
    shown = (evidence(patch.files, SCOPE, "entered, once"),)
    patch = replace(patch, findings=(replace(patch.findings[0], evidence=shown),))
    assert github.render(review(patch), frame()) == (
        "::error file=fs/a%2Cb%3Ac%25.c,line=23,endLine=23,col=2,title=toy-scope::"
        "50%25 off: a, b%0Aentered, once: fs/toy/alloc.c:17\n"
    )


@pytest.mark.parametrize(
    ("counts", "shown"),
    [
        ({"error": 10, "warning": 10, "note": 10}, {"error": 10, "warning": 10, "notice": 10}),
        ({"error": 11}, {"error": 10, "notice": 1}),
        ({"error": 11, "note": 10}, {"error": 10, "notice": 10}),
        ({"note": 11}, {"notice": 10}),
        ({"error": 300, "warning": 300, "note": 300}, {"error": 10, "warning": 10, "notice": 10}),
    ],
)
@pytest.mark.parametrize("missed", [(), MISSED])
def test_no_more_than_github_shows_and_the_rest_is_counted(counts, shown, missed):
    patch = replace(many(**counts), unread=missed)
    said = annotations(review(patch))
    kinds = Counter(one.name for one in said)
    assert all(count <= github.MOST for count in kinds.values())
    own = [one for one in said if "file" in one.properties]
    left = sum(counts.values()) - len(own)
    rest = [one.message for one in said if "file" not in one.properties]
    assert len(rest) == bool(left) + bool(missed)
    assert not left or f"{left} more remark" in rest[0]
    if not missed:
        assert kinds == shown


def test_the_worst_come_first():
    given = review(reviewed([(SCOPE, {"severity": "note"}), (ALLOC, {"confidence": "medium"}), DIR]))
    assert [one.properties["line"] for one in annotations(given)] == ["2", "23", "17"]


def test_a_long_message_ends_where_the_runner_would_cut_it():
    (one,) = annotations(review(reviewed([(ALLOC, {"message": "%" * 10_000})])))
    assert one.message == "%" * (github.LONGEST - 3) + "..."


# --- the summary ---


def summary(given, **bars):
    return github_summary.step_summary(given, frame(**bars))


def test_the_summary_has_everything():
    given = review(
        reviewed([SCOPE, (ALLOC, {"resolved_by": "2/2"}), (DIR, {"severity": "note"})], unread=MISSED),
        unread=(Unread(None, "a mail was left out"),),
    )
    assert summary(given) == (
        "### reviewbot: 2 remarks (1 error, 1 note), 2 not looked at\n\n"
        "- **error** `toy-scope` `fs/toy/alloc.c:17` in `toy_fill()`: a scope that takes reclaim away\n"
        "- **note** `toy-scope` `fs/toy/dir.c:2` in `toy_fill()`: a scope that takes reclaim away\n"
        "- **error** `toy-scope` `fs/toy/alloc.c:23` in `toy_fill()`: settled by patch 2/2: "
        "a scope that takes reclaim away\n"
        "- not looked at: a mail was left out\n"
        "- not looked at: `fs/a.c`: it ends early\n"
        "\n1 patch, kernel 6.12\n"
    )


def test_clean_is_said_only_if_all_was_read():
    assert summary(review(reviewed())) == "### reviewbot: clean\n\n\n1 patch, kernel 6.12\n"
    assert "nothing found in what was read" in summary(review(reviewed(unread=MISSED)))


def test_the_summary_is_no_longer_than_github_takes():
    whole = summary(review(many(error=12_000)))
    assert len(whole.encode()) < github_summary.LARGEST
    listed = whole.count("\n- **error**")
    assert listed > 5000
    assert f"- and {12_000 - listed} more, " in whole


def test_every_remark_is_in_the_summary_where_annotations_have_a_cap():
    given = review(many(error=30))
    assert summary(given).count("\n- **error**") == 30
    assert len([one for one in annotations(given) if "file" in one.properties]) == 10


# --- Markdown ---


def shown(markdown: str) -> str:
    """The text that a renderer makes of one paragraph, "" unless it is text and code only."""
    paragraph = MarkdownIt("commonmark").parse(f"- x {markdown}")
    (inline,) = [token for token in paragraph if token.type == "inline"]
    kinds = {token.type for token in inline.children}
    assert kinds <= {"text", "code_inline", "text_special"}, kinds
    return "".join(token.content for token in inline.children).removeprefix("x").strip()


@given(ANY)
def test_plain_text_is_shown_as_it_is(text):
    assert shown(paragraph(text)) == visible(text).replace("\t", " ").strip()


@given(ANY)
def test_code_is_shown_as_it_is(text):
    assert shown(code_span(text)) == visible(text).replace("\t", " ").strip()


@pytest.mark.parametrize(
    "text",
    [
        *(
            "<img src=x>",
            "[a](http://e)",
            "![a](b)",
            "$x$",
            "`a`",
            "*a*",
            "~~a~~",
            "&lt;",
            "\\",
            "<!-- a",
            "|a|",
            "__a__",
        ),
        *("<https://e.example>", "[a]: b", "a\\*b*"),
    ],
)
def test_nothing_in_a_text_means_anything(text):
    assert shown(paragraph(text)) == text


@pytest.mark.parametrize("text", ["https://e.example", "www.e.example", "WWW.e.example", "a@e.example"])
def test_an_address_is_no_link_for_githubs_own_markdown(text):
    """Which makes links of these in any text; a backslash in them is in the way."""
    assert shown(paragraph(text)) == text
    assert text not in paragraph(text)
