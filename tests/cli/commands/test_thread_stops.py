"""`reviewbot thread --tree` that is stopped, or has no room: nothing is left behind."""

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

from exfoo import leak, tree
from kerneltree import KernelTree


@pytest.fixture
def kernel(tmp_path: Path) -> KernelTree:
    return tree(tmp_path / "linux")


def test_nothing_is_left_behind(command, kernel):
    place = command.work / "temporary"
    place.mkdir()
    mails = leak(kernel)
    for options in ([], ["--base", "nope"], ["--base", "HEAD"]):
        command("thread", "-", "--tree", kernel.folder, *options, stdin=mails, TMPDIR=str(place))
        assert list(place.iterdir()) == []


def started(command, kernel, place: Path, **env: str) -> subprocess.Popen:
    place.mkdir()
    return subprocess.Popen(
        [sys.executable, "-m", "reviewbot", "thread", "-", "--tree", str(kernel.folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=command.work,
        env={**command.env, "TMPDIR": str(place), **env},
    )


def seen(place: Path, pattern: str) -> None:
    """Wait until a file is there."""
    until = time.monotonic() + 30
    while not list(place.glob(pattern)):
        assert time.monotonic() < until, f"{pattern} did not come"
        time.sleep(0.02)


STOPS = (
    (signal.SIGINT, 130, b"reviewbot: interrupted\n"),
    (signal.SIGTERM, 143, b"reviewbot: terminated\n"),
    (signal.SIGHUP, 129, b"reviewbot: hung up\n"),
)


@pytest.mark.parametrize(("number", "code", "said"), STOPS)
@pytest.mark.parametrize("twice", [False, True])
def test_a_signal_leaves_nothing_behind(command, kernel, number, code, said, twice):
    """While it waits for the mail, with the tree open; a closed terminal sends its signal twice."""
    place = command.work / "temporary"
    with started(command, kernel, place) as process:
        seen(place, "*/git/objects/info/alternates")
        time.sleep(0.3)
        process.send_signal(number)
        if twice:
            process.send_signal(signal.SIGHUP)
            process.send_signal(number)
        _, err = process.communicate(timeout=30)
    if twice:  # which of two that wait comes first is not said
        assert (process.returncode, err) in [(code, said), (129, b"reviewbot: hung up\n")]
    else:
        assert (process.returncode, err) == (code, said)
    assert list(place.iterdir()) == []


@pytest.mark.parametrize(("number", "code", "said"), STOPS)
def test_a_signal_ends_git_as_well(command, kernel, number, code, said):
    """git is at work, and would be for long."""
    place, path = command.work / "temporary", command.work / "bin"
    path.mkdir()
    slow = f'#!/bin/sh\ncase " $* " in *" apply "*) echo $$ >{path}/pid; exec sleep 100;; esac\n'
    (path / "git").write_text(f'{slow}exec {shutil.which("git")} "$@"\n')
    (path / "git").chmod(0o755)
    mails = leak(kernel)
    with started(command, kernel, place, PATH=f"{path}:{os.environ['PATH']}") as process:
        process.stdin.write(mails)
        process.stdin.close()
        seen(path, "pid")
        time.sleep(0.1)
        process.send_signal(number)
        assert (process.wait(30), process.stderr.read()) == (code, said)
    with pytest.raises(ProcessLookupError):
        os.kill(int((path / "pid").read_text()), 0)
    assert list(place.iterdir()) == []


def test_an_ignored_signal_stays_ignored(command, kernel):
    """As under nohup."""
    place = command.work / "temporary"
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        process = started(command, kernel, place)
    finally:
        signal.signal(signal.SIGHUP, before)
    with process:
        seen(place, "*/git/objects/info/alternates")
        process.send_signal(signal.SIGHUP)
        out, err = process.communicate(leak(kernel), timeout=60)
    assert (process.returncode, b"scope-leak" in out, err) == (1, True, b"")


def test_a_closed_terminal_is_no_second_mistake(command, kernel):
    """The line that says why it ends has nowhere to go."""
    place = command.work / "temporary"
    place.mkdir()
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "reviewbot", "thread", "-", "--tree", str(kernel.folder)],
        stdin=subprocess.PIPE,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        cwd=command.work,
        env={**command.env, "TMPDIR": str(place)},
    )
    os.close(theirs)
    with process:
        seen(place, "*/git/objects/info/alternates")
        time.sleep(0.3)
        os.close(ours)
        process.send_signal(signal.SIGHUP)
        assert process.wait(30) == 129
    assert list(place.iterdir()) == []


@pytest.mark.parametrize("most", [0, 300, 20_000])
def test_no_room_for_temporary_files(command, kernel, most):
    """A file may have so many bytes: a stand-in for a full disk that needs no disk of its own."""
    filler = {f"fs/many/{number}.c": f"int x{number};\n" for number in range(300)}
    kernel.base = kernel.commit("many files", filler)
    mails = leak(kernel)
    place = command.work / "temporary"
    place.mkdir()
    limited = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({most}, {most}));"
        "from reviewbot.cli.main import main; sys.exit(main(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", limited, "thread", "-", "--tree", str(kernel.folder), "--format", "json"],
        input=mails,
        capture_output=True,
        cwd=command.work,
        env={**command.env, "TMPDIR": str(place), "PYTHONDONTWRITEBYTECODE": "1"},
    )
    said = done.stderr.decode()
    assert done.returncode == 3, said
    assert said.startswith("reviewbot: cannot create temporary files"), said
    assert said.count("\n") == 1
    assert "cannot create temporary files" in json.loads(done.stdout)["unread"][0]["reason"]
    assert list(place.iterdir()) == []
