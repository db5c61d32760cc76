"""What the memory knows of drafts in a maildir: which are gone, and what is said where it cannot be used."""

from __future__ import annotations

import re

from placing import DEMO, many, memory_of, one, remembered, write_drafts
from reviewbot.drafts import placed
from reviewbot.memory import drafts as kept
from reviewbot.memory.memory import Memory
from reviewbot.model.errors import InputError

# --- what the memory sees ---


def test_a_draft_that_is_gone_is_handled_and_one_that_comes_back_is_placed(tmp_path):
    folder = tmp_path / "replies"
    (path,) = write_drafts([one()], folder, now=1.0).written
    elsewhere = path.rename(tmp_path / "sent.eml")
    with memory_of(folder) as memory:
        placed.see_maildirs(memory, 2.0)
    (kept,) = remembered(folder)
    assert (kept.state, kept.changed) == ("handled", 2.0)
    elsewhere.rename(folder / "cur" / "1.host:2,S")  # postponed again
    assert write_drafts([one()], folder, now=3.0).kept == [folder / "cur" / "1.host:2,S"]
    assert [one.state for one in remembered(folder)] == ["placed"]


def test_a_draft_without_its_message_id_is_known_by_its_name(tmp_path):
    folder = tmp_path / "replies"
    (path,) = write_drafts([one()], folder).written
    path.write_bytes(path.read_bytes().replace(b"Message-ID:", b"X-Was:"))
    with memory_of(folder) as memory:
        placed.see_maildirs(memory, 2.0)
    assert [one.state for one in remembered(folder)] == ["placed"]


def test_a_folder_that_is_away_says_nothing(tmp_path):
    """It may be on a disk that is not there."""
    folder = tmp_path / "replies"
    write_drafts([one()], folder)
    folder.rename(tmp_path / "away")
    with memory_of(folder) as memory:
        placed.see_maildirs(memory, 2.0)
    assert [one.state for one in remembered(folder)] == ["placed"]
    assert not folder.exists()


def test_a_folder_that_cannot_be_read_says_nothing(tmp_path):
    folder = tmp_path / "replies"
    (path,) = write_drafts([one()], folder).written
    path.unlink()
    (folder / "new" / "loop").symlink_to("loop")
    with memory_of(folder) as memory:
        placed.see_maildirs(memory, 2.0)
    assert [one.state for one in remembered(folder)] == ["placed"]


def test_each_folder_has_its_own_drafts(tmp_path, command):
    for name in ("a", "b"):
        assert command(*DEMO, name).code == 1
        assert list((command.work / name / "new").iterdir())


def test_without_a_memory_the_drafts_are_written_all_the_same(command):
    (command.home / ".local").write_text("in the way")
    done = command(*DEMO, "drafts")
    new = list((command.work / "drafts" / "new").iterdir())
    assert (done.code, bool(new)) == (1, True)
    assert f"{len(new)} new drafts in drafts/new" in done.err
    assert "memory.sqlite cannot be written: not a directory: drafts that are gone may be written again" in done.err
    new[0].unlink()
    assert "1 new draft in drafts/new" in command(*DEMO, "drafts").err


def test_a_memory_that_is_none_is_left_alone(command):
    place = command.home / ".local" / "state" / "reviewbot" / "memory.sqlite"
    place.parent.mkdir(parents=True)
    place.write_text("my notes " * 1000)
    done = command(*DEMO, "drafts")
    assert "is no memory of reviewbot, or a damaged one" in done.err
    assert "drafts that are gone may be written again" in done.err
    assert list((command.work / "drafts" / "new").iterdir())
    assert place.read_text() == "my notes " * 1000


def test_a_memory_that_fails_on_the_way_is_said(tmp_path, monkeypatch):
    folder = tmp_path / "replies"

    def full(*_):
        raise InputError("memory.sqlite cannot be written: database or disk is full")

    monkeypatch.setattr(kept, "place", full)
    done = write_drafts(many(2), folder)
    assert len(done.written) == 2
    assert done.wrong == [
        "the memory cannot be used (memory.sqlite cannot be written: database or disk is full): drafts that are gone"
        " may be written again"
    ]


def test_what_is_said(command):
    first = command(*DEMO, "drafts")
    new = list((command.work / "drafts" / "new").iterdir())
    assert f"{len(new)} new drafts in drafts/new" in first.err
    for path in new[1:]:
        path.unlink()
    gone = len(new) - 1
    assert gone > 1
    second = command(*DEMO, "drafts")
    assert second.code == first.code
    assert "0 new drafts in drafts/new, 1 already there" in second.err
    assert f"{gone} drafts were written before and are gone; --again writes them" in second.err
    assert f"{gone} new drafts in drafts/new, 1 already there" in command(*DEMO, "drafts", "--again").err
    new[0].unlink()
    assert "1 draft was written before and is gone; --again writes it" in command(*DEMO, "drafts").err
    refused = command(*DEMO[:-1], "--again")
    assert (refused.code, "--again is about drafts: it needs --drafts DIR" in refused.err) == (2, True)


def test_a_draft_in_a_maildir_shows_what_it_rests_on(command):
    """Also one that is written again; one of a version that kept nothing lists its points."""
    command(*DEMO, "drafts")
    with Memory.open(command.home / ".local/state/reviewbot/memory.sqlite") as memory, memory.writing():
        first = command("drafts", "show", "1").out
        memory.run("UPDATE drafts SET evidence = NULL")
    assert "\nMATRIX (Linux 6.10)\n" in first
    assert re.search(r"^    >  +\d+ \+", first, re.M), "the line that it asks about, among its neighbours"
    assert "3/3 exfoo" not in first, "it answers one patch"
    assert "MATRIX" not in command("drafts", "show", "1").out
    for path in (command.work / "drafts" / "new").iterdir():
        path.unlink()
    command(*DEMO, "drafts", "--again")
    assert command("drafts", "show", "1").out.count("\nMATRIX (Linux 6.10)\n") == 1
