"""Patch files for `reviewbot local`: one series in their order, on the tree around, or as they are."""

from __future__ import annotations

import json
import subprocess

import pytest

from desk import LEAK, WHOLE

FILE = "fs/exfoo/a.c"
LINE = LEAK.split("\n").index("\t\treturn -ENOMEM;") + 1
SCOPE_LEAK = (FILE, LINE, "scope-leak")


def patches(desk, *options: str) -> list:
    folder = desk.folder.parent / "out"
    desk.kernel.git("format-patch", "--quiet", "-o", str(folder), *options, desk.base)
    desk.kernel.git("reset", "--quiet", "--hard", desk.base)
    return sorted(folder.iterdir())


@pytest.mark.parametrize(
    "options", [(), ("--cover-letter",), ("-v2", "--base=HEAD~2"), ("--no-numbered",), ("--attach",)]
)
def test_patch_files_are_one_series_in_order(desk, options):
    desk.kernel.commit("exfoo: check", {FILE: LEAK})
    desk.kernel.commit("exfoo: more", {FILE: LEAK + LEAK.replace("made", "other")})
    files = patches(desk, *options)
    assert desk.groups(*files) == {"exfoo: check": ["scope-leak"], "exfoo: more": ["scope-leak"]}
    assert desk.unread(*files) == []
    done = desk(*files, "-v")
    assert (done.code, done.out.splitlines()[0]) == (1, "1/2 exfoo: check")
    assert f"base {desk.base[:12]}" in done.err
    assert SCOPE_LEAK in desk.remarks(*files)


def test_an_mbox_a_maildir_and_standard_input(desk):
    desk.kernel.commit("exfoo: check", {FILE: LEAK})
    desk.kernel.commit("exfoo: more", {FILE: LEAK + LEAK.replace("made", "other")})
    first, second = patches(desk)
    expected = desk.groups(first, second)
    mbox = first.read_bytes() + b"\n" + second.read_bytes()
    first.with_name("series.mbox").write_bytes(mbox)
    assert desk.groups(first.with_name("series.mbox")) == expected
    found = json.loads(desk("-", "--format", "json", stdin=mbox).out)
    assert [patch["subject"] for patch in found["patches"]] == list(expected)
    assert desk.groups(second)["exfoo: more"] == expected["exfoo: more"], "alone it does not apply"


def test_a_diff_without_a_mail(desk):
    desk.write(FILE, LEAK)
    diff = desk.kernel.git("diff") + "\n"
    (desk.folder.parent / "old").write_text(WHOLE)
    plain = subprocess.run(
        ["diff", "-u", "--label", f"a/{FILE}", "--label", f"b/{FILE}", desk.folder.parent / "old", desk.folder / FILE],
        capture_output=True,
        text=True,
    ).stdout
    desk.kernel.commit("exfoo: check")
    shown = desk.kernel.git("show") + "\n"
    desk.kernel.git("reset", "--quiet", "--hard", desk.base)
    for name, text in (("git.diff", diff), ("plain.diff", plain), ("shown.txt", shown)):
        path = desk.folder.parent / name
        path.write_text(text)
        assert desk.groups(path) == {name: ["scope-leak"]}
        assert desk.remarks(path) == [SCOPE_LEAK]
        assert desk.unread(path) == []


def test_patches_that_fit_nothing_are_read_as_they_are(desk, tmp_path):
    desk.kernel.commit("exfoo: check", {"fs/exfoo/new.c": LEAK})
    (file,) = patches(desk)
    desk.kernel.commit("in the way", {"fs/exfoo/new.c": "int other;\n"})
    done = desk(file)
    assert (done.code, "scope-leak" in done.out) == (1, True)
    assert done.err.startswith("none of the series was applied to the tree: on ")
    desk.command.work = tmp_path / "home"
    done = desk(file)
    assert (done.code, "scope-leak" in done.out) == (1, True)
    assert done.err == (
        "reviewed as the patches show it: the current folder is not a git repository (--tree PATH names another)\n"
    )
    assert desk("--tree", ".", file).code == 2
    assert desk("--base", "HEAD", file).code == 2
    desk.kernel.git("reset", "--quiet", "--hard", desk.base)
    assert desk("--tree", desk.folder, file).err == ""


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"no patch\n", "is not a mail"),
        (b"From: a@b\nSubject: x\n\nno patch\n", "no patch is in x.patch"),
        (None, "x.patch: no such file"),
    ],
)
def test_files_without_a_patch(desk, content, said):
    desk.command.work = desk.folder.parent / "home"
    if content is not None:
        (desk.command.work / "x.patch").write_bytes(content)
    done = desk("x.patch")
    assert (done.code, done.out) == (3, "")
    assert said in done.err
    assert done.err.count("\n") == 1
