"""`reviewbot range` while it runs: in many processes, at a terminal, out of room, or told to stop."""

from __future__ import annotations

import json
import os
import pty
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from command import Command
from desk import LEAK, MENDED, WHOLE, Span
from reviewbot.model.review import PatchReview
from reviewbot.sources.commit_review import NumberedCommit, Reviewer
from reviewbot.support import workers

MANY = 40  # commits: so many that other processes read them


@pytest.fixture(scope="module")
def span(tmp_path_factory) -> Span:
    """start..many is a long history."""
    folder = tmp_path_factory.mktemp("run")
    span = Span(Command(folder), folder / "linux").quick
    span.kernel.git("tag", "start")
    for number in range(MANY):
        span.kernel.commit(f"step {number}", {f"fs/many/{number % 7}.c": (LEAK, MENDED, WHOLE)[number % 3]})
    span.kernel.git("branch", "many")
    return span


# --- where it writes to ---


def test_a_full_disk(span, tmp_path):
    done = span("main", "--output", "sarif=/dev/full", "--output", f"json={tmp_path}/json")
    assert (done.code, done.out, done.err) == (3, "", "reviewbot: cannot write /dev/full: the disk is full\n")
    with Path("/dev/full").open("wb") as full:
        command = [sys.executable, "-m", "reviewbot", "range", "main", "--format", "json"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, cwd=span.folder, env=span.command.env)
    assert (done.returncode, done.stderr) == (3, b"reviewbot: cannot write to standard output: the disk is full\n")


@pytest.mark.parametrize("most", [0, 300])
def test_no_room_for_temporary_files(span, tmp_path, most):
    """A file may have so many bytes: a stand-in for a full disk that needs no disk of its own."""
    limited = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({most}, {most}));"
        "from reviewbot.cli.main import main; sys.exit(main(sys.argv[1:]))"
    )
    env = {**span.command.env, "TMPDIR": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", limited, "range", "start..many", "--format", "json"]
    done = subprocess.run(command, capture_output=True, cwd=span.folder, env=env)
    assert (done.returncode, done.stderr.count(b"\n")) == (3, 1)
    assert done.stderr.startswith(b"reviewbot: cannot create temporary files")
    assert "cannot create temporary files" in json.loads(done.stdout)["unread"][0]["reason"]
    assert list(tmp_path.iterdir()) == []


# --- many commits ---


def configured(folder: Path, processes: int) -> Path:
    path = folder / f"{processes}.toml"
    path.write_text(f"[limits]\nprocesses = {processes}\n")
    return path


def test_however_many_processes_it_is_the_same(span, tmp_path, monkeypatch):
    """Two runs are equal, and the history cut into ranges that are too short for other processes as well."""
    whole = span.found("start..many", "--config", configured(tmp_path, 4))
    assert len(whole["patches"]) == MANY
    assert span.found("start..many", "--config", configured(tmp_path, 1)) == whole
    started = []
    monkeypatch.setattr(workers, "size", lambda most: started.append(most) or 3)
    assert span.found("start..many") == whole, "whatever the machine has"
    monkeypatch.setattr(workers, "size", lambda most: 0)
    assert span.found("start..many") == whole
    assert started
    short = [
        patch
        for at in range(MANY // 20)
        for patch in span.found(f"many~{MANY - 20 * at}..many~{MANY - 20 * (at + 1)}")["patches"]
    ]
    for one, other in zip(whole["patches"], short, strict=True):
        drop = {"number": 0, "findings": [{**found, "resolved_by": None} for found in one["findings"]]}
        assert {**other, **drop} == {**one, **drop}
        assert [found["fingerprint"] for found in one["findings"]] == [
            found["fingerprint"] for found in other["findings"]
        ]


def test_a_process_that_ends_takes_one_commit_along(span, monkeypatch):
    whole = span.found("start..many")
    review = Reviewer.review

    def ending(reviewer: Reviewer, one: NumberedCommit) -> PatchReview:
        if one.change.subject == "step 20":
            os.kill(os.getpid(), signal.SIGKILL)
        return review(reviewer, one)

    monkeypatch.setattr(workers, "size", lambda most: 2)
    monkeypatch.setattr(Reviewer, "review", ending)
    found = span.found("start..many")
    lost = found["patches"].pop(20)
    assert lost["unread"] == [{"path": None, "reason": "the process that read it ended (signal 9)"}]
    assert [patch["subject"] for patch in found["patches"]] == [f"step {at}" for at in range(MANY) if at != 20]
    del whole["patches"][20]
    assert [len(patch["findings"]) for patch in found["patches"]] == [len(one["findings"]) for one in whole["patches"]]


def test_two_processes_of_the_program_say_the_same(span):
    told = [
        Command.__call__(span.command, "range", "start..many", "--format", "json", PYTHONHASHSEED=seed) for seed in "12"
    ]
    assert told[0] == told[1]
    assert (told[0].code, told[0].err) == (1, ""), "and there is no sign of life without a terminal"


# --- a terminal, and who is at it ---


def slowed(folder: Path) -> Path:
    """A git that never gets done with a diff, found before the other."""
    path = folder / "bin"
    path.mkdir()
    slow = f'#!/bin/sh\ncase " $* " in *" diff-tree "*) echo $$ >{path}/pid; exec sleep 100;; esac\n'
    (path / "git").write_text(f'{slow}exec {shutil.which("git")} "$@"\n')
    (path / "git").chmod(0o755)
    return path


def children(process: int) -> list[int]:
    return [
        int(one) for task in Path(f"/proc/{process}/task").iterdir() for one in (task / "children").read_text().split()
    ]


@pytest.mark.parametrize(
    ("number", "code", "said"),
    [(signal.SIGINT, 130, b"interrupted"), (signal.SIGTERM, 143, b"terminated"), (signal.SIGHUP, 129, b"hung up")],
)
def test_a_signal_ends_all_of_it(span, tmp_path, number, code, said):
    """git is at work, and so are other processes if there are processors."""
    path, place, report = slowed(tmp_path), tmp_path / "temporary", tmp_path / "report"
    place.mkdir()
    report.write_text("as it was\n")
    command = [sys.executable, "-m", "reviewbot", "range", "start..many", "--output", f"json={report}"]
    env = {**span.command.env, "TMPDIR": str(place), "PATH": f"{path}:{os.environ['PATH']}"}
    with subprocess.Popen(command, cwd=span.folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        until = time.monotonic() + 30
        while not (path / "pid").exists():
            assert time.monotonic() < until
            time.sleep(0.02)
        time.sleep(0.1)
        started = children(process.pid)
        assert len(started) >= 1 + workers.size(2)
        process.send_signal(number)
        assert (process.wait(30), process.stdout.read(), process.stderr.read()) == (
            code,
            b"",
            b"reviewbot: %s\n" % said,
        )
    for one in started:
        with pytest.raises(ProcessLookupError):
            os.kill(one, 0)
    assert list(place.iterdir()) == []
    assert report.read_text() == "as it was\n"
    assert {one.name for one in tmp_path.iterdir()} == {"bin", "temporary", "report"}


def test_who_stops_reading_ends_it_quietly(span):
    """As `reviewbot range ... | head` does."""
    command = f"{sys.executable} -m reviewbot range start..many --format json; echo $? >&2"
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        ["/bin/sh", "-c", command], stdout=writer, stderr=subprocess.PIPE, cwd=span.folder, env=span.command.env
    )
    os.close(writer)
    assert done.stderr == b"141\n"


def at_terminal(span: Span, *options: str) -> tuple[int, str]:
    """The exit code, and what a terminal shows of standard error."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "reviewbot", "range", *options]
    env = {**span.command.env, "TERM": "xterm"}
    with subprocess.Popen(command, cwd=span.folder, env=env, stdout=subprocess.DEVNULL, stderr=theirs) as process:
        os.close(theirs)
        shown = b""
        try:
            while part := os.read(ours, 1 << 16):
                shown += part
        except OSError:  # so a terminal ends
            pass
        finally:
            os.close(ours)
    return process.returncode, shown.decode()


def test_a_terminal_sees_that_it_is_at_work(span):
    code, shown = at_terminal(span, "start..many")
    assert (code, "reviewing" in shown) == (1, True)
    assert shown.rstrip("\r\n").endswith(("\x1b[2K", "\x1b[?25h")), "and the bar is gone in the end"
    assert at_terminal(span, "start..many", "-q") == (1, "")
    assert at_terminal(span, "start..start~0") == (0, "nothing to review in start..start~0: it holds no commit\r\n")
