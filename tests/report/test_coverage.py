"""What "clean" is said to cover."""

from __future__ import annotations

import json

import pytest

from report_cases import SCOPE, frame, review, reviewed
from reviewbot.model.patch import Unread
from reviewbot.report.coverage import clean_words, left_calls, width_of
from reviewbot.report.formats import github_summary, json_v1
from reviewbot.report.terminal.local import Viewpoint, local_lines
from reviewbot.report.terminal.text import View, render_plain, without_styles

LEFT = "12 new calls under a lock or in a scope leave what was read"


@pytest.mark.parametrize(
    ("widths", "width", "word"),
    [
        (["folder", "folder"], "folder", "clean (calls followed through the folder)"),
        (["tree"], "tree", "clean (calls followed through the tree)"),
        (["tree", "folder"], "folder", "clean (calls followed through the folder)"),
        (["folder", "series"], "series", "clean"),
        (["folder", ""], "folder", "clean (calls followed through the folder)"),
        (["series"], "series", "clean"),
        ([""], "", "clean"),
        ([], "", "clean"),
    ],
)
def test_it_covers_what_the_narrowest_patch_does(widths, width, word):
    given = review(*(reviewed(width=one) for one in widths))
    assert (width_of(given), clean_words(given)) == (width, word)


def test_text_says_it():
    said = render_plain(review(reviewed(width="folder", calls_left=None)), View("6.12"))
    assert said == "clean (calls followed through the folder): 1 patch, 4 added lines, kernel 6.12\n"
    page = github_summary.step_summary(review(reviewed(width="tree", calls_left=None)), frame())
    assert page.startswith("### reviewbot: clean (calls followed through the tree)\n")


def test_text_counts_what_leaves_a_mail_once_for_the_whole_series():
    given = review(reviewed(width="series", calls_left=7), reviewed(width="series", calls_left=5))
    wanted = f"clean: 2 patches, 8 added lines, kernel 6.12 ({LEFT})\n"
    assert render_plain(given, View("6.12")) == wanted
    assert without_styles(local_lines(given, frame(), Viewpoint())) == wanted


def test_one_call_and_none():
    assert left_calls(review(reviewed(calls_left=1))) == "1 new call under a lock or in a scope leaves what was read"
    assert left_calls(review(reviewed(calls_left=0), reviewed(calls_left=None))) == ""


def test_it_is_not_said_beside_a_remark():
    given = review(reviewed([SCOPE], width="series", calls_left=12))
    assert "leave what was read" not in render_plain(given, View("6.12"))
    below = View("6.12", min_confidence="high")
    low = review(reviewed([(SCOPE, {"confidence": "low"})], width="series", calls_left=12))
    assert LEFT in render_plain(low, below)


def test_it_is_said_beside_what_was_not_read():
    given = review(reviewed(width="series", calls_left=12, unread=(Unread("fs/x.c", "it ends early"),)))
    said = render_plain(given, View("6.12"))
    assert "nothing found in what was read: " in said
    assert said.endswith(f"(1 not looked at: fs/x.c, {LEFT})\n")


def test_json_has_both_for_each_patch():
    given = review(
        reviewed(width="series", calls_left=3), reviewed(width="folder", calls_left=None), reviewed(calls_left=0)
    )
    patches = json.loads(json_v1.render(given, frame()))["patches"]
    said = [(one["calls_followed"], one["calls_left"]) for one in patches]
    assert said == [("series", 3), ("folder", None), (None, 0)]
