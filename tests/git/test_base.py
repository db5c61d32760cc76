"""Which commit of a real git repository a series is meant for: what it says, what its diff knew, what branches have."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from kerneltree import LINES, KernelTree, nothing_is_left, placed, steps, trees_of, two
from reviewbot.git.bases.blobs import WantedBlobs
from reviewbot.git.repository import Repository
from reviewbot.model.errors import UsageError
from reviewbot.patch.parse import parse_diff

__all__ = ["nothing_is_left"]


@pytest.fixture
def kernel(tmp_path: Path) -> KernelTree:
    return KernelTree(tmp_path / "linux")


def _wanted(found):
    return WantedBlobs(parse_diff(patch.diff)[0] for patch in found.patches).ids


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
    ids = _wanted(kernel.series("-M", kernel.base))
    blob = kernel.git("rev-parse", f"{kernel.base}:fs/a.c")
    assert list(ids) == ["fs/n.c", "fs/a.c"]
    assert (blob.startswith(ids["fs/a.c"]), set(ids["fs/n.c"])) == (True, {"0"})


def test_the_blob_ids_on_the_first_branch_that_has_them(kernel):
    """Though a later one has them in a newer commit."""
    wanted = kernel.base = kernel.edit("fs/b.c", 1, "int b1;")
    found, _ = two(kernel)
    kernel.back()
    kernel.edit("fs/a.c", 4, "int later;")
    kernel.git("checkout", "--quiet", "-b", "next", wanted)
    for number in range(3):
        last = kernel.commit("elsewhere", {"README": f"{number}\n"})
    kernel.edit("fs/a.c", 4, "int other;")
    assert placed(kernel.folder, found, branches=("main", "next")).base.commit == wanted
    assert placed(kernel.folder, found, branches=("next", "main")).base.commit == last


def test_a_file_that_the_series_makes_is_not_in_its_base(kernel):
    """As when a series is looked at that was applied long ago, of which nothing was changed since."""
    kernel.edit("fs/b.c", 1, "int more;")
    base = kernel.commit("another", {"README": "x\n"})
    kernel.commit("new", {"fs/new.c": "int new;\n"})
    kernel.commit("used", {"fs/c.c": "int used;\n", "mm/c.c": LINES + "int used;\n"})
    found = kernel.series(base)
    kernel.commit("taken back", {"mm/c.c": LINES})
    assert list(_wanted(found)) == ["fs/new.c", "fs/c.c", "mm/c.c"]
    done = placed(kernel.folder, found)
    assert (done.base.commit, done.base.how, done.reason) == (base, "blob ids of the diff", "")
    only = replace(found, patches=found.patches[:1])
    assert placed(kernel.folder, only).base is None, "nothing is known of what it starts from"


def test_the_search_ends_where_the_base_is(kernel, monkeypatch):
    """The change before that may be at the other end of history, and git is long in coming to it."""
    kernel.edit("fs/a.c", 1, "int long_ago;")
    kernel.base = kernel.commit("another", {"README": "x\n"})
    found, _ = two(kernel)
    kernel.back()
    kernel.edit("fs/a.c", 4, "int later;")
    lines = Repository.lines

    def no_more(self, *arguments, **options):
        whole = [line for part in lines(self, *arguments, **options) for line in part]
        last = max(at for at, line in enumerate(whole) if line.startswith(b">"))
        assert last > 0, "git has more to say"
        yield whole[:last]
        pytest.fail("the search goes on")

    monkeypatch.setattr(Repository, "lines", no_more)
    assert placed(kernel.folder, found).base.commit == kernel.base


def test_the_blob_ids_of_a_file_that_is_made_and_gone_again(kernel):
    """Also where the commit that is looked for is the first of all, and one with a file of another name before it."""
    kernel.git("mv", "fs/b.c", "fs/a b\u00e9.c")
    middle = kernel.commit("moved")
    kernel.edit("fs/a b\u00e9.c", 1, "int x;")
    moved = kernel.series(middle)
    kernel.edit("mm/c.c", 1, "int x;")
    first = kernel.series("HEAD^")
    kernel.back("HEAD^")
    kernel.commit("gone", {"fs/a b\u00e9.c": None, "mm/c.c": None})
    assert placed(kernel.folder, moved).base.commit == middle
    assert placed(kernel.folder, first).base.commit == kernel.git("rev-parse", "HEAD^")
    kernel.edit("fs/a.c", 1, "int x;")
    whole = kernel.series("HEAD^")
    kernel.commit("all of them", {"fs/a.c": LINES.replace("line", "row")})
    both = replace(whole, patches=(*whole.patches, *moved.patches))
    assert placed(kernel.folder, both).base.commit == middle


def test_the_reason_names_the_file_that_is_nowhere(kernel):
    found, _ = two(kernel)
    kernel.back()
    odd = tuple(replace(one, diff=one.diff.replace("\nindex ", "\nindex 1234567")) for one in found.patches)
    kernel.commit("all other", {"fs/a.c": "int other;\n"})
    done = placed(kernel.folder, replace(found, patches=odd))
    assert done.base is None
    assert done.reason.startswith("fs/a.c as the diff knew it (1234567")


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
    found = replace(found, base="1234567890ab" + "0" * 28)
    kernel.commit("all other", {"fs/a.c": "int other;\n"})
    kernel.git("checkout", "--quiet", "--orphan", "fresh")
    head = kernel.commit("no history")
    done = placed(kernel.folder, found, branches=("HEAD", "gone"))
    assert done.base is None
    assert trees_of(done) == [(None, None), (None, None)]
    assert done.reason == (
        f"base commit 1234567890ab is not in this tree; gone names no commit in this tree; on {head[:12]} (HEAD) "
        "patch 1/2 does not apply: fs/a.c: hunk 1 (line 1) fits nowhere: fetch what it is based on, or name a commit "
        "with --base"
    )
    assert [one.reason.startswith("whole files: base commit 1234567890ab is not") for one in done.series.unread] == [
        True
    ]
    assert all(patch.unread == () for patch in done.series.patches), "one reason, said once"
