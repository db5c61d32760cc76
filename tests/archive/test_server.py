"""The search of a real public-inbox, with the clock moved: what is new, what came late, what was missed."""

from __future__ import annotations

import pytest

from arrivals import DAY, FIRST, killed_often, letter, names, read
from inbox import Inbox
from patientworld import World
from reviewbot.archive.port import ArchiveOptions
from reviewbot.archive.server.words import LONGEST, rules_query
from reviewbot.config import data_path
from reviewbot.model.errors import FetchError

HOUR = 3_600
RULES = (data_path("rules"),)


def patch(name: str, when: float, added: str, removed: str = "int y;", answers: str = "") -> bytes:
    diff = (
        f"Why.\n---\n fs/exfoo.c | 2 +-\n\ndiff --git a/fs/exfoo.c b/fs/exfoo.c\nindex 1111111..2222222 100644\n"
        f"--- a/fs/exfoo.c\n+++ b/fs/exfoo.c\n@@ -1,3 +1,3 @@ int exfoo(void)\n int a;\n-{removed}\n+{added}\n int b;\n"
        "-- \n2.47.0\n"
    )
    return letter(name, when, answers, diff, f"[PATCH] exfoo: {name}")


MAILS = {  # when each came, in hours after the first day
    "kmalloc": (1, "p = kmalloc(n, GFP_KERNEL);"),
    "plain": (2, "int x = 1;"),
    "lock": (5, "spin_lock_irqsave(&foo->lock, flags);"),
    "mask": (26, "gfp_t exfoo_mask(void)"),
    "rcu": (50, "rcu_read_lock();"),
    "nomask": (51, "q = vmalloc(size);"),
}


@pytest.fixture(scope="module")
def box(inbox: Inbox) -> Inbox:
    for name, (hours, added) in MAILS.items():
        inbox.deliver(patch(name, FIRST + hours * HOUR, added))
    inbox.deliver(patch("scope", FIRST + 52 * HOUR, "int z;", "flags = memalloc_nofs_save();"))
    inbox.deliver(letter("talk", FIRST + 53 * HOUR, "kmalloc", "I would say kmalloc(n, GFP_KERNEL) here."))
    inbox.refresh()
    return inbox


def test_what_the_rules_look_for_is_found_and_nothing_else(box):
    world = World(FIRST + 3 * DAY)
    found, _, wrong = read(world.open(box.url, ArchiveOptions(folders=RULES)), since=FIRST)
    assert (found, wrong) == (["kmalloc", "lock", "mask", "rcu", "nomask", "scope"], [])


def test_a_query_of_ones_own_and_none_at_all(box):
    world = World(FIRST + 3 * DAY)
    query = 's:plain OR dfb:"gfp_t exfoo_mask"'
    assert read(world.open(box.url, ArchiveOptions(query=query)), since=FIRST)[0] == ["plain", "mask"]
    assert read(world.open(box.url), since=FIRST)[0] == [*MAILS, "scope", "talk"]
    assert read(world.open(box.url), since=FIRST + 50 * HOUR)[0] == ["rcu", "nomask", "scope", "talk"]


@pytest.mark.parametrize("query", ['"unbalanced', "s:plain) OR (s:plain", 'rt:1.. s:plain OR "'])
def test_a_query_that_is_wrong_does_not_bring_all_of_the_archive(box, query):
    world = World(FIRST + 3 * DAY)
    found, _, _ = read(world.open(box.url, ArchiveOptions(query=query)), since=FIRST + 60 * HOUR)
    assert set(found) <= {"plain"}


def test_the_question_fits_into_an_address_and_has_what_matters():
    query = rules_query(RULES)
    assert LONGEST - 40 < len(query) <= LONGEST, len(query)
    words = query.replace("(", " ").replace(")", " ").replace("dfb:", "").split()
    for word in (
        "gfp_t",
        "__GFP_NOFAIL",
        "__GFP_WAIT",
        "memalloc_noio_save",
        "kzalloc",
        "spin_lock_irqsave",
        "rcu_read_lock",
    ):
        assert word in words
    for word in ("local_bh_disable", "preempt_enable", "local_irq_save", "read_lock_bh", "raw_spin_unlock"):
        assert word in words


def test_life_goes_on_and_each_mail_is_new_once(inbox):
    """Three days; a mail comes to the server late, and one again."""
    world = World(FIRST + 100 * DAY)
    archive = world.open(inbox.url)
    found, cursor, _ = read(archive, since=world.time - DAY)
    assert found == []
    begin = world.time
    for number, hours in enumerate((1, 2, 20, 30, 47, 71)):
        world.time = begin + hours * HOUR
        inbox.deliver(letter(f"day{number}", world.time - 300, body=str(number)))
        inbox.refresh()
        found, cursor, wrong = read(world.open(inbox.url), cursor)
        assert (found, wrong) == ([f"day{number}"], [])
        assert read(world.open(inbox.url), cursor)[0] == []
        assert len(cursor) < 600
    inbox.deliver(letter("late", world.time - 2 * HOUR))
    inbox.refresh()
    world.time += 600
    found, cursor, _ = read(world.open(inbox.url), cursor)
    assert found == ["late"]
    world.time += 40 * DAY  # nobody was there
    assert read(world.open(inbox.url), cursor)[0] == []
    whole, _, _ = read(world.open(inbox.url), since=begin)
    assert whole == ["day0", "day1", "day2", "day3", "day4", "late", "day5"]


def test_runs_that_are_killed_hand_out_each_mail_once(box, monkeypatch):
    monkeypatch.setattr("reviewbot.archive.batches.MAILS", 2)
    world = World(FIRST + 3 * DAY)

    def opened():
        while True:
            yield world.open(box.url)

    assert killed_often(opened(), since=FIRST)[:8] == [*MAILS, "scope", "talk"]


def test_a_mail_from_the_future_is_not_lost(inbox):
    world = World(FIRST + 300 * DAY)
    inbox.deliver(letter("future", FIRST + 40_000 * DAY))
    inbox.refresh()
    found, cursor, _ = read(world.open(inbox.url), since=world.time - DAY)
    assert found == ["future"]
    world.time += DAY
    assert read(world.open(inbox.url), cursor)[0] == []


def test_a_thread_has_what_no_search_finds(box):
    archive = World(FIRST).open(box.url, ArchiveOptions(folders=RULES))
    assert names(archive.thread("kmalloc@list.example.org")) == ["kmalloc", "talk"]
    for unknown in ("nobody@list.example.org", "no id", "", "a\nb@c"):
        assert archive.thread(unknown) == ()


def test_a_list_that_is_not_there_is_named(box):
    world = World(FIRST)
    place = f"http://127.0.0.1:{box.port}/nolist"
    with pytest.raises(FetchError, match=r"there is no list at .*/nolist: check the address"):
        read(world.open(place), since=FIRST - DAY)
    assert world.waits == [], "asking again would change nothing"


def test_a_version_that_no_word_finds_is_found_by_its_title_and_author(box, inbox):
    world = World(FIRST + 3 * DAY)
    inbox.deliver(letter("again", FIRST + 60 * HOUR, body="int a;", subject='[PATCH v2] exfoo: "plain"'))
    inbox.refresh()
    archive = world.open(box.url, ArchiveOptions(folders=RULES))
    assert sorted(names(archive.named("exfoo: plain", "ada@example.org", FIRST))) == ["again", "plain"]
    assert names(archive.named("exfoo: plain", "ada@example.org", FIRST + 3 * HOUR)) == ["again"]
    assert archive.named("exfoo: plain", "eve@example.org", FIRST) == ()
    for title, author in (('") OR (s:exfoo', "ada@example.org"), ("...", "ada@example.org"), ("exfoo", "a b@c) OR (")):
        assert len(archive.named(title, author, FIRST + 59 * HOUR)) <= 1
