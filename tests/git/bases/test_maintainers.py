"""Which trees MAINTAINERS names for a path, held against the kernel's own script where there is a kernel."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from reviewbot.git.bases.maintainers import ListedTree, areas_of, listed_trees


def urls(text: str, *paths: str) -> list[str]:
    return [tree.url for tree in listed_trees(areas_of(text), paths, 5.0)]


def area(*lines: str) -> str:
    """A section with a tree of its own, git://x/1 for its first line."""
    area.count = getattr(area, "count", 0) + 1
    return "\n".join((f"AREA {area.count}", "M:\tA <a@b>", *lines)) + "\n\n"


@pytest.mark.parametrize(
    ("pattern", "about", "not_about"),
    [
        ("F:\tfs/", ["fs/a.c", "fs/x/b.c"], ["fsx/a.c", "drivers/fs/a.c"]),
        ("F:\tfs/*", ["fs/a.c"], ["fs/x/b.c"]),
        ("F:\tfs/ext4", ["fs/ext4/a.c", "fs/ext4/x/b.c"], ["fs/ext2/a.c"]),
        ("F:\tfs/a.c", ["fs/a.c"], ["fs/axc", "fs/b.c"]),
        ("F:\t*/net/*", ["drivers/net/a.c"], ["net/a.c", "drivers/net/x/a.c"]),
        ("F:\tdrivers/da9???-reg.[ch]", ["drivers/da9063-reg.c"], ["drivers/da90-reg.c", "drivers/da9063-reg.S"]),
        ("F:\tfs/[", ["fs/["], ["fs/a"]),
        ("F:\tfs/a+(b)|^$.c", ["fs/a+(b)|^$.c"], ["fs/ab.c"]),
        ("F:\t*", ["README"], ["fs/a.c"]),
        ("F:\t*/", ["fs/a.c", "fs/x/b.c"], ["README"]),
        ("N:\ttegra", ["fs/xtegray.c"], ["fs/a.c"]),
        ("N:\t[^a-z]ps3", ["fs/ps3.c"], ["fs/aps3.c"]),
        ("N:\tbcm281*", ["fs/bcm28.c", "fs/bcm2811.c"], ["fs/bcm29.c"]),
        ("N:\t^.*/vdso/[^/]*rand[^/]+$", ["arch/x/vdso/vgetrandom.c"], ["vdso/rand.c"]),
        ("N:\t(a+)+$", [], ["fs/aaaa.c", "aaa"]),
        ("N:\t[z-a]", [], ["fs/a.c"]),
        ("K:\tfs", [], ["fs/a.c"]),
    ],
)
def test_what_a_pattern_is_about(pattern, about, not_about):
    text = area("T:\tgit git://x/1", pattern)
    for path in about:
        assert urls(text, path) == ["git://x/1"], path
    for path in not_about:
        assert urls(text, path) == [], path


def test_the_most_specific_come_first_and_what_is_excluded_does_not_count():
    text = (
        area("T:\tgit git://x/rest", "F:\t*", "F:\t*/")
        + area("T:\tgit git://x/name", "N:\tphy")
        + area("T:\tgit git://x/drivers", "F:\tdrivers/")
        + area("T:\tgit git://x/phy next", "F:\tdrivers/phy/")
        + area("T:\tgit git://x/other", "F:\tdrivers/phy/", "X:\tdrivers/phy/a.c")
        + area("F:\tdrivers/phy/a.c")
    )
    wanted = ["git://x/phy", "git://x/drivers", "git://x/name", "git://x/rest"]
    assert urls(text, "drivers/phy/a.c") == wanted
    assert listed_trees(areas_of(text), ["drivers/phy/a.c"], 5.0)[0].branch == "next"


@pytest.mark.parametrize(
    ("line", "tree"),
    [
        ("git git://x/a.git", ListedTree("git://x/a.git")),
        ("git\tgit://x/a.git  for-next", ListedTree("git://x/a.git", "for-next")),
        ("git git://x/a.git (For Updates)", ListedTree("git://x/a.git")),
        ("git git://x/a.git next (and more)", ListedTree("git://x/a.git", "next")),
        ("https://x/a.git", ListedTree("https://x/a.git")),
        ("git git@x:a/b.git", ListedTree("git@x:a/b.git")),
        ("git git://x/a.git --upload-pack=y", ListedTree("git://x/a.git")),
        ("quilt git://x/a", None),
        ("hg https://x/a", None),
        ("git", None),
        ("git nothing", None),
    ],
)
def test_what_a_tree_is(line, tree):
    (*found,) = areas_of(area(f"T:\t{line}", "F:\tfs/"))
    assert [one for section in found for one in section.trees] == ([tree] if tree else [])


def test_a_section_ends_at_its_heading_and_no_blank_line_or_comment():
    text = "ONE\nT:\tgit git://x/1\n\n# a comment\nF:\tfs/\nTWO\nF:\tmm/\n   indented heading\nT:\tgit git://x/2\nF:\tnet/\n"
    assert [urls(text, path) for path in ("fs/a.c", "mm/a.c", "net/a.c")] == [["git://x/1"], [], ["git://x/2"]]


HOSTILE = {
    "stars": area("T:\tgit git://x/1", "F:\t" + "*a" * 140) * 200,
    "question marks": area("T:\tgit git://x/1", "F:\t" + "?" * 280) * 200,
    "expressions": area("T:\tgit git://x/1", *("N:\t" + "[ab]*[ab]*" + "x" * at for at in range(200))) * 20,
    "one long line": "T:\tgit git://x/1" + "F" * 3_000_000,
    "one area": area("T:\tgit git://x/1", *(f"F:\tfs/{at}" for at in range(100_000))),
    "trees": area(*(f"T:\tgit git://x/{at}" for at in range(100_000)), "F:\tfs/"),
    "areas": area("T:\tgit git://x/1", "F:\tfs/") * 50_000,
    "blanks": "T:" + " " * 2_000_000 + "\n" + " \t" * 1_000_000 + "x",
    "headings": "A\n" * 1_500_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_ends_in_time(name):
    paths = ["a" * 290 + "b", "fs/" + "ab" * 120, *(f"fs/{at}" for at in range(98))]
    begun = time.monotonic()
    listed_trees(areas_of(HOSTILE[name]), paths, 0.5)
    assert time.monotonic() - begun < 8


@pytest.mark.skipif("REVIEWBOT_KERNEL" not in os.environ, reason="REVIEWBOT_KERNEL: the sources of a kernel")
def test_the_script_of_the_kernel_says_the_same():
    kernel = Path(os.environ["REVIEWBOT_KERNEL"])
    if shutil.which("perl") is None or not (kernel / "scripts/get_maintainer.pl").is_file():
        pytest.skip("no perl, or no scripts/get_maintainer.pl")
    found = areas_of((kernel / "MAINTAINERS").read_text(encoding="utf-8"))
    folders = ("drivers", "fs", "net", "sound", "arch/arm", "Documentation/devicetree/bindings")
    files = sorted(path for folder in folders for path in (kernel / folder).rglob("*.[chy]*"))
    options = ("--nogit", "--nogit-fallback", "--nokeywords", "--noemail", "--nol", "--no-m", "--scm", "-f")
    for path in (one.relative_to(kernel).as_posix() for one in random.Random(4).sample(files, 15)):
        command = ("perl", "scripts/get_maintainer.pl", *options, path)
        said = subprocess.run(command, cwd=kernel, capture_output=True, text=True, check=True).stdout
        rows = (row.removeprefix("git ").split()[0] for row in said.splitlines() if "://" in row)
        wanted = {row for row in rows if row not in ("hg", "quilt")}
        assert {tree.url for tree in listed_trees(found, [path], 5.0)} == wanted, path
