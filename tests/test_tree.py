"""A series is applied where it belongs, and nothing of the repository is touched, run or fetched."""

from __future__ import annotations

import hashlib
import itertools
import os
import re
import stat
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from reviewbot import repository as repositories
from reviewbot import series, tree, treebase
from reviewbot.model import Patch, Series, UsageError
from reviewbot.repository import Repository

from kerneltree import LINES, KernelTree

HEAD = ("HEAD",)


@pytest.fixture
def kernel(tmp_path: Path) -> KernelTree:
    return KernelTree(tmp_path / "linux")


@pytest.fixture(autouse=True)
def nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Whatever a test does, no temporary folder outlives it."""
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    yield
    assert list(place.iterdir()) == []


def placed(path: Path, found: Series, base: str | None = None, branches=HEAD):
    with Repository(path) as repository:
        return tree.place(repository, found, base, branches)


def two(kernel: KernelTree, *options: str) -> tuple[Series, list[str]]:
    """A series of two patches to the same file, the second on the first, and the trees it goes through."""
    commits = [kernel.edit("fs/a.c", 3, "int first;"), kernel.edit("fs/a.c", 5, "int second;")]
    found = kernel.series(*options, kernel.base)
    trees = [kernel.tree(rev) for rev in (kernel.base, *commits)]
    return found, trees


def trees_of(done: tree.Placed) -> list[tuple[str | None, str | None]]:
    return [(patch.before, patch.after) for patch in done.series.patches]


def steps(trees: list[str]) -> list[tuple[str, str]]:
    return list(itertools.pairwise(trees))


def reasons(patch: Patch) -> list[str]:
    return [one.reason for one in patch.unread]


# --- what patches do ---


def test_each_patch_leads_to_the_tree_of_its_commit(kernel):
    """Every kind of change that git knows; git's own trees say what must come out."""
    kernel.commit(
        "before", {"tool": "#!/bin/sh\n", "old.c": LINES, "logo": bytes(range(256)), "end.c": "int a;\nint b;"}
    )
    start = kernel.git("rev-parse", "HEAD")
    (kernel.folder / "tool").chmod(0o755)
    commits = [kernel.commit("a mode")]
    kernel.git("mv", "old.c", "fs/new name.c")
    commits += [
        kernel.commit("a rename with a change", {"fs/new name.c": LINES.replace("line_7", "seven")}),
        kernel.commit("a new file", {"fs/sub/deep/d.c": "int d;\n", "fs/b.c": LINES + "int more;\n"}),
        kernel.commit("and gone", {"fs/sub/deep/d.c": None}),
        kernel.commit("bytes", {"logo": bytes(reversed(range(256)))}),
        kernel.commit("no end of line", {"end.c": "int a;\nint c;"}),
        kernel.commit("odd bytes", {"fs/a.c": LINES.encode().replace(b"line_9", b"line_9 /* \xe9 */")}),
        kernel.commit("a copy", {"fs/copy.c": LINES, "mm/c.c": LINES + "int x;\n"}),
        kernel.commit("an odd name", {'fs/"\xe4 b.c': "int q;\n"}),
        kernel.commit("an empty file", {"fs/empty.h": ""}),
    ]
    (kernel.folder / "link.c").symlink_to("fs/a.c")
    commits.append(kernel.commit("a link"))
    kernel.git("update-index", "--add", "--cacheinfo", f"160000,{kernel.base},sub")
    kernel.git("commit", "--quiet", "-m", "a submodule")
    commits.append(kernel.git("rev-parse", "HEAD"))
    found = kernel.series("--binary", "-M", "-C", "--find-copies-harder", start)
    done = placed(kernel.folder, found, start)
    assert done.reason == ""
    assert trees_of(done) == steps([kernel.tree(rev) for rev in (start, *commits)])
    assert all(patch.unread == () for patch in done.series.patches)


@pytest.mark.parametrize(
    "options", [["--no-prefix"], ["--src-prefix=i/", "--dst-prefix=w/"], ["--no-renames", "-U0"], []]
)
def test_the_ways_to_write_a_diff(kernel, options):
    if "-U0" in options:
        options = ["--no-renames", "-U1"]
    found, trees = two(kernel, *options)
    assert trees_of(placed(kernel.folder, found, kernel.base)) == steps(trees)


def test_a_plain_diff_without_git_lines(kernel):
    diff = "--- linux.orig/fs/a.c\t2024-01-01 00:00:00\n+++ linux/fs/a.c\t2024-01-02 00:00:00\n@@ -1,2 +1,2 @@\n"
    one = Patch(1, 1, "plain", "", diff + "-int line_0;\n+int zero;\n int line_1;\n")
    done = placed(kernel.folder, Series("plain", 1, (one,)))
    after = kernel.commit("plain", {"fs/a.c": LINES.replace("line_0", "zero")})
    assert trees_of(done) == [(kernel.tree(kernel.base), kernel.tree(after))]


def test_line_ends_of_the_mail_are_not_those_of_the_file(kernel):
    found, trees = two(kernel)
    crlf = tuple(replace(patch, diff=patch.diff.replace("\n", "\r\n")) for patch in found.patches)
    assert trees_of(placed(kernel.folder, replace(found, patches=crlf), kernel.base)) == steps(trees)


def test_a_file_with_crlf_is_its_own(kernel):
    start = kernel.commit("dos", {"dos.c": "int a;\r\nint b;\r\nint c;\r\n"})
    end = kernel.commit("dos", {"dos.c": "int a;\r\nint x;\r\nint c;\r\n"})
    done = placed(kernel.folder, kernel.series(start), start)
    assert trees_of(done) == [(kernel.tree(start), kernel.tree(end))]


def test_a_patch_that_applies_some_lines_off(kernel):
    kernel.edit("fs/a.c", 20, "int changed;")
    found = kernel.series(kernel.base)
    kernel.back()
    start = kernel.commit("more above", {"fs/a.c": "int above;\n" * 20 + LINES})
    end = kernel.edit("fs/a.c", 40, "int changed;")
    done = placed(kernel.folder, found, start)
    assert trees_of(done) == [(kernel.tree(start), kernel.tree(end))]


def test_a_binary_change_without_its_content_is_left_out_and_said(kernel):
    start = kernel.commit("logo", {"fs/[logo]*": bytes(range(256))})
    kernel.commit("both", {"fs/[logo]*": bytes(reversed(range(256))), "fs/a.c": LINES.replace("line_0", "zero")})
    found = kernel.series("--no-binary", start)
    assert "Binary files" in found.patches[0].diff
    done = placed(kernel.folder, found, start)
    kernel.back(start)
    only = kernel.commit("text alone", {"fs/a.c": LINES.replace("line_0", "zero")})
    assert trees_of(done) == [(kernel.tree(start), kernel.tree(only))]
    assert [(one.path, one.reason) for one in done.series.patches[0].unread] == [
        ("fs/[logo]*", "binary, and the mail does not hold its content")
    ]


def test_nothing_but_a_binary_change_without_its_content(kernel):
    start = kernel.commit("logo", {"logo": bytes(range(256))})
    kernel.commit("logo", {"logo": bytes(reversed(range(256)))})
    done = placed(kernel.folder, kernel.series("--no-binary", start), start)
    assert trees_of(done) == [(kernel.tree(start), kernel.tree(start))]


# --- what does not apply ---


def test_later_patches_wait_for_the_one_they_build_on_and_no_others_do(kernel):
    kernel.edit("fs/a.c", 1, "int one;")
    kernel.edit("fs/b.c", 2, "int two;")
    kernel.edit("fs/b.c", 3, "int three;")
    last = kernel.edit("mm/c.c", 4, "int four;")
    found = kernel.series(kernel.base)
    kernel.back()
    kernel.commit("in the way", {"fs/b.c": "int other;\n"})
    done = placed(kernel.folder, found, "HEAD")
    one, two_, three, four = done.series.patches
    assert (one.before, one.after) == (kernel.tree("HEAD"), four.before)
    assert four.after is not None and last
    assert (two_.before, two_.after, three.before, three.after) == (None,) * 4
    assert reasons(two_) == ["whole files: the patch does not apply: fs/b.c:1 is different there"]
    assert reasons(three) == ["whole files: the patch builds on patch 2/4, which is not applied"]
    assert reasons(one) == reasons(four) == []
    assert done.reason.startswith(f"on {kernel.git('rev-parse', 'HEAD')[:12]} (--base) patch 2/4 does not apply")


def test_a_file_that_is_there_already_and_one_that_is_not(kernel):
    kernel.commit("new", {"fs/n.c": "int n;\n"})
    made = kernel.series(kernel.base)
    kernel.commit("changed", {"fs/n.c": "int m;\n"})
    changed = kernel.series("HEAD^")
    done = placed(kernel.folder, made, "HEAD")
    assert reasons(done.series.patches[0]) == ["whole files: the patch does not apply: fs/n.c: already exists in index"]
    done = placed(kernel.folder, changed, kernel.base)
    assert reasons(done.series.patches[0]) == ["whole files: the patch does not apply: fs/n.c: does not exist in index"]


def test_a_damaged_patch_is_not_guessed_at(kernel):
    found, _ = two(kernel)
    broken = found.patches[0].diff.replace(" int line_1;\n", " int\nline_1;\n")
    assert broken != found.patches[0].diff
    other = (replace(found.patches[0], diff=broken), found.patches[1])
    done = placed(kernel.folder, replace(found, patches=other), kernel.base)
    assert trees_of(done) == [(None, None), (None, None)]
    assert reasons(done.series.patches[0]) == ["whole files: the patch cannot be applied, its diff is damaged"]
    assert done.base is not None, "what was asked for stays the base"


HOSTILE = ["../evil.c", ".git/hooks/post-checkout", "/etc/evil.c", "fs/../../evil.c", "fs/.GIT/config"]


@pytest.mark.parametrize("path", HOSTILE)
def test_a_path_that_leaves_the_tree_is_never_written(kernel, path):
    diff = f"diff --git a/{path} b/{path}\nnew file mode 100755\n--- /dev/null\n+++ b/{path}\n@@ -0,0 +1 @@\n+evil\n"
    before = snapshot(kernel.folder.parent)
    done = placed(kernel.folder, Series("evil", 1, (Patch(1, 1, "evil", "", diff),)))
    assert trees_of(done) == [(None, None)]
    assert snapshot(kernel.folder.parent) == before


@pytest.mark.parametrize("diff", ["", "no diff\n", "\ud800\n", "diff --git a/x b/x\nindex 0..1\n", "\0" * 100])
def test_text_that_is_no_patch(kernel, diff):
    done = placed(kernel.folder, Series("odd", 1, (Patch(1, 1, "odd", "", diff),)))
    assert done.series.patches[0].before == done.series.patches[0].after


def test_a_lone_surrogate_in_a_patch(kernel):
    found, _ = two(kernel)
    odd = replace(found.patches[0], diff=found.patches[0].diff.replace("int first;", "int \ud800;"))
    done = placed(kernel.folder, replace(found, patches=(odd,)), kernel.base)
    assert reasons(done.series.patches[0]) == ["whole files: the patch cannot be applied: its diff is no text"]


# --- which commit ---


def test_the_base_commit_trailer(kernel):
    found, trees = two(kernel, f"--base={kernel.base}", "--cover-letter")
    kernel.edit("fs/a.c", 3, "int other;")
    done = placed(kernel.folder, found)
    assert (done.base.commit, done.base.how) == (kernel.base, "base-commit trailer")
    assert trees_of(done) == steps(trees)
    assert done.series.base == kernel.base


def test_what_is_asked_for_goes_above_the_trailer(kernel):
    found, _ = two(kernel, f"--base={kernel.base}")
    kernel.back()
    other = kernel.commit("elsewhere", {"README": "x\n"})
    kernel.git("tag", "v6.12-rc1")
    done = placed(kernel.folder, found, "v6.12-rc1")
    assert (done.base.commit, done.base.how, done.reason) == (other, "--base", "")
    assert done.series.base == other


@pytest.mark.parametrize("rev", ["nope", "-n1", "--all", "v9", "HEAD~99", "f" * 40, "HEAD:Makefile", "", "a\nb"])
def test_what_is_asked_for_must_be_a_commit(kernel, rev):
    found, _ = two(kernel)
    with pytest.raises(UsageError, match="there is no such commit"):
        placed(kernel.folder, found, rev) if rev else placed(kernel.folder, found, " ")


def test_the_blob_ids_find_the_commit_that_the_author_had(kernel):
    kernel.edit("fs/b.c", 1, "int b1;")
    kernel.edit("fs/a.c", 1, "int a1;")
    wanted = kernel.commit("nothing of these files", {"README": "1\n"})
    kernel.base = wanted
    found, trees = two(kernel)
    kernel.back(wanted)
    kernel.edit("fs/a.c", 4, "int later;")
    kernel.edit("fs/b.c", 4, "int later;")
    done = placed(kernel.folder, found)
    assert (done.base.commit, done.base.how) == (wanted, "blob ids of the diff")
    assert trees_of(done) == steps(trees)


def test_the_blob_ids_on_a_side_branch_and_over_a_merge(kernel):
    kernel.git("checkout", "--quiet", "-b", "side")
    kernel.edit("fs/b.c", 1, "int side;")
    kernel.git("checkout", "--quiet", "main")
    kernel.edit("fs/a.c", 1, "int main;")
    kernel.git("merge", "--quiet", "--no-ff", "-m", "merge", "side")
    merge = kernel.git("rev-parse", "HEAD")
    kernel.edit("fs/a.c", 20, "int x;")
    kernel.edit("fs/b.c", 20, "int x;")
    found = kernel.series(merge)
    kernel.back(merge)
    kernel.edit("fs/a.c", 22, "int later;")
    done = placed(kernel.folder, found)
    assert (done.base.commit, done.base.how, done.reason) == (merge, "blob ids of the diff", "")


def test_blob_ids_are_those_before_the_series_and_not_between_its_patches(kernel):
    kernel.commit("new", {"fs/n.c": "int n;\n"})
    kernel.git("mv", "fs/b.c", "fs/moved.c")
    kernel.commit("moved", {"fs/n.c": "int m;\n"})
    kernel.edit("fs/moved.c", 1, "int x;")
    kernel.edit("fs/a.c", 1, "int x;")
    kernel.edit("fs/a.c", 2, "int y;")
    ids = treebase.wanted(kernel.series("-M", kernel.base))
    blob = kernel.git("rev-parse", f"{kernel.base}:fs/a.c")
    assert list(ids) == ["fs/a.c"]
    assert blob.startswith(ids["fs/a.c"])


def test_the_first_branch_that_takes_the_whole_series(kernel):
    found, _ = two(kernel, "--full-index")
    odd = tuple(
        replace(one, diff=re.sub(r"index \w+\.\.\w+", "index 1111111..2222222", one.diff)) for one in found.patches
    )
    kernel.back()
    kernel.git("checkout", "--quiet", "-b", "next")
    there = kernel.commit("next", {"README": "next\n"})
    kernel.git("checkout", "--quiet", "main")
    kernel.edit("fs/a.c", 5, "int in_the_way;")
    done = placed(kernel.folder, replace(found, patches=odd), branches=("gone", "main", "next"))
    assert (done.base.commit, done.base.how, done.reason) == (there, "next", "")


def test_a_trailer_that_does_not_take_the_series_is_not_the_last_word(kernel):
    kernel.edit("fs/a.c", 3, "int needed;")
    needed = kernel.git("rev-parse", "HEAD")
    kernel.edit("fs/a.c", 4, "int first;")
    found = replace(kernel.series(needed), base=kernel.base, prerequisites=("1" * 40,))
    done = placed(kernel.folder, found)
    assert (done.base.commit, done.reason) == (needed, "")


def test_the_reason_where_no_commit_fits(kernel):
    found, _ = two(kernel)
    kernel.back()
    found = replace(found, base="1234567890ab" + "0" * 28, prerequisites=("1" * 40, "2" * 40))
    kernel.commit("all other", {"fs/a.c": "int other;\n"})
    kernel.git("checkout", "--quiet", "--orphan", "fresh")
    head = kernel.commit("no history")
    done = placed(kernel.folder, found, branches=("HEAD", "gone"))
    assert done.base is None
    assert trees_of(done) == [(None, None), (None, None)]
    assert done.reason == (
        f"base commit 1234567890ab is not in this tree; gone names no commit in this tree; on {head[:12]} (HEAD) "
        "patch 1/2 does not apply: fs/a.c:1 is different there; the series asks for 2 other patches to be applied "
        "first: fetch what it is based on, or name a commit with --base"
    )
    assert [one.reason.startswith("whole files: base commit 1234567890ab is not") for one in done.series.unread] == [
        True
    ]
    assert all(patch.unread == () for patch in done.series.patches), "one reason, said once"


def test_prerequisites_are_read_from_the_mails(kernel):
    kernel.edit("fs/b.c", 1, "int before;")
    kernel.edit("fs/a.c", 1, "int ours;")
    found = kernel.series(f"--base={kernel.base}", "HEAD^")
    assert (found.base, len(found.prerequisites)) == (kernel.base, 1)


# --- which repositories ---


def cloned(kernel: KernelTree, *options: str) -> Path:
    path = kernel.folder.parent / "clone"
    kernel.git("config", "uploadpack.allowFilter", "true")
    kernel.git("clone", "--quiet", *options, f"file://{kernel.folder}", str(path))
    return path


def snapshot(folder: Path) -> dict[str, tuple[int, float, str]]:
    """Every file and folder below, with mode, time and content; temporary folders of a run may come and go.

    An object that is made again gets a new time stamp: so git tells its garbage collection that it is in use.
    """
    found = {}
    for path in sorted(folder.rglob("*")):
        if "temporary" in path.parts:
            continue
        status = path.lstat()
        content = hashlib.sha256(path.read_bytes()).hexdigest() if stat.S_ISREG(status.st_mode) else ""
        found[str(path)] = status.st_mode, 0 if "objects" in path.parts else status.st_mtime_ns, content
    return found


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
        ("empty", "no git"),
        ("file", "no git"),
        ("fake", "no git"),
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
    for name in ("post-index-change", "post-checkout", "reference-transaction", "pre-auto-gc", "fsmonitor-watchman"):
        (kernel.folder / ".git" / "hooks").mkdir(exist_ok=True)
        (kernel.folder / ".git" / "hooks" / name).symlink_to(trap)
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
        *("remote.origin.vcs", "alias.rev-parse", "core.alternateRefsCommand"),
    ):
        kernel.git("config", key, str(trap))
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


def test_settings_of_the_user_change_nothing(kernel, tmp_path, monkeypatch):
    found, trees = two(kernel)
    settings = tmp_path / "gitconfig"
    settings.write_text("[core]\n\tautocrlf = true\n\twhitespace = tab-in-indent\n[apply]\n\twhitespace = error-all\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "apply.ignoreWhitespace")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "change")
    assert trees_of(placed(kernel.folder, found, kernel.base)) == steps(trees)


# --- bounds ---


def test_time_is_bounded(kernel):
    found, _ = two(kernel)
    with Repository(kernel.folder) as repository:
        repository.allow(0)
        done = tree.place(repository, found, None, HEAD)
    assert done.base is None
    assert done.reason.startswith("git took too long (seconds under [tree] in config.toml)")


def test_an_interrupt_leaves_nothing_and_no_process(kernel, monkeypatch):
    found, _ = two(kernel)
    calls = []

    def interrupted(*_arguments):
        calls.append(1)
        raise KeyboardInterrupt

    monkeypatch.setattr(tree, "_apply", interrupted)
    with pytest.raises(KeyboardInterrupt):
        placed(kernel.folder, found, kernel.base)
    assert calls == [1]


def test_an_answer_cut_off_is_not_taken_for_the_next(kernel, monkeypatch):
    """A time limit may strike while a file is read."""
    kernel.commit("large", {"large.c": "int x;\n" * 100_000})
    top = kernel.tree("HEAD")
    with Repository(kernel.folder) as repository:
        assert repository.read(top, "Makefile")
        ask = repository._ask

        def cut(name, most):
            repository._batch.stdin.write(f"{name}\n".encode())
            repository._batch.stdin.flush()
            repository._batch.stdout.read(3)
            raise TimeoutError

        monkeypatch.setattr(repository, "_ask", cut)
        assert repository.read(top, "large.c") is None
        monkeypatch.setattr(repository, "_ask", ask)
        assert repository.read(top, "fs/a.c") == LINES.encode()


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
        done = tree.place(repository, two(kernel)[0], "HEAD", ())
        version, names = tree.kernel_of(repository, done, ("include/linux/gfp.h", "include/gone.h"))
        assert (version, names) == ((6, 12), {"define", "FOO"})
        assert tree.kernel_of(repository, done, ("gone.h",)) == ((6, 12), None)


def test_mails_of_any_series_are_taken_as_they_come(kernel):
    """Patches of one mail each, through the same door as a thread's."""
    found, trees = two(kernel, f"--base={kernel.base}")
    again = series.newest(list(reversed(kernel.mails(f"--base={kernel.base}", kernel.base))))
    assert trees_of(placed(kernel.folder, again)) == trees_of(placed(kernel.folder, found)) == steps(trees)
