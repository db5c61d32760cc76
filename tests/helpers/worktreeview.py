"""A work tree in, what reviewbot takes for staged, not staged and untracked out; and a way to write into it."""

from __future__ import annotations

from pathlib import Path

from kerneltree import LINES, KernelTree, snapshot
from reviewbot.git import worktree
from reviewbot.git.commits import read_commits
from reviewbot.git.repository import Repository
from reviewbot.git.worktree import Index

OTHER = LINES.replace("int line_3;", "int other_3;")
THIRD = LINES.replace("int line_3;", "int third_3;")
ADDED = ["int other_3;"]


def said(path: Path, env: dict[str, str] | None = None, untracked: bool = False):
    """The lines that each group adds (removed files: None), by path, and what was not looked at; nothing is changed."""
    before = snapshot(path)
    found = seen(path, env, untracked)
    assert snapshot(path) == before
    return found


def seen(path: Path, env: dict[str, str] | None = None, untracked: bool = False):
    with Repository(path, env or {}) as repository:
        place = worktree.work_tree_of(repository)
        assert place is not None
        index = Index(repository, place, repository.commit("HEAD"))
        groups = [*index.staged(place.merging())[:1], *index.unstaged()]
        if untracked:
            groups += index.with_untracked(index.untracked())
        found = {
            change.label: {
                section.file.path: None
                if section.file.deleted
                else [
                    line[1:] for line in section.text.decode("utf-8", "surrogateescape").split("\n") if line[:1] == "+"
                ][1:]
                for section in change.sections
            }
            for change in read_commits(repository, groups, 1 << 20)
        }
        return found, [(one.path, one.reason) for one in index.unread]


def write(kernel: KernelTree, path: str, text: str | bytes) -> Path:
    place = kernel.folder / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(text if isinstance(text, bytes) else text.encode())
    return place
