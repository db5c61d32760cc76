"""The repository one stands in; what git has there by a name in, its bytes out: one process for all that is asked.

This is no second repository.py: that one applies patches, for which it needs a repository of its own and GitPython,
and to open it takes longer than to review a patch. Here things are looked up, which runs nothing of the repository.
"""

from __future__ import annotations

import os
import re
import subprocess
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple, Self

from reviewbot.git.cat_file import LARGEST, Batch, CatFile, GitObject
from reviewbot.git.command import QUIET
from reviewbot.model.errors import InputError
from reviewbot.support.patterns import pattern

_LONGEST = 60  # seconds of a command
_PARENT = pattern(rb"^parent ([0-9a-f]{40,64})$", re.M)


class CommitObject(NamedTuple):
    id: str
    parents: tuple[str, ...]
    message: str


class Objects:
    """What git finds from `folder` on, None for a name that means nothing there, or not one thing; close it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._cat_file = CatFile(self._start)
        self._absent = False  # there is no git, or no repository

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._cat_file.close()

    def find(self, name: str, most: int = LARGEST) -> GitObject | None:
        """What a name as git-rev-parse(1) has them ("HEAD:Makefile", an id cut short) means."""
        if self._absent or "\n" in name or "\0" in name:
            return None
        begins = not self._cat_file.has_started
        try:
            return self._cat_file.ask(name.encode("utf-8", "surrogateescape"), most)
        except (OSError, ValueError):  # if it has answered before, it gave up on a broken object
            self._absent = begins
            return None

    def file(self, name: str) -> bytes | None:
        """The bytes of a file."""
        found = self.find(name)
        return found.content if found is not None and found.kind == "blob" else None

    def commit(self, name: str) -> CommitObject | None:
        found = self.find(name, 16 << 20)
        if found is None or found.kind != "commit" or found.content is None:
            return None
        head, _, message = found.content.partition(b"\n\n")
        parents = tuple(one.decode() for one in _PARENT.findall(head))
        return CommitObject(found.id, parents, message.decode("utf-8", "replace"))

    def run(self, *arguments: str, stdin: bytes = b"") -> bytes | None:
        """What a git command prints; None where it fails. Raises InputError without git, or if it takes too long."""
        try:
            command = ("git", "-c", "core.fsmonitor=false", *arguments)
            done = subprocess.run(
                command,
                cwd=self.folder,
                env=self._env(),
                input=stdin,
                capture_output=True,
                timeout=_LONGEST,
                check=False,
            )
        except FileNotFoundError as error:
            raise InputError("git is not installed") from error
        except subprocess.TimeoutExpired as error:
            raise InputError(f"git {arguments[0]} took more than {_LONGEST} s") from error
        return done.stdout if done.returncode == 0 else None

    @staticmethod
    def _env() -> dict[str, str]:
        return {**os.environ, **QUIET}

    def _start(self) -> Batch:
        process = subprocess.Popen(
            ("git", "cat-file", "--batch"),
            cwd=self.folder,
            env=self._env(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert process.stdin and process.stdout
        return Batch(process.stdin, process.stdout, partial(_end, process))


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    with suppress(OSError, ValueError):  # what was still to be said to it cannot be
        process.communicate()
