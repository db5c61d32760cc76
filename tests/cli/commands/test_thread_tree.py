"""`reviewbot thread --tree`: whole functions are seen, and what the tree is says which kernel it is."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from exfoo import LEAK, MENDED, WHOLE, leak, mbox, tree
from kerneltree import KernelTree


@pytest.fixture
def kernel(tmp_path: Path) -> KernelTree:
    return tree(tmp_path / "linux")


def reviewed(command, kernel, mails, *options):
    done = command("thread", "-", "--format", "json", "--tree", kernel.folder, *options, stdin=mails)
    assert "Traceback" not in done.err
    return done, json.loads(done.out) if done.out else None


def rules(found):
    return [finding["rule"] for patch in found["patches"] for finding in patch["findings"]]


def test_a_tree_shows_what_the_hunk_does_not(command, kernel):
    mails = leak(kernel)
    assert command("thread", "-", stdin=mails).code == 0
    done, found = reviewed(command, kernel, mails)
    assert done.code == 1
    assert rules(found) == ["scope-leak"]
    assert found["series"]["base"] == kernel.base
    assert [patch["depth"] for patch in found["patches"]] == ["file"]
    assert found["kernel"] == "6.12"
    line = found["patches"][0]["findings"][0]["line"]
    assert LEAK.split("\n")[line - 1] == "\t\treturn -ENOMEM;"


def test_what_was_wrong_before_stays_unmentioned(command, kernel):
    kernel.base = kernel.commit("exfoo: check", {"fs/exfoo/a.c": LEAK})
    kernel.commit("exfoo: more", {"fs/exfoo/a.c": LEAK.replace("step_11", "step_12")})
    mails = mbox(kernel)
    kernel.back()
    done, found = reviewed(command, kernel, mails)
    assert (done.code, rules(found)) == (0, [])


def test_a_later_patch_of_the_series_mends_it(command, kernel):
    kernel.commit("exfoo: check", {"fs/exfoo/a.c": LEAK})
    kernel.commit("exfoo: put it right", {"fs/exfoo/a.c": MENDED})
    mails = mbox(kernel)
    kernel.back()
    done, found = reviewed(command, kernel, mails)
    assert done.code == 0
    assert all(finding["resolved_by"] for patch in found["patches"] for finding in patch["findings"])


def test_verbose_says_which_base_and_how(command, kernel):
    mails = leak(kernel, f"--base={kernel.base}")
    short = kernel.base[:12]
    err = command("thread", "-", "-v", "--tree", kernel.folder, stdin=mails).err
    assert f"base {short} (base-commit trailer)\n" in err
    assert "kernel 6.12, " in err
    err = command("thread", "-", "-v", "--tree", kernel.folder, "--base", "HEAD", stdin=mails).err
    assert f"base {short} (--base)\n" in err
    assert command("thread", "-", "--tree", kernel.folder, stdin=mails).err == ""


def test_a_tree_that_does_not_fit_is_said_and_the_mail_reviewed(command, kernel):
    mails = leak(kernel)
    kernel.git("checkout", "--quiet", "--orphan", "fresh")
    kernel.commit("all other", {"fs/exfoo/a.c": "int other;\n", "Makefile": "VERSION = 5\nPATCHLEVEL = 1\n"})
    done, found = reviewed(command, kernel, mails)
    assert done.code == 0
    assert done.err.startswith("none of the series was applied to the tree: on ")
    assert "fs/exfoo/a.c:" in done.err
    assert done.err.count("\n") == 1
    assert [patch["depth"] for patch in found["patches"]] == ["diff"]
    assert found["kernel"] != "5.1", "a tree that is not the series' own says nothing of its kernel"
    assert ["whole files: " in one["reason"] for one in found["unread"]] == [True]
    assert "not looked at: whole files: on" in command("thread", "-", "--tree", kernel.folder, "-q", stdin=mails).out


def test_a_series_that_applies_in_part(command, kernel):
    kernel.commit("exfoo: check", {"fs/exfoo/a.c": LEAK})
    kernel.edit("fs/b.c", 7, "int changed;")
    mails = mbox(kernel)
    kernel.back()
    kernel.commit("in the way", {"fs/b.c": "int other;\n"})
    done, found = reviewed(command, kernel, mails, "--base", "HEAD")
    assert rules(found) == ["scope-leak"]
    assert [patch["depth"] for patch in found["patches"]] == ["file", "diff"]
    assert "not all of the series was applied to the tree: on" in done.err


@pytest.mark.parametrize(
    ("options", "config", "expected"),
    [
        ([], "", "6.12"),
        (["--kernel", "6.1"], "", "6.1"),
        ([], '[kernel]\nversion = "5.15"\n', "5.15"),
        (["--kernel", "6.1"], '[kernel]\nversion = "5.15"\n', "6.1"),
    ],
)
def test_whose_kernel_version_counts(command, kernel, options, config, expected):
    (command.work / "mine.toml").write_text(config)
    _, found = reviewed(command, kernel, leak(kernel), "--config", "mine.toml", *options)
    assert found["kernel"] == expected


def test_a_makefile_without_a_version_leaves_it_to_the_date(command, kernel):
    mails = leak(kernel)
    with_version = reviewed(command, kernel, mails)[1]["kernel"]
    kernel.commit("no version", {"Makefile": "all:\n"})
    without = reviewed(command, kernel, mails, "--base", "HEAD")[1]["kernel"]
    assert with_version == "6.12"
    assert without == json.loads(command("thread", "-", "--format", "json", stdin=mails).out)["kernel"]


HEADERS = "".join(
    f"#define {name} 1\n"
    for name in (
        *(
            "__GFP_DMA",
            "__GFP_IO",
            "__GFP_FS",
            "__GFP_ZERO",
            "__GFP_NOFAIL",
            "__GFP_NOWARN",
            "__GFP_HIGH",
            "__GFP_COMP",
        ),
        *("GFP_KERNEL", "GFP_NOFS", "GFP_NOIO", "GFP_ATOMIC", "GFP_NOWAIT"),
    )
)


def test_a_name_that_the_trees_headers_have_is_known(command, kernel):
    """As in a stable tree, whose version says that it does not have what was ported back to it."""
    name = "__GFP_NO_OBJ_EXT"
    changed = WHOLE.replace("\tx->p = p;\n", f"\tp = kmalloc(8, GFP_KERNEL | {name});\n\tx->p = p;\n")
    makefile = "VERSION = 5\nPATCHLEVEL = 15\n"
    for header, expected in (
        ("", ["unknown-flag"]),
        (f"{HEADERS}#define {name} 2\n", []),
        (f"/* {name} */", ["unknown-flag"]),
    ):
        files = {"Makefile": makefile, "include/linux/gfp.h": header, "fs/exfoo/a.c": WHOLE}
        kernel.base = kernel.commit("a tree", files)
        kernel.commit("a patch", {"fs/exfoo/a.c": changed})
        mails = mbox(kernel)
        kernel.back()
        found = reviewed(command, kernel, mails)[1]
        assert [rule for rule in rules(found) if rule == "unknown-flag"] == expected
        if expected == []:
            found = reviewed(command, kernel, mails, "--kernel", "5.10")[1]
            assert "unknown-flag" in rules(found), "asked for another kernel than the tree's, the tree says nothing"


def test_a_configured_branch_is_tried(command, kernel):
    mails = re.sub(rb"index \w+\.\.\w+", b"index 1111111..2222222", leak(kernel))
    kernel.git("branch", "good")
    kernel.git("checkout", "--quiet", "--orphan", "fresh")
    kernel.commit("all other", {"fs/exfoo/a.c": "int other;\n"})
    (command.work / "mine.toml").write_text('[tree]\nbranches = ["HEAD", "good"]\n')
    done, found = reviewed(command, kernel, mails, "--config", "mine.toml", "-v")
    assert rules(found) == ["scope-leak"]
    assert f"base {kernel.base[:12]} (good)" in done.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--tree", "gone"], "--tree gone: no such folder"),
        (["--tree", "."], "--tree . is not a git repository"),
        (["--base", "HEAD"], "--base is a commit of a tree: it needs --tree PATH"),
    ],
)
def test_a_command_line_that_cannot_be_meant(command, options, said):
    done = command("thread", "no-such-file.mbox", *options)
    assert (done.code, done.out) == (2, "")
    assert done.err == f"reviewbot: {said}\n"


def test_a_base_that_is_not_there(command, kernel):
    done = command("thread", "no-such-file.mbox", "--tree", kernel.folder, "--base", "v9.9")
    assert (done.code, done.err) == (2, f"reviewbot: --base v9.9: there is no such commit in {kernel.folder}\n")


def test_a_repository_of_somebody_else(command, kernel):
    done = command("thread", "-", "--tree", kernel.folder, GIT_TEST_ASSUME_DIFFERENT_OWNER="1")
    assert done.code == 2
    assert f"git config --global --add safe.directory {kernel.folder}" in done.err
    assert done.err.count("\n") == 1


def asked_by_git(command, kernel) -> str:
    """A shell's command line that reviews a leak against the tree it is run in, and keeps what git tells it."""
    (command.work / "series.mbox").write_bytes(leak(kernel))
    asked = f"{sys.executable} -m reviewbot thread {command.work}/series.mbox --tree . --format json"
    return f"env >{command.work}/env; {asked} >{command.work}/out 2>{command.work}/err || true"


def answered(command, told: str) -> str:
    """The base of the review, if nothing was wrong with it. `told`: what git says in such a place."""
    assert told in (command.work / "env").read_text()
    assert (command.work / "err").read_text() == ""
    found = json.loads((command.work / "out").read_text())
    assert rules(found) == ["scope-leak"]
    return found["series"]["base"]


@pytest.mark.parametrize(("name", "head"), [("post-commit", "HEAD"), ("pre-commit", "HEAD^")])
def test_in_a_hook_of_a_linked_worktree(command, kernel, name, head):
    """Where the environment speaks of the repository and its index, and another HEAD is near."""
    hook = kernel.folder / ".git" / "hooks" / name
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\n{asked_by_git(command, kernel)}\n")
    hook.chmod(0o755)
    kernel.git("worktree", "add", "--quiet", "--detach", "../linked")
    kernel.git("-C", "../linked", "commit", "--quiet", "--allow-empty", "-m", "with a hook", **command.env)
    assert answered(command, "GIT_INDEX_FILE=") == kernel.git("-C", "../linked", "rev-parse", head)


def test_from_git_rebase(command, kernel):
    run = asked_by_git(command, kernel)
    kernel.commit("more", {"README": "more\n"})
    kernel.git("-c", "log.showSignature=true", "rebase", "--quiet", "-x", run, "HEAD^", **command.env)
    assert answered(command, "GIT_CONFIG_PARAMETERS=") == kernel.git("rev-parse", "HEAD")
    assert kernel.git("status", "--porcelain") == ""


def test_without_git(command, kernel, tmp_path):
    done = command("thread", "-", "--tree", kernel.folder, stdin=leak(kernel), PATH=str(tmp_path))
    assert (done.code, done.err) == (3, f"reviewbot: --tree {kernel.folder}: git is not installed\n")
