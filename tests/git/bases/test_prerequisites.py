"""Patches that a series needs first: found in the tree by their patch ids, or said to be missing."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from kerneltree import LINES, KernelTree, nothing_is_left, placed, steps, trees_of, two
from reviewbot.git.bases import prerequisites
from reviewbot.mail import series

__all__ = ["nothing_is_left"]


@pytest.fixture
def kernel(tmp_path: Path) -> KernelTree:
    return KernelTree(tmp_path / "linux")


def needing(kernel: KernelTree, *, first: str = "fs/b.c"):
    """A patch that needs two commits first, as git writes it, with the id of the base and of the second of them."""
    kernel.edit(first, 30, "int before;")
    kernel.git("mv", "mm/c.c", "mm/d.c")
    needed = kernel.commit("another", {"fs/new.c": "int new;\n", "mm/d.c": LINES.replace("line_7", "seven")})
    kernel.edit("fs/a.c", 1, "int ours;")
    found = kernel.series(f"--base={kernel.base}", "HEAD^")
    assert (found.base, len(found.prerequisites)) == (kernel.base, 2)
    return found, needed


def test_the_commit_that_has_them_is_the_base(kernel):
    """Where a maintainer has applied them: other commits, on top of other work, with the same patch ids."""
    found, needed = needing(kernel)
    kernel.git("branch", "author", needed)
    kernel.back()
    kernel.git("checkout", "--quiet", "-b", "topic")
    kernel.commit("unrelated", {"README": "x\n"})
    kernel.git("cherry-pick", "author~1", "author")
    wanted = kernel.git("rev-parse", "HEAD")
    kernel.git("branch", "-D", "author")
    kernel.commit("later", {"fs/a.c": LINES.replace("line_20", "twenty")})
    kernel.git("checkout", "--quiet", "main")
    done = placed(kernel.folder, found)
    assert (done.base.commit, done.reason) == (wanted, "")
    assert done.base.how == "has the 2 patches that the series needs first"
    assert done.series.unread == ()


@pytest.mark.parametrize("known", [True, False], ids=["nearest to the base", "not written after the mail"])
def test_a_long_history_after_them_is_not_in_the_way(kernel, monkeypatch, known):
    found, needed = needing(kernel)
    kernel.git("reset", "--quiet", "--hard", needed)
    for number in range(12):
        for path in ("README", "fs/later.c"):
            (kernel.folder / path).write_text(f"{number}\n")
        kernel.git("add", "--all")
        kernel.git("commit", "--quiet", "-m", "later", GIT_AUTHOR_DATE="2099-01-01T00:00:00Z")
    kernel.edit("fs/a.c", 1, "int other;")
    monkeypatch.setattr(prerequisites, "_MOST", 3)
    done = placed(kernel.folder, found if known else replace(found, base=None))
    assert (done.base.commit, done.series.unread) == (needed, ())


def test_two_that_came_by_different_ways_are_together_in_a_branch(kernel):
    found, _ = needing(kernel)
    kernel.git("branch", "author", "HEAD^")
    kernel.back()
    for name, commit in (("one", "author~1"), ("other", "author")):
        kernel.git("checkout", "--quiet", "-b", name, "main")
        kernel.git("cherry-pick", commit)
    kernel.git("checkout", "--quiet", "-b", "both", "one")
    kernel.git("merge", "--quiet", "--no-ff", "-m", "merge", "other")
    merge = kernel.git("rev-parse", "HEAD")
    kernel.git("checkout", "--quiet", "main")
    kernel.git("branch", "-D", "author")
    assert placed(kernel.folder, found).base.commit == merge
    kernel.git("branch", "-D", "both")
    done = placed(kernel.folder, found)
    assert done.base.how != "has the 2 patches that the series needs first", "no commit has both"


def test_those_that_are_not_here_are_counted_and_no_other_commit_is_taken(kernel):
    """Though its hunks fit: what the patches change may be what they are about."""
    found, _ = needing(kernel, first="fs/a.c")
    kernel.back()
    assert placed(kernel.folder, replace(found, prerequisites=())).reason == "", "git would apply it"
    done = placed(kernel.folder, found)
    assert done.base is None
    assert trees_of(done) == [(None, None)]
    ids = ", ".join(one[:12] for one in found.prerequisites)
    said = f"the series needs 2 patches that are not in this tree (prerequisite-patch-id {ids})"
    assert done.reason.startswith(said)
    assert [one.reason.startswith(f"whole files: {said}") for one in done.series.unread] == [True]


def test_the_very_files_of_the_diff_are_taken_and_what_is_missing_is_said(kernel):
    found, _ = needing(kernel)
    kernel.back()
    done = placed(kernel.folder, found)
    assert (done.base.commit, done.base.how, done.reason) == (kernel.base, "base-commit trailer", "")
    assert [one.reason for one in done.series.unread if "needs 2 patches that are not in this tree" in one.reason]
    only = placed(kernel.folder, replace(found, base=None))
    assert (only.base.how, len(only.series.unread)) == ("blob ids of the diff", 1)


def test_one_of_two_is_here(kernel):
    found, _ = needing(kernel)
    kernel.back()
    kernel.edit("fs/b.c", 30, "int before;")
    done = placed(kernel.folder, found)
    assert [one.reason for one in done.series.unread] == [
        f"the series needs 1 patch that is not in this tree (prerequisite-patch-id {found.prerequisites[1][:12]}), "
        "besides 1 found: what is changed there is not seen"
    ]


def test_what_b4_names_besides_is_named(kernel):
    """A series by its change-id, or by the id of its cover letter, of which a tree knows nothing."""
    raw = two(kernel)[0] and kernel.mails(f"--base={kernel.base}", kernel.base)
    trailers = b"prerequisite-change-id: 20260101-a-b-0123456789ab:v2\nprerequisite-message-id: <x@y.z>\nbase-commit:"
    found = series.newest([one.replace(b"base-commit:", trailers) for one in raw])
    assert found.needed_series == ("20260101-a-b-0123456789ab:v2", "x@y.z")
    kernel.back()
    done = placed(kernel.folder, found)
    assert done.base.commit == kernel.base, "its files are those of the diff"
    assert [one.reason for one in done.series.unread] == [
        "the series needs another series, which cannot be looked for here (20260101-a-b-0123456789ab:v2, x@y.z): "
        "what is changed there is not seen"
    ]
    kernel.commit("more above", {"fs/a.c": "int above;\n" + LINES})
    assert placed(kernel.folder, replace(found, base=None), branches=("HEAD",)).base.commit == kernel.base
    moved = replace(found, base=None, patches=tuple(_without_ids(one) for one in found.patches))
    assert placed(kernel.folder, moved).base is None


def test_what_a_history_begins_with_is_no_patch(kernel):
    """In a shallow clone its diff is the whole of a kernel."""
    found, _ = two(kernel)
    kernel.back()
    shown = kernel.folder / "shown"
    shown.write_text(kernel.git("show", "--format=commit %H", kernel.base) + "\n")
    first = kernel.git("-c", f"alias.id=!git patch-id --stable <{shown}", "id").split()[0]
    done = placed(kernel.folder, replace(found, prerequisites=(first,)))
    assert "needs 1 patch that is not in this tree" in done.series.unread[0].reason


def test_ten_thousand_ids_take_no_longer_and_are_counted(kernel):
    found, trees = two(kernel, f"--base={kernel.base}")
    kernel.back()
    ids = tuple(f"{number:040x}" for number in range(10_000))
    done = placed(kernel.folder, replace(found, prerequisites=ids))
    assert trees_of(done) == steps(trees)
    assert "needs 10000 patches that are not in this tree" in done.series.unread[0].reason
    assert len(done.series.unread[0].reason) < 300


def test_a_search_without_time_says_so(kernel, monkeypatch):
    found, _ = needing(kernel)
    monkeypatch.setattr(prerequisites, "_SHARE", 0)
    done = placed(kernel.folder, found)
    assert "2 patches that were not found in this tree in time" in done.series.unread[0].reason


def _without_ids(patch):
    return replace(patch, diff="\n".join(row for row in patch.diff.split("\n") if not row.startswith("index ")))


def test_prerequisites_are_read_from_the_mails(kernel):
    kernel.edit("fs/b.c", 1, "int before;")
    kernel.edit("fs/a.c", 1, "int ours;")
    found = kernel.series(f"--base={kernel.base}", "HEAD^")
    assert (found.base, len(found.prerequisites)) == (kernel.base, 1)
