"""A flag that a patch which is not here may define, in a series of which only a part was given."""

from __future__ import annotations

import json

import pytest

import letters
from b4mails import handed_over
from command import Command, diff, mail
from kerneltree import KernelTree

LATER = "\tp = kmalloc(8, GFP_KERNEL | __GFP_NO_OBJ_EXT);"  # since 6.10
NEVER = "\tp = kmalloc(8, GFP_KERNEL | GFP_NOWARN);"
PLAIN = "\tp = kmalloc(8, GFP_KERNEL);"
HEADER = (
    "diff --git a/include/linux/gfp_types.h b/include/linux/gfp_types.h\nindex 1111111..2222222 100644\n"
    "--- a/include/linux/gfp_types.h\n+++ b/include/linux/gfp_types.h\n@@ -10,3 +10,4 @@\n enum {\n a,\n"
    "+#define __GFP_NO_OBJ_EXT ((__force gfp_t)1)\n b,\n"
)


def patch(count: str, line: str, more: str = "") -> bytes:
    number = count.partition("/")[0]
    body = f"Why.\n---\n\n{more}{diff(f'fs/exfoo/{number}.c', line)}"
    return letters.mail(f"[PATCH {count}] exfoo: part {number}", body, f"m{number}", to="m1" if number != "1" else "")


def unknown(command: Command, *mails: bytes, version: str = "6.1") -> dict[int, bool]:
    """By its number, whether a patch is said to name a flag that is not there."""
    mbox = b"".join(b"From x Thu Jan  1 00:00:00 1970\n" + raw + b"\n" for raw in mails)
    (command.work / "mbox").write_bytes(mbox)
    found = json.loads(command.inside("thread", "mbox", "--format", "json", "--kernel", version).out)
    return {one["number"]: any(hit["rule"] == "unknown-flag" for hit in one["findings"]) for one in found["patches"]}


def test_a_patch_alone_from_the_middle(command):
    assert unknown(command, patch("14/21", LATER)) == {14: False}
    assert unknown(command, patch("14/21", NEVER)) == {14: True}, "no kernel has it, and none will"
    (note,) = json.loads(command.inside("thread", "mbox", "--format", "json").out)["unread"]
    assert note["reason"] == "patches 1-13, 15-21 of 21 are not in this thread"


def test_what_is_missing_after_it_says_nothing(command):
    assert unknown(command, patch("1/3", LATER)) == {1: True}
    assert unknown(command, patch("1/3", PLAIN), patch("2/3", LATER)) == {1: False, 2: True}
    assert unknown(command, patch("1/3", LATER), patch("3/3", LATER)) == {1: True, 3: False}


def test_a_whole_series_that_does_not_define_it(command):
    assert unknown(command, patch("1/2", PLAIN), patch("2/2", LATER)) == {1: False, 2: True}
    assert unknown(command, patch("1/2", PLAIN, HEADER), patch("2/2", LATER)) == {1: False, 2: False}
    assert unknown(command, patch("1/1", LATER)) == {1: True}
    assert unknown(command, patch("2/2", LATER), version="6.10") == {2: False}


@pytest.mark.parametrize(("count", "said"), [(" 14/21", False), (" 1/21", True), ("", True)])
def test_patch_files_and_checks_of_b4_are_parts_as_well(command, count, said):
    raw = mail(f"[PATCH{count}] x: y", diff(line=LATER))
    (command.work / "one.patch").write_bytes(raw)
    assert ("unknown-flag" in command.inside("local", "one.patch", "--kernel", "6.1").out) == said
    done = command("check", "--protocol", "prep", "--kernel", "6.1", stdin=raw)
    assert ("unknown-flag" in done.out) == said


def test_all_files_of_a_series_are_no_part(command):
    for number, line in ((1, PLAIN), (2, LATER)):
        (command.work / f"{number}.patch").write_bytes(mail(f"[PATCH {number}/2] x: y", diff(f"fs/{number}.c", line)))
    for order in ((1, 2), (2, 1)):
        files = [f"{number}.patch" for number in order]
        assert "unknown-flag" in command.inside("local", *files, "--kernel", "6.1").out
    assert "unknown-flag" not in command.inside("local", "2.patch", "--kernel", "6.1").out


def test_what_is_committed_has_all_before_it(command, tmp_path):
    """b4 prep hands over its commits one by one: what comes before them is in the tree."""
    kernel = KernelTree(tmp_path / "linux")
    kernel.commit("6.1", {"Makefile": "VERSION = 6\nPATCHLEVEL = 1\n", "fs/a.c": "int made(void)\n{\n\tvoid *p;\n}\n"})
    kernel.commit("exfoo: wrong", {"fs/a.c": f"int made(void)\n{{\n\tvoid *p;\n{LATER}\n}}\n"})
    raw = kernel.git("format-patch", "-1", "--stdout", "--subject-prefix=PATCH 2/3").encode() + b"\n"
    command.work = kernel.folder
    assert "unknown-flag" in command("check", "--protocol", "prep", stdin=handed_over(raw)).out
