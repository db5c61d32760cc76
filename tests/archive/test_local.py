"""Maildirs and mboxes: what is new, what was there, and what other programs do to them meanwhile."""

from __future__ import annotations

import gzip
import os
import time
from itertools import repeat
from pathlib import Path

import pytest

from arrivals import DAY, FIRST, killed_often, letter, names, read
from reviewbot.archive.places import open_archive
from reviewbot.archive.port import MAILS, Archive, ArchiveOptions
from reviewbot.model.errors import ConfigError, InputError


def opened(place: Path, options: ArchiveOptions | None = None, now: float = FIRST + 900 * DAY) -> Archive:
    return open_archive(str(place), options or ArchiveOptions(), lambda: now, time.sleep, print)


# --- a maildir ---


@pytest.fixture
def maildir(tmp_path: Path) -> Path:
    for part in ("cur", "new", "tmp"):
        (tmp_path / "box" / part).mkdir(parents=True)
    return tmp_path / "box"


def put(box: Path, name: str, when: float, part: str = "new", flags: str = "", raw: bytes | None = None) -> Path:
    path = box / part / f"{int(when)}.{name}.host{flags}"
    path.write_bytes(letter(name, when) if raw is None else raw)
    os.utime(path, (when, when))
    return path


def test_what_comes_into_a_maildir_is_new_once(maildir):
    put(maildir, "b", FIRST + 20)
    put(maildir, "a", FIRST + 10, "cur", ":2,S")
    put(maildir, "before", FIRST - 1)
    found, cursor, wrong = read(opened(maildir), since=FIRST)
    assert (found, wrong) == (["a", "b"], [])
    assert read(opened(maildir), cursor)[0] == []
    put(maildir, "c", FIRST + 15)  # a program that keeps times: it arrived earlier than "b", and came later
    found, cursor, _ = read(opened(maildir), cursor)
    assert found == ["c"]


def test_a_mail_that_somebody_reads_or_moves_stays_the_same(maildir):
    path = put(maildir, "a", FIRST)
    found, cursor, _ = read(opened(maildir))
    path.rename(maildir / "cur" / (path.name + ":2,"))
    assert read(opened(maildir), cursor)[0] == []
    (maildir / "cur" / (path.name + ":2,")).rename(maildir / "cur" / (path.name + ":2,RS"))
    found, cursor, _ = read(opened(maildir), cursor)
    assert found == []


def test_a_mail_that_is_moved_while_it_is_read_is_not_lost(maildir):
    put(maildir, "a", FIRST)
    path = put(maildir, "b", FIRST + 1)
    batches = opened(maildir, ArchiveOptions()).new("", 0)
    real = Path.open

    def moving(self, *rest, **more):
        if self == path and path.exists():
            path.rename(maildir / "cur" / (path.name + ":2,S"))
        return real(self, *rest, **more)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Path, "open", moving)
        assert names(next(batches).mails) == ["a", "b"]


def test_a_maildir_is_read_to_its_end_by_runs_that_are_killed(maildir):
    for number in range(2 * MAILS + 7):
        put(maildir, f"m{number}", FIRST + number)
    found = killed_often(opened(maildir) for _ in repeat(None))
    assert found == [f"m{number}" for number in range(2 * MAILS + 7)]


def test_what_is_no_mail_or_too_large_is_named_and_left_out(maildir):
    put(maildir, "good", FIRST)
    put(maildir, "large", FIRST + 1, raw=letter("large", FIRST + 1, body="x" * 5000))
    put(maildir, "none\x1b", FIRST + 2, raw=b"PK\3\4 a zip")
    put(maildir, "empty", FIRST + 3, raw=b"")
    (maildir / "new" / "folder").mkdir()
    found, cursor, wrong = read(opened(maildir, ArchiveOptions(mail_bytes=2000)))
    assert found == ["good"]
    assert [line.partition(": ")[2] for line in wrong] == [
        "larger than 2000 bytes (mail_bytes in config.toml)",
        "no mail (it does not begin with headers)",
    ]
    assert all(line.isprintable() for line in wrong)
    assert read(opened(maildir), cursor)[2] == [], "said once"


def test_a_cursor_does_not_grow_with_the_years(maildir, monkeypatch):
    monkeypatch.setattr("reviewbot.archive.local.maildir._REMEMBERED", 10)
    for number in range(30):
        put(maildir, f"m{number}", FIRST + number)
    found, cursor, _ = read(opened(maildir))
    assert len(found) == 30 and len(cursor) < 200
    assert read(opened(maildir), cursor)[0] == []
    put(maildir, "late", FIRST + 40)
    assert read(opened(maildir), cursor)[0] == ["late"]


def test_a_thread_of_a_maildir(maildir):
    put(maildir, "cover", FIRST)
    put(maildir, "other", FIRST + 1)
    put(maildir, "one", FIRST + 2, raw=letter("one", FIRST + 2, "cover"))
    put(maildir, "two", FIRST + 3, "cur", ":2,S", raw=letter("two", FIRST + 3, "one"))
    put(maildir, "three", FIRST + 4, raw=letter("three", FIRST + 4, "cover"))
    archive = opened(maildir)
    for name in ("cover", "one", "two", "three"):
        assert names(archive.thread(f"{name}@list.example.org")) == ["cover", "one", "two", "three"]
    assert names(archive.thread("other@list.example.org")) == ["other"]
    assert archive.thread("nobody@list.example.org") == ()


# --- an mbox ---


def line(when: float) -> bytes:
    return f"From ada@example.org {time.asctime(time.gmtime(when))}\n".encode()


def boxed(name: str, when: float, answers: str = "", body: str = "Text.") -> bytes:
    return line(when) + letter(name, when, answers, body).replace(b"\nFrom ", b"\n>From ") + b"\n"


def append(path: Path, *parts: bytes) -> None:
    """Add to a file, of which the last change was long ago."""
    with path.open("ab") as stream:
        stream.write(b"".join(parts))
    os.utime(path, (FIRST, FIRST))


def test_what_is_appended_to_an_mbox_is_new_once(tmp_path):
    box = tmp_path / "list.mbox"
    append(box, boxed("before", FIRST - DAY), boxed("a", FIRST), boxed("b", FIRST + 1, body="From here\nto there"))
    batches = list(opened(box).new("", FIRST))
    mails = [mail for batch in batches for mail in batch.mails]
    assert names(mails) == ["a", "b"] and b"\nFrom here\nto there\n" in mails[1].raw
    assert [mail.when for mail in mails] == [FIRST, FIRST + 1]
    append(box, boxed("c", FIRST + 2))
    found, cursor, wrong = read(opened(box), batches[-1].cursor)
    assert (found, wrong) == (["c"], [])
    assert read(opened(box), cursor)[0] == []


def test_an_mbox_that_was_replaced_is_read_from_its_beginning_and_that_is_said(tmp_path):
    box = tmp_path / "list.mbox"
    append(box, boxed("a", FIRST), boxed("b", FIRST + 1))
    _, cursor, _ = read(opened(box), since=FIRST)
    box.write_bytes(boxed("old", FIRST - DAY) + boxed("c", FIRST + 1) * 3)
    found, cursor, wrong = read(opened(box), cursor)
    assert (found, wrong) == (["c"] * 3, [f"{box} was replaced by another file: reading it from its beginning"])
    box.write_bytes(boxed("d", FIRST + 5))  # shorter
    found, cursor, wrong = read(opened(box), cursor)
    assert (found, len(wrong)) == (["d"], 1)


def test_a_mail_that_is_being_written_is_waited_for(tmp_path):
    box = tmp_path / "list.mbox"
    whole = boxed("b", FIRST + 1, body="one\ntwo\nthree")
    box.write_bytes(boxed("a", FIRST) + whole[:-9])
    found, cursor, _ = read(opened(box, now=time.time()))
    assert found == ["a"]
    with box.open("ab") as stream:
        stream.write(whole[-9:])
    assert read(opened(box, now=time.time()), cursor)[0] == ["b"]


def test_an_mbox_whose_last_mail_has_no_empty_line_is_read_whole(tmp_path):
    box = tmp_path / "list.mbox"
    append(box, boxed("a", FIRST) + boxed("b", FIRST + 1).rstrip() + b"\n")
    found, cursor, _ = read(opened(box))
    assert found == ["a", "b"]
    append(box, b"\n" + boxed("c", FIRST + 2))
    assert read(opened(box), cursor)[::2] == (["c"], [])


def test_an_mbox_is_read_to_its_end_by_runs_that_are_killed(tmp_path, monkeypatch):
    monkeypatch.setattr("reviewbot.archive.local.mbox._PART", 7_001)
    box = tmp_path / "list.mbox"
    append(box, *(boxed(f"m{number}", FIRST + number, body="x" * (number * 37 % 900)) for number in range(507)))
    assert killed_often(opened(box) for _ in repeat(None)) == [f"m{number}" for number in range(507)]


@pytest.mark.parametrize("part", [1_000, 50_000, 4 << 20])
def test_a_mail_that_is_too_large_costs_no_memory_and_no_other_mail(tmp_path, monkeypatch, part):
    monkeypatch.setattr("reviewbot.archive.local.mbox._PART", part)
    box = tmp_path / "list.mbox"
    large = boxed("large", FIRST + 1, body="word " * 200_000)
    append(box, boxed("a", FIRST), large, boxed("b", FIRST + 2), large, boxed("c", FIRST + 3))
    found, _, wrong = read(opened(box, ArchiveOptions(mail_bytes=100_000)))
    assert found == ["a", "b", "c"]
    assert wrong == [f"a mail of {box} is larger than 100000 bytes (mail_bytes in config.toml)"] * 2


def test_an_mbox_in_gzip_grows_as_well(tmp_path):
    box = tmp_path / "list.mbox.gz"
    append(box, gzip.compress(boxed("a", FIRST) + boxed("b", FIRST + 1)))
    found, cursor, _ = read(opened(box))
    assert found == ["a", "b"]
    append(box, gzip.compress(boxed("c", FIRST + 2, "a")))
    found, cursor, wrong = read(opened(box), cursor)
    assert (found, wrong) == (["c"], [])
    assert names(opened(box).thread("c@list.example.org")) == ["a", "c"]


def test_a_damaged_gzip_is_an_error_that_names_it(tmp_path):
    box = tmp_path / "list.mbox.gz"
    append(box, gzip.compress(boxed("a", FIRST) * 50)[:-20])
    with pytest.raises(InputError, match=r"list\.mbox\.gz is cut short \(its gzip stream has no end\): fetch it again"):
        read(opened(box))


def test_what_stands_between_mails_is_named(tmp_path):
    box = tmp_path / "list.mbox"
    append(box, boxed("a", FIRST), line(FIRST) + b"no headers here\n\n", boxed("b", FIRST + 1))
    found, _, wrong = read(opened(box))
    assert found == ["a", "b"]
    assert wrong == [f"a part of {box} at byte {len(boxed('a', FIRST))} is no mail"]


def test_a_saved_mail_is_an_mbox_of_one(tmp_path):
    box = tmp_path / "one.eml"
    append(box, letter("one", FIRST))
    found, cursor, wrong = read(opened(box))
    assert (found, wrong) == (["one"], [])
    assert read(opened(box), cursor)[0] == []


def test_a_thread_of_an_mbox(tmp_path):
    box = tmp_path / "list.mbox"
    append(box, boxed("cover", FIRST), boxed("x", FIRST), boxed("one", FIRST + 1, "cover"), boxed("two", FIRST, "one"))
    archive = opened(box)
    assert names(archive.thread("one@list.example.org")) == ["cover", "one", "two"]
    append(box, boxed("three", FIRST + 9, "cover"))
    assert names(archive.thread("two@list.example.org")) == ["cover", "one", "two", "three"], "it sees what came since"


# --- what is no archive ---


@pytest.mark.parametrize("place", ["nowhere", "ftp://lore.example/mm", "x" * 5000, "a\x1b[2J\nb", ""])
def test_what_is_no_archive_says_what_is_one(place, tmp_path, monkeypatch):
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    with pytest.raises(ConfigError) as error:
        open_archive(place, ArchiveOptions(), time.time, time.sleep, print)
    assert "https://SERVER/LIST (a public-inbox), lei:QUERY, a folder" in str(error.value)
    assert str(error.value).isprintable()


def test_a_cursor_of_another_kind_is_none(tmp_path):
    box = tmp_path / "list.mbox"
    append(box, boxed("a", FIRST))
    for cursor in ("{}", "nonsense", '{"floor": 1, "read": ""}', '{"offset": 1e99}', "[" * 100_000):
        assert read(opened(box), cursor)[0] == ["a"]
