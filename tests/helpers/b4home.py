"""A folder in; somebody who works with b4 in a kernel tree, with a home and settings of their own, out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from copy import copy
from pathlib import Path

import reviewbot
from command import TIMEOUT, Command
from kerneltree import KernelTree

DRIVER = Path(__file__).with_name("b4driver.py")
OWN = "maintainer@example.org"


class B4Home:
    """`tree` is the kernel tree they stand in; nothing else of this machine's settings is seen."""

    def __init__(self, folder: Path) -> None:
        self.tree = KernelTree(folder / "linux")
        self.reviewbot = Command(folder)
        self.reviewbot.work = self.tree.folder
        home = self.reviewbot.home
        programs = folder / "bin"
        programs.mkdir()
        program = programs / "reviewbot"
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -m reviewbot "$@"\n')
        program.chmod(0o755)
        self.env = {
            "PATH": f"{programs}:{os.environ['PATH']}",
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home / "config"),
            "XDG_DATA_HOME": str(home / "data"),
            "XDG_CACHE_HOME": str(home / "cache"),  # b4's, which remembers what checks said
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": str(home / ".gitconfig"),
            "GIT_EDITOR": "true",
            "PYTHONPATH": str(Path(reviewbot.__file__).parents[1]),
            "LC_ALL": "C.UTF-8",
        }
        self.reviewbot.env |= self.env
        (home / ".gitconfig").write_text(f"[user]\nname = Maya Maintainer\nemail = {OWN}\n")

    def move(self, old: Path, new: Path) -> None:
        """Go on in a copy."""
        self.tree = copy(self.tree)
        self.reviewbot = copy(self.reviewbot)
        self.tree.folder = self.reviewbot.work = new / self.tree.folder.relative_to(old)
        self.reviewbot.home = new / self.reviewbot.home.relative_to(old)
        self.env = {key: value.replace(str(old), str(new)) for key, value in self.env.items()}
        self.reviewbot.env = {**self.reviewbot.env, **self.env}

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            ("git", *arguments), cwd=self.tree.folder, env=self.env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip("\n")

    def b4(self, job: str, *given):
        """What b4driver.py says of a job."""
        done = subprocess.run(
            [sys.executable, "-W", "ignore", str(DRIVER), job, json.dumps(given)],
            cwd=self.tree.folder,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
        assert done.returncode == 0, done.stderr + done.stdout
        return json.loads(done.stdout.splitlines()[-1])

    def mbox(self, mails: list[bytes]) -> str:
        path = self.reviewbot.home / "thread.mbox"
        path.write_bytes(b"".join(b"From mboxrd@z Thu Jan  1 00:00:00 1970\n" + one + b"\n" for one in mails))
        return str(path)
