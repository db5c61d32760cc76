"""Which patches fit a tree by the rows of its files, held against what git applies."""

from __future__ import annotations

from pathlib import Path

import pytest

from kerneltree import LINES, KernelTree, nothing_is_left
from reviewbot.git.bases.trial import Trial
from reviewbot.git.repository import Repository
from reviewbot.patch.parse import parse_diff

__all__ = ["nothing_is_left"]


@pytest.fixture
def kernel(tmp_path: Path) -> KernelTree:
    return KernelTree(tmp_path / "linux")


def tried(kernel: KernelTree, found, rev: str) -> list[str]:
    with Repository(kernel.folder) as repository:
        trial = Trial(repository, kernel.tree(rev))
        return [trial.patch(parse_diff(patch.diff)[0]) for patch in found.patches]


def test_patches_that_build_on_each_other_fit(kernel):
    """With every kind of change: renames in a circle, a copy, a new file, one that is gone, a link, a large file."""
    kernel.commit("large", {"large.c": "int x;\n" * 700_000, "logo": bytes(range(256))})
    (kernel.folder / "link.c").symlink_to("fs/a.c")
    kernel.base = kernel.commit("a link")
    kernel.git("mv", "fs/a.c", "fs/x.c")
    kernel.git("mv", "fs/b.c", "fs/a.c")
    kernel.git("mv", "fs/x.c", "fs/b.c")
    circle = {"fs/a.c": LINES.replace("line_", "row_"), "fs/b.c": LINES.replace("line_9", "nine")}
    kernel.commit("a circle", circle)
    kernel.edit("fs/b.c", 30, "int later;")
    kernel.commit("new", {"fs/n.c": "int n;\n", "fs/copy.c": LINES, "logo": bytes(reversed(range(256)))})
    kernel.edit("fs/n.c", 0, "int m;")
    kernel.commit("gone", {"fs/n.c": None, "large.c": "int y;\n" + "int x;\n" * 699_999})
    (kernel.folder / "link.c").unlink()
    (kernel.folder / "link.c").symlink_to("mm/c.c")
    kernel.commit("another link", {"fs/n.c": "int again;\n"})
    found = kernel.series("-M", "-B", "-C", "--find-copies-harder", kernel.base)
    assert tried(kernel, found, kernel.base) == [""] * 6


def test_what_does_not_fit_is_named_and_the_others_go_on(kernel):
    kernel.commit("one", {"fs/a.c": LINES.replace("line_5", "five"), "mm/c.c": None})
    kernel.edit("fs/b.c", 7, "int seven;")
    kernel.edit("fs/a.c", 20, "int twenty;")
    kernel.commit("new", {"fs/n.c": "int n;\n"})
    found = kernel.series(kernel.base)
    kernel.back()
    kernel.commit("other", {"fs/a.c": LINES.replace("line_6", "six"), "fs/n.c": "int there;\n"})
    assert tried(kernel, found, "HEAD") == [
        "does not apply: fs/a.c: hunk 1 (line 3) fits nowhere",
        "",
        "",
        "does not apply: fs/n.c is there already",
    ]
    kernel.commit("no file", {"fs/b.c": None})
    assert tried(kernel, found, "HEAD")[1] == "does not apply: fs/b.c is not there"
