"""The review that a draft was made of comes back as it was; what is damaged does not come back at all."""

from __future__ import annotations

import zlib
from pathlib import Path

import pytest

from reading import desk
from reviewbot.cli.session import for_series
from reviewbot.mail import mailbox, series
from reviewbot.memory.evidence import packed, unpacked
from reviewbot.model.patch import Series
from reviewbot.model.review import Review
from reviewbot.review.patient_engine import PatientEngine

DEMO = Path(__file__).parents[1] / "threads" / "demo.mbox"


@pytest.fixture(scope="module")
def review() -> Review:
    found = series.newest(mailbox.split_mbox(DEMO.read_bytes()))
    setup = for_series(desk("--kernel", "6.10"), found)
    return PatientEngine(setup.kernel, setup.rules, 10).review(found)


def test_a_review_comes_back(review):
    assert any(one.findings for one in review.patches)
    assert unpacked(packed(review)) == review


def test_bytes_that_are_no_utf8_become_question_marks(review):
    found = review.patches[0]
    odd = Review(Series("caf\udce9", 1, (found.patch,)), (found,), review.kernel)
    assert unpacked(packed(odd)).series.subject == "caf?"


@pytest.mark.parametrize("cut", [0, 1, 20, -1])
def test_what_is_damaged_is_left_out(review, cut):
    assert unpacked(packed(review)[:cut]) is None


def test_what_another_program_wrote_is_left_out():
    assert unpacked(zlib.compress(b"\x93\x01\x02\x03")) is None
    assert unpacked(None) is None
