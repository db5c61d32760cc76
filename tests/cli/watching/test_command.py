"""`reviewbot watch` as a user runs it: what it prints, its exit codes, and how it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from command import Command
from listlife import CLEAN, CONFIG, asks, change, patch

WATCHED = '[[list]]\nname = "linux-exfoo"\narchive = "{}"\ndays = 4000\nwait_hours = 0\n'


@pytest.fixture
def maildir(tmp_path: Path) -> Path:
    folder = tmp_path / "mails"
    for part in ("new", "cur", "tmp"):
        (folder / part).mkdir(parents=True)
    mails = {
        "1718000000.M1.h": patch("[PATCH] exfoo: keep a name", "p", change(asks())),
        "1718000060.M2.h": patch("[PATCH] exfoo: count", "q", change(CLEAN), by="Eve <eve@example.org>"),
    }
    for name, raw in mails.items():
        (folder / "new" / name).write_bytes(raw)
    return folder


@pytest.fixture
def watched(command: Command, maildir: Path) -> Command:
    configure(command, WATCHED.format(maildir))
    return command


def configure(command: Command, text: str) -> None:
    folder = command.home / ".config" / "reviewbot"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.toml").write_text(CONFIG + text)


def test_a_pass_says_what_it_did(watched):
    done = watched("watch")
    assert (done.code, done.out) == (0, "")
    assert done.err.splitlines() == [
        "linux-exfoo: 2 new mails, 2 series reviewed, 1 new draft",
        "1 draft to read: reviewbot drafts list",
    ]
    assert watched("watch").err.splitlines()[0] == "linux-exfoo: 0 new mails, 0 series reviewed, 0 new drafts"
    listed = watched("drafts", "list")
    assert "linux-exfoo" in listed.out and "Re: [PATCH] exfoo: keep a name" in listed.out
    shown = watched("drafts", "show", "1")
    assert "kmalloc() with GFP_KERNEL may sleep" in shown.out and "In-Reply-To: <p@example.org>" in shown.out


def test_a_rule_that_is_left_out_is_named(watched):
    config = watched.home / ".config" / "reviewbot" / "config.toml"
    config.write_text(config.read_text() + "[watch]\njudged = 1\n")
    watched("watch")
    assert watched("drafts", "drop", "1", "--reason", "wrong").code == 0
    said = "sleep-in-atomic is left out of drafts: 1 of 1 questions were wrong (reviewbot rule --stats)"
    assert watched("watch").err.splitlines()[-1] == said


def test_quiet_is_quiet(watched):
    assert watched("watch", "-q") == (0, "", "")


def test_the_status(watched):
    before = watched("watch", "--status")
    assert before.code == 0
    assert before.out.splitlines() == [
        "LIST         READ   WAITING  REVIEWED  ASIDE",
        "linux-exfoo  never  0        0         0",
        "",
        "no draft is open",
    ]
    watched("watch")
    after = watched("watch", "--status").out
    assert "linux-exfoo  now   0        2         0" in after and "1 draft is open: reviewbot drafts list" in after


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no list to watch: add a table [[list]] to config.toml, with name and archive"),
        ('[[list]]\nname = "a b"\narchive = "x"\n', "name must be letters, digits and any of . + @ _ -"),
        ('[[list]]\nname = "a"\n', "archive is missing"),
        ('[[list]]\nname = "a"\narchive = " "\n', "archive is empty: name a server's URL"),
        ('[[list]]\nname = "a"\narchive = "/nowhere"\n', "'/nowhere': there is no such file or folder; a list's mails"),
        ('[[list]]\nname = "a"\narchive = "x"\nwait = 3\n', "unknown key 'wait'; allowed: archive, branches"),
        ('[[list]]\nname = "a"\narchive = "x"\ncc = "me"\n', "cc must be one of"),
        ('[[list]]\nname = "a"\narchive = "x"\nmost = 0\n', "most must be a whole number above 0"),
        (2 * '[[list]]\nname = "a"\narchive = "x"\n', "two tables [[list]] have the name a"),
    ],
)
def test_a_configuration_that_cannot_be_used(command, text, said):
    configure(command, text)
    done = command("watch")
    assert done.code == 2 and said in done.err and len(done.err.splitlines()) == 1


def test_a_wrong_place_is_said_before_any_list_is_read(command, maildir):
    configure(command, WATCHED.format(maildir) + '[[list]]\nname = "b"\narchive = "/nowhere"\n')
    assert command("watch").code == 2
    assert "never" in command("watch", "--status").out


def test_one_list_alone_and_one_that_is_not_there(watched):
    assert watched("watch", "--list", "linux-exfoo").code == 0
    done = watched("watch", "--list", "linux-mm")
    assert (done.code, done.err) == (2, "reviewbot: --list linux-mm: no such list (there are linux-exfoo)\n")


def test_a_server_that_is_not_there_fails_its_list_alone(command, maildir):
    lore = '[lore]\nhosts = ["127.0.0.1"]\ntimeout = 1\nseconds = 1\n'
    gone = '[[list]]\nname = "gone"\narchive = "http://127.0.0.1:9/x"\nmost = 1\n'
    configure(command, lore + gone + WATCHED.format(maildir))
    done = command("watch")
    assert done.code == 3
    assert "gone: " in done.err and "cannot reach 127.0.0.1:9" in done.err
    assert "linux-exfoo: 2 new mails, 2 series reviewed, 1 new draft" in done.err
    assert "cannot reach" in command("watch", "--status").out


def test_a_memory_that_is_something_else_is_left_alone(watched, tmp_path):
    notes = tmp_path / "notes"
    notes.write_text("mine")
    done = watched("watch", "--memory", notes)
    assert done.code == 2 and "is no memory of reviewbot" in done.err and notes.read_text() == "mine"


@pytest.mark.parametrize(("number", "said"), [(signal.SIGTERM, "terminated"), (signal.SIGINT, "interrupted")])
def test_a_watcher_that_stays_ends_when_it_is_told(watched, number, said):
    command = [sys.executable, "-m", "reviewbot", "watch", "--every", "1h"]
    with subprocess.Popen(command, env=watched.env, stderr=subprocess.PIPE, text=True) as child:
        assert child.stderr is not None
        assert "2 new mails" in child.stderr.readline()
        assert "1 draft to read" in child.stderr.readline()
        assert "0 new mails" in watched("watch").err, "between two passes of one, another may do its own"
        os.kill(child.pid, number)
        assert child.wait(20) == 128 + number
        assert child.stderr.read() == f"reviewbot: {said}\n"


def test_two_at_once(watched, maildir):
    """The second leaves the lists to the first."""
    from reviewbot.cli.watching.command import alone_with

    memory = watched.home / ".local" / "state" / "reviewbot" / "memory.sqlite"
    watched("watch", "--status")
    with alone_with(memory) as alone:
        assert alone
        done = watched("watch")
        assert (done.code, done.err) == (0, "another watch is at work on this memory: nothing was done\n")
    assert "2 new mails" in watched("watch").err


# --- replay ---


def test_a_replay_counts_and_keeps_to_a_memory_of_its_own(watched, maildir, tmp_path):
    own = tmp_path / "replay.sqlite"
    done = watched("watch", "--replay", maildir, "--memory", own)
    assert done.code == 0
    assert done.out.splitlines()[1].split() == ["mails", "1", "0", "0", "0", "0", "0", "0", "sleep-in-atomic"]
    assert done.out.splitlines()[-1] == "mails: 2 reviewed"
    assert done.err.startswith("2 new mails, 2 series reviewed, 1 draft in ")
    assert "no draft is open" in watched("watch", "--status").out
    assert "Re: [PATCH] exfoo: keep a name" in watched("drafts", "list", "--memory", own).out
    again = watched("watch", "--replay", maildir, "--memory", own)
    assert again.err.startswith("0 new mails, 0 series reviewed, 0 drafts in ") and again.out == done.out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "--replay needs a memory of its own, that your drafts are not mixed with: --memory FILE"),
        (("--memory", "m", "--every", "1m"), "--replay reads an archive once: leave --every out"),
        (("--memory", "m", "--list", "x"), "--list x: no such list in config.toml"),
        (("--memory", "m", "--executor", "ray"), "'ray' is neither processes nor dask[:ADDRESS]"),
    ],
)
def test_options_of_a_replay_that_make_no_sense(watched, maildir, options, said):
    done = watched("watch", "--replay", maildir, *options)
    assert done.code == 2 and said in done.err


@pytest.mark.parametrize("text", ["0", "-1m", "1w", "ten", "1.5h"])
def test_times_that_are_none(watched, text):
    done = watched("watch", f"--every={text}")
    assert done.code == 2 and "is no time (write it like 90s, 10m, 2h or 1d)" in done.err


def test_nothing_slow_is_imported_for_the_help(command):
    begun = time.process_time()
    assert command("watch", "--help").code == 0
    assert time.process_time() - begun < 5
