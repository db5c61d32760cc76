"""Searches of the real lei over a public-inbox on this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from arrivals import DAY, FIRST, killed_often, letter, names, read
from inbox import Inbox
from patientworld import World
from reviewbot.archive.port import ArchiveOptions
from reviewbot.model.errors import ConfigError, FetchError

HOUR = 3_600


@pytest.fixture(scope="module")
def home(tmp_path_factory, inbox: Inbox) -> Iterator[Path]:
    """Somebody whose lei knows of a list."""
    if shutil.which("lei") is None:
        pytest.skip("lei is not installed (Debian package lei)")
    for number in range(1, 6):
        inbox.deliver(letter(f"m{number}", FIRST + number * HOUR, "m1" if number == 4 else ""))
    folder = tmp_path_factory.mktemp("lei")
    (folder / "run").mkdir(mode=0o700)
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "XDG_RUNTIME_DIR": str(folder / "run")}
    try:
        subprocess.run(["lei", "add-external", str(inbox.home / "inbox")], env=env, check=True, capture_output=True)
        yield folder
    finally:
        subprocess.run(["lei", "daemon-kill"], env=env, check=False, capture_output=True)


@pytest.fixture
def world(home: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(home / "run"))
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    return World(FIRST + DAY)


def test_what_lei_finds_is_new_once(world, inbox):
    found, cursor, wrong = read(world.open("lei:f:ada"), since=FIRST + 2 * HOUR)
    assert (found, wrong) == (["m2", "m3", "m4", "m5"], [])
    assert read(world.open("lei:f:ada"), cursor)[0] == []
    inbox.deliver(letter("late", FIRST + 22 * HOUR))
    world.time += HOUR
    assert read(world.open("lei:f:ada"), cursor)[0] == ["late"]


def test_the_query_is_that_of_the_place_or_the_settings(world):
    assert read(world.open("lei:s:m3 OR s:m5"), since=FIRST)[0] == ["m3", "m5"]
    assert read(world.open("lei:", ArchiveOptions(query="s:m3")), since=FIRST)[0] == ["m3"]
    assert read(world.open("lei:s:nothing"), since=FIRST)[0] == []


def test_a_mail_is_handed_out_as_it_was_sent(world):
    (batch,) = world.open("lei:s:m3").new("", FIRST)
    assert b"\nStatus:" not in batch.mails[0].raw
    assert batch.mails[0].raw.startswith(letter("m3", FIRST + 3 * HOUR).partition(b"\n\n")[0])
    assert batch.mails[0].when == FIRST + 3 * HOUR


def test_a_thread_of_lei(world):
    assert sorted(names(world.open("lei:s:m4").thread("m4@list.example.org"))) == ["m1", "m4"]
    assert world.open("lei:s:m4").thread("nobody@list.example.org") == ()


def test_runs_that_are_killed_go_on(world, monkeypatch):
    monkeypatch.setattr("reviewbot.archive.batches.MAILS", 2)

    def opened():
        while True:
            yield world.open("lei:s:m1 OR s:m2 OR s:m3 OR s:m4 OR s:m5")

    assert killed_often(opened(), since=FIRST) == ["m1", "m2", "m3", "m4", "m5"]


def test_more_than_is_taken_is_asked_for_in_halves(world):
    found, _, wrong = read(world.open("lei:f:ada", ArchiveOptions(mailbox_bytes=1700)), since=FIRST)
    assert {"m1", "m2", "m3", "m4", "m5"} <= set(found) and wrong == []


# --- a lei that does not work ---


def stand_in(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> World:
    program = folder / "lei"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return World(FIRST + DAY)


def test_a_lei_that_fails_says_why(tmp_path, monkeypatch):
    world = stand_in(tmp_path, "echo '# notice' >&2; printf 'no \\033[2J inboxes\\n' >&2; exit 3", monkeypatch)
    with pytest.raises(FetchError, match=r"^lei cannot search: no ") as error:
        read(world.open("lei:x"), since=FIRST)
    assert str(error.value).isprintable()


def test_a_lei_that_hangs_is_ended(tmp_path, monkeypatch):
    world = stand_in(tmp_path, "exec sleep 60", monkeypatch)
    with pytest.raises(FetchError, match=r"lei is too slow \(no end after 0\.3 seconds\)"):
        read(world.open("lei:x", ArchiveOptions(patience=0.3)), since=FIRST)


def test_a_lei_without_an_end_costs_no_memory(tmp_path, monkeypatch):
    world = stand_in(tmp_path, "exec yes 'From x Thu Jan  1 00:00:00 1970'", monkeypatch)
    with pytest.raises(FetchError, match="lei sends too much, whatever it is asked for"):
        read(world.open("lei:x", ArchiveOptions(mailbox_bytes=100_000)), since=FIRST)


def test_no_lei_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match=r"lei cannot be run .*: install it, or name another archive"):
        read(World(FIRST + DAY).open("lei:x"), since=FIRST)
