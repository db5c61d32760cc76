"""Some hundreds of the mails that tests/bench/mails.py makes by the ten thousand, as `thread` and `check` read them."""

from __future__ import annotations

import pytest

from hostile import hostile, roots
from reading import Reader, desk

MAILS = 120
SPAM = b"From x Thu Jan  1 00:00:00 1970\n"


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader(desk())


@pytest.mark.parametrize("first", range(0, MAILS, 40))
def test_hostile_mails_end_in_an_answer(reader, first):
    made = roots()
    for seed in range(first, first + 40):
        became = reader(SPAM + hostile(seed, made))
        assert became.patches or became.said, seed


@pytest.mark.parametrize("first", range(MAILS, 2 * MAILS, 40))
def test_a_hostile_mail_does_not_lose_the_others(reader, first):
    made = roots()
    for seed in range(first, first + 40):
        mails = (hostile(seed, made), *made[:3])
        assert reader(b"\n\n".join(SPAM + one for one in mails)).patches, seed
