"""Three days of a list on a real public-inbox server: the drafts that there must be, whoever is killed on the way."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from email.utils import formatdate
from pathlib import Path

import pytest

from arrivals import Epoch
from inbox import Inbox
from listlife import CLEAN, CONFIG, HOUR, asks, change, patch, reply
from passes import one_pass
from reviewbot.memory import drafts, findings
from reviewbot.memory.memory import Memory

START = 1_760_000_400.0
STEPS = 16  # of a quarter of a day each
KILLS = 30
BUG = change(asks())
OTHER = change(asks(32), function="exfoo_write", path="fs/exfoo/file.c")
PROGRAM = change(asks(), path="lib/ext2fs/alloc.c")


def by(name: str) -> str:
    return f"{name.title()} Author <{name}@author.example.org>"


def life() -> list[tuple[float, bytes]]:
    """Each mail with the hours after the beginning at which it comes."""
    bot = "Auto-Submitted: auto-generated\n"
    two = change(asks(64), asks(128))
    said = "> +\tfs->name = kmalloc(64, GFP_KERNEL);\n\nexfoo_read() holds a lock: GFP_KERNEL cannot work.\n"
    mails = [
        (1, patch("[PATCH] exfoo: keep a name", "plain", BUG, by=by("plain"))),
        (2, patch("[PATCH] exfoo: two names", "v1", two, by=by("ann"))),
        (32, patch("[PATCH v2] exfoo: two names", "v2", BUG, by=by("ann"), to="v1")),
        (3, patch("[PATCH] exfoo: a label", "w1", OTHER, by=by("ben"))),
        (31, patch("[PATCH v2] exfoo: a label", "w2", change(CLEAN), by=by("ben"))),  # alone, and mended
        (4, patch("[PATCH] exfoo: once more", "first", BUG, by=by("cid"))),
        (40, patch("[PATCH RESEND] exfoo: once more", "again", BUG, by=by("cid"))),
        (5, patch("[PATCH] exfoo: said by people", "said", BUG, by=by("dan"))),
        (9, reply("answer", "said", said)),
        (6, patch("[PATCH] exfoo: of a program", "robot", BUG, by="robot <lkp@intel.com>", extra=bot)),
        (7, patch("[PATCH] exfoo: found by a program", "bot1", OTHER, by=by("eve"))),
        (8, reply("bot2", "bot1", "BUG: exfoo_write: kmalloc GFP_KERNEL\n", "robot <lkp@intel.com>", bot)),
        (10, patch("[PATCH 1/2] exfoo: first half", "half1", BUG, by=by("fay"), to="half0")),
        (50, patch("[PATCH 2/2] exfoo: second half", "half2", change(CLEAN), by=by("fay"), to="half0")),
        (11, patch("[PATCH e2fsprogs] lib: keep a name", "user", PROGRAM, by=by("gil"))),
        (12, patch("[PATCH 5.15.y] exfoo: keep a name, please", "stable", BUG, by=by("hal"))),
        (80, patch("[PATCH] exfoo: nobody has waited yet", "late", BUG, by=by("ida"))),
    ]
    for number in range(280):
        hours = 1 + number / 4
        if number % 3:
            mails.append((hours, reply(f"talk{number}", f"noise{number - 1}", f"I think so, {number} times.\n")))
        else:
            clean = change(CLEAN, function=f"exbar_{number}", path=f"fs/exbar/f{number % 9}.c")
            mails.append((hours, patch(f"[PATCH] exbar: part {number}", f"noise{number}", clean, by=by(f"n{number}"))))
    return sorted(mails, key=lambda one: one[0])


def received(raw: bytes, when: float) -> bytes:
    head = f"Received: from a.example.org by b.example.org with SMTP; {formatdate(when)}\n"
    lines = [line for line in raw.split(b"\n\n", 1)[0].split(b"\n") if not line.startswith(b"Date:")]
    body = raw.split(b"\n\n", 1)[1]
    return head.encode() + b"\n".join((*lines, f"Date: {formatdate(when - 60)}".encode())) + b"\n\n" + body


class ServedList:
    """The archive, filled step by step as the clock moves."""

    def __init__(self, inbox: Inbox) -> None:
        self.inbox, self.left = inbox, life()
        self.epoch = Epoch(inbox.home / "inbox" / "git" / "0.git")

    def come(self, until: float) -> int:
        """Let the mails of the hours up to a time come; how many there were."""
        now = [(hours, raw) for hours, raw in self.left if hours <= until]
        self.left = self.left[len(now) :]
        mails = [(received(raw, START + hours * HOUR), START + hours * HOUR) for hours, raw in now]
        if mails:
            self.epoch.add(mails)
            self.inbox.run("public-inbox-index", str(self.inbox.home / "inbox"))
            self.inbox.refresh()
        return len(mails)


def became(path: Path) -> tuple[object, ...]:
    with Memory.open(path) as memory:
        every = drafts.kept(memory)
        told = sorted((one.in_reply_to.partition("@")[0], one.version, one.state, one.note) for one in every)
        series = sorted(tuple(row) for row in memory.rows("SELECT subject, state, reason FROM series"))
        return told, series, findings.by_rule(memory)


EXPECTED = [
    # what it answers, version, what became of it, why
    ("again", 1, "waiting", ""),  # sent again, while the first draft still waited
    ("first", 1, "late", "the series was sent again"),
    ("half1", 1, "waiting", ""),
    ("plain", 1, "waiting", ""),
    ("stable", 1, "waiting", ""),
    ("v1", 1, "late", "v2 came"),
    ("v2", 2, "waiting", ""),
    ("w1", 1, "late", "v2 came"),
]


def killed(command: list[str], after: float) -> bool:
    """Run a program and end it by kill -9 after so many seconds; whether it was still at work."""
    child = subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        assert child.wait(after) == 0
        return False
    except subprocess.TimeoutExpired:
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        return True


@pytest.fixture(scope="module")
def done(inbox, tmp_path_factory):
    """Two memories: of passes that nobody disturbed, and of passes that were killed; and how often that was."""
    folder = tmp_path_factory.mktemp("life")
    config = folder / "config.toml"
    table = f'[[list]]\nname = "exfoo"\narchive = "{inbox.url}"\nmost = 100\n'
    config.write_text(f'{CONFIG}[lore]\nhosts = ["127.0.0.1"]\n[watch]\nrequests = 100000\n{table}')
    quiet, often = folder / "quiet.sqlite", folder / "killed.sqlite"
    served = ServedList(inbox)
    chance = random.Random(5)
    kills = mails = 0
    environment = os.environ.copy()
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    try:
        for step in range(STEPS):
            now = START + (step + 1) * 6 * HOUR
            mails += served.come((step + 1) * 6)
            (result,) = one_pass(config, quiet, now)
            assert result.wrong == ""
            command = [sys.executable, str(Path(__file__).parents[1] / "helpers" / "passes.py")]
            command += [str(config), str(often), str(now)]
            begun = time.monotonic()
            while kills * STEPS < KILLS * (step + 1):
                kills += killed(command, chance.uniform(0.3, 3.0))
                assert time.monotonic() - begun < 300
            assert subprocess.run(command, check=False).returncode == 0
    finally:
        os.environ.clear()
        os.environ.update(environment)
    return quiet, often, kills, mails


def test_the_drafts_that_there_must_be_and_no_other(done):
    quiet, _, _, mails = done
    assert mails > 290
    assert became(quiet)[0] == EXPECTED


def test_a_pass_that_was_killed_is_gone_on_with(done):
    quiet, often, kills, _ = done
    assert kills >= KILLS
    assert became(often) == became(quiet)


def test_run_twice_there_is_nothing_new(done):
    quiet, _, _, _ = done
    before = became(quiet)
    (result,) = one_pass(quiet.parent / "config.toml", quiet, START + STEPS * 6 * HOUR + 60)
    assert result[1:] == (0, 0, 0, 0, "")
    assert became(quiet) == before
