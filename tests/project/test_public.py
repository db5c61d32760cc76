"""The names that `import reviewbot` promises."""

from __future__ import annotations

import pytest

import reviewbot
from command import THREADS
from reviewbot.mail import mailbox


def test_every_public_name_is_there():
    assert reviewbot.__all__ == sorted(reviewbot.__all__)
    assert [name for name in reviewbot.__all__ if getattr(reviewbot, name) is None] == []
    with pytest.raises(AttributeError, match="absent"):
        reviewbot.absent  # noqa: B018 - looking is the test


def test_a_mail_can_be_reviewed_from_python():
    mails, _ = mailbox.read_mails(str(THREADS / "demo.mbox"), None, 10_000_000)
    engine = reviewbot.Engine(*reviewbot.load([reviewbot.data_path("rules")], (6, 10)))
    review = engine.review(reviewbot.newest(mails))
    assert isinstance(review, reviewbot.Review)
    assert "scope-leak" in {found.rule for reviewed in review.patches for found in reviewed.findings}
