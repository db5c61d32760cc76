"""`reviewbot drafts send` ended by kill -9, thirty times: each mail gets to the SMTP server once."""

from __future__ import annotations

import fcntl
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress

import pytest

from httpserver import serve
from mailtools import has_send_email
from report_cases import SCOPE, mail, review, reviewed
from smtpsink import sink
from waiting import kept, memory_file, opened, waits

KILLS = 30
MOMENTS = ("connected", "data", "taken")  # as the server sees it; and any other, by the clock


@pytest.mark.skipif(not has_send_email(), reason="git send-email is not installed")
def test_a_kill_sends_nothing_twice_and_loses_nothing(command):
    """Between what the server took and the mark only the archive of the list can tell."""
    chance = random.Random(11)
    ours = {f"{at}.patch@author.example" for at in range(1, KILLS + 1)}
    with sink() as server, serve(lambda handler: _archive(handler, server, ours)) as archive:
        for message_id in sorted(ours):
            waits(command, state="approved", made=review(reviewed([SCOPE], given=mail(message_id=message_id))))
        _set_up(command, server, archive)
        begun = time.monotonic()
        assert _start(command, "1", "--dry-run").wait() == 0
        seconds = (time.monotonic() - begun) * 1.5
        killed = [_kill(command, server, str(at), chance, seconds) for at in range(1, KILLS + 1)]
        assert killed.count(True) >= KILLS * 2 // 3
        assert set(server.ids().values()) <= {1}
        with opened(command) as memory:
            cut_short = len(memory.rows("SELECT 1 FROM outbox WHERE ended IS NULL"))
            with memory.writing():  # the day after
                memory.run("UPDATE outbox SET began = began - 86400")
        done = command("drafts", "send", "--yes")
        assert done.code == 0, done.err
        assert cut_short, "no kill hit anything between the row and the mark"
        assert sorted(server.ids().values()) == [1] * KILLS
        assert {kept(command, at).state for at in range(1, KILLS + 1)} == {"sent"}


def _archive(handler, server, ours):
    asked = handler.path.split("/")[2].replace("%40", "@")
    if asked in ours or asked in server.ids():
        handler.send(200, f"Message-ID: <{asked}>\n\nhello\n".encode(), "text/plain")
    else:
        handler.send(404, b"", "text/plain")


def _set_up(command, server, archive):
    (command.home / ".gitconfig").write_text(
        "[user]\n\tname = Ida Reviewer\n\temail = ida@review.example\n"
        f"[sendemail]\n\tsmtpserver = 127.0.0.1\n\tsmtpserverport = {server.port}\n"
    )
    config = command.home / ".config" / "reviewbot" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text(f'[lore]\nurl = "http://{archive.name}/all"\n')


def _start(command, *words):
    program = [sys.executable, "-m", "reviewbot", "drafts", "send", *words]
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(program, cwd=command.work, env=command.env, **quiet)


def _kill(command, server, number, chance, seconds):
    """Kill a run that sends one draft; whether it was not done before. What it has started comes to its end."""
    process = _start(command, number, "--yes")
    moment = chance.choice((*MOMENTS, "", "", ""))
    server.hook = lambda seen: seen == moment and os.kill(process.pid, signal.SIGKILL)
    with suppress(subprocess.TimeoutExpired):
        process.wait(30 if moment else chance.uniform(0, seconds))
    process.kill()
    code = process.wait()
    server.hook = lambda _seen: None
    place = memory_file(command)
    with place.with_name(f"{place.name}.sending").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # git has it as long as it runs
    return code == -signal.SIGKILL
