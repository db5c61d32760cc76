"""What the memory keeps of drafts: their states, what was marked wrong, and the outbox."""

from __future__ import annotations

import pytest

from reviewbot.filesystem.database import Database
from reviewbot.memory import drafts, judged, outbox
from reviewbot.memory.drafts import NewDraft, Point
from reviewbot.memory.judged import RuleBar, RuleRecord
from reviewbot.memory.memory import Memory
from reviewbot.memory.schema import STEPS
from reviewbot.model.errors import ConfigError, UsageError

POINT = Point("f" * 16, "scope-leak", "fs/exfoo/inode.c", "exfoo_read", "\treturn -ENOMEM;", "high")


@pytest.fixture
def memory(tmp_path):
    with Memory.open(tmp_path / "state" / "memory.sqlite") as opened:
        yield opened


def new(asks: str = "a", **more: object) -> NewDraft:
    fixed = {"message_id": f"{asks}@x", "in_reply_to": "p@x", "subject": "Re: [PATCH] exfoo", "author": "Ada <a@x>"}
    return NewDraft(asks=asks, confidence="high", reason="why", content=b"mail", points=(POINT,), **{**fixed, **more})


def added(memory: Memory, **more: object) -> int:
    with memory.writing():
        return drafts.add_draft(memory, new(**more), 10.0)


def test_a_draft_is_kept_once(memory):
    number = added(memory)
    assert number and added(memory) == 0
    (one,) = drafts.kept(memory)
    assert (one.number, one.state, one.mail, one.made) == (number, "waiting", b"mail", 10.0)
    assert drafts.points(memory, number) == [POINT]


def test_what_was_edited_goes_out(memory):
    number = added(memory)
    drafts.edit(memory, number, b"better", 11.0)
    found = drafts.draft(memory, number)
    assert (found.mail, found.content, found.changed) == (b"better", b"mail", 11.0)


def test_only_an_approved_draft_goes_out_and_only_once(memory):
    number = added(memory)
    with pytest.raises(UsageError, match="approve it first"):
        outbox.begin(memory, number, "git send-email", 12.0)
    drafts.approve(memory, number, 12.0)
    outbox.begin(memory, number, "git send-email", 12.0)
    with pytest.raises(UsageError, match="on its way"):
        outbox.begin(memory, number, "git send-email", 12.0)
    with pytest.raises(UsageError, match="cut short"):
        drafts.drop(memory, number, drafts.WRONG, 13.0)
    (way,) = outbox.unsettled(memory)
    assert (way.draft, way.message_id) == (number, "a@x")
    outbox.mark_sent(memory, number, 14.0)
    assert drafts.draft(memory, number).state == "sent" and not outbox.unsettled(memory)
    with pytest.raises(UsageError, match="is sent"):
        drafts.drop(memory, number, drafts.WRONG, 15.0)


def test_what_surely_did_not_go_out_can_be_sent_again(memory):
    number = added(memory)
    drafts.approve(memory, number, 12.0)
    outbox.begin(memory, number, "git send-email", 12.0)
    outbox.take_back(memory, number)
    outbox.begin(memory, number, "git send-email", 13.0)


def test_an_approved_draft_that_is_on_its_way_is_not_late(memory):
    number, other = added(memory), added(memory, asks="b")
    drafts.approve(memory, number, 12.0)
    outbox.begin(memory, number, "git send-email", 12.0)
    with memory.writing():
        drafts.outdated(memory, number, "v2 came", 13.0)
        drafts.outdated(memory, other, "v2 came", 13.0)
    assert [drafts.draft(memory, one).state for one in (number, other)] == ["approved", "late"]


def test_a_rule_is_judged_by_what_became_of_its_questions(memory):
    for asks, why in (("a", drafts.WRONG), ("b", drafts.KNOWN), ("c", drafts.TOO_LATE), ("d", None), ("e", None)):
        number = added(memory, asks=asks)
        if why:
            drafts.drop(memory, number, why, 11.0)
        elif asks == "d":
            drafts.approve(memory, number, 11.0)
            outbox.begin(memory, number, "maildir", 11.0)
            outbox.mark_sent(memory, number, 11.0)
    record = judged.records(memory)["scope-leak"]
    assert record == RuleRecord(sent=1, wrong=1, known=1, late=1, open=1)
    assert (record.judged, record.precision) == (4, 0.75)
    assert RuleBar(80, 4).demotes(record)
    assert not RuleBar(80, 5).demotes(record)
    assert not RuleBar(75, 4).demotes(record)
    assert memory.rows("SELECT fingerprint FROM wrong") == [(POINT.fingerprint,)]


def test_a_drop_is_taken_back_with_what_it_taught(memory):
    number, other = added(memory, series=4), added(memory, asks="b", series=5)
    for one in (number, other):
        drafts.drop(memory, one, drafts.WRONG, 11.0)
    drafts.restore(memory, [number], 12.0)
    found = drafts.draft(memory, number)
    assert (found.state, found.note, found.changed) == ("waiting", "", 12.0)
    assert memory.rows("SELECT fingerprint FROM wrong") == [(POINT.fingerprint,)], "the other one says so still"
    assert judged.records(memory)["scope-leak"] == RuleRecord(wrong=1, open=1)
    drafts.restore(memory, [other], 13.0)
    assert memory.rows("SELECT fingerprint FROM wrong") == []
    with pytest.raises(UsageError, match="draft 1 is waiting"):
        drafts.restore(memory, [number], 14.0)


def test_a_drop_stays_where_something_newer_has_come(memory):
    old, same, alone = added(memory, series=4), added(memory, asks="b", series=4), added(memory, asks="c", series=6)
    for one in (old, alone):
        drafts.drop(memory, one, drafts.KNOWN, 11.0)
    with pytest.raises(UsageError, match=f"draft {old} was asked anew: see draft {same}"):
        drafts.restore(memory, [alone, old], 12.0)
    assert [drafts.draft(memory, one).state for one in (old, alone)] == ["dropped", "dropped"], "all or none"
    with memory.writing():
        memory.run("INSERT INTO versions VALUES (6, 3, 'parts', 5.0, 0, 0)")
    with pytest.raises(UsageError, match=f"draft {alone} is too late: v3 is out"):
        drafts.restore(memory, [alone], 12.0)


def test_a_draft_in_a_maildir_is_placed_and_handled(memory):
    number = added(memory, folder="/home/ada/replies")
    assert added(memory, folder="/home/ada/other")
    with memory.writing():
        drafts.handled(memory, number, 12.0)
    assert drafts.draft(memory, number).state == "handled"
    with pytest.raises(UsageError, match="is handled"):
        drafts.approve(memory, number, 13.0)
    assert judged.records(memory) == {}


# --- the file ---


def test_an_older_memory_is_copied_and_taken_further(tmp_path):
    path = tmp_path / "memory.sqlite"
    with Memory.open(path) as memory:
        number = added(memory)
    steps = (*STEPS, ("ALTER TABLE drafts ADD COLUMN extra TEXT NOT NULL DEFAULT 'x'",))
    newer = Database.keep(path, steps)
    assert newer.rows("SELECT number, extra FROM drafts") == [(number, "x")]
    newer.close()
    copy = Database.keep(tmp_path / f"memory.sqlite.{len(STEPS)}", STEPS)
    assert copy.rows("SELECT number FROM drafts") == [(number,)]
    copy.close()
    with pytest.raises(ConfigError, match="written by a newer reviewbot"):
        Memory.open(path)


def test_a_step_that_fails_changes_nothing(tmp_path):
    path = tmp_path / "memory.sqlite"
    with Memory.open(path) as memory:
        added(memory)
    with pytest.raises(ConfigError):
        Database.keep(path, (*STEPS, ("CREATE TABLE more (x)", "NONSENSE")))
    with Memory.open(path) as memory:
        assert len(drafts.kept(memory)) == 1
        assert memory.rows("SELECT name FROM sqlite_master WHERE name = 'more'") == []


def test_what_is_no_memory_is_left_alone(tmp_path):
    path = tmp_path / "memory.sqlite"
    path.write_text("my notes, which nobody may overwrite " * 100)
    with pytest.raises(ConfigError, match="is no memory of reviewbot"):
        Memory.open(path)
    assert path.read_text().startswith("my notes")


def test_others_cannot_read_the_memory(tmp_path):
    with Memory.open(tmp_path / "state" / "memory.sqlite") as memory:
        assert memory.path.stat().st_mode & 0o077 == 0
        assert memory.path.parent.stat().st_mode & 0o077 == 0
