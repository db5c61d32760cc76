"""What is fetched, where the user allows it: real remotes on this disk, real clocks of files, and servers that fail."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from kerneltree import KernelTree, nothing_is_left, placed, snapshot
from reviewbot.git import apply
from reviewbot.git.bases.fetching import Fetching, FetchLimits
from reviewbot.git.repository import Repository

__all__ = ["nothing_is_left"]


class Desk:
    """A clone with a remote "net" that has moved on, and a series that is based on what is new there."""

    def __init__(self, folder: Path) -> None:
        self.up, self.mine = KernelTree(folder / "net.git-up"), KernelTree(folder / "linux")
        self.mine.git("remote", "add", "net", str(self.up.folder))
        self.mine.git("fetch", "--quiet", "net")
        (self.mine.folder / ".git/FETCH_HEAD").unlink()
        self.wanted = self.up.edit("fs/a.c", 10, "int new_there;")
        self.up.git("branch", "upstream")
        self.up.edit("fs/a.c", 11, "int ours;")
        self.series = _titled(self.up.series(f"--base={self.wanted}", self.wanted), "[PATCH net] a")
        self.up.back(self.wanted)
        self.said: list[str] = []
        self.told: list[str] = []

    def fetching(self, *, seconds: int = 30, minutes: int = 15, now: float | None = None) -> Fetching:
        clock = time.time if now is None else lambda: now
        return Fetching(FetchLimits(seconds, minutes), self.said.append, self.told.append, clock)

    def placed(self, fetching: Fetching | None, series=None) -> apply.AppliedSeries:
        with Repository(self.mine.folder) as repository:
            return apply.apply_series(repository, series or self.series, None, ("HEAD",), fetching)

    def age(self, minutes: float) -> None:
        then = time.time() - 60 * minutes
        os.utime(self.mine.folder / ".git/FETCH_HEAD", (then, then))


def _titled(found, subject: str):
    patches = tuple(replace(one, mail=replace(one.mail, subject=subject)) for one in found.patches)
    return replace(found, patches=patches)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_nothing_is_fetched_unless_it_is_allowed(desk):
    before = snapshot(desk.mine.folder)
    done = desk.placed(None)
    assert done.base is None or done.base.commit != desk.wanted
    assert snapshot(desk.mine.folder) == before


def test_the_remote_that_the_subject_names_is_fetched_and_has_the_base(desk):
    done = desk.placed(desk.fetching())
    assert (done.base.commit, done.base.how, done.reason) == (desk.wanted, "base-commit trailer", "")
    assert (desk.told, desk.said) == (["fetching net"], [])
    assert desk.mine.git("rev-parse", "net/upstream") == desk.wanted


def test_the_remote_of_a_configured_branch_and_of_a_line_of_maintainers(desk, tmp_path):
    plain = _titled(desk.series, "[PATCH] a")
    assert desk.placed(desk.fetching(), plain).base is None or not desk.told
    desk.mine.commit("areas", {"MAINTAINERS": f"FS\nT:\tgit {desk.up.folder.as_uri()} upstream\nF:\tfs/\n"})
    assert desk.placed(desk.fetching(), plain).base.commit == desk.wanted
    assert desk.told == ["fetching net"]
    with Repository(desk.mine.folder) as repository:
        other = desk.fetching(minutes=1, now=time.time() + 3600)
        found = replace(plain, base="1" * 40)
        assert apply.apply_series(repository, found, None, ("net/main",), other).base is not None
    assert desk.told == ["fetching net"] * 2


def test_a_base_that_is_here_needs_no_fetch(desk):
    desk.placed(desk.fetching())
    desk.placed(desk.fetching(now=time.time() + 86_400))
    assert desk.told == ["fetching net"]


def test_one_fetch_in_so_many_minutes_and_one_in_a_run(desk):
    unknown = replace(desk.series, base="1" * 40)
    run = desk.fetching()
    for _ in range(2):
        desk.placed(run, unknown)
    desk.placed(desk.fetching(), unknown)
    assert len(desk.told) == 1, "FETCH_HEAD is young, and names it"
    desk.age(14)
    desk.placed(desk.fetching(), unknown)
    assert len(desk.told) == 1
    desk.age(16)
    desk.placed(desk.fetching(), unknown)
    assert len(desk.told) == 2


def test_what_was_fetched_of_another_remote_says_nothing_of_this_one(desk, tmp_path):
    other = KernelTree(tmp_path / "other")
    desk.mine.git("remote", "add", "bpf", str(other.folder))
    desk.mine.git("fetch", "--quiet", "bpf")
    unknown = replace(desk.series, base="1" * 40)
    desk.placed(desk.fetching(), unknown)
    desk.placed(desk.fetching(), _titled(unknown, "[PATCH bpf] a"))
    desk.placed(desk.fetching(), unknown)
    assert desk.told == ["fetching net"], "and FETCH_HEAD goes on naming both"


def test_a_remote_that_is_gone_is_said_once_and_the_review_goes_on(desk, tmp_path):
    desk.up.folder.rename(tmp_path / "gone")
    run = desk.fetching()
    for _ in range(2):
        done = desk.placed(run)
    assert done.reason.startswith("base commit ")
    (said,) = desk.said
    assert said.startswith("git fetch net failed: ")
    assert said.endswith("; reviewed with what is here")


@pytest.fixture
def silent() -> Iterator[int]:
    """A server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_server_that_hangs_ends_after_its_seconds(desk, silent):
    desk.mine.git("remote", "set-url", "net", f"git://127.0.0.1:{silent}/net.git")
    begun = time.monotonic()
    desk.placed(desk.fetching(seconds=1))
    assert time.monotonic() - begun < 10
    why = "not done after 1 s (fetch_seconds under [tree] in config.toml)"
    assert desk.said == [f"git fetch net failed: {why}; reviewed with what is here"]


def test_no_hook_no_helper_and_no_other_protocol(desk, tmp_path):
    """What a URL names beside git's own transports is a program."""
    evil = tmp_path / "evil"
    for hook in ("reference-transaction", "post-merge"):
        path = desk.mine.folder / ".git/hooks" / hook
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\ntouch {evil}\n")
        path.chmod(0o755)
    assert desk.placed(desk.fetching()).base.commit == desk.wanted
    desk.mine.git("remote", "set-url", "net", f"ext::sh -c touch% {evil}")
    desk.mine.git("config", "protocol.ext.allow", "always")
    desk.placed(desk.fetching(now=time.time() + 86_400), replace(desk.series, base="1" * 40))
    assert not evil.exists()
    assert "not allowed" in desk.said[0]


def test_a_mail_names_no_remote_of_its_own(desk):
    """A word of a subject is no URL, and no option."""
    before = snapshot(desk.mine.folder)
    for word in ("--upload-pack=x", str(desk.up.folder), "../net", "--all", "."):
        desk.placed(desk.fetching(), _titled(desk.series, f"[PATCH {word}] a"))
    assert (desk.told, desk.said) == ([], [])
    assert snapshot(desk.mine.folder) == before


def test_a_base_that_no_reference_reaches_is_taken_while_it_is_there(desk):
    """As after a rebase, until git collects its garbage; then its name alone is known."""
    lost = desk.mine.edit("fs/a.c", 20, "int lost;")
    desk.mine.edit("fs/a.c", 21, "int ours;")
    found = desk.mine.series(f"--base={lost}", lost)
    desk.mine.git("reset", "--quiet", "--hard", desk.mine.base)
    assert placed(desk.mine.folder, found).base.commit == lost
    desk.mine.back()
    done = placed(desk.mine.folder, found)
    assert f"base commit {lost[:12]} is not in this tree" in done.reason
