"""Branches and tags that a subject names, in a repository with several remotes."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from kerneltree import LINES, KernelTree, nothing_is_left, placed
from reviewbot.git.bases.subject import tree_words

__all__ = ["nothing_is_left"]

KORG = "git://git.kernel.org/pub/scm/linux/kernel/git"


@pytest.fixture
def kernel(tmp_path: Path) -> KernelTree:
    return KernelTree(tmp_path / "linux")


def branch(kernel: KernelTree, ref: str, above: int) -> str:
    """A commit that only this reference reaches, in which fs/a.c begins with so many more lines."""
    kernel.git("checkout", "--quiet", "--detach", "main")
    made = kernel.commit(ref, {"fs/a.c": "int above;\n" * above + LINES.replace("line_30", "thirty")})
    kernel.git("update-ref", ref, made)
    kernel.git("checkout", "--quiet", "main")
    return made


def named(kernel: KernelTree, subject: str, *, at: int = 5):
    """A patch to fs/a.c that fits wherever that line of it is, and knows no blob of the repository."""
    kernel.git("checkout", "--quiet", "--detach", "main")
    kernel.edit("fs/a.c", at, "int ours;")
    found = kernel.series("HEAD^")
    kernel.git("checkout", "--quiet", "main")
    (one,) = found.patches
    rows = [row for row in one.diff.split("\n") if not row.startswith("index ")]
    return replace(found, patches=(replace(one, diff="\n".join(rows), mail=replace(one.mail, subject=subject)),))


def taken(kernel: KernelTree, subject: str, *, at: int = 5) -> tuple[str, str]:
    done = placed(kernel.folder, named(kernel, subject, at=at))
    assert done.base is not None and done.reason == ""
    return done.base.commit, done.base.how


@pytest.mark.parametrize(
    ("subject", "words"),
    [
        ("[PATCH 5.15.y 1/2] mm: a", ("5.15.y",)),
        ("[PATCH net-next v3 02/10] net: b", ("net-next",)),
        ("[RFC PATCH v2 -next] c", ("next",)),
        ("Re: [dm-devel] [PATCH RESEND net,v2] [x] d", ("dm-devel", "net", "x")),
        ("[PATCHv2 for-6.18/block] e", ("for-6.18/block",)),
        ("[PATCH] [net] f: [PATCH bpf]", ("net",)),
        ("no brackets", ()),
        (f"[PATCH {'x' * 150}]", ()),
    ],
)
def test_words_of_a_subject(subject, words):
    assert tree_words([subject]) == words


def test_a_stable_branch_of_any_remote(kernel):
    stable = branch(kernel, "refs/remotes/stable/linux-5.15.y", 3)
    other = branch(kernel, "refs/remotes/stable/linux-5.10.y", 4)
    for subject in ("[PATCH 5.15.y] a", "[PATCH 5.15 123/500] a", "[PATCH stable v5.15] a", "[PATCH stable 5.15.33] a"):
        assert taken(kernel, subject)[0] == stable, subject
    assert taken(kernel, "[PATCH stable 5.10] a") == (other, '"5.10" in the subject, stable/linux-5.10.y')
    head = kernel.git("rev-parse", "main")
    for subject in ("[PATCH v5.15] a", "[PATCH 5.4.y] a", "[PATCH] 5.15.y: a"):
        assert taken(kernel, subject)[0] == head, f"{subject}: the version of a series, of no branch, of a title"


def test_the_newest_release_that_is_tagged(kernel):
    made = [branch(kernel, f"refs/tags/v5.15{tail}", at) for at, tail in enumerate(("", ".2", ".10", ".11-rc1"), 1)]
    kernel.git("tag", "-f", "-a", "-m", "signed", "v5.15.10", made[2])
    assert taken(kernel, "[PATCH 5.15] a") == (made[2], '"5.15" in the subject, v5.15.10')
    kernel.git("tag", "-d", "v5.15.10", "v5.15.2")
    assert taken(kernel, "[PATCH 5.15] a")[0] == made[0]


def test_a_remote_a_branch_and_a_branch_for_the_next_release(kernel):
    refs = {
        name: branch(kernel, f"refs/remotes/{name}", at)
        for at, name in enumerate(
            ("net-next/main", "other/phy-next", "linux-phy/fixes", "linux-phy/next", "tip/for-6.18/block"), 1
        )
    }
    kernel.git("remote", "add", "net-next", f"{KORG}/netdev/net-next.git")
    kernel.git("remote", "add", "linux-phy", "git@example.org:linux-phy")
    kernel.git("remote", "add", "other", f"{KORG}/a/b.git")
    assert taken(kernel, "[PATCH net-next 1/2] a")[0] == refs["net-next/main"]
    assert taken(kernel, "[PATCH phy-next] a")[0] == refs["other/phy-next"], "the branch of that very name"
    assert taken(kernel, "[PATCH phy] a") == (refs["linux-phy/fixes"], '"phy" in the subject, linux-phy/fixes')
    assert taken(kernel, "[PATCH for-6.18/block] a")[0] == refs["tip/for-6.18/block"]
    kernel.git("update-ref", "-d", "refs/remotes/other/phy-next")
    assert taken(kernel, "[PATCH phy-next] a")[0] == refs["linux-phy/next"]
    for other in ("bpf", "linux-phyx", "fixes-next", "../main", "*", "net-*", "refs/remotes/linux-phy/next"):
        assert taken(kernel, f"[PATCH {other}] a")[0] == kernel.git("rev-parse", "main"), other


def test_a_word_that_is_a_branch_by_chance(kernel):
    """Its hunks have to fit, as everywhere; a branch that every remote has tells nothing."""
    kernel.git("checkout", "--quiet", "-b", "test")
    kernel.commit("all other", {"fs/a.c": "int other;\n"})
    kernel.git("checkout", "--quiet", "main")
    head = kernel.git("rev-parse", "main")
    assert taken(kernel, "[PATCH test] a")[0] == head
    for at in range(5):
        branch(kernel, f"refs/remotes/r{at}/for-next", at + 1)
        branch(kernel, f"refs/remotes/r{at}/main", at + 1)
    assert taken(kernel, "[PATCH for-next] a")[0] == head
    assert taken(kernel, "[PATCH main] a")[0] == head


def test_of_several_the_one_that_the_hunks_fit(kernel):
    branch(kernel, "refs/remotes/one/net-next", 2)
    fits = branch(kernel, "refs/remotes/two/net-next", 2)
    kernel.git("checkout", "--quiet", "--detach", fits)
    wanted = kernel.commit("more", {"fs/a.c": (kernel.folder / "fs/a.c").read_text().replace("line_33", "more")})
    kernel.git("update-ref", "refs/remotes/two/net-next", wanted)
    kernel.edit("fs/a.c", 34, "int ours;")
    found = kernel.series("HEAD^")
    kernel.git("checkout", "--quiet", "main")
    (patch,) = found.patches
    diff = "\n".join(row for row in patch.diff.split("\n") if not row.startswith("index "))
    mail = replace(patch.mail, subject="[PATCH net-next] a")
    done = placed(kernel.folder, replace(found, patches=(replace(patch, diff=diff, mail=mail),)))
    assert (done.base.commit, done.base.how) == (wanted, '"net-next" in the subject, two/net-next')


def test_the_very_files_of_the_diff_go_above_the_subject(kernel):
    """And of two branches that have them the subject tells which."""
    kernel.git("remote", "add", "net-next", f"{KORG}/netdev/net-next.git")
    branch(kernel, "refs/remotes/net-next/main", 3)
    kernel.edit("fs/b.c", 4, "int ours;")
    found = kernel.series("HEAD^")
    kernel.back()
    (patch,) = found.patches
    named_ = replace(found, patches=(replace(patch, mail=replace(patch.mail, subject="[PATCH net-next] a")),))
    assert placed(kernel.folder, named_).base.how == '"net-next" in the subject, net-next/main'
    kernel.git("update-ref", "-d", "refs/remotes/net-next/main")
    assert placed(kernel.folder, named_).base.how == "blob ids of the diff"
