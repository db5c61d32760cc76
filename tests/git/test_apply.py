"""A series is applied where it belongs, and nothing of the repository is touched, run or fetched."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from kerneltree import LINES, KernelTree, nothing_is_left, placed, reasons, snapshot, steps, trees_of, two
from reviewbot.git import apply as tree
from reviewbot.git import cat_file, patching
from reviewbot.git.bases import blobs
from reviewbot.git.repository import Repository
from reviewbot.mail import series
from reviewbot.model.patch import Patch, Series

__all__ = ["nothing_is_left"]


@pytest.fixture
def kernel(tmp_path: Path) -> KernelTree:
    return KernelTree(tmp_path / "linux")


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


def by_turns(kernel: KernelTree) -> list[str]:
    """Two files change places by way of a third name, and one of them is changed."""
    kernel.git("mv", "fs/a.c", "fs/x.c")
    commits = [kernel.commit("one")]
    kernel.git("mv", "fs/b.c", "fs/a.c")
    commits.append(kernel.commit("two", {"fs/a.c": LINES.replace("line_4", "four")}))
    kernel.git("mv", "fs/x.c", "fs/b.c")
    return [*commits, kernel.commit("three", {"fs/b.c": LINES.replace("line_9", "nine")})]


def at_once(kernel: KernelTree) -> list[str]:
    kernel.git("mv", "fs/a.c", "fs/x.c")
    kernel.git("mv", "fs/b.c", "fs/a.c")
    kernel.git("mv", "fs/x.c", "fs/b.c")
    return [kernel.commit("both", {"fs/a.c": LINES.replace("line_", "row_"), "fs/b.c": LINES.replace("line_9", "n")})]


def another_kind(kernel: KernelTree) -> list[str]:
    """A file becomes a folder, another a link."""
    (kernel.folder / "mm/c.c").unlink()
    (kernel.folder / "mm/c.c").symlink_to("../fs/a.c")
    commits = [kernel.commit("a link"), kernel.commit("gone", {"fs/b.c": None})]
    return [*commits, kernel.commit("a folder", {"fs/b.c/x.c": LINES})]


def rewritten(kernel: KernelTree) -> list[str]:
    return [kernel.commit("all new", {"fs/b.c": "int other;\n" * 80}), kernel.edit("fs/b.c", 70, "int more;")]


def removed(kernel: KernelTree) -> list[str]:
    """One that is changed before and one that comes back after; an empty one; one in the middle of other changes."""
    commits = [kernel.commit("before", {"fs/empty.c": "", "fs/[b]*.c": "int odd;\n"}), kernel.edit("fs/b.c", 5, "x")]
    gone = {"fs/b.c": None, "fs/[b]*.c": None, "fs/empty.c": None, "fs/a.c": LINES.replace("line_3", "three")}
    commits += [kernel.commit("gone", gone), kernel.commit("only gone", {"mm/c.c": None})]
    return [*commits, kernel.commit("back", {"fs/b.c": "int again;\n"})]


@pytest.mark.parametrize(
    ("make", "options"),
    [
        (by_turns, ["-M"]),
        (at_once, ["-M", "-B"]),
        (another_kind, ["-M"]),
        (rewritten, ["-B"]),
        (removed, ["-D"]),
        (removed, ["-D", "-M", "--no-prefix"]),
    ],
)
def test_patches_that_build_on_each_other(kernel, make, options):
    commits = make(kernel)
    found = kernel.series(*options, kernel.base)
    done = placed(kernel.folder, found, kernel.base)
    assert done.reason == ""
    assert trees_of(done) == steps([kernel.tree(rev) for rev in (kernel.base, *commits)])


def test_a_file_is_not_removed_unseen_unless_it_is_the_one_that_is_meant(kernel):
    kernel.commit("gone", {"fs/b.c": None})
    found = kernel.series("-D", kernel.base)
    kernel.back()
    for files, said in (({"fs/b.c": "int other;\n"}, "different there"), ({"fs/b.c": None}, "not there")):
        kernel.commit("in the way", files)
        done = placed(kernel.folder, found, "HEAD")
        assert reasons(done.series.patches[0]) == [f"whole files: the patch does not apply: fs/b.c is {said}"]


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
    assert reasons(two_) == ["whole files: the patch does not apply: fs/b.c: hunk 1 (line 1) fits nowhere"]
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


@pytest.mark.parametrize("length", [300, 200_000])
def test_a_path_of_any_length(kernel, length):
    blob = kernel.git("rev-parse", "HEAD:fs/a.c")
    path = f"fs/{'x' * length}.c"
    head = f"diff --git a/{path} b/{path}\nindex {blob}..1234567 100644\n"
    binary = f"{head}Binary files a/{path} and b/{path} differ\n"
    text = f"{head}--- a/{path}\n+++ b/{path}\n@@ -1 +1 @@\n-a\n+b\n"
    diffs = (text, binary, binary + kernel.git("show", "--format="))
    patches = tuple(Patch(number, 3, "long", "", diff) for number, diff in enumerate(diffs, 1))
    done = placed(kernel.folder, Series("long", 1, patches))
    assert done.series.patches[0].after is None


def test_a_lone_surrogate_in_a_patch(kernel):
    found, _ = two(kernel)
    odd = replace(found.patches[0], diff=found.patches[0].diff.replace("int first;", "int \ud800;"))
    done = placed(kernel.folder, replace(found, patches=(odd,)), kernel.base)
    assert reasons(done.series.patches[0]) == ["whole files: the patch cannot be applied: its diff is no text"]


# --- bounds ---


def test_time_is_bounded(kernel):
    found, _ = two(kernel)
    with Repository(kernel.folder) as repository:
        repository.allow(0)
        done = tree.apply_series(repository, found, None, ("HEAD",))
    assert done.base is None
    assert done.reason.startswith("git took too long (seconds under [tree] in config.toml)")


def test_what_was_applied_in_time_stays_applied(kernel, monkeypatch):
    found, trees = two(kernel)
    apply = patching._apply

    def slow(repository, patch, files, at):
        if patch.number == 2:
            repository.allow(0)
        return apply(repository, patch, files, at)

    monkeypatch.setattr(patching, "_apply", slow)
    done = placed(kernel.folder, found, kernel.base)
    assert trees_of(done) == [(trees[0], trees[1]), (None, None)]
    assert reasons(done.series.patches[1])[0].startswith("whole files: the patch cannot be applied: git took too long")


def test_a_search_that_takes_too_long_leaves_time_for_the_branches(kernel, monkeypatch):
    found, trees = two(kernel)
    kernel.back()
    kernel.edit("fs/a.c", 30, "int later;")
    monkeypatch.setattr(blobs, "_SHARE", 0)
    done = placed(kernel.folder, found)
    assert (done.base.how, done.reason) == ("HEAD", "")
    monkeypatch.undo()
    assert trees_of(placed(kernel.folder, found)) == steps(trees)


def test_an_interrupt_leaves_nothing_and_no_process(kernel, monkeypatch):
    found, _ = two(kernel)
    calls = []

    def interrupted(*_arguments):
        calls.append(1)
        raise KeyboardInterrupt

    monkeypatch.setattr(patching, "_apply", interrupted)
    with pytest.raises(KeyboardInterrupt):
        placed(kernel.folder, found, kernel.base)
    assert calls == [1]


def test_an_answer_cut_off_is_not_taken_for_the_next(kernel, monkeypatch):
    """A time limit may strike while a file is read."""
    kernel.commit("large", {"large.c": "int x;\n" * 100_000})
    top = kernel.tree("HEAD")
    with Repository(kernel.folder) as repository:
        assert repository.read(top, "Makefile")

        def cut(stdout, _most):
            stdout.read(3)
            raise TimeoutError

        with monkeypatch.context() as patched:
            patched.setattr(cat_file, "_answer", cut)
            assert repository.read(top, "large.c") is None
        assert repository.read(top, "fs/a.c") == LINES.encode()


def test_mails_of_any_series_are_taken_as_they_come(kernel):
    """Patches of one mail each, through the same door as a thread's."""
    found, trees = two(kernel, f"--base={kernel.base}")
    again = series.newest(list(reversed(kernel.mails(f"--base={kernel.base}", kernel.base))))
    assert trees_of(placed(kernel.folder, again)) == trees_of(placed(kernel.folder, found)) == steps(trees)
