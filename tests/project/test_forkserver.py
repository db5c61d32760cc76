"""A run that is forked says what one says that a shell has started."""

from __future__ import annotations

import os

import pytest

from command import THREADS, diff, mail

RUNS = {
    "thread": (("thread", THREADS / "demo.mbox", "--kernel", "6.10"), b""),
    "json": (("thread", THREADS / "demo.mbox", "--format", "json"), b""),
    "stdin": (("thread", "-", "--min-confidence", "low"), mail(diff=diff())),
    "check": (("check", "--protocol", "review"), mail(diff=diff())),
    "an error": (("thread", "gone.mbox"), b""),
    "a usage error": (("thread",), b""),
    "help": (("--help",), b""),
    "no repository": (("local",), b""),
}


@pytest.mark.parametrize("case", RUNS)
def test_as_a_fresh_process(command, case):
    arguments, stdin = RUNS[case]
    fresh = command.fresh(*arguments, stdin=stdin)
    for _ in range(2):
        assert command(*arguments, stdin=stdin) == fresh


def test_a_run_has_its_own_environment(command):
    there = command.home / "config" / "reviewbot"
    there.mkdir(parents=True)
    (there / "config.toml").write_text("[limits]\nseconds = 0\n")
    assert command("rule", XDG_CONFIG_HOME=str(command.home / "config")).code == 2
    assert command("rule").code == 0
    assert os.environ.get("XDG_CONFIG_HOME") != str(command.home / "config")
