"""A work tree in the midst of a merge, a rebase or a cherry-pick: what is staged and what is not."""

from __future__ import annotations

import subprocess

import pytest

from kerneltree import NOBODY, KernelTree, nothing_is_left
from reviewbot.git import worktree
from reviewbot.git.commits import read_commits
from reviewbot.git.repository import Repository
from reviewbot.git.worktree import Index
from worktreeview import ADDED, OTHER, THIRD, said, write

__all__ = ["nothing_is_left"]


@pytest.fixture
def kernel(tmp_path) -> KernelTree:
    return KernelTree(tmp_path / "linux")


def failing(kernel: KernelTree, *arguments: str) -> None:
    done = subprocess.run(("git", "-C", kernel.folder, *arguments), env=NOBODY, capture_output=True, check=False)
    assert done.returncode != 0, "a conflict was expected"


def diverged(kernel: KernelTree) -> None:
    """HEAD, and a branch that does not go together with it: in fs/a.c they differ, fs/b.c is changed by the branch."""
    kernel.git("checkout", "--quiet", "-b", "side")
    kernel.commit("side", {"fs/a.c": THIRD, "fs/b.c": OTHER})
    kernel.git("checkout", "--quiet", "main")
    kernel.commit("main", {"fs/a.c": OTHER})


CONFLICT = [("fs/a.c", "it has a conflict that is not solved")]
MIDST = (
    (("merge", "side"), {}),  # fs/b.c is as the branch has it
    (("cherry-pick", "side"), {"fs/b.c": ADDED}),
    (("rebase", "side"), {}),
)


@pytest.mark.parametrize(("command", "expected"), MIDST, ids=[command[0] for command, _ in MIDST])
def test_a_conflict_is_said_and_the_rest_looked_at(kernel, command, expected):
    diverged(kernel)
    failing(kernel, *command)
    found, unread = said(kernel.folder)
    assert (found, unread) == ({"staged": expected} if expected else {}, CONFLICT)
    write(kernel, "mm/c.c", OTHER)
    found, unread = said(kernel.folder)
    assert (found.pop("not staged"), unread) == ({"mm/c.c": ADDED}, CONFLICT)
    write(kernel, "fs/a.c", OTHER + "int solved;\n")
    kernel.git("add", "fs/a.c")
    found, unread = said(kernel.folder)
    assert unread == []
    assert "int solved;" in found["staged"]["fs/a.c"]


def test_a_file_that_one_side_removed(kernel):
    diverged(kernel)
    kernel.commit("gone", {"fs/a.c": None})
    failing(kernel, "merge", "side")
    assert said(kernel.folder) == ({}, CONFLICT)


def test_of_a_merge_only_what_no_side_has(kernel):
    diverged(kernel)
    failing(kernel, "merge", "side")
    write(kernel, "fs/a.c", OTHER)
    write(kernel, "mm/c.c", "int c;\n")
    kernel.git("add", "fs/a.c", "mm/c.c")
    kernel.git("rm", "--quiet", "-f", "fs/b.c")
    write(kernel, "fs/a.c", OTHER + "int later;\n")
    expected = {"staged": {"fs/b.c": None, "mm/c.c": ["int c;"]}, "not staged": {"fs/a.c": ["int later;"]}}
    assert said(kernel.folder) == (expected, [])
    with Repository(kernel.folder) as repository:
        place = worktree.work_tree_of(repository)
        made = Index(repository, place, repository.commit("HEAD")).staged(place.merging())
        assert [one.parent for one in made] == [kernel.git("rev-parse", rev) for rev in ("HEAD", "side")]
        seen = [
            [section.file.path for section in change.sections] for change in read_commits(repository, made, 1 << 20)
        ]
    assert seen == [["fs/b.c", "mm/c.c"], ["fs/b.c", "mm/c.c"]]


def test_a_conflict_before_the_first_commit(kernel):
    diverged(kernel)
    failing(kernel, "merge", "side")
    kernel.git("symbolic-ref", "HEAD", "refs/heads/unborn")
    found, unread = said(kernel.folder)
    assert unread == CONFLICT
    assert "fs/a.c" not in found["staged"]
