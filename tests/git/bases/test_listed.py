"""Trees that MAINTAINERS names for the files of a series, by the remotes that the user has of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from kerneltree import LINES, KernelTree, nothing_is_left, placed
from reviewbot.git.bases.references import remote_url

__all__ = ["nothing_is_left"]

KORG = "git://git.kernel.org/pub/scm/linux/kernel/git"
MAINTAINERS = f"""\
List of areas
=============

\tF: *not* a pattern

A SYSTEM OF FILES
M:\tA <a@b>
T:\tquilt {KORG}/quilt/fs
T:\tgit {KORG}/fs/linux-fs.git next
F:\tfs/
X:\tfs/b.c

MEMORY
T:\tgit {KORG}/mm/linux
F:\tmm/

REST
T:\tgit {KORG}/torvalds/linux.git
F:\t*
F:\t*/
"""


@pytest.fixture
def kernel(tmp_path: Path) -> KernelTree:
    made = KernelTree(tmp_path / "linux")
    made.commit("areas", {"MAINTAINERS": MAINTAINERS})
    return made


def add(kernel: KernelTree, remote: str, url: str, *branches: str) -> dict[str, str]:
    """A remote with branches, each with a commit of its own in which every file has one more line on top."""
    kernel.git("remote", "add", remote, url)
    found = {}
    for name in branches:
        kernel.git("checkout", "--quiet", "--detach", "main")
        path = {one: f"int {remote}_{name.replace('-', '_')};\n" + LINES for one in ("fs/a.c", "fs/b.c", "mm/c.c")}
        found[name] = kernel.commit(f"{remote} {name}", path)
        kernel.git("update-ref", f"refs/remotes/{remote}/{name}", found[name])
    kernel.git("checkout", "--quiet", "main")
    return found


def how(kernel: KernelTree, path: str, branch: str) -> tuple[str, str]:
    """Where a patch is put that was made on a branch, and of which the tree knows no blob."""
    kernel.git("checkout", "--quiet", "--detach", branch)
    lines = (kernel.folder / path).read_text().split("\n")
    kernel.commit("unknown", {path: "\n".join([*lines[:35], "int unknown;", *lines[35:]])})
    kernel.edit(path, 3, "int ours;")
    found = kernel.series("HEAD^")
    kernel.git("checkout", "--quiet", "main")
    kernel.git("reflog", "expire", "--expire=now", "--all")
    kernel.git("gc", "--quiet", "--prune=now")
    done = placed(kernel.folder, found)
    assert done.reason == "", done.reason
    return done.base.commit, done.base.how


def test_the_tree_of_the_area_by_its_url(kernel):
    fs = add(kernel, "my-fs", "https://git.kernel.org/pub/scm/linux/kernel/git/fs/linux-fs", "next", "master")
    add(kernel, "origin", f"{KORG}/torvalds/linux", "master")
    assert how(kernel, "fs/a.c", "my-fs/next") == (fs["next"], "T: line of MAINTAINERS, my-fs/next")
    assert how(kernel, "fs/b.c", "origin/master")[1] == "T: line of MAINTAINERS, origin/master", "excluded"


def test_a_tree_without_a_branch_has_one_for_the_next_release(kernel):
    mm = add(kernel, "mm", "ssh://git@git.kernel.org/pub/scm/linux/kernel/git/mm/linux.git/", "master", "mm-next")
    assert how(kernel, "mm/c.c", "mm/mm-next") == (mm["mm-next"], "T: line of MAINTAINERS, mm/mm-next")
    assert how(kernel, "mm/c.c", "mm/master") == (mm["master"], "T: line of MAINTAINERS, mm/master")


def test_two_remotes_of_one_tree(kernel):
    add(kernel, "old", f"{KORG}/fs/linux-fs.git", "next")
    kernel.git("remote", "rename", "old", "zz")
    new = add(kernel, "new", "git@gitolite.kernel.org:pub/scm/linux/kernel/git/fs/linux-fs", "next")
    assert how(kernel, "fs/a.c", "new/next") == (new["next"], "T: line of MAINTAINERS, new/next")
    assert how(kernel, "fs/a.c", "zz/next")[1] == "T: line of MAINTAINERS, zz/next"


def test_other_trees_are_none_of_the_area(kernel):
    """Another owner, another host with a short path, and what quilt has; also a tree without the file."""
    add(kernel, "fork", f"{KORG}/someone/linux-fs.git", "next")
    add(kernel, "quilt", f"{KORG}/quilt/fs", "next")
    head = kernel.git("rev-parse", "main")
    kernel.git("checkout", "--quiet", "--detach", "main")
    kernel.edit("fs/a.c", 30, "int unknown;")
    kernel.edit("fs/a.c", 3, "int ours;")
    found = kernel.series("HEAD^")
    kernel.git("checkout", "--quiet", "main")
    kernel.back("main")
    assert placed(kernel.folder, found).base.commit == head
    kernel.commit("no areas", {"MAINTAINERS": None})
    assert placed(kernel.folder, found).base.how == "HEAD"


def test_the_user_rewrites_urls(kernel):
    kernel.git("config", "url.git://git.kernel.org/pub/scm/linux/kernel/git/.insteadOf", "korg:")
    add(kernel, "my-fs", "korg:fs/linux-fs.git", "next")
    assert how(kernel, "fs/a.c", "my-fs/next")[1] == "T: line of MAINTAINERS, my-fs/next"


def test_a_path_with_signs_of_a_pattern_is_itself(kernel):
    path = "fs/[a]*?.c"
    kernel.git("checkout", "--quiet", "main")
    kernel.commit("odd", {path: LINES})
    fs = add(kernel, "my-fs", "https://git.kernel.org/pub/scm/linux/kernel/git/fs/linux-fs", "next")
    assert how(kernel, path, "my-fs/next") == (fs["next"], "T: line of MAINTAINERS, my-fs/next")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("git://a.org/x.git", "https://user@a.org:8080/x", True),
        ("git@a.org:x/y.git", "ssh://a.org/x/y/", True),
        ("git://a.org/x.git", "git://b.org/x.git", False),
        ("git://a.org/1/2/3/4.git", "https://b.org/1/2/3/4", True),
        ("/srv/linux/.git", "file:///srv/linux", True),
        ("", "", False),
        ("git://a.org/", "git://a.org", False),
    ],
)
def test_which_urls_are_one_repository(one, other, same):
    assert remote_url(one).is_same(remote_url(other)) is same
