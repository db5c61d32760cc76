"""Patches to programs of user space: which are known as such, which never, and what becomes of them."""

from __future__ import annotations

import json

import pytest

import letters
from command import diff, mail
from reviewbot.config import data_path
from reviewbot.kernel import rules
from reviewbot.kernel.projects import KERNEL, diff_paths
from reviewbot.mail.series import newest
from reviewbot.model.errors import ConfigError, NothingToReview

PROJECTS = rules.projects([data_path("rules")])
NOWHERE = "exfoo/made.c"  # a path that says nothing


@pytest.mark.parametrize(
    ("subject", "path", "program"),
    [
        ("[PATCH xfsprogs] libxfs: exfoo", "libxfs/exfoo.c", "xfsprogs"),
        ("[PATCH xfsprogs v2 1/3] x: y", "include/xfs.h", "xfsprogs"),
        ("[PATCH v2 1/3] xfsprogs: y", "db/check.c", "xfsprogs"),
        ("[PATCH 1/3] libxfs: y", NOWHERE, "xfsprogs"),
        ("[PATCH 1/3] mkfs.xfs: y", NOWHERE, "xfsprogs"),
        ("[PATCH 1/3] xfs: y", "libxfs/xfs_alloc.c", "xfsprogs"),
        ("[PATCH] xfs_repair: y", "repair/phase6.c", "xfsprogs"),
        ("[PATCH e2fsprogs] y", "lib/exfoo.c", "e2fsprogs"),
        ("[PATCH][e2fsprogs] y", "lib/exfoo.c", "e2fsprogs"),
        ("[PATCH] ext4: y", "lib/ext2fs/alloc.c", "e2fsprogs"),
        ("[PATCH] e2fsck: y", "e2fsck/pass1.c", "e2fsprogs"),
        ("[PATCH] btrfs-progs: subvolume: y", "cmds/subvolume.c", "btrfs-progs"),
        ("[PATCH] btrfs: y", "kernel-shared/ctree.c", "btrfs-progs"),
        ("[PATCH] generic: y", "tests/generic/123.c", "fstests"),
        ("[PATCH] fstests: y", "src/made.c", "fstests"),
        ("[xfstests PATCH v3 2/9] y", "src/made.c", "fstests"),
        ("[PATCH] y", "c_src/cmd_fsck.c", "bcachefs-tools"),
        ("[PATCH] bcachefs: y", "libbcachefs/alloc.c", "bcachefs-tools"),
        ("[PATCH iproute2-next v2 1/2] tc: y", "tc/q_exfoo.c", "iproute2"),
        ("[PATCH iproute2] y", "include/utils.h", "iproute2"),
        ("[PATCH ethtool-next] y", "exfoo.c", "ethtool"),
        ("[PATCH util-linux] y", "lib/exfoo.c", "util-linux"),
        ("[PATCH] libmount: y", "libmount/src/tab.c", "util-linux"),
        ("[ndctl PATCH v2 3/4] y", "util/exfoo.c", "ndctl"),
        ("[PATCH nvme-cli] y", "nvme.c", "nvme-cli"),
        ("[PATCH BlueZ v2 1/3] y", "src/exfoo.c", "bluez"),
        ("[PATCH XFSPROGS] y", NOWHERE, "xfsprogs"),
        ("[PATCH, xfsprogs] y", NOWHERE, "xfsprogs"),
        ("Re: [PATCH xfsprogs] y", NOWHERE, "xfsprogs"),
    ],
)
def test_a_name_or_a_path_tells(subject, path, program):
    assert PROJECTS.of(subject, diff(path)) == program


@pytest.mark.parametrize(
    ("subject", "path"),
    [
        ("[PATCH] xfs: sync libxfs with userspace", "fs/xfs/libxfs/xfs_alloc.c"),
        ("[PATCH] libxfs: y", "fs/xfs/libxfs/xfs_alloc.c"),
        ("[PATCH xfs, xfsprogs] y", "fs/xfs/xfs_mount.c"),  # for both, and this is the kernel's part
        ("[PATCH] ethtool: y", "net/ethtool/ioctl.c"),
        ("[PATCH] selftests: unshare: y", "tools/testing/selftests/exfoo/a.c"),
        ("[PATCH] libtraceevent: y", "tools/lib/traceevent/a.c"),
        ("[PATCH] perf tools: y", "tools/perf/util/a.c"),
        ("[PATCH] exfoo: a new driver", "drivers/exfoo/mkfs/a.c"),
        ("[PATCH] mkfs: y", "arch/x86/mkfs.c"),
    ],
)
def test_what_only_a_kernel_has_is_the_kernel_s(subject, path):
    assert PROJECTS.of(subject, diff(path)) == KERNEL
    assert PROJECTS.of_series("", [(subject, diff(path))]) == ("",)


@pytest.mark.parametrize(
    ("subject", "path"),
    [
        ("[PATCH] exfoo: out of the tree", "exfoo/main.c"),
        ("[PATCH] exfoo: out of the tree", "src/main.c"),
        ("[PATCH] exfoo: no folder", "main.c"),
        ("[PATCH] netdevsim: relative to its folder", "ethtool.c"),
        ("[PATCH] ethtool: only a header", "include/uapi/linux/ethtool.h"),
        ("[PATCH net-next] ethtool: only a header", "include/linux/ethtool.h"),
        ("[PATCH] hexdump: y", "lib/hexdump.c"),
        ("[PATCH] mm: mention xfsprogs: twice", "include/linux/mm.h"),
        ("[PATCH] lib: y", "lib/blkid.c"),
        ("[PATCH] tools: y", "tools/exfoo/main.c"),
        ("[PATCH] crypto: y", "crypto/exfoo.c"),
        ("[PATCH] xfsprogsx: y", NOWHERE),
        ("[PATCH myxfsprogs] y", NOWHERE),
        ("xfsprogs and more", NOWHERE),
        ("", NOWHERE),
    ],
)
def test_nothing_else_is_taken_for_a_program_s(subject, path):
    assert PROJECTS.of(subject, diff(path)) == ""


def test_a_series_is_for_one_tree():
    patches = [("[PATCH 1/2] db: y", diff("db/check.c")), ("[PATCH 2/2] libxfs: y", diff("libxfs/a.c"))]
    assert PROJECTS.of_series("", patches) == ("xfsprogs", "xfsprogs")
    assert PROJECTS.of_series("[PATCH xfsprogs 0/1] all of it", patches[:1]) == ("xfsprogs",)
    assert PROJECTS.of_series("[PATCH 0/1] all of it", patches[:1]) == ("",)
    mixed = [*patches, ("[PATCH 3/3] xfs: y", diff("fs/xfs/a.c"))]
    assert PROJECTS.of_series("", mixed) == ("", "xfsprogs", ""), "what nothing is known of is read"
    assert PROJECTS.of_series("", []) == ()


def test_paths_of_all_kinds_of_diffs():
    git = "diff --git a/libxfs/a.c b/libxfs/b.c\nsimilarity index 100%\nrename from libxfs/a.c\nrename to libxfs/b.c\n"
    plain = "--- old.c\t2024-01-01\n+++ mkfs/new.c\t2024-01-01\n@@ -1 +1 @@\n-a\n+b\n"
    new = "--- /dev/null\n+++ b/mkfs/new.c\n@@ -0,0 +1 @@\n+b\n"
    assert list(diff_paths(git)) == ["libxfs/a.c", "libxfs/b.c"]
    assert list(diff_paths(plain)) == ["old.c", "mkfs/new.c"]
    assert list(diff_paths(new)) == ["mkfs/new.c"]
    assert list(diff_paths("@@ -1,2 +1,2 @@\n--- libxfs/a.c\n+++ libxfs/b.c\n")) == [], "lines of a file"
    assert list(diff_paths("")) == []


# --- the table ---


def test_no_path_of_a_program_is_one_of_the_kernel():
    tops = {path.partition("/")[0] for path in PROJECTS.kernel}
    both = {"Documentation", "crypto", "include", "lib", "scripts", "tools", "usr"}
    for project in PROJECTS.every:
        assert project.tags
        for path in project.paths:
            top, _, rest = path.partition("/")
            assert "/" in path, f"{path}: a name without a folder may stand in any folder"
            assert top not in tops - both
            assert rest or top not in both, f"{path} is one of the kernel"
            assert not path.startswith(PROJECTS.kernel)


def test_a_folder_of_rules_may_add_programs(tmp_path):
    (tmp_path / "_projects.toml").write_text('[project.exfoo-tools]\ntitles = ["exfooctl"]\n')
    more = rules.projects([data_path("rules"), tmp_path])
    assert more.of("[PATCH] exfooctl: y", diff("main.c")) == "exfoo-tools"
    assert more.of("[PATCH exfoo-tools] y", diff("main.c")) == "exfoo-tools"
    assert len(more.every) == len(PROJECTS.every) + 1


@pytest.mark.parametrize(
    ("text", "wrong"),
    [("kernel = 1", "kernel must be a list"), ("[project.x]\nname = []", r"project\.x: unknown key 'name'")],
)
def test_what_the_table_may_not_say(tmp_path, text, wrong):
    (tmp_path / "_projects.toml").write_text(text)
    with pytest.raises(ConfigError, match=wrong):
        rules.projects([tmp_path])


# --- in a run ---

WRONG = "\tp = kmalloc(8, GFP_ATOMIC | __GFP_NOFAIL);"


def patch(subject: str, path: str, key: str, to: str = "") -> bytes:
    return letters.mail(subject, f"Why.\n---\n\n{diff(path, WRONG)}", key, to=to)


def mbox(*mails: bytes) -> bytes:
    return b"".join(b"From x Thu Jan  1 00:00:00 1970\n" + raw + b"\n" for raw in mails)


def test_nothing_of_it_is_reviewed(command):
    stdin = mail("[PATCH xfsprogs] libxfs: exfoo", diff("libxfs/exfoo.c", WRONG))
    done = command("thread", "-", "--format", "json", stdin=stdin)
    said = "a patch to xfsprogs, which is not the kernel: [PATCH xfsprogs] libxfs: exfoo"
    assert (done.code, done.err) == (3, f"reviewbot: {said}\n")
    found = json.loads(done.out)
    assert (found["patches"], found["unread"]) == ([], [{"path": None, "reason": said}])


def test_beside_patches_to_the_kernel_it_is_named(command):
    ours = patch("[PATCH 1/2] xfs: y", "fs/xfs/libxfs/a.c", "k1")
    theirs = patch("[PATCH 2/2] xfsprogs: y", "libxfs/a.c", "k2", to="k1")
    (command.work / "mbox").write_bytes(mbox(ours, theirs))
    done = command.inside("thread", "mbox", "--format", "json")
    found = json.loads(done.out)
    assert done.code == 1
    assert [one["subject"] for one in found["patches"]] == ["xfs: y"]
    (note,) = found["unread"]
    assert note["reason"].endswith("was left out: a patch to xfsprogs, which is not the kernel")


@pytest.mark.parametrize("first", ["kernel", "program"])
def test_the_series_to_the_kernel_is_the_one_that_is_meant(first):
    mails = [patch("[PATCH xfsprogs] libxfs: y", "libxfs/a.c", "p"), patch("[PATCH] xfs: z", "fs/xfs/a.c", "k")]
    found = newest(mails if first == "program" else mails[::-1], None, PROJECTS)
    assert letters.keys(found) == ["k"]
    (note,) = found.unread
    assert note.reason.endswith("was left out: another patch to xfsprogs, which is not the kernel")
    with pytest.raises(NothingToReview, match=r"^a patch to xfsprogs, which is not the kernel: \[PATCH xfsprogs\]"):
        newest(mails, "p@example.org", PROJECTS)  # this very one was asked for


def test_a_whole_series_to_a_program():
    cover = letters.mail("[PATCH xfsprogs 0/2] all of it", "Why.\n", "c")
    mails = [cover, *(patch(f"[PATCH {at}/2] db: y{at}", f"db/{at}.c", f"c{at}", to="c") for at in (1, 2))]
    with pytest.raises(
        NothingToReview, match=r"^a series to xfsprogs, which is not the kernel: \[PATCH xfsprogs 0/2\]"
    ):
        newest(mails, None, PROJECTS)
    assert len(newest(mails).patches) == 2, "who names no programs gets all"


def test_who_points_at_a_patch_or_a_tree_means_it(desk):
    desk.write("libxfs.patch", mail("[PATCH xfsprogs] libxfs: y", diff("libxfs/a.c", WRONG)))
    desk.kernel.commit("libxfs: y", {"libxfs/a.c": f"int made(void)\n{{\n\tvoid *p;\n{WRONG}\n}}\n"})
    assert "nofail-cannot-sleep" in desk("libxfs.patch").out
    desk.runs = "range"
    assert desk("HEAD").code == 1


@pytest.mark.parametrize("protocol", ["review", "prep"])
def test_a_check_of_b4_has_nothing_to_say(command, protocol):
    stdin = mail("[PATCH xfsprogs] libxfs: exfoo", diff("libxfs/exfoo.c", WRONG))
    done = command("check", "--protocol", protocol, stdin=stdin)
    assert (done.code, done.err) == (0, "")
    assert done.out in ("", "[]\n")
    assert command("check", "--protocol", protocol, stdin=mail(diff=diff(line=WRONG))).code == 1
