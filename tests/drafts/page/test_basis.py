"""What a draft rests on: the patches that it asks about, with the remarks that are in its mail."""

from __future__ import annotations

from kept_drafts import demo_review, point_of
from report_cases import frame
from reviewbot.drafts.page.basis import basis


def shown(*places: tuple[int, int]) -> str:
    """The parts for a draft that asks about some findings: patch and finding, counted from 0."""
    review = demo_review()
    points = [point_of(review.patches[patch].findings[at]) for patch, at in places]
    return "".join(basis(points, review, frame()))


def test_a_draft_about_two_patches_shows_both_and_no_other():
    text = shown((0, 0), (2, 0))
    assert text.count('<section class="patch">') == 2 and "2/3 exfoo" not in text
    assert 'id="r1"' in text and 'id="r2"' in text and 'id="r3"' not in text


def test_what_the_mail_does_not_ask_is_counted():
    review = demo_review()
    more = len(review.patches[2].findings) - 1
    assert more >= 1
    said = "1 more remark on these patches is" if more == 1 else f"{more} more remarks on these patches are"
    assert f"{said} not in this mail, and not shown." in shown((2, 0))
    assert "not in this mail" not in shown(*((2, at) for at in range(more + 1)))


def test_where_no_finding_is_known_all_are_shown():
    text = "".join(basis([], demo_review(), frame()))
    assert text.count('<section class="patch">') == 3 and "not in this mail" not in text


def test_what_is_not_kept_is_said():
    review = demo_review()
    points = [point_of(review.patches[1].findings[0])]
    for text in ("".join(basis(points, None, frame())), "".join(basis(points, review, None))):
        assert "is not there" in text and "scope-leak" in text and "\\x0a" not in text
