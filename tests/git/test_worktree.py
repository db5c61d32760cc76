"""An index and a work tree in every state that git can leave them in; what is staged and what is not, out."""

from __future__ import annotations

import os
import subprocess

import pytest

from kerneltree import LINES, NOBODY, KernelTree, nothing_is_left
from reviewbot.model.errors import InputError
from worktreeview import ADDED, OTHER, THIRD, said, seen, write

__all__ = ["nothing_is_left"]


@pytest.fixture
def kernel(tmp_path) -> KernelTree:
    return KernelTree(tmp_path / "linux")


# --- what people do to files ---


def staged(kernel):
    write(kernel, "fs/a.c", OTHER)
    kernel.git("add", "fs/a.c")


def unstaged(kernel):
    write(kernel, "fs/a.c", OTHER)


def partially(kernel):
    staged(kernel)
    write(kernel, "fs/a.c", OTHER + "int more;\n")


def staged_and_taken_back(kernel):
    staged(kernel)
    write(kernel, "fs/a.c", LINES)


def removed(kernel):
    kernel.git("rm", "--quiet", "fs/a.c")
    (kernel.folder / "fs/b.c").unlink()


def removed_from_the_index_alone(kernel):
    kernel.git("rm", "--quiet", "--cached", "fs/a.c")


def intended(kernel):
    write(kernel, "fs/new.c", "int new;\n")
    kernel.git("add", "--intent-to-add", "fs/new.c")


def intended_and_gone(kernel):
    intended(kernel)
    (kernel.folder / "fs/new.c").unlink()


def renamed(kernel):
    kernel.git("mv", "fs/a.c", "fs/z.c")
    write(kernel, "fs/z.c", OTHER)


def executable(kernel):
    (kernel.folder / "fs/a.c").chmod(0o755)


def staged_mode(kernel):
    kernel.git("update-index", "--chmod=+x", "fs/a.c")


def touched(kernel):
    os.utime(kernel.folder / "fs/a.c", (1, 1))


def linked(kernel):
    (kernel.folder / "fs/a.c").unlink()
    (kernel.folder / "fs/a.c").symlink_to("/etc/passwd")


def folder_is_a_link(kernel):
    (kernel.folder / "fs").rename(kernel.folder.parent / "elsewhere")
    (kernel.folder / "fs").symlink_to("../elsewhere")


def pipe(kernel):
    (kernel.folder / "fs/a.c").unlink()
    os.mkfifo(kernel.folder / "fs/a.c")
    write(kernel, "fs/b.c", OTHER)


def folder(kernel):
    (kernel.folder / "fs/a.c").unlink()
    write(kernel, "fs/a.c/x.c", "int x;\n")
    write(kernel, "fs/b.c", OTHER)


def assumed(kernel):
    kernel.git("update-index", "--assume-unchanged", "fs/a.c")
    write(kernel, "fs/a.c", OTHER)


def skipped(kernel):
    kernel.git("update-index", "--skip-worktree", "fs/a.c")
    (kernel.folder / "fs/a.c").unlink()


def no_source(kernel):
    write(kernel, "Makefile", "VERSION = 7\n")
    kernel.git("add", "Makefile")
    write(kernel, "fs/b.c", OTHER)


def odd_names(kernel):
    for name in (
        "-dash.c",
        "a b.c",
        "tab\tin.c",
        '"q".c',
        "caf\u00e9.c",
        os.fsdecode(b"\xff.c"),
        "$(x).c",
        ":!x.c",
        "*.c",
    ):
        write(kernel, f"fs/{name}", "int odd;\n")
    kernel.git("add", "--all")
    write(kernel, "fs/*.c", "int odder;\n")


ODD = ("-dash.c", "a b.c", '"q".c', "caf\u00e9.c", "\udcff.c", "$(x).c", ":!x.c", "*.c")
EDITS = (
    (staged, {"staged": {"fs/a.c": ADDED}}),
    (unstaged, {"not staged": {"fs/a.c": ADDED}}),
    (partially, {"staged": {"fs/a.c": ADDED}, "not staged": {"fs/a.c": ["int more;"]}}),
    (staged_and_taken_back, {"staged": {"fs/a.c": ADDED}, "not staged": {"fs/a.c": ["int line_3;"]}}),
    (removed, {"staged": {"fs/a.c": None}, "not staged": {"fs/b.c": None}}),
    (removed_from_the_index_alone, {"staged": {"fs/a.c": None}}),
    (intended, {"not staged": {"fs/new.c": ["int new;"]}}),
    (intended_and_gone, {}),
    (renamed, {"staged": {"fs/z.c": []}, "not staged": {"fs/z.c": ADDED}}),
    (executable, {}),
    (staged_mode, {"staged": {"fs/a.c": []}}),
    (touched, {}),
    (assumed, {}),
    (skipped, {}),
    (no_source, {"staged": {}, "not staged": {"fs/b.c": ADDED}}),
    (odd_names, {"staged": {f"fs/{name}": ["int odd;"] for name in ODD}, "not staged": {"fs/*.c": ["int odder;"]}}),
    (pipe, {"not staged": {"fs/b.c": ADDED}}),
    (folder, {"not staged": {"fs/a.c": None, "fs/b.c": ADDED}}),
    (linked, {"not staged": {"fs/a.c": None}}),
    (folder_is_a_link, {}),
)


@pytest.mark.parametrize(("edit", "expected"), EDITS, ids=[edit.__name__ for edit, _ in EDITS])
def test_what_an_edit_leaves(kernel, edit, expected):
    edit(kernel)
    found, _ = said(kernel.folder)
    assert found == expected


@pytest.mark.parametrize("form", ["sha1", "sha256"])
@pytest.mark.parametrize("edit", [partially, removed, intended])
def test_the_same_before_the_first_commit_and_with_longer_ids(tmp_path, form, edit):
    kernel = KernelTree(tmp_path / "linux", form)
    edit(kernel)
    assert said(kernel.folder)[0] == dict(EDITS)[edit]
    kernel.git("checkout", "--quiet", "--orphan", "fresh")
    found, _ = said(kernel.folder)
    assert set(found["staged"]) >= {"mm/c.c"}
    assert found.get("not staged") == dict(EDITS)[edit].get("not staged")


def test_untracked_files_are_a_group_of_their_own(kernel):
    write(kernel, "fs/new.c", "int new;\n")
    write(kernel, "fs/new.txt", "no source\n")
    partially(kernel)
    assert said(kernel.folder)[0] == dict(EDITS)[partially]
    assert said(kernel.folder, untracked=True)[0] == {**dict(EDITS)[partially], "untracked": {"fs/new.c": ["int new;"]}}


def test_a_file_that_was_edited_in_the_moment_of_its_staging(kernel):
    """Its size and time are those that the index has: git then looks into it, and has to do so in the copy as well."""
    for _ in range(5):
        write(kernel, "fs/a.c", OTHER)
        kernel.git("add", "fs/a.c")
        now = (kernel.folder / ".git/index").stat().st_mtime_ns
        os.utime(write(kernel, "fs/a.c", THIRD), ns=(now, now))
        status = (kernel.folder / "fs/a.c").stat()
        kernel.git("update-index", "--add", "--cacheinfo", f"100644,{kernel.git('hash-object', '-w', 'fs/a.c')},fs/a.c")
        write(kernel, "fs/a.c", OTHER)
        os.utime(kernel.folder / "fs/a.c", ns=(status.st_atime_ns, status.st_mtime_ns))
        assert said(kernel.folder)[0] == {"staged": {"fs/a.c": ["int third_3;"]}, "not staged": {"fs/a.c": ADDED}}
        kernel.git("reset", "--quiet", "--hard")


def test_a_file_that_cannot_be_read_does_not_stop_the_others(kernel):
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    unstaged(kernel)
    write(kernel, "fs/b.c", OTHER).chmod(0)
    try:
        found, unread = seen(kernel.folder)
    finally:
        (kernel.folder / "fs/b.c").chmod(0o644)
    assert found == dict(EDITS)[unstaged]
    assert unread == [("fs/b.c", 'git cannot read it: open("fs/b.c"): Permission denied')]


@pytest.mark.parametrize(("edit", "paths"), [(pipe, ["fs/a.c"]), (folder_is_a_link, ["fs/a.c", "fs/b.c"])])
def test_a_file_that_is_none_any_more_is_named(kernel, edit, paths):
    edit(kernel)
    _, unread = said(kernel.folder)
    assert [path for path, _ in unread] == paths
    assert all(reason.startswith("git cannot read it: ") for _, reason in unread)


# --- what is between a file and its object ---


def test_no_filter_is_run(kernel, tmp_path):
    ran = tmp_path / "ran"
    for place in (".gitattributes", ".git/info/attributes"):
        write(kernel, place, "fs/a.c filter=evil\n")
        kernel.git("config", "filter.evil.clean", f"touch {ran}; cat")
        unstaged(kernel)
        write(kernel, "fs/b.c", OTHER)
        found, unread = said(kernel.folder)
        assert not ran.exists()
        assert found == {"not staged": {"fs/b.c": ADDED}}
        assert unread == [("fs/a.c", "a filter (gitattributes) changes what is in it, and none is run here")]
        (kernel.folder / place).unlink()


@pytest.mark.parametrize("setting", ["core.autocrlf=input", "core.autocrlf=true", ".gitattributes"])
def test_ends_of_lines_are_as_git_takes_them(kernel, setting):
    if setting.startswith("core"):
        kernel.git("config", *setting.split("="))
    else:
        write(kernel, setting, "*.c text\n")
    write(kernel, "fs/a.c", OTHER.replace("\n", "\r\n"))
    assert said(kernel.folder)[0] == {"not staged": {"fs/a.c": ADDED}}


def test_nothing_that_is_configured_is_run(kernel, tmp_path):
    ran = tmp_path / "ran"
    for name in ("core.fsmonitor", "diff.external", "diff.c.textconv", "core.sshCommand", "core.pager"):
        kernel.git("config", name, f"touch {ran}; false")
    (kernel.folder / ".git/hooks").mkdir(exist_ok=True)
    for name in ("post-index-change", "pre-commit", "fsmonitor-watchman"):
        path = write(kernel, f".git/hooks/{name}", f"#!/bin/sh\ntouch {ran}\n")
        path.chmod(0o755)
    write(kernel, ".git/info/attributes", "*.c diff=c\n")
    partially(kernel)
    ran.unlink(missing_ok=True)
    assert said(kernel.folder)[0] == dict(EDITS)[partially]
    assert not ran.exists()


# --- forms of an index ---


def split(kernel):
    kernel.git("update-index", "--split-index")


def version_4(kernel):
    kernel.git("update-index", "--index-version", "4")


def untracked_cache(kernel):
    kernel.git("update-index", "--untracked-cache")


def sparse(kernel):
    kernel.git("sparse-checkout", "set", "--cone", "--sparse-index", "fs")


def no_checksum(kernel):
    kernel.git("config", "index.skipHash", "true")
    kernel.git("update-index", "--refresh")


def without_file_modes(kernel):
    kernel.git("config", "core.fileMode", "false")
    (kernel.folder / "fs/b.c").chmod(0o755)


@pytest.mark.parametrize("form", [split, version_4, untracked_cache, sparse, no_checksum, without_file_modes])
def test_an_index_of_another_form(kernel, form):
    form(kernel)
    assert said(kernel.folder)[0] == {}
    partially(kernel)
    assert said(kernel.folder)[0] == dict(EDITS)[partially]


def test_an_index_elsewhere(kernel, tmp_path):
    """As git commit -a and git commit FILE give it to a hook."""
    other = tmp_path / "other-index"
    kernel.git("read-tree", "HEAD", GIT_INDEX_FILE=str(other))
    staged(kernel)
    assert said(kernel.folder)[0] == {"staged": {"fs/a.c": ADDED}}
    assert said(kernel.folder, {"GIT_INDEX_FILE": str(other)})[0] == {"not staged": {"fs/a.c": ADDED}}


def test_an_index_that_cannot_be_read(kernel):
    (kernel.folder / ".git/index").unlink()
    (kernel.folder / ".git/index").mkdir()
    with pytest.raises(InputError, match="the index cannot be read: Is a directory"):
        said(kernel.folder)


def test_a_linked_work_tree_has_an_index_of_its_own(kernel, tmp_path):
    kernel.git("worktree", "add", "--quiet", "--detach", str(tmp_path / "linked"))
    staged(kernel)
    linked = tmp_path / "linked"
    assert said(linked)[0] == {}
    write(kernel, "../linked/fs/b.c", OTHER)
    assert said(linked)[0] == {"not staged": {"fs/b.c": ADDED}}
    assert said(kernel.folder)[0] == {"staged": {"fs/a.c": ADDED}}
    env = {"GIT_DIR": str(kernel.folder / ".git/worktrees/linked"), "GIT_INDEX_FILE": "", "GIT_WORK_TREE": str(linked)}
    del env["GIT_INDEX_FILE"]
    assert said(linked, env)[0] == {"not staged": {"fs/b.c": ADDED}}, "as a hook of it is told"


def test_a_submodule_is_a_repository_of_its_own(kernel, tmp_path):
    other = KernelTree(tmp_path / "other")
    kernel.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(other.folder), "sub")
    kernel.commit("a submodule")
    write(kernel, "sub/fs/a.c", OTHER)
    assert said(kernel.folder)[0] == {}
    subprocess.run(["git", "-C", kernel.folder / "sub", "commit", "-qam", "x"], env=NOBODY, check=True)
    kernel.git("add", "sub")
    assert said(kernel.folder)[0] == {"staged": {}}
    write(kernel, "sub/fs/b.c", OTHER)
    assert said(kernel.folder / "sub")[0] == {"not staged": {"fs/b.c": ADDED}}
