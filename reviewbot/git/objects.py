"""Reads objects of the repository around a folder by name, all with one process of git.

git.repository does more: it applies patches, for which it needs a repository of its own and GitPython, and to open it
takes longer than to review a patch. Here objects are only read, which runs no hook or filter of the repository.
"""

from __future__ import annotations

import os
import re
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Self

from reviewbot.git.command import QUIET
from reviewbot.model.errors import InputError
from reviewbot.support.patterns import pattern

LARGEST = 4 << 20  # bytes of a file; of a larger one the content is not read
_LONGEST = 60  # seconds of a command
_ANSWER = pattern(rb"([0-9a-f]{40,64}) (blob|tree|commit|tag) ([0-9]+)")
_PARENT = pattern(rb"^parent ([0-9a-f]{40,64})$", re.M)


class GitObject(NamedTuple):
    """An object: its id, its type as git names it, and its bytes, None if they are more than the limit."""

    id: str
    kind: str
    content: bytes | None


class CommitObject(NamedTuple):
    """A commit: its id, those of its parents, and the message; bytes of it that are no UTF-8 are replaced."""

    id: str
    parents: tuple[str, ...]
    message: str


class Objects:
    """The objects of the repository around `folder`. Use it with `with`, which ends the process of git."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._batch: subprocess.Popen[bytes] | None = None
        self._absent = False  # there is no git, or no repository

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._hang_up()

    def find(self, name: str, most: int = LARGEST) -> GitObject | None:
        """The object of a name as in git-rev-parse(1) ("HEAD:Makefile", an id cut short), content up to `most` bytes.

        None if there is no such object, or more than one.
        """
        if self._absent or "\n" in name or "\0" in name:
            return None
        began = self._batch is None
        try:
            return self._ask(name.encode("utf-8", "surrogateescape"), most)
        except (OSError, ValueError):  # if it has answered before, it gave up on a broken object
            self._absent = began
            self._hang_up()
            return None
        except BaseException:
            self._hang_up()  # the rest of this answer would be taken for the next one
            raise

    def file(self, name: str) -> bytes | None:
        """The bytes of a blob, None if there is none of this name, or it is larger than LARGEST."""
        found = self.find(name)
        return found.content if found is not None and found.kind == "blob" else None

    def commit(self, name: str) -> CommitObject | None:
        """The commit of a name, None if there is none, or it is larger than 16 MiB."""
        found = self.find(name, 16 << 20)
        if found is None or found.kind != "commit" or found.content is None:
            return None
        head, _, message = found.content.partition(b"\n\n")
        parents = tuple(one.decode() for one in _PARENT.findall(head))
        return CommitObject(found.id, parents, message.decode("utf-8", "replace"))

    def run(self, *arguments: str, stdin: bytes = b"") -> bytes | None:
        """The output of a git command, None if it fails. Raises InputError without git, and after 60 seconds."""
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

    def _ask(self, name: bytes, most: int) -> GitObject | None:
        if self._batch is None:
            self._batch = subprocess.Popen(
                ("git", "cat-file", "--batch"),
                cwd=self.folder,
                env=self._env(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        stdin, stdout = self._batch.stdin, self._batch.stdout
        assert stdin and stdout
        stdin.write(name + b"\n")
        stdin.flush()
        line = stdout.readline()
        if not line:
            raise ValueError("no answer")
        answer = _ANSWER.fullmatch(line.rstrip(b"\n"))
        if answer is None:  # missing, or ambiguous
            return None
        kept, left = [], int(answer[3])
        wanted = left <= most
        while left:
            part = stdout.read(min(left, 1 << 16))
            if not part:
                raise ValueError("the answer ends early")
            left -= len(part)
            if wanted:
                kept.append(part)
        stdout.read(1)
        return GitObject(answer[1].decode(), answer[2].decode(), b"".join(kept) if wanted else None)

    def _hang_up(self) -> None:
        if self._batch is not None:
            batch, self._batch = self._batch, None
            batch.kill()
            with suppress(OSError, ValueError):  # what was still to be said to it cannot be
                batch.communicate()
