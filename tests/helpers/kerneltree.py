"""Commits to make in, a real git repository that looks like a small kernel tree out, and its patches as mails."""

from __future__ import annotations

import functools
import hashlib
import itertools
import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from reviewbot.git import apply
from reviewbot.git.repository import Repository
from reviewbot.mail import series
from reviewbot.model.patch import Patch, Series

LINES = "".join(f"int line_{number};\n" for number in range(40))
MAKEFILE = "# SPDX-License-Identifier: GPL-2.0\nVERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 3\nEXTRAVERSION =\n"
NOBODY = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "LC_ALL": "C.UTF-8",
    **{
        f"GIT_{who}_{what}": said for who in ("AUTHOR", "COMMITTER") for what, said in (("NAME", "A"), ("EMAIL", "a@b"))
    },
}


@functools.cache
def _first(form: str) -> Path:
    """A repository with a first commit, which those of the tests are copies of."""
    folder = Path(tempfile.mkdtemp(dir=os.environ["XDG_CACHE_HOME"])) / "first"
    made = object.__new__(KernelTree)
    made.folder, made.clock = folder, 1_700_000_000
    folder.mkdir()
    made.git("init", "--quiet", f"--object-format={form}", "-b", "main")
    for sample in (folder / ".git" / "hooks").iterdir():
        sample.unlink()
    made.commit("first", {"Makefile": MAKEFILE, "fs/a.c": LINES, "fs/b.c": LINES, "mm/c.c": LINES})
    return folder


class KernelTree:
    """A repository in `folder` with a first commit."""

    def __init__(self, folder: Path, form: str = "sha1") -> None:
        self.folder = folder
        self.clock = 1_700_000_060
        shutil.copytree(_first(form), folder, symlinks=True)
        self.git("update-index", "--refresh")  # it knows files by their times, and these are copies
        self.base = self.git("rev-parse", "HEAD")

    def git(self, *arguments: str, **env: str) -> str:
        command = ("git", "-C", str(self.folder), *arguments)
        done = subprocess.run(command, env={**NOBODY, **env}, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.decode("utf-8", "surrogateescape").strip("\n")

    def commit(self, subject: str, files: dict[str, str | bytes | None] | None = None) -> str:
        """Commit some files (None: removed) with whatever else was changed."""
        for name, content in (files or {}).items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if content is None:
                path.unlink()
            else:
                path.write_bytes(content if isinstance(content, bytes) else content.encode())
        self.clock += 60
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", subject, GIT_COMMITTER_DATE=f"{self.clock} +0000")
        return self.git("rev-parse", "HEAD")

    def edit(self, path: str, line: int, text: str) -> str:
        """Commit a change of one line of a file."""
        lines = (self.folder / path).read_text().split("\n")
        lines[line] = text
        return self.commit(f"change {path}", {path: "\n".join(lines)})

    def tree(self, rev: str) -> str:
        return self.git("rev-parse", rev + "^{tree}")

    def mails(self, *options: str) -> list[bytes]:
        """Commits as git format-patch writes them."""
        text = self.git("format-patch", "--quiet", "--stdout", "--thread", *options) + "\n"
        head = b"From "
        raw = text.encode("utf-8", "surrogateescape")
        parts = [part for part in raw.split(b"\n" + head) if part.strip()]
        return [part.partition(b"\n")[2] + b"\n" for part in parts]

    def series(self, *options: str):
        return series.newest(self.mails(*options))

    def back(self, rev: str | None = None) -> None:
        """What was made after a commit is only in mails from now on."""
        self.git("reset", "--quiet", "--hard", rev or self.base)
        self.git("reflog", "expire", "--expire=now", "--all")
        self.git("gc", "--quiet", "--prune=now")


@pytest.fixture(autouse=True)
def nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Whatever a test does, no temporary folder outlives it."""
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setenv("TMPDIR", str(place))
    yield
    assert list(place.iterdir()) == []


def placed(
    path: Path, found: Series, base: str | None = None, branches: Sequence[str] = ("HEAD",)
) -> apply.AppliedSeries:
    with Repository(path) as repository:
        return apply.apply_series(repository, found, base, branches)


def two(kernel: KernelTree, *options: str) -> tuple[Series, list[str]]:
    """A series of two patches to the same file, the second on the first, and the trees it goes through."""
    commits = [kernel.edit("fs/a.c", 3, "int first;"), kernel.edit("fs/a.c", 5, "int second;")]
    found = kernel.series(*options, kernel.base)
    trees = [kernel.tree(rev) for rev in (kernel.base, *commits)]
    return found, trees


def trees_of(done: apply.AppliedSeries) -> list[tuple[str | None, str | None]]:
    return [(patch.before, patch.after) for patch in done.series.patches]


def steps(trees: list[str]) -> list[tuple[str, str]]:
    return list(itertools.pairwise(trees))


def reasons(patch: Patch) -> list[str]:
    return [one.reason for one in patch.unread]


def snapshot(folder: Path) -> dict[str, tuple[int, float, str]]:
    """Every file and folder below, with mode, time and content; temporary folders of a run may come and go.

    An object that is made again gets a new time stamp: so git tells its garbage collection that it is in use.
    """
    found = {}
    for path in sorted(folder.rglob("*")):
        if "temporary" in path.parts:
            continue
        status = path.lstat()
        content = hashlib.sha256(path.read_bytes()).hexdigest() if stat.S_ISREG(status.st_mode) else ""
        found[str(path)] = status.st_mode, 0 if "objects" in path.parts else status.st_mtime_ns, content
    return found
