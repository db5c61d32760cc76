"""JUnit: what was checked, what failed, and what was skipped."""

from __future__ import annotations

from msgspec.structs import replace

from report_cases import ALLOC, DIR, SCOPE, frame, review, reviewed
from report_readers import junit_tree
from reviewbot.model.patch import Unread
from reviewbot.report.formats import junit


def suites(given, **bars):
    top = junit_tree(junit.render(given, frame(**bars)))
    for counted, within in ((top, top), *((suite, suite) for suite in top)):
        cases = list(within.iter("testcase"))
        assert int(counted.get("tests")) == len(cases)
        assert int(counted.get("failures")) == sum(case.find("failure") is not None for case in cases)
        assert counted.get("errors") == "0"
        assert counted.get("skipped") in (None, str(sum(case.find("skipped") is not None for case in cases)))
    return list(top)


def cases(suite):
    return {case.get("name"): [child.tag for child in case] for case in suite.iter("testcase")}


def test_a_green_run_shows_each_rule_for_each_patch():
    first, second = suites(review(reviewed(number=1, total=2), reviewed(number=2, total=2)))
    assert (first.get("name"), second.get("name")) == ("1/2 toy: fill 1", "2/2 toy: fill 2")
    assert cases(first) == cases(second) == {"toy-scope": [], "toy-other": []}
    groups = [case.get("classname") for suite in (first, second) for case in suite.iter("testcase")]
    assert groups == ["reviewbot.patch-1"] * 2 + ["reviewbot.patch-2"] * 2
    assert {one.get("name"): one.get("value") for one in first.iter("property")} == {
        "kernel": "6.12",
        "rules": "d1",
        "depth": "diff",
        "message_id": "20260304.1@author.example",
    }


def test_remarks_of_one_rule_are_one_failure_that_tells_all():
    asks = [(SCOPE, {"severity": "warning", "message": "a"}), (ALLOC, {"message": "b"}), (DIR, {"rule": "toy-other"})]
    (suite,) = suites(review(reviewed(asks)))
    failure, other = suite.iter("failure")
    assert dict(failure.attrib) == {"type": "error", "message": "b (and 1 more)"}
    assert failure.text == (
        "fs/toy/alloc.c:17 in toy_fill(): warning (high): a\n"
        "    unsigned int flags = toy_save(TOY_NORECLAIM);\n"
        "fs/toy/alloc.c:23 in toy_fill(): error (high): b\n"
        "    t->buf = toy_alloc(t->len, TOY_KERNEL);"
    )
    assert other.get("message") == "a scope that takes reclaim away"


def test_what_a_later_patch_settles_has_passed_and_is_told():
    (suite,) = suites(review(reviewed([(SCOPE, {"resolved_by": "2/2"})])))
    assert cases(suite) == {"toy-scope": ["system-out"], "toy-other": []}
    assert suite.find(".//system-out").text.startswith("settled by patch 2/2: fs/toy/alloc.c:17 in toy_fill(): ")


def test_a_patch_of_which_nothing_was_read_has_passed_nothing():
    part = Unread("fs/a.c", "it ends early")
    some, none = suites(review(reviewed(unread=(part,)), reviewed(unread=(part,), files=())))
    name = "not looked at: fs/a.c: it ends early"
    assert cases(some) == {"toy-scope": [], "toy-other": [], name: ["skipped"]}
    assert cases(none) == {"toy-scope": ["skipped"], "toy-other": ["skipped"], name: ["skipped"]}


def test_what_concerns_no_patch_is_a_suite_of_its_own():
    _, beside = suites(review(reviewed(), unread=(Unread(None, "a mail was left out"),)))
    assert (beside.get("name"), cases(beside)) == ("the series", {"not looked at: a mail was left out": ["skipped"]})


def test_a_commit_is_a_property():
    patch = reviewed()
    commit = replace(patch, patch=replace(patch.patch, commit="c0ffee", mail=None))
    (suite,) = suites(review(commit))
    assert [one.get("value") for one in suite.iter("property")] == ["6.12", "d1", "diff", "c0ffee"]
