"""A replay finds what passes over the same days find, goes on where it was cut short, and counts nothing twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from listlife import CLEAN, DAY, HOUR, START, Life, asks, change, life, patch, reply
from reviewbot.archive.port import Arrival, Batch
from reviewbot.cli.watching.dask_executor import executor_at
from reviewbot.cli.watching.looking import in_processes
from reviewbot.memory import findings
from reviewbot.watch.one_pass import clock_of, replay


def days() -> list[Arrival]:
    """Some days of a list: patches, a second version, replies, a series in two parts."""
    found: list[Arrival] = []
    for number in range(40):
        by = f"A{number} <a{number}@example.org>"
        added = asks(number + 1) if number % 4 == 0 else CLEAN
        diff = change(added, function=f"exfoo_{number}", path=f"fs/exfoo/f{number % 7}.c")
        when = START + number * 2 * HOUR
        found.append(Arrival(patch(f"[PATCH] exfoo: part {number}", f"p{number}", diff, by=by), when))
        if number % 8 == 0:
            second = patch(f"[PATCH v2] exfoo: part {number}", f"q{number}", diff, by=by, to=f"p{number}")
            found.append(Arrival(second, when + 2 * DAY))
        if number % 12 == 0:
            said = reply(f"r{number}", f"p{number}", f"exfoo_{number}() cannot use GFP_KERNEL there.\n")
            found.append(Arrival(said, when + HOUR))
    return sorted(found, key=lambda one: one.when)


class Days:
    """An archive with all days; it breaks off after so many batches."""

    def __init__(self, mails: list[Arrival], batch: int = 7, breaks: int = -1) -> None:
        self.mails, self.batch, self.breaks = mails, batch, breaks

    def new(self, cursor: str, since: float) -> Iterator[Batch]:
        at = int(cursor or 0)
        while at < len(self.mails):
            if self.breaks == 0:
                raise KeyboardInterrupt
            self.breaks -= 1
            part = self.mails[at : at + self.batch]
            at += len(part)
            yield Batch(tuple(part), str(at))

    def thread(self, message_id: str) -> tuple[bytes, ...]:
        raise AssertionError("all mails are there")


def run(living: Life, archive: Days, executor=None):
    clock = clock_of(living.memory, "exfoo", START + 1000 * DAY)
    ports = living.ports()._replace(archive=lambda _: None, now=clock)
    if executor is not None:
        ports = ports._replace(look=lambda works: executor(living.setup, [living.list], works))
    return replay(living.memory, archive, living.list, living.setup.config.watch, ports, clock)


def became(living: Life) -> tuple[object, ...]:
    """What a replay has left in the memory, whatever the order in which it came to be."""
    drafts = sorted((one.in_reply_to, one.state, one.note, one.version) for one in living.drafts(*STATES))
    series = sorted((one.subject, one.state, one.reason.removesuffix("; 1 draft is late")) for one in living.series())
    return drafts, series, findings.by_rule(living.memory)


STATES = ("waiting", "late")


@pytest.fixture
def expected(tmp_path):
    (tmp_path / "once").mkdir()
    with life(tmp_path / "once") as living:
        done = run(living, Days(days()))
        # ten are wrong; people have said it of four, and three of the others came in a second version
        assert (done.mails, done.series, done.drafts) == (49, 45, 9)
        return became(living)


def test_passes_on_a_timer_find_the_same(tmp_path, expected):
    with life(tmp_path) as living:
        for mail in days():
            living.archive.put(mail.when, mail.raw)
        for _ in range(14 * 4):
            living.after(6)
        assert became(living) == expected


@pytest.mark.parametrize("batch", [1, 3, 50])
def test_a_replay_that_was_cut_short_goes_on(tmp_path, expected, batch):
    mails = days()
    with life(tmp_path) as living:
        for _ in range(3):
            with pytest.raises(KeyboardInterrupt):
                run(living, Days(mails, batch, 10 // batch))
        run(living, Days(mails, batch))
        assert became(living) == expected
        assert run(living, Days(mails, batch))[1:4] == (0, 0, 0)
        assert became(living) == expected


def test_processes_find_the_same(tmp_path, expected):
    with life(tmp_path) as living:
        run(living, Days(days()), in_processes)
        assert became(living) == expected


# --- Dask ---


@pytest.fixture
def scheduler(tmp_path):
    """A real scheduler and two workers on loopback; gives its address and the processes of the workers."""
    pytest.importorskip("distributed")
    env = {**os.environ, "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "20s", "PYTHONPATH": os.pathsep.join(sys.path)}
    file = tmp_path / "scheduler.json"
    quiet = {"cwd": tmp_path, "env": env, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    base, where = [sys.executable, "-m"], ["--host", "127.0.0.1", "--no-dashboard"]
    scheduler = subprocess.Popen(
        [*base, "distributed.cli.dask_scheduler", "--scheduler-file", str(file), *where, "--port", "0"], **quiet
    )
    worker = [*base, "distributed.cli.dask_worker", "--scheduler-file", str(file), "--nthreads", "1", "--no-nanny"]
    workers = [subprocess.Popen([*worker, *where], **quiet) for _ in range(2)]
    try:
        until = time.monotonic() + 60
        while not file.exists() or not file.read_text().strip():
            assert time.monotonic() < until and scheduler.poll() is None
            time.sleep(0.1)
        yield json.loads(file.read_text())["address"], workers
    finally:
        for one in (*workers, scheduler):
            one.kill()
            one.wait()


def test_dask_finds_the_same_and_a_worker_may_die(tmp_path, expected, scheduler):
    address, workers = scheduler
    (tmp_path / "dask").mkdir()
    done = 0

    def executor(given, lists, works):
        nonlocal done
        for looked in executor_at(address)(given, lists, works):
            done += 1
            if done == 5:
                os.kill(workers[0].pid, signal.SIGKILL)
                workers[0].wait()
            yield looked

    with life(tmp_path / "dask") as living:
        result = run(living, Days(days()), executor)
        assert workers[0].returncode == -signal.SIGKILL and workers[1].poll() is None
        assert became(living) == expected
        assert result.series == done


def test_a_scheduler_that_is_not_there_is_said(tmp_path, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr("reviewbot.cli.watching.dask_executor._SECONDS", 1)
    from reviewbot.model.errors import FetchError

    with (
        life(tmp_path) as living,
        pytest.raises(FetchError, match=r"^no scheduler of Dask answers at tcp://127\.0\.0\.1:9"),
    ):
        run(living, Days(days()[:1]), executor_at("tcp://127.0.0.1:9"))
