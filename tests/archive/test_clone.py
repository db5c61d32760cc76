"""Clones of public-inbox, made by its own programs and by git: what is new, what was taken away, what was rewritten."""

from __future__ import annotations

import shutil
import subprocess
import time
from itertools import repeat
from pathlib import Path

import pytest

from arrivals import DAY, FIRST, Epoch, killed_often, letter, names, read
from inbox import Inbox
from reviewbot.archive.places import open_archive
from reviewbot.archive.port import MAILS, Archive, ArchiveOptions
from reviewbot.model.errors import ConfigError, InputError, UsageError


def opened(place: Path, options: ArchiveOptions | None = None) -> Archive:
    return open_archive(str(place), options or ArchiveOptions(), time.time, time.sleep, print)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    (tmp_path / "list" / "git").mkdir(parents=True)
    return tmp_path / "list"


@pytest.fixture
def epoch(clone: Path) -> Epoch:
    return Epoch(clone / "git" / "0.git")


def some(*numbers: int) -> list[tuple[bytes, float]]:
    return [(letter(f"m{number}", FIRST + 60 * number), FIRST + 60 * number) for number in numbers]


def named(*numbers: int) -> list[str]:
    return [f"m{number}" for number in numbers]


# --- by git ---


def test_what_is_committed_to_a_clone_is_new_once(clone, epoch):
    epoch.add(some(1, 2, 3))
    batches = list(opened(clone).new("", FIRST + 120))
    mails = [mail for batch in batches for mail in batch.mails]
    assert names(mails) == named(2, 3) and [mail.when for mail in mails] == [FIRST + 120, FIRST + 180]
    assert read(opened(clone), batches[-1].cursor)[0] == []
    epoch.add(some(4))
    found, _, wrong = read(opened(clone), batches[-1].cursor)
    assert (found, wrong) == (named(4), [])


@pytest.mark.parametrize("place", ["list", "list/git", "list/all.git", "list/git/0.git"])
def test_a_clone_has_several_names(clone, epoch, place):
    epoch.add(some(1, 2))
    (clone / "all.git").mkdir()
    assert read(opened(clone.parent / place))[0] == named(1, 2)


def test_an_epoch_that_is_added_later_is_read_as_well(clone, epoch):
    epoch.add(some(1, 2))
    found, cursor, _ = read(opened(clone))
    epoch.add(some(3))
    Epoch(clone / "git" / "1.git").add(some(4, 5))
    found, cursor, _ = read(opened(clone), cursor)
    assert found == named(3, 4, 5)
    Epoch(clone / "git" / "2.git")  # one without any commit
    assert read(opened(clone), cursor)[0] == []
    Epoch(clone / "git" / "10.git").add(some(6))
    assert read(opened(clone), cursor)[0] == named(6)


def test_a_mail_that_was_taken_away_is_left_out(clone, epoch):
    epoch.add(some(1, 2, 3))
    epoch.add(some(2), "d")
    epoch.add(some(4))
    found, cursor, _ = read(opened(clone))
    assert found == named(1, 3, 4)
    epoch.add(some(4), "d")
    assert read(opened(clone), cursor)[0] == []


def test_history_that_was_rewritten_is_read_on_by_time_and_that_is_said(clone, epoch):
    epoch.add(some(1, 2, 3, 500))
    _, cursor, _ = read(opened(clone))
    epoch.git("update-ref", "-d", "refs/heads/master")
    epoch.add(some(1, 3, 500, 501, 502))
    found, cursor, wrong = read(opened(clone), cursor)
    assert found == named(501, 502), "none that was read before"
    assert wrong == [f"the history of 0.git of {clone} was rewritten: going on by the time of its mails"]
    assert read(opened(clone), cursor)[::2] == ([], [])


def test_times_out_of_order_lose_no_mail(clone, epoch):
    late = (letter("late", FIRST + 9 * DAY), FIRST - 400 * DAY)
    epoch.add([*some(1), late, *some(2), (letter("future", FIRST), 4_000_000_000), *some(*range(3, 30))])
    assert read(opened(clone), since=FIRST)[0] == [*named(1, 2), "future", *named(*range(3, 30))]
    assert read(opened(clone), since=FIRST + 60 * 5)[0] == ["future", *named(*range(5, 30))]


def test_a_clone_is_read_to_its_end_by_runs_that_are_killed(clone, epoch):
    every = range(2 * MAILS + 9)
    epoch.add(some(*every[:-5]))
    Epoch(clone / "git" / "1.git").add(some(*every[-5:]))
    assert killed_often(opened(clone) for _ in repeat(None)) == named(*every)


def test_what_is_too_large_is_named(clone, epoch):
    epoch.add([*some(1), (letter("large", FIRST, body="x" * 9000), FIRST), *some(2)])
    found, _, wrong = read(opened(clone, ArchiveOptions(mail_bytes=5000)))
    assert found == named(1, 2)
    assert wrong[0].startswith(f"a mail of {clone} is larger than 5000 bytes (mail_bytes in config.toml): ")


def test_a_broken_clone_is_no_end(clone, epoch):
    """Who took it for one would go on behind mails that nobody has seen."""
    epoch.add(some(1, 2, 3))
    middle = epoch.git("rev-parse", "master~1").strip()
    packs = list((epoch.folder / "objects" / "pack").glob("*.pack"))
    for pack in packs:
        moved = pack.rename(clone / pack.name)
        epoch.git("unpack-objects", "-q", stdin=moved.read_bytes())
    for rest in (epoch.folder / "objects" / "pack").iterdir():
        rest.unlink()
    (epoch.folder / "objects" / middle[:2] / middle[2:]).unlink()
    with pytest.raises(InputError, match=r"git cannot read the history of .*0\.git to its end: run git fsck there"):
        read(opened(clone))


def test_a_repository_of_something_else_is_refused(tmp_path):
    (tmp_path / "list").mkdir()
    other = Epoch(tmp_path / "list" / "0.git")
    other.add([(b"all:\n", FIRST)])
    other.git("read-tree", "--empty")
    tree = other.git("mktree", stdin=f"100644 blob {other.git('rev-parse', 'master:m').strip()}\tMakefile\n".encode())
    other.git("update-ref", "refs/heads/master", other.git("commit-tree", "-m", "x", tree.strip()).strip())
    with pytest.raises(ConfigError, match="is a git repository, but none of a public-inbox"):
        read(opened(other.folder))


def test_a_clone_that_git_refuses_says_why(clone, epoch):
    epoch.add(some(1))
    (epoch.folder / "config").write_text("[core]\nrepositoryformatversion = 99\n")
    with pytest.raises(UsageError, match="git cannot use this repository"):
        read(opened(clone))


def test_a_thread_of_a_clone(clone, epoch):
    epoch.add([(letter("cover", FIRST), FIRST), *some(1, 2), (letter("one", FIRST, "cover"), FIRST)])
    Epoch(clone / "git" / "1.git").add([(letter("two", FIRST, "one"), FIRST), *some(3)])
    archive = opened(clone)
    assert names(archive.thread("two@list.example.org")) == ["cover", "one", "two"]
    assert names(archive.thread("cover@list.example.org")) == ["cover", "one", "two"]
    assert archive.thread("nobody@list.example.org") == ()
    Epoch(clone / "git" / "2.git").add([(letter("three", FIRST, "two"), FIRST)])
    assert names(archive.thread("two@list.example.org")) == ["cover", "one", "two", "three"]


def test_a_thread_is_looked_for_among_so_many_mails(clone, epoch, monkeypatch):
    monkeypatch.setattr("reviewbot.archive.threads.LOOKED_AT", 50)
    epoch.add([(letter("cover", FIRST), FIRST), *some(*range(60)), (letter("one", FIRST, "cover"), FIRST)])
    archive = opened(clone)
    assert names(archive.thread("one@list.example.org")) == ["one"]
    assert archive.thread("cover@list.example.org") == ()


# --- by public-inbox ---


@pytest.fixture(scope="module")
def list_of(inbox: Inbox) -> Inbox:
    for number in range(1, 6):
        inbox.deliver(letter(f"p{number}", FIRST + 60 * number, f"p{number - 1}" if number % 2 == 0 else ""))
    return inbox


def test_an_inbox_of_public_inbox_is_read_where_it_lies(list_of):
    found, _, wrong = read(opened(list_of.home / "inbox"), since=FIRST + 120)
    assert (found, wrong) == (["p2", "p3", "p4", "p5"], [])


def test_a_clone_by_git_of_a_served_epoch_is_read_and_grows(list_of, tmp_path):
    (tmp_path / "git").mkdir()
    subprocess.run(["git", "clone", "-q", "--mirror", f"{list_of.url}/0", str(tmp_path / "git" / "0.git")], check=True)
    found, cursor, _ = read(opened(tmp_path))
    assert found == ["p1", "p2", "p3", "p4", "p5"]
    list_of.deliver(letter("p6", FIRST + 360, "p5"))
    subprocess.run(["git", "-C", str(tmp_path / "git" / "0.git"), "fetch", "-q"], check=True)
    found, cursor, _ = read(opened(tmp_path), cursor)
    assert found == ["p6"]
    assert names(opened(tmp_path).thread("p6@list.example.org")) == ["p5", "p6"]


def test_what_public_inbox_purges_is_gone_and_the_rest_is_read_on(list_of, tmp_path):
    if shutil.which("public-inbox-purge") is None:
        pytest.skip("public-inbox-purge is not installed (Debian package public-inbox)")
    spam = letter("spam", FIRST + 420)
    list_of.deliver(spam)
    list_of.deliver(letter("p7", FIRST + 430))
    place = list_of.home / "inbox"
    found, cursor, _ = read(opened(place))
    assert "spam" in found and "p7" in found
    stored = next(mail.raw for batch in opened(place).new("", 0) for mail in batch.mails if b"<spam@" in mail.raw)
    list_of.run("public-inbox-purge", str(place), stdin=stored)
    list_of.deliver(letter("p8", FIRST + 440))
    found, cursor, wrong = read(opened(place), cursor)
    assert found == ["p8"] and "rewritten" in wrong[0]
    assert "spam" not in read(opened(place))[0]


def test_an_inbox_of_format_1_is_read(list_of, tmp_path):
    list_of.run("public-inbox-init", "-V1", "old", str(tmp_path / "old.git"), "http://x.example/old", "old@example.org")
    env = {**list_of.env, "ORIGINAL_RECIPIENT": "old@example.org"}
    for number in range(1, 5):
        raw = letter(f"v{number}", FIRST + 60 * number, "v1").replace(b"To: kernel@", b"To: old@")
        subprocess.run(["public-inbox-mda", "--no-precheck"], input=raw, env=env, check=True, capture_output=True)
    found, _, wrong = read(opened(tmp_path / "old.git"), since=FIRST + 120)
    assert (found, wrong) == (["v2", "v3", "v4"], [])
    assert names(opened(tmp_path / "old.git").thread("v3@list.example.org")) == ["v1", "v2", "v3", "v4"]
