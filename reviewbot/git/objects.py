"""Reads objects of the repository around a folder by name, all with one process of git.

git.repository does more: it applies patches, for which it needs a repository of its own and GitPython, and to open it
takes longer than to review a patch. Here objects are only read, which runs no hook or filter of the repository.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple, Self

from reviewbot.git.cat_file import LARGEST, CatFile, GitObject, StartedCatFile, files_among, listed_among, tree_entries
from reviewbot.git.command import QUIET
from reviewbot.model.errors import InputError
from reviewbot.support.patterns import pattern

_LARGEST_TREE = 32 << 20  # bytes of one folder's listing
_LONGEST = 60  # seconds of a command
_PARENT = pattern(rb"^parent ([0-9a-f]{40,64})$", re.M)


class CommitObject(NamedTuple):
    """A commit: its id, those of its parents, and the message; bytes of it that are no UTF-8 are replaced."""

    id: str
    parents: tuple[str, ...]
    message: str


class Objects:
    """The objects of the repository around `folder`. Use it with `with`, which ends the process of git."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._cat_file = CatFile(self._start)
        self._absent = False  # there is no git, or no repository

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._cat_file.close()

    def find(self, name: str, most: int = LARGEST) -> GitObject | None:
        """The object of a name as in git-rev-parse(1) ("HEAD:Makefile", an id cut short), content up to `most` bytes.

        None if there is no such object, or more than one.
        """
        if self._absent or "\n" in name or "\0" in name:
            return None
        begins = not self._cat_file.has_started
        try:
            return self._cat_file.ask(name.encode("utf-8", "surrogateescape"), most)
        except (OSError, ValueError):  # if it has answered before, it gave up on a broken object
            self._absent = begins
            return None

    def file(self, name: str) -> bytes | None:
        """The bytes of a blob, None if there is none of this name, or it is larger than LARGEST."""
        found = self.find(name)
        return found.content if found is not None and found.kind == "blob" else None

    def files(self, tree: str, folder: str) -> dict[str, str]:
        """The regular files of a folder of a commit, the ids of their contents by name; {} for no such folder."""
        found = self.find(f"{tree}:{folder}", _LARGEST_TREE)
        if found is None or found.kind != "tree" or found.content is None:
            return {}
        return files_among(tree_entries(found.content, len(found.id) // 2))

    def listing(self, tree: str) -> dict[str, str]:
        """The regular files and the folders of a tree or commit, see Folders; {} for what is none."""
        found = self.find(f"{tree}^{{tree}}", _LARGEST_TREE)
        if found is None or found.content is None:
            return {}
        return listed_among(tree_entries(found.content, len(found.id) // 2))

    def contents(self, names: Sequence[str]) -> dict[str, bytes | None]:
        """The bytes of blobs by id, None for one that is larger than LARGEST, or not here."""
        return {name: self.file(name) for name in names}

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
            raise InputError(f"git {arguments[0]} timed out after {_LONGEST} s") from error
        return done.stdout if done.returncode == 0 else None

    @staticmethod
    def _env() -> dict[str, str]:
        return {**os.environ, **QUIET}

    def _start(self) -> StartedCatFile:
        process = subprocess.Popen(
            ("git", "cat-file", "--batch"),
            cwd=self.folder,
            env=self._env(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert process.stdin and process.stdout
        return StartedCatFile(process.stdin, process.stdout, partial(_end, process))


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    with suppress(OSError, ValueError):  # what was still to be said to it cannot be
        process.communicate()
