"""Three days of a list: which drafts there must be, and no others."""

from __future__ import annotations

import pytest

from listlife import AUTHOR, CLEAN, asks, change, life, patch, reply
from reviewbot.memory import drafts
from reviewbot.model.errors import FetchError

BUG = change(asks())


@pytest.fixture
def living(tmp_path):
    with life(tmp_path) as made:
        yield made


def test_people_speak_first(living):
    living.put(patch("[PATCH] exfoo: keep a name", "p", BUG))
    assert living.after(1)[1:4] == (1, 0, 0)
    assert living.after(22)[1:4] == (0, 0, 0)
    assert living.after(2)[1:4] == (0, 1, 1)
    (one,) = living.drafts()
    assert (one.in_reply_to, one.list, one.author, one.state) == ("p@example.org", "exfoo", "Mira Holt", "waiting")
    assert one.confidence == "high" and one.reason == "1 place: sleep-in-atomic"
    assert b"To: Mira Holt <mira@author.example.org>" in one.content
    assert drafts.draft_evidence(living.memory, one.number)


def test_nothing_is_made_twice(living):
    living.put(patch("[PATCH] exfoo: keep a name", "p", BUG))
    living.after(25)
    for _ in range(3):
        assert living.after(25)[1:4] == (0, 0, 0)
    assert len(living.drafts(*drafts.STATES)) == 1


def test_a_clean_patch_gets_no_draft(living):
    living.put(patch("[PATCH] exfoo: count", "p", change(CLEAN)))
    assert living.after(25)[1:4] == (1, 1, 0)
    (one,) = living.series()
    assert (one.state, one.reason) == ("reviewed", "v1; no remark")


@pytest.mark.parametrize("to", ["p", ""])
def test_the_next_version_is_known_below_the_first_and_alone(living, to):
    """What still stands is asked of the new version instead; what is gone is counted."""
    both = change(asks(64), asks(128))
    living.put(patch("[PATCH] exfoo: keep a name", "p", both))
    living.after(25)
    (old,) = living.drafts()
    assert old.reason.startswith("2 places")
    living.put(patch("[PATCH v2] exfoo: keep a name", "q", BUG, to=to))
    living.after(25)
    assert len(living.series()) == 1
    (new,) = living.drafts()
    assert new.in_reply_to == "q@example.org" and new.version == 2
    assert new.reason == "1 place: sleep-in-atomic; of 2 points of the version before 1 are gone"
    assert drafts.draft(living.memory, old.number).state == "late"
    assert drafts.draft(living.memory, old.number).note == "v2 came"


def test_what_was_sent_is_not_asked_of_the_next_version(living):
    living.put(patch("[PATCH] exfoo: keep a name", "p", BUG))
    living.after(25)
    (old,) = living.drafts()
    drafts.approve(living.memory, old.number, living.clock())
    with living.memory.writing():
        living.memory.run("UPDATE drafts SET state = 'sent' WHERE number = ?", old.number)
    living.put(patch("[PATCH v2] exfoo: keep a name", "q", change(asks(), asks(128)), to="p"))
    living.after(25)
    (new,) = living.drafts()
    assert new.reason.startswith("1 place") and b"128" in new.content
    assert living.series()[0].reason.startswith("v2; ") and "1 repeated" in living.series()[0].reason


def test_a_version_with_other_titles_below_the_first_is_known(living):
    living.put(patch("[PATCH] exfoo: keep a name", "p", BUG))
    living.put(patch("[PATCH v2] exfoo: keep the whole name", "q", BUG, to="p"), hours=30)
    living.after(25)
    living.after(30)
    assert [one.version for one in living.drafts()] == [2] and len(living.series()) == 1


def test_a_version_is_known_by_its_change_id(living):
    living.put(patch("[PATCH] exfoo: keep a name", "p", BUG + "-- \nchange-id: 20240610-name-1234\n"))
    living.after(25)
    second = BUG + "-- \nchange-id: 20240610-name-1234\n"
    living.put(patch("[PATCH v2] exfoo: store names", "q", second))
    living.after(25)
    assert len(living.series()) == 1


def test_a_resend_asks_nothing_new(living):
    living.put(patch("[PATCH] exfoo: keep a name", "p", BUG))
    living.after(25)
    (old,) = living.drafts()
    drafts.drop(living.memory, old.number, drafts.KNOWN, living.clock())
    living.put(patch("[PATCH RESEND] exfoo: keep a name", "r", BUG))
    living.after(25)
    assert living.drafts() == []
    assert "1 repeated" in living.series()[0].reason


def test_a_series_that_is_not_all_here_is_waited_for(living):
    living.put(patch("[PATCH 1/2] exfoo: keep a name", "a1", BUG, to="a0"))
    living.after(25)
    assert living.drafts() == []
    assert (living.series()[0].state, living.series()[0].reason) == ("partial", "1 patch is not here yet")
    living.put(patch("[PATCH 2/2] exfoo: count", "a2", change(CLEAN, path="fs/exfoo/b.c"), to="a0"))
    living.after(25)
    assert [one.in_reply_to for one in living.drafts()] == ["a1@example.org"]


def test_a_series_that_stays_incomplete_is_reviewed_as_far_as_it_is_here(living):
    living.put(patch("[PATCH 1/2] exfoo: keep a name", "a1", BUG, to="a0"))
    living.after(25)
    living.after(72)
    (one,) = living.drafts()
    assert one.reason == "1 place: sleep-in-atomic; 1 patch is missing"


def test_one_patch_of_the_next_version_joins_the_series(living):
    living.put(patch("[PATCH 1/2] exfoo: count", "a1", change(CLEAN)))
    living.put(patch("[PATCH 2/2] exfoo: keep a name", "a2", change(asks(), path="fs/exfoo/b.c"), to="a1"))
    living.after(25)
    (old,) = living.drafts()
    fixed = change(asks(flag="GFP_ATOMIC"), path="fs/exfoo/b.c")
    living.put(patch("[PATCH v2 2/2] exfoo: keep a name", "b2", fixed, to="a2"))
    living.after(25)
    assert living.drafts() == [] and len(living.series()) == 1
    assert drafts.draft(living.memory, old.number).state == "late"


def test_what_somebody_has_said_is_not_said_again(living):
    living.put(patch("[PATCH] exfoo: keep a name", "p", BUG))
    said = "> +\tfs->name = kmalloc(64, GFP_KERNEL);\n\nexfoo_read() holds fs->lock, so GFP_KERNEL cannot work.\n"
    living.put(reply("r", "p", said), hours=3)
    living.after(25)
    assert living.drafts() == []
    (one,) = living.series()
    assert one.reason == "v1; 1 said; Bob Other in <r@example.org> has said it"


def test_what_a_bot_has_said_is_not_said_again(living):
    living.put(patch("[PATCH] exfoo: keep a name", "p", BUG))
    said = "BUG: sleeping function called in exfoo_read: kmalloc with GFP_KERNEL\n"
    living.put(reply("r", "p", said, "robot <lkp@intel.com>", "Auto-Submitted: auto-generated\n"), hours=3)
    living.after(25)
    assert living.drafts() == []


def test_a_quote_alone_says_nothing(living):
    living.put(patch("[PATCH] exfoo: keep a name", "p", BUG))
    quoted = "> exfoo_read\n> +\tfs->name = kmalloc(64, GFP_KERNEL);\n\nReviewed-by: Bob Other <bob@example.org>\n"
    living.put(reply("r", "p", quoted), hours=3)
    living.after(25)
    assert len(living.drafts()) == 1


def test_a_draft_is_late_when_somebody_says_it_before_it_is_sent(living):
    living.put(patch("[PATCH] exfoo: keep a name", "p", BUG))
    living.after(25)
    assert len(living.drafts()) == 1
    living.put(reply("r", "p", "exfoo_read() must not use GFP_KERNEL there.\n"))
    assert living.after(1).late == 1
    assert living.drafts() == []
    assert living.drafts("late")[0].note == "Bob Other in <r@example.org> has said it"


def test_a_program_gets_no_draft(living):
    living.put(patch("[PATCH] exfoo: a", "p", BUG, by="tip-bot2 for X <tip-bot2@example.org>"))
    living.put(patch("[PATCH] exfoo: b", "q", BUG, extra="Auto-Submitted: auto-generated\n", by="C <c@example.org>"))
    living.put(patch("[PATCH] exfoo: c", "r", BUG, by="Ada Reader <ada@reader.example.org>"))
    living.after(25)
    assert living.drafts() == [] and len(living.series()) == 3
    assert [one.state for one in living.series()] == ["reviewed"] * 3


def test_a_patch_to_a_program_is_left_aside(living):
    diff = change(asks(), path="lib/ext2fs/alloc.c")
    living.put(patch("[PATCH e2fsprogs] lib: keep a name", "p", diff))
    living.after(25)
    (one,) = living.series()
    assert one.state == "aside" and "is not the kernel" in one.reason and living.drafts() == []


def test_a_backport_is_held_against_its_own_kernel(living):
    living.put(patch("[PATCH 5.10.y] exfoo: keep a name", "p", BUG))
    living.after(25)
    assert len(living.drafts()) == 1


def test_what_was_marked_wrong_is_never_raised_again_for_that_code(living):
    living.put(patch("[PATCH] exfoo: keep a name", "p", BUG))
    living.after(25)
    drafts.drop(living.memory, living.drafts()[0].number, drafts.WRONG, living.clock())
    living.put(patch("[PATCH] exfoo: store a name, please", "q", BUG, by="Eve <eve@example.org>"))
    living.after(25)
    assert living.drafts() == []
    assert living.series()[-1].reason == "v1; 1 wrong"


def test_two_patches_of_one_author_in_one_thread_are_both_reviewed(living):
    living.put(patch("[PATCH] exfoo: keep a name", "p", BUG))
    other = change(asks(256), function="exfoo_write", path="fs/exfoo/file.c")
    living.put(patch("[PATCH] exfoo: keep another name", "q", other, to="p"))
    living.after(25)
    assert {one.in_reply_to for one in living.drafts()} == {"p@example.org", "q@example.org"}


def test_a_fix_by_somebody_else_in_the_thread_is_another_series(living):
    living.put(patch("[PATCH] exfoo: keep a name", "p", BUG))
    other = change(asks(256), function="exfoo_write", path="fs/exfoo/file.c")
    living.put(patch("[PATCH] exfoo: write", "q", other, to="p", by="Eve <eve@example.org>"))
    living.after(25)
    assert len(living.series()) == 2
    assert {one.in_reply_to for one in living.drafts()} == {"p@example.org", "q@example.org"}


def test_a_list_gets_so_many_drafts_a_day(tmp_path):
    with life(tmp_path, most=2) as living:
        for number in range(5):
            diff = change(asks(64 + number), function=f"exfoo_{number}")
            living.put(patch(f"[PATCH] exfoo: part {number}", f"p{number}", diff, by=f"A <a{number}@example.org>"))
        assert living.after(25).drafts == 2
        assert living.after(1).drafts == 0
        assert [one.state for one in living.series()].count("held") == 3
        assert living.after(24).drafts == 2
        assert living.after(25).drafts == 1
        assert living.after(25).drafts == 0
        assert len(living.drafts()) == 5


def test_a_rule_below_its_bar_is_left_out(tmp_path):
    with life(tmp_path, "[watch]\njudged = 2\n", most=50) as living:
        for number in range(2):
            diff = change(asks(64 + number), function=f"exfoo_{number}")
            living.put(patch(f"[PATCH] exfoo: part {number}", f"p{number}", diff, by=f"A <a{number}@example.org>"))
        living.after(25)
        for one in living.drafts():
            drafts.drop(living.memory, one.number, drafts.WRONG, living.clock())
        living.put(patch("[PATCH] exfoo: keep a name", "p", BUG))
        living.after(25)
        assert living.drafts() == []
        assert living.series()[-1].reason == "v1; 1 demoted"


def test_missed_days_are_caught_up(living):
    for day in range(5):
        diff = change(asks(64 + day), function=f"exfoo_{day}")
        living.put(patch(f"[PATCH] exfoo: part {day}", f"p{day}", diff, by=f"A <a{day}@example.org>"), hours=24 * day)
    living.after(1)
    living.after(24 * 20)
    assert len(living.drafts()) == 5


def test_the_first_pass_goes_back_so_many_days(living):
    living.put(patch("[PATCH] exfoo: old", "p", BUG), hours=-8 * 24)
    living.put(patch("[PATCH] exfoo: keep a name", "q", change(asks(2)), by="E <e@example.org>"), hours=-6 * 24)
    living.after(0)
    assert [one.in_reply_to for one in living.drafts()] == ["q@example.org"]


def test_an_archive_that_fails_is_said_and_asked_again(living):
    living.put(patch("[PATCH] exfoo: keep a name", "p", BUG))
    living.archive.broken = FetchError("lore.example.org answered 503: try again later", 503)
    assert living.after(25).wrong == "lore.example.org answered 503: try again later"
    assert living.memory.rows("SELECT said FROM lists") == [("lore.example.org answered 503: try again later",)]
    living.archive.broken = None
    assert living.after(1).wrong == "" and living.after(0).drafts == 0
    assert len(living.drafts()) == 1


def test_a_mail_of_the_future_is_not_waited_for(living):
    living.put(patch("[PATCH] exfoo: keep a name", "p", BUG, extra="X-Date: x\n", day=30_000))
    living.after(25)
    assert len(living.drafts()) == 1


def test_a_reply_with_a_diff_is_no_patch(living):
    living.put(patch("[PATCH] exfoo: count", "p", change(CLEAN)))
    living.put(reply("r", "p", "How about this?\n\n" + BUG, AUTHOR))
    living.after(25)
    assert living.drafts() == [] and len(living.series()) == 1


def test_mails_are_let_go_of_in_the_end(living):
    living.put(patch("[PATCH] exfoo: count", "p", change(CLEAN)))
    living.put(patch("[PATCH] exfoo: keep a name", "q", BUG, by="E <e@example.org>"))
    living.after(25)
    living.after(91 * 24)
    kept = dict(living.memory.rows("SELECT id, raw IS NOT NULL FROM mails"))
    assert kept == {"p@example.org": 0, "q@example.org": 1}
    assert living.after(1)[1:4] == (0, 0, 0)


def test_a_draft_is_late_as_soon_as_a_newer_version_is_there(living):
    living.put(patch("[PATCH] exfoo: keep a name", "p", BUG))
    living.after(25)
    living.put(patch("[PATCH v2] exfoo: keep a name", "q", change(CLEAN)))
    assert living.after(1).late == 1
    assert living.drafts() == [] and living.drafts("late")[0].note == "v2 came"


def test_another_patch_of_the_author_in_the_thread_makes_no_draft_late(living):
    living.put(patch("[PATCH] exfoo: keep a name", "p", BUG))
    living.after(25)
    living.put(patch("[PATCH] exfoo: count", "q", change(CLEAN, path="fs/exfoo/c.c"), to="p"))
    assert living.after(1).late == 0
    assert [one.in_reply_to for one in living.drafts()] == ["p@example.org"]


def test_a_part_of_a_newer_version_makes_no_draft_late(living):
    living.put(patch("[PATCH 1/2] exfoo: keep a name", "p1", BUG))
    living.put(patch("[PATCH 2/2] exfoo: count", "p2", change(CLEAN, path="fs/exfoo/c.c"), to="p1"))
    living.after(25)
    living.put(patch("[PATCH v2 1/2] exfoo: keep a name", "q1", BUG))
    assert living.after(1).late == 0 and len(living.drafts()) == 1


def test_a_version_that_only_the_thread_has_is_waited_for_as_well(living):
    """A search has not found it; people have had no time for it."""
    living.put(patch("[PATCH] exfoo: keep a name", "p", BUG))
    living.after(20)
    living.archive.hidden.add("q@example.org")
    day = (living.clock() - 1_700_000_000) / 86_400  # of its own date, all that tells when it came
    living.put(patch("[PATCH v2] exfoo: keep a name", "q", BUG, to="p", day=day))
    assert living.after(5)[2:4] == (0, 0)
    assert living.after(20)[2:4] == (1, 1)
    assert [one.in_reply_to for one in living.drafts()] == ["q@example.org"]
