"""Drafts as rows of a list, and decisions about what somebody saw."""

from __future__ import annotations

import pytest

from reviewbot.memory import drafts
from reviewbot.memory.drafts import NewDraft
from reviewbot.memory.listed import listed_drafts, state_counts
from reviewbot.memory.memory import Memory
from reviewbot.model.errors import UsageError


@pytest.fixture
def memory(tmp_path):
    with Memory.open(tmp_path / "memory.sqlite") as opened:
        for at in range(5):
            new = NewDraft(f"{at}@x", f"{at}", "p@x", f"Re: {at}", "Ada", "high", "why", b"mail", (), list="l")
            with opened.writing():
                drafts.add_draft(opened, new, 10.0 + at)
        yield opened


def test_the_oldest_come_first_and_no_more_than_wanted(memory):
    rows = listed_drafts(memory, drafts.WAITING, 3)
    assert [(one.number, one.subject, one.made, one.list) for one in rows] == [
        (1, "Re: 0", 10.0, "l"),
        (2, "Re: 1", 11.0, "l"),
        (3, "Re: 2", 12.0, "l"),
    ]


def test_what_is_over_begins_with_what_was_decided_last(memory):
    for number, now in ((2, 31.0), (4, 30.0), (3, 32.0)):
        drafts.drop(memory, number, drafts.KNOWN, now)
    rows = listed_drafts(memory, drafts.DROPPED, 2, newest=True)
    assert [(one.number, one.state, one.note, one.changed) for one in rows] == [
        (3, "dropped", "known", 32.0),
        (2, "dropped", "known", 31.0),
    ]
    assert state_counts(memory) == {"waiting": 2, "dropped": 3}


@pytest.mark.parametrize("decide", [drafts.approve, drafts.hold])
def test_who_saw_something_older_decides_nothing(memory, decide):
    drafts.edit(memory, 1, b"better", 20.0, 10.0)
    for act in (
        lambda seen: decide(memory, 1, 21.0, seen),
        lambda seen: drafts.drop(memory, 1, drafts.WRONG, 21.0, seen),
        lambda seen: drafts.edit(memory, 1, b"worse", 21.0, seen),
    ):
        with pytest.raises(UsageError, match="draft 1 was changed meanwhile: it is waiting now"):
            act(10.0)
    found = drafts.draft(memory, 1)
    assert (found.state, found.mail, found.changed) == ("waiting", b"better", 20.0)
    decide(memory, 1, 21.0, 20.0)
    assert drafts.draft(memory, 1).changed == 21.0
