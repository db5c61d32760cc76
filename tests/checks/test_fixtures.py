"""Every rule's fixture: each finding must be claimed, each claim met, each rule have one."""

from __future__ import annotations

import pytest

from answers import checked
from engines import engine
from fixtures import CASES, Case
from reviewbot.config import data_path
from reviewbot.frontend.fragments import OPEN
from reviewbot.model.patch import Patch, Series
from reviewbot.model.review import Review
from reviewbot.report.formats import json_v1
from reviewbot.report.remarks import ReportContext

CONTEXT = ReportContext("6.12", "d1")


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.fixture}: {case.name}")
def test_fixture(case: Case) -> None:
    review = engine(case.kernel).patch(Patch(1, 1, case.name, "", case.diff))
    assert not review.unread
    assert not [one for one in review.findings if OPEN in f"{one.message}{one.question}"], "a made-up word is shown"
    whole = checked(json_v1.render(Review(Series("", 1, (review.patch,)), (review,), case.kernel), CONTEXT))
    assert len(whole["patches"][0]["findings"]) == len(review.findings)
    found = [(one.rule, one.line_text.strip(), one) for one in review.findings if one.rule == case.fixture]
    others = [one.rule for one in review.findings if one.rule != case.fixture and one.confidence == "high"]
    claimed = {claim.rule for claim in case.claims}
    assert not [rule for rule in others if rule not in claimed], "another rule speaks loudly and is not claimed"
    for claim in case.claims:
        pool = (
            found if claim.rule == case.fixture else [(one.rule, one.line_text.strip(), one) for one in review.findings]
        )
        met = [row for row in pool if row[:2] == (claim.rule, claim.line)]
        if claim.todo:
            assert not met, "a known miss is found now: claim it"
            continue
        assert met, f"missed: {claim}; found {[(row[0], row[1]) for row in pool]}"
        assert claim.text in f"{met[0][2].message}\n{met[0][2].question}"
        assert claim.confidence in ("", met[0][2].confidence)
        if met[0] in found:
            found.remove(met[0])
    assert not found, "findings that nobody claimed"


def test_every_rule_has_a_fixture_with_near_misses() -> None:
    names = {path.stem for path in data_path("rules").glob("[!_]*.toml")}
    for name in sorted(names):
        mine = [case for case in CASES if case.fixture == name]
        silent = [case for case in mine if not any(not claim.todo and claim.rule == name for claim in case.claims)]
        assert len(mine) - len(silent) >= 1, f"{name}: no positive"
        assert len(silent) >= 4, f"{name}: fewer than four near misses"
