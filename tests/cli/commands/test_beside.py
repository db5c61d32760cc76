"""Calls that lead into files which a patch leaves alone, from mails with a tree, from commits and from the desk."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from command import Command
from desk import Desk
from exfoo import mbox, tree
from kerneltree import KernelTree
from reviewbot.git.objects import Objects
from reviewbot.git.repository import Repository

A, B = "fs/exfoo/lock.c", "fs/exfoo/fill.c"
HOLDS = "void exfoo_xfer(struct exfoo *ex)\n{\n\tspin_lock(&ex->lock);\n\tex->n++;\n\tspin_unlock(&ex->lock);\n}\n"
CALL = HOLDS.replace("ex->n++;", "exfoo_fill(ex);")
ASKS = "int exfoo_fill(struct exfoo *ex)\n{\n\tex->p = kzalloc(64, GFP_KERNEL);\n\treturn ex->p ? 0 : -ENOMEM;\n}\n"
SEEN = [(A, 4, "sleep-in-atomic")]


def remarks(found: dict) -> list[tuple[str, int, str]]:
    return [(one["path"], one["line"], one["rule"]) for patch in found["patches"] for one in patch["findings"]]


@pytest.fixture
def kernel(tmp_path: Path) -> KernelTree:
    made = tree(tmp_path / "linux")
    made.base = made.commit("exfoo: begin", {A: HOLDS, B: ASKS})
    return made


def test_a_mail(command: Command, kernel: KernelTree) -> None:
    kernel.commit("exfoo: fill it", {A: CALL})
    mails = mbox(kernel)
    kernel.back()
    assert command("thread", "-", "--format", "json", stdin=mails).code == 0
    done = command("thread", "-", "--format", "json", "--tree", kernel.folder, stdin=mails)
    assert (done.code, remarks(json.loads(done.out))) == (1, SEEN)


def test_a_series_changes_the_other_file_before(command: Command, kernel: KernelTree) -> None:
    """The tree after each patch counts: the second makes it right before the third calls it."""
    kernel.commit("exfoo: more", {B: ASKS.replace("64", "128")})
    kernel.commit("exfoo: do not sleep", {B: ASKS.replace("GFP_KERNEL", "GFP_NOWAIT")})
    kernel.commit("exfoo: fill it", {A: CALL})
    mails = mbox(kernel)
    kernel.back()
    done = command("thread", "-", "--format", "json", "--tree", kernel.folder, stdin=mails)
    assert (done.code, remarks(json.loads(done.out))) == (0, [])


def test_commits(command: Command, kernel: KernelTree) -> None:
    kernel.commit("exfoo: fill it", {A: CALL})
    kernel.commit("exfoo: say more", {B: f"/* Fills it. */\n{ASKS}"})
    done = command("range", f"{kernel.base}..HEAD", "--tree", kernel.folder, "--format", "json")
    assert (done.code, remarks(json.loads(done.out))) == (1, SEEN)


def test_a_commit_that_is_mended_later_in_the_other_file_is_not_said_to_be(
    command: Command, kernel: KernelTree
) -> None:
    """Of a remark that needs other files nothing is said where only these are mended."""
    kernel.commit("exfoo: fill it", {A: CALL})
    kernel.commit("exfoo: do not sleep", {B: ASKS.replace("GFP_KERNEL", "GFP_NOWAIT")})
    done = command("range", f"{kernel.base}..HEAD", "--tree", kernel.folder, "--format", "json")
    assert (done.code, remarks(json.loads(done.out))) == (1, SEEN)


def test_of_many_commits_calls_are_followed_in_their_own_files(command: Command, kernel: KernelTree) -> None:
    kernel.commit("exfoo: fill it", {A: CALL})
    for at in range(64):
        kernel.commit(f"exfoo: {at}", {"fs/exfoo/other.c": f"int exfoo_{at};\n"})
    done = command("range", f"{kernel.base}..HEAD", "--tree", kernel.folder, "-v")
    assert done.code == 0
    assert "of more than 64 commits, calls are followed in the files alone that each touches" in done.err


def test_a_function_is_handed_in_one_commit_and_asks_in_another_file(command: Command, kernel: KernelTree) -> None:
    tick = "void exfoo_tick(struct timer_list *timer)\n{\n\texfoo_fill(exfoo_of(timer));\n}\n"
    start = "void exfoo_start(struct exfoo *ex)\n{\n\ttimer_setup(&ex->timer, exfoo_tock, 0);\n}\n"
    base = kernel.commit("exfoo: tick", {"fs/exfoo/tick.c": tick, "fs/exfoo/start.c": start})
    kernel.commit("exfoo: start it", {"fs/exfoo/start.c": start.replace("tock", "tick")})
    done = command("range", f"{base}..HEAD", "--tree", kernel.folder, "--format", "json")
    assert (done.code, remarks(json.loads(done.out))) == (1, [("fs/exfoo/start.c", 3, "sleep-in-atomic")])


def test_what_is_staged(desk: Desk) -> None:
    desk.write(A, HOLDS)
    desk.write(B, ASKS)
    desk.kernel.commit("exfoo: begin")
    desk.stage(A, CALL)
    assert desk.remarks("--base", "HEAD") == SEEN


@pytest.mark.parametrize("form", ["sha1", "sha256"])
def test_both_readers_of_objects_list_a_folder_alike(tmp_path: Path, form: str) -> None:
    kernel = KernelTree(tmp_path / "linux", form)
    kernel.commit("exfoo: begin", {A: HOLDS, B: ASKS, "fs/exfoo/deep/c.c": ASKS, "fs/exfoo/n\u00e4me.c": ASKS})
    (kernel.folder / "fs/exfoo/link.c").symlink_to("lock.c")
    tip = kernel.commit("exfoo: link")
    with Repository(kernel.folder) as repository, Objects(kernel.folder) as objects:
        listed = repository.files(kernel.tree(tip), "fs/exfoo")
        assert listed == objects.files(tip, "fs/exfoo")
        assert sorted(listed) == ["fill.c", "lock.c", "n\u00e4me.c"]
        for reader in (repository, objects):
            assert reader.contents([listed["lock.c"]]) == {listed["lock.c"]: HOLDS.encode()}
        assert repository.files(kernel.tree(tip), "fs/gone/deep") == {} == objects.files(tip, "fs/gone/deep")
        assert repository.files(kernel.tree(tip), A) == {} == objects.files(tip, A)


def test_a_folder_that_is_not_read_to_its_end_is_said_of_what_is_put_aside(
    command: Command, kernel: KernelTree
) -> None:
    many = {f"fs/many/f{at:04}.c": f"int many_{at};\n" for at in range(2001)}
    many["fs/many/f0000.c"] = "int many_first(int a)\n{\n\treturn many_next(a);\n}\n"
    base = kernel.commit("many", many)
    kernel.commit("many: more", {"fs/many/f0000.c": many["fs/many/f0000.c"].replace("(a)", "(a + 1)")})
    done = command("range", f"{base}..HEAD", "--tree", kernel.folder, "--format", "json")
    (patch,) = json.loads(done.out)["patches"]
    assert [(one["path"], one["reason"]) for one in patch["unread"]] == [
        ("fs/many/f0000.c", "fs/many has 2001 files; 2000 of them were looked at")
    ]
