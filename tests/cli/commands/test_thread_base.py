"""`reviewbot thread --tree`: what is said of the base of a series, where hunks have moved, and where it is not here."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from command import diff, mail
from exfoo import LEAK, LEAKS_AT, WHOLE, leak, tree
from kerneltree import KernelTree
from pages import block, page


@pytest.fixture
def kernel(tmp_path: Path) -> KernelTree:
    return tree(tmp_path / "linux")


def unknown(mails: bytes) -> bytes:
    """The mails without what tells which files their author had."""
    return re.sub(rb"\nindex \w+\.\.\w+[^\n]*", b"", mails)


def reviewed(command, kernel, mails, *options):
    done = command("thread", "-", "--format", "json", "--tree", kernel.folder, *options, stdin=mails)
    assert "Traceback" not in done.err
    return done, json.loads(done.out)


def lines(found) -> list[int]:
    return [one["line"] for patch in found["patches"] for one in patch["findings"]]


def test_hunks_forty_lines_off_are_placed_and_said(command, kernel):
    mails = unknown(leak(kernel))
    kernel.commit("more above", {"fs/exfoo/a.c": "/* more */\n" * 40 + WHOLE})
    done, found = reviewed(command, kernel, mails)
    assert lines(found) == [LEAKS_AT + 40]
    assert done.err == (
        "on other lines in the tree than in the mail: fs/exfoo/a.c: hunk 1 (line 19) stands on line 59\n"
    )


def test_a_remark_is_never_on_another_function(command, kernel):
    """One that looks alike has taken the place of the one that is meant, which has another name now."""
    mails = unknown(leak(kernel))
    kernel.commit("another", {"fs/exfoo/a.c": WHOLE.replace("int made(", "int taken(")})
    done, found = reviewed(command, kernel, mails)
    assert lines(found) == []
    assert "fs/exfoo/a.c: hunk 1 (line 19) fits only in another function: taken()" in done.err
    assert [patch["depth"] for patch in found["patches"]] == ["diff"]


def test_patches_that_are_needed_and_not_here_are_counted_as_not_looked_at(command, kernel):
    kernel.commit("needed", {"fs/exfoo/a.c": WHOLE.replace("#include <linux/slab.h>\n", "#include <linux/mm.h>\n")})
    base = kernel.base
    text = LEAK.replace("#include <linux/slab.h>\n", "#include <linux/mm.h>\n")
    kernel.commit("exfoo: check", {"fs/exfoo/a.c": text})
    (mails,) = kernel.mails(f"--base={base}", "HEAD^")
    kernel.back()
    done, found = reviewed(command, kernel, mails)
    assert lines(found) == [], "git would apply it, and the remark stand on lines that are another's"
    assert "the series needs 1 patch that is not in this tree (prerequisite-patch-id " in done.err
    assert reviewed(command, kernel, mails, "--unread", "fail")[0].code == 3


def test_the_subject_and_maintainers_name_a_remote(command, kernel):
    areas = "EXFOO\nT:\tgit git://git.kernel.org/pub/scm/linux/kernel/git/exfoo/linux-exfoo.git next\nF:\tfs/exfoo/\n"
    kernel.commit("areas", {"MAINTAINERS": areas})
    kernel.base = kernel.commit("more above", {"fs/exfoo/a.c": "/* more */\n" * 40 + WHOLE})
    kernel.commit("exfoo: check", {"fs/exfoo/a.c": "/* more */\n" * 40 + LEAK})
    (mails,) = kernel.mails("HEAD^")
    kernel.git("remote", "add", "foo", "https://git.kernel.org/pub/scm/linux/kernel/git/exfoo/linux-exfoo")
    kernel.git("update-ref", "refs/remotes/foo/next", "HEAD^")
    kernel.back("HEAD~2")
    mails = unknown(mails)
    done, found = reviewed(command, kernel, mails, "-v")
    assert f"base {kernel.base[:12]} (T: line of MAINTAINERS, foo/next)\n" in done.err
    assert lines(found) == [LEAKS_AT + 40]
    done, found = reviewed(command, kernel, mails.replace(b"[PATCH]", b"[PATCH exfoo-next]"), "-v")
    assert f'base {kernel.base[:12]} ("exfoo-next" in the subject, foo/next)\n' in done.err


def test_a_fetch_has_to_be_allowed(command, kernel, tmp_path):
    up = KernelTree(tmp_path / "up")
    up.git("fetch", "--quiet", str(kernel.folder), "main")
    up.git("reset", "--quiet", "--hard", "FETCH_HEAD")
    up.base = up.commit("more above", {"fs/exfoo/a.c": "/* more */\n" * 40 + WHOLE})
    mails = leak(up, f"--base={up.base}")
    kernel.git("remote", "add", "up", str(up.folder))
    (command.work / "mine.toml").write_text('[tree]\nfetch = true\nbranches = ["up/main", "HEAD"]\n')
    done, _ = reviewed(command, kernel, mails)
    assert f"base commit {up.base[:12]} is not in this tree" in done.err
    assert kernel.git("for-each-ref", "refs/remotes") == ""
    done, found = reviewed(command, kernel, mails, "--config", "mine.toml", "-v")
    assert "fetching up\n" in done.err
    assert (found["series"]["base"], lines(found)) == (up.base, [LEAKS_AT])


def test_the_settings_that_the_page_shows_are_settings(command, kernel):
    (command.work / "mine.toml").write_text(block(page("docs/bases.md"), "unless the configuration says so"))
    assert reviewed(command, kernel, leak(kernel), "--config", "mine.toml")[0].code == 1


@pytest.mark.parametrize(
    ("mails", "said"),
    [
        (mail("[GIT PULL] exfoo", body="Please."), "a pull request: no patch in the mail"),
        (mail(diff=diff("tests/generic/700")), "a patch to fstests, which is not the kernel"),
        (mail("[PATCH e2fsprogs] y", diff=diff("lib/ext2fs/alloc.c")), "a patch to e2fsprogs, which is not the kernel"),
    ],
)
def test_what_has_no_base_says_what_it_is(command, kernel, mails, said):
    done = command("thread", "-", "--tree", kernel.folder, stdin=mails)
    assert (done.code, done.out) == (3, "")
    assert said in done.err
