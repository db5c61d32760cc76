"""The list of the drafts: its order, what is beside each, and that it stays short and quick."""

from __future__ import annotations

import time

import pytest

from draft_pages import NOW, serve_drafts
from kept_drafts import fill
from reviewbot.drafts.page import queue
from reviewbot.drafts.page.place import PagePlace
from reviewbot.drafts.page.queue import DraftQueue, queue_nav, short_age
from reviewbot.memory import drafts
from reviewbot.memory.drafts import NewDraft
from reviewbot.memory.memory import Memory

PLACE = PagePlace("/t/", "s")


@pytest.fixture
def memory(tmp_path):
    with Memory.open(tmp_path / "memory.sqlite") as opened:
        yield opened


def add(memory: Memory, made: float, series: int | None, subject: str = "Re: a") -> int:
    new = NewDraft(subject, f"{made}{series}", "p@x", subject, "Ada", "high", "why", b"", (), series=series, list="l")
    with memory.writing():
        return drafts.add_draft(memory, new, made)


def test_a_series_stands_together_where_its_oldest_draft_is(memory):
    numbers = [add(memory, made, series) for made, series in ((1, None), (2, 7), (3, 8), (4, 7), (5, None), (6, 8))]
    first, a, b, c, last, d = numbers
    found = DraftQueue.read(memory)
    assert [one.number for one in found.drafts["waiting"]] == [first, a, c, b, d, last]
    assert (found.beside(first), found.beside(c), found.beside(last)) == ((0, a), (a, b), (d, 0))
    assert (found.after(c), found.after(last), found.after(99)) == (b, first, first)
    assert found.beside(99) == (0, first)


def test_what_is_approved_comes_behind_what_waits(memory):
    one, two, three = (add(memory, made, None) for made in (1, 2, 3))
    drafts.approve(memory, one, 4)
    found = DraftQueue.read(memory)
    assert (found.beside(one), found.beside(three)) == ((three, 0), (two, one))
    assert (found.waiting, found.after(two), found.after(three), found.after(one)) == (2, three, two, two)
    drafts.drop(memory, two, drafts.KNOWN, 5)
    drafts.drop(memory, three, drafts.KNOWN, 5)
    assert DraftQueue.read(memory).after(one) == 0


def test_what_has_no_room_is_counted(memory, monkeypatch):
    monkeypatch.setattr(queue, "_MOST_OPEN", 2)
    for made in range(5):
        add(memory, made, None)
    found = DraftQueue.read(memory)
    text = queue_nav(found, 1, PLACE, 10)
    assert text.count("<li>") == 2 and "and 3 more" in text and 'class="count">5<' in text


def test_a_subject_is_cut_and_escaped(memory):
    number = add(memory, 1, None, "Re: [PATCH] <b>\u202e" + "x" * 1_000)
    text = queue_nav(DraftQueue.read(memory), number, PLACE, 10)
    assert "[PATCH] &lt;b&gt;\\u202exxx" in text and "x" * 200 not in text and "xxx..." in text


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(-5, "now"), (59, "now"), (60, "1 min"), (3_599, "59 min"), (7_300, "2 h"), (86_400, "1 d"), (1_300_000, "2 w")],
)
def test_an_age_has_one_unit(seconds, said):
    assert short_age(seconds) == said


def test_two_hundred_drafts_are_shown_at_once(tmp_path):
    fill(tmp_path / "memory.sqlite", NOW, 200)
    with serve_drafts(tmp_path / "memory.sqlite") as served:
        served.ask("drafts/1")  # reads the rules
        begin = time.monotonic()
        for number in range(1, 11):
            status, _, text = served.ask(f"drafts/{number}")
            assert status == 200 and text.count("<li>") > 200 and len(text) < 200_000
        assert time.monotonic() - begin < 5
