"""Suggested lines: a wrong one is worse than none."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from command import diff
from engines import engine
from fixtures import CASES, Case
from reviewbot.model.patch import Patch
from reviewbot.model.review import Finding
from reviewbot.patch.suggestion import fixed

OUT = ("FLAG", "")


@pytest.mark.parametrize(
    ("line", "change", "wanted"),
    [
        ("\tp = get(8, BASE | FLAG);", OUT, "\tp = get(8, BASE);"),
        ("\tp = get(8, FLAG | BASE);", OUT, "\tp = get(8, BASE);"),
        ("\tp = get(8, BASE | FLAG | MORE);", OUT, "\tp = get(8, BASE | MORE);"),
        ("\tp = get(8, BASE|FLAG);", OUT, "\tp = get(8, BASE);"),
        ("\tp = get(8, BASE | FLAG |", OUT, "\tp = get(8, BASE |"),
        ("\t\tFLAG | MORE);", OUT, "\t\tMORE);"),
        ("\tgfp |= FLAG | MORE;", OUT, "\tgfp |= MORE;"),
        ("\tp = get(8, FLAG);", ("FLAG", "BASE"), "\tp = get(8, BASE);"),
        ("\tp = get(8, FLAG | MORE); /* FLAGS */", ("FLAG", "BASE"), "\tp = get(8, BASE | MORE); /* FLAGS */"),
        ("\tp = get(8, FLAG);", ("FLAG", r"\g<0>\1"), "\tp = get(8, \\g<0>\\1);"),
    ],
)
def test_a_word_is_replaced_or_taken_out_of_its_sum(line, change, wanted):
    assert fixed(line, change) == wanted


@pytest.mark.parametrize(
    ("line", "change"),
    [
        pytest.param("\tp = get(8, BASE);", OUT, id="not there"),
        pytest.param("\tp = get(8, BASE | __FLAG | FLAGS);", OUT, id="part of other words"),
        pytest.param("\tp = get(8, BASE | FLAG); /* FLAG */", OUT, id="twice"),
        pytest.param("\tp = get(8, FLAG); /* not FLAG */", ("FLAG", "BASE"), id="twice, replaced"),
        pytest.param("\t\t\t| FLAG", OUT, id="nothing is left"),
        pytest.param("\t\t\tFLAG, order);", OUT, id="the other term is on the line above"),
        pytest.param("\tgfp |= FLAG;", OUT, id="alone behind |="),
        pytest.param("\tif (a || FLAG)", OUT, id="a logical or"),
        pytest.param("\tif (FLAG || a)", OUT, id="a logical or behind it"),
        pytest.param("\tFLAG |= a;", OUT, id="assigned to"),
        pytest.param("\tp = get(8, BASE | (FLAG));", OUT, id="in parentheses"),
        pytest.param("\tp = get(8, BASE & ~FLAG);", OUT, id="cleared"),
    ],
)
def test_no_line_where_it_is_not_sure(line, change):
    assert fixed(line, change) is None


@given(st.text(st.sampled_from(" \t|FLAG=&x("), max_size=60))
def test_what_is_taken_out_is_the_word_and_one_bar(line):
    left = fixed(line, OUT)
    if left is not None:
        gone = Counter(line) - Counter(left)
        assert {char: count for char, count in gone.items() if char not in " \t"} == Counter("FLAG|")


def findings(case: Case, text: str) -> tuple[Finding, ...]:
    return engine(case.kernel).patch(Patch(1, 1, case.name, "", text)).findings


FIXED = [(case, one) for case in CASES for one in findings(case, case.diff) if one.fix is not None]


@pytest.mark.parametrize(("case", "one"), FIXED, ids=lambda given: getattr(given, "name", ""))
def test_the_suggested_line_has_nothing_wrong_with_it(case, one):
    """With the line in its place, the remark is gone and no other has come."""
    before = Counter(each.rule for each in findings(case, case.diff))
    text = case.diff.replace(f"+{one.line_text}\n", f"+{one.fix}\n")
    assert text != case.diff
    after = Counter(each.rule for each in findings(case, text))
    assert after <= before
    assert after[one.rule] < before[one.rule]


def test_suggestions_come_from_more_than_one_rule():
    assert {one.rule for _, one in FIXED} >= {"redundant-flag", "redundant-scope-flag", "unknown-flag"}


def on_a_line(line: str) -> tuple[Finding, ...]:
    return engine("6.12").patch(Patch(1, 1, "", "", diff(line=line))).findings


def test_a_misspelt_flag_is_written_right():
    (one,) = on_a_line("\tp = toy_get(8, GFP_KERNEL | GFP_NOWARN);")
    assert (one.rule, one.fix) == ("unknown-flag", "\tp = toy_get(8, GFP_KERNEL | __GFP_NOWARN);")


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("if (gfp & __GFP_NOFS)", id="tested"),
        pytest.param("gfp &= __GFP_NOFS;", id="cut down"),
        pytest.param("gfp |= GFP_NOFAIL;", id="what it is added to is not seen"),
        pytest.param("p = kmalloc(8, GFP_NOFAIL);", id="a modifier alone is no mask"),
        pytest.param("p = kmalloc(8, GFP_KERNEL | __GFP_NOFS);", id="two base masks"),
        pytest.param("p = kmalloc(8, GFP_NOWAIT | GFP_NOWARN);", id="needless then"),
        pytest.param("p = kmalloc(8, GFP_KERNEL | __GFP_REPEAT);", id="what replaced it means something else"),
        pytest.param("flags = memalloc_flags_save(PF_MEMALLOC_NOWARN);", id="not the same kind of flag"),
        pytest.param("p = kvmalloc(8, GFP_KERNEL | GFP_USER);", id="either base mask may be meant"),
    ],
)
def test_a_remark_without_a_line_that_is_surely_right(line):
    found = on_a_line(f"\t{line}")
    assert {one.rule for one in found} & {"redundant-flag", "unknown-flag"}
    assert [one.fix for one in found if one.fix] == []
