"""Every kind of repository is read as it is; nothing of it is touched, run or fetched."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from kerneltree import LINES, KernelTree, nothing_is_left, placed, snapshot, steps, trees_of, two
from reviewbot.git import apply
from reviewbot.git import repository as repositories
from reviewbot.git.repository import Repository
from reviewbot.model.errors import UsageError

__all__ = ["nothing_is_left"]


@pytest.fixture
def kernel(tmp_path: Path) -> KernelTree:
    return KernelTree(tmp_path / "linux")


# --- which repositories ---


def cloned(kernel: KernelTree, *options: str) -> Path:
    path = kernel.folder.parent / "clone"
    kernel.git("config", "uploadpack.allowFilter", "true")
    kernel.git("clone", "--quiet", *options, f"file://{kernel.folder}", str(path))
    return path


@pytest.mark.parametrize("options", [["--bare"], ["--mirror"], ["--depth=1"], ["--no-checkout"], ["--shared"]])
def test_kinds_of_clones(kernel, options):
    found, trees = two(kernel)
    kernel.back()
    path = cloned(kernel, *options) if options != ["--shared"] else kernel.folder.parent / "clone"
    if options == ["--shared"]:
        kernel.git("clone", "--quiet", "--shared", str(kernel.folder), str(path))
    before = snapshot(kernel.folder.parent)
    assert trees_of(placed(path, found)) == steps(trees)
    assert snapshot(kernel.folder.parent) == before


def test_a_shallow_clone_says_what_would_help(kernel):
    found, _ = two(kernel, f"--base={kernel.base}")
    kernel.back()
    kernel.commit("all other", {"fs/a.c": "int other;\n"})
    done = placed(cloned(kernel, "--depth=1"), found)
    assert done.reason.startswith(f"base commit {kernel.base[:12]} is not in this tree, a shallow clone; ")
    assert done.reason.endswith(": git fetch --unshallow, or name a commit with --base")


def test_a_partial_clone_is_not_filled(kernel):
    """Blobs that were not fetched are not here; with its origin in reach nothing is fetched all the same."""
    found, trees = two(kernel)
    kernel.back()
    whole = cloned(kernel, "--filter=blob:none")
    done = placed(whole, found)
    assert trees_of(done) == steps(trees), "a checkout has fetched what HEAD needs"
    bare = kernel.folder.parent / "bare"
    kernel.git("clone", "--quiet", "--bare", "--filter=blob:none", f"file://{kernel.folder}", str(bare))
    before = snapshot(kernel.folder.parent)
    done = placed(bare, found)
    assert done.base is None
    assert "fs/a.c" in done.reason
    with Repository(bare) as repository:
        assert repository.commit("HEAD") == kernel.base
        assert repository.read(kernel.tree("HEAD"), "fs/a.c") is None
        assert repository.entry(kernel.tree("HEAD"), "fs/a.c") is not None
    assert snapshot(kernel.folder.parent) == before


def test_a_linked_worktree_has_its_own_head(kernel):
    found, trees = two(kernel)
    kernel.back()
    kernel.git("worktree", "add", "--quiet", "../linked", "-b", "linked")
    kernel.commit("main goes on", {"fs/a.c": "int other;\n", "fs/b.c": None})
    done = placed(kernel.folder.parent / "linked", found)
    assert (done.base.commit, trees_of(done)) == (kernel.base, steps(trees))


def test_a_folder_inside_the_tree_will_do(kernel):
    found, trees = two(kernel)
    assert trees_of(placed(kernel.folder / "fs", found, kernel.base)) == steps(trees)


def test_replace_refs_are_not_believed(kernel):
    found, trees = two(kernel)
    kernel.back()
    fake = kernel.commit("fake", {"fs/a.c": "int fake;\n"})
    kernel.git("reset", "--quiet", "--hard", kernel.base)
    kernel.git("replace", kernel.base, fake)
    done = placed(kernel.folder, found)
    assert (done.base.commit, trees_of(done)) == (kernel.base, steps(trees))


def test_grafts_hide_nothing(kernel):
    found, trees = two(kernel)
    kernel.back()
    kernel.edit("fs/a.c", 8, "int later;")
    head = kernel.edit("fs/b.c", 8, "int later;")
    (kernel.folder / ".git" / "info").mkdir(exist_ok=True)
    (kernel.folder / ".git" / "info" / "grafts").write_text(f"{head}\n")
    done = placed(kernel.folder, found)
    assert (done.base.commit, trees_of(done)) == (kernel.base, steps(trees))


def test_broken_refs_are_in_nobodys_way(kernel):
    found, trees = two(kernel)
    kernel.back()
    (kernel.folder / ".git" / "refs" / "heads" / "broken").write_text("no id\n")
    (kernel.folder / ".git" / "refs" / "heads" / "nowhere").write_text("1" * 40 + "\n")
    done = placed(kernel.folder, found, branches=("broken", "nowhere", "HEAD"))
    assert trees_of(done) == steps(trees)
    with Repository(kernel.folder) as repository:
        assert repository.commit("broken") is repository.commit("nowhere") is None


def test_a_repository_with_the_longer_ids(tmp_path):
    kernel = KernelTree(tmp_path / "linux", "sha256")
    found, trees = two(kernel, f"--base={kernel.base}")
    done = placed(kernel.folder, found)
    assert (done.base.how, trees_of(done)) == ("base-commit trailer", steps(trees))
    assert len(done.base.commit) == 64
    with Repository(kernel.folder) as repository:
        assert repository.read(trees[0], "fs/a.c") == LINES.encode()


def test_a_repository_without_commits(tmp_path):
    kernel = KernelTree(tmp_path / "linux")
    found, _ = two(kernel)
    kernel.git("init", "--quiet", "../empty")
    done = placed(tmp_path / "empty", found)
    assert done.base is None
    assert done.reason.startswith("HEAD names no commit in this tree: ")


def test_no_repository(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("x")
    (tmp_path / "fake" / ".git").mkdir(parents=True)
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / ".git").write_text("gitdir: /nonexistent\n")
    for name, said in (
        ("gone", "no such folder"),
        ("empty", "is not a git"),
        ("file", "is not a git"),
        ("fake", "is not a git"),
        ("torn", ""),
    ):
        with pytest.raises(UsageError, match=re.escape(str(tmp_path / name)) + ".*" + said):
            Repository(tmp_path / name)


def test_a_broken_configuration_is_gits_to_refuse(kernel):
    (kernel.folder / ".git" / "config").write_text("[core\nrepositoryformatversion = 0\n")
    with pytest.raises(UsageError, match="--tree"):
        Repository(kernel.folder)


def test_a_repository_of_somebody_else(kernel, monkeypatch):
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    with pytest.raises(UsageError, match=r"belongs to somebody else; .* safe\.directory"):
        Repository(kernel.folder)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_repository_that_may_not_be_read(kernel):
    (kernel.folder / ".git").chmod(0)
    try:
        with pytest.raises(UsageError, match="--tree"):
            Repository(kernel.folder)
    finally:
        (kernel.folder / ".git").chmod(0o755)


def test_an_environment_that_speaks_of_another_repository(kernel, tmp_path, monkeypatch):
    """As in a hook, where git says which repository and index it is at."""
    found, trees = two(kernel)
    other = KernelTree(tmp_path / "other")
    monkeypatch.setenv("GIT_DIR", str(other.folder / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other.folder))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other.folder / ".git" / "index"))
    monkeypatch.setenv("GIT_OBJECT_DIRECTORY", str(other.folder / ".git" / "objects"))
    before = snapshot(tmp_path)
    assert trees_of(placed(kernel.folder, found, kernel.base)) == steps(trees)
    assert snapshot(tmp_path) == before
    assert os.environ["GIT_DIR"] == str(other.folder / ".git")


# --- nothing is touched, nothing is run ---


def test_nothing_of_the_repository_is_run_or_changed(kernel, tmp_path):
    """Everything by which a repository can have a command run when somebody looks at it."""
    trap, ran = tmp_path / "trap", tmp_path / "ran"
    trap.write_text(f'#!/bin/sh\necho "$0 $@" >> {ran}\nexit 1\n')
    trap.chmod(0o755)
    kernel.commit("attributes", {".gitattributes": "*.c filter=trap diff=trap merge=trap text eol=crlf\n"})
    kernel.base = kernel.git("rev-parse", "HEAD")
    found, trees = two(kernel)
    kernel.back()
    (kernel.folder / "fs" / "a.c").write_text("int not_committed;\n")
    (kernel.folder / "untracked.c").write_text("int untracked;\n")
    (tmp_path / "hooks").mkdir()
    (kernel.folder / ".git" / "hooks").mkdir(exist_ok=True)
    for name in ("post-index-change", "post-checkout", "reference-transaction", "pre-auto-gc", "fsmonitor-watchman"):
        for place in (kernel.folder / ".git" / "hooks", tmp_path / "hooks"):
            (place / name).symlink_to(trap)
    for key in (
        *("core.fsmonitor", "core.pager", "core.editor", "core.sshCommand", "core.gitProxy", "core.askPass"),
        *("filter.trap.clean", "filter.trap.smudge", "filter.trap.process", "diff.external", "diff.trap.command"),
        *(
            "diff.trap.textconv",
            "merge.trap.driver",
            "credential.helper",
            "remote.origin.uploadpack",
            "pager.rev-parse",
        ),
        *("remote.origin.vcs", "alias.rev-parse", "core.alternateRefsCommand", "gpg.program", "gpg.ssh.program"),
        *("diff.trap.xfuncname", "core.attributesFile", "interactive.diffFilter", "uploadpack.packObjectsHook"),
    ):
        kernel.git("config", key, str(trap))
    kernel.git("config", "core.hooksPath", str(tmp_path / "hooks"))
    kernel.git("config", "log.showSignature", "true")
    kernel.git("config", "remote.origin.url", f"ext::{trap} %S")
    kernel.git("config", "remote.origin.promisor", "true")
    kernel.git("config", "protocol.ext.allow", "always")
    kernel.git("config", "apply.whitespace", "error-all")
    kernel.git("config", "core.repositoryFormatVersion", "1")
    kernel.git("config", "extensions.partialClone", "origin")
    before = snapshot(kernel.folder)
    done = placed(kernel.folder, replace(found, base="1" * 40), branches=("gone", "2" * 40, "HEAD"))
    assert trees_of(done) == steps(trees)
    assert not ran.exists(), ran.read_text()
    assert snapshot(kernel.folder) == before


# --- reading ---


def test_what_can_be_read(kernel, monkeypatch):
    (kernel.folder / "link.c").symlink_to("fs/a.c")
    (kernel.folder / "out.c").symlink_to("/etc/passwd")
    kernel.git("update-index", "--add", "--cacheinfo", f"160000,{kernel.base},sub")
    kernel.commit("odd", {"with\nline.c": "int x;\n", "run.sh": "x\n", "empty.c": "", "big.c": b"x" * 5000})
    top = kernel.tree("HEAD")
    monkeypatch.setattr(repositories, "LARGEST", 4000)
    with Repository(kernel.folder) as repository:
        there = {name: repository.read(top, name) for name in ("fs/a.c", "with\nline.c", "run.sh", "empty.c")}
        assert there == {"fs/a.c": LINES.encode(), "with\nline.c": b"int x;\n", "run.sh": b"x\n", "empty.c": b""}
        for name in (
            "link.c",
            "out.c",
            "sub",
            "fs",
            "fs/",
            "",
            "/",
            "/fs/a.c",
            "fs/../fs/a.c",
            "gone.c",
            "fs/a.c/x",
            "big.c",
        ):
            assert repository.read(top, name) is None, name
        assert repository.read("f" * 40, "fs/a.c") is repository.read("HEAD", "fs/a.c") is None
        assert repository.read(kernel.git("rev-parse", "HEAD:fs/a.c"), "x") is None, "a blob is no tree"
        assert repository.read(top, "fs/a.c") == LINES.encode()


def test_a_damaged_object_is_as_good_as_none(kernel):
    top = kernel.tree("HEAD")
    blob = kernel.git("rev-parse", "HEAD:fs/a.c")
    kernel.edit("mm/c.c", 1, "int x;")
    top = kernel.tree("HEAD")
    path = kernel.folder / ".git" / "objects" / blob[:2] / blob[2:]
    path.chmod(0o644)
    path.write_bytes(b"no zlib stream")
    with Repository(kernel.folder) as repository:
        assert repository.read(top, "Makefile") is not None
        assert repository.read(top, "fs/a.c") is None
        assert repository.read(top, "Makefile") is not None


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("VERSION = 6\nPATCHLEVEL = 12\n", (6, 12)),
        ("VERSION=7\nPATCHLEVEL\t=\t0\nEXTRAVERSION = -rc3\n", (7, 0)),
        ("VERSION = 6\n", None),
        ("VERSION = $(shell rm -rf /)\nPATCHLEVEL = 1\n", None),
        ("KVERSION = 6\nPATCHLEVEL = 1\n", None),
        ("", None),
    ],
)
def test_the_version_of_a_tree(kernel, text, version):
    kernel.commit("another", {"Makefile": text})
    with Repository(kernel.folder) as repository:
        assert repository.version(kernel.tree("HEAD")) == version


def test_the_names_of_a_trees_headers(kernel):
    kernel.commit("headers", {"include/linux/gfp.h": "#define FOO 1 /* BAR */\n// BAZ\n"})
    with Repository(kernel.folder) as repository:
        done = apply.apply_series(repository, two(kernel)[0], "HEAD", ())
        version, names = apply.kernel_of_base(repository, done, ("include/linux/gfp.h", "include/gone.h"))
        assert (version, names) == ((6, 12), {"define", "FOO"})
        assert apply.kernel_of_base(repository, done, ("gone.h",)) == ((6, 12), None)
