"""Which kernel a mail is for: what its subject says, and what is done with that."""

from __future__ import annotations

import json

import pytest
from git import Repo

import letters
from command import diff, mail
from reviewbot.config import data_path
from reviewbot.kernel import rules

RELEASES = rules.releases([data_path("rules")])


@pytest.mark.parametrize(
    ("subject", "version"),
    [
        ("[PATCH 5.10.y] x: y", (5, 10)),
        ("[PATCH 6.1 1/2] x: y", (6, 1)),
        ("[PATCH 5.15.y 0/2] x: y", (5, 15)),
        ("[PATCH stable-5.15] x: y", (5, 15)),
        ("[PATCH 5.15 v2 3/7] x: y", (5, 15)),
        ("[PATCH stable 6.6.y] x: y", (6, 6)),
        ("[PATCH stable 6.6] x: y", (6, 6)),
        ("[PATCH linux-6.1.y] x: y", (6, 1)),
        ("[PATCH linux-stable-6.1] x: y", (6, 1)),
        ("[PATCH AUTOSEL 6.6 12/104] x: y", (6, 6)),
        ("[PATCH AUTOSEL for 4.19 12/104] x: y", (4, 19)),
        ("[PATCH 6.12-stable] x: y", (6, 12)),
        ("[PATCH 6.12.y-stable v3] x: y", (6, 12)),
        ("[PATCH v5.10.y] x: y", (5, 10)),
        ("[PATCH v5.10-stable] x: y", (5, 10)),
        ("[PATCH stable 5.10.123 1/1] x: y", (5, 10)),
        ("[PATCH 6.6.x] x: y", (6, 6)),
        ("[PATCH 4.14 017/120] x: y", (4, 14)),  # older than the table, and still patched
        ("[PATCH 4.14.y] x: y", (4, 14)),
        ("[PATCH 3.2.y] x: y", (3, 2)),
        ("[PATCH for-6.7 1/3] x: y", (6, 7)),
        ("[PATCH for 6.7 1/3] x: y", (6, 7)),
        ("[PATCH 6.12-rc3] x: y", (6, 12)),
        ("[PATCH android14-6.1.y] x: y", (6, 1)),
        ("[PATCH 4.19.y-cip 3/9] x: y", (4, 19)),
        ("[6.6.y PATCH] x: y", (6, 6)),
        ("[PATCH][6.6.y] x: y", (6, 6)),
        ("[stable] [PATCH v2 6.6.y] x: y", (6, 6)),
        ("Re: [PATCH 6.6.y] x: y", (6, 6)),
        ("[patch 6.6.Y] x: y", (6, 6)),
        ("[PATCH net 6.6.y] x: y", (6, 6)),
        # several: the patch has to be right in the oldest
        ("[PATCH 5.10.y 5.15.y] x: y", (5, 10)),
        ("[PATCH 6.1.y, 5.15.y, 5.10.y] x: y", (5, 10)),
        ("[PATCH 5.15/5.10] x: y", (5, 10)),
        ("[PATCH 5.4.y-5.10.y] x: y", (5, 4)),
        ("[PATCH AUTOSEL 6.17-5.10] x: y", (5, 10)),
        ("[PATCH AUTOSEL 6.17-6.12] x: y", (6, 12)),
    ],
)
def test_a_subject_names_the_kernel(subject, version):
    assert RELEASES.asked(subject) == version


@pytest.mark.parametrize(
    "subject",
    [
        "[PATCH v2 1/2] x: y",
        "[PATCH v2.1] x: y",
        "[PATCH v5.10 3/7] x: y",  # the tenth mend of the fifth version
        "[PATCH v5.10] x: y",
        "[RFC PATCH 0.1] x: y",
        "[PATCH 3.0.0] x: y",
        "[PATCH 3.0] x: y",
        "[PATCH 6.1.5] x: y",
        "[PATCH 5.10.0] x: y",
        "[PATCH 99.9] x: y",
        "[PATCH 99.9.y] x: y",
        "[PATCH 6.30] x: y",
        "[PATCH 10/12] x: y",
        "[PATCH driver-6.1] x: y",
        "[PATCH net-next] x: y",
        "[PATCH] x: mend what 5.10.y has",
        "[PATCH] [5.10 and later x: y",
        "x: y [PATCH 5.10.y] z",
        "5.10.y",
        "",
        "[]",
        "[" * 5000,
        "[PATCH " + "a-" * 5000 + "] x",
        "[PATCH ٦.١] x: y",
    ],
)
def test_what_is_no_kernel_is_not_taken_for_one(subject):
    assert RELEASES.asked(subject) is None


# --- in a run ---

FLAG = "\tp = kmalloc(8, GFP_KERNEL | __GFP_ZEROTAGS);"  # since 5.14; the mails are of June 2024


def judged(command, *arguments, stdin):
    """The version that was used, whether it lacks the flag, and what -v says of it."""
    (command.work / "mbox").write_bytes(stdin)
    done = command.inside("thread", "mbox", "--format", "json", "-v", *arguments)
    found = json.loads(done.out)
    rules_hit = {one["rule"] for patch in found["patches"] for one in patch["findings"]}
    return found["kernel"], "unknown-flag" in rules_hit, done.err


@pytest.mark.parametrize(
    ("subject", "arguments", "expected"),
    [
        ("[PATCH] exfoo: a patch", (), ("6.10", False, "kernel 6.10, from the date, 2024-06-10:")),
        ("[PATCH 5.10.y] exfoo: a patch", (), ("5.10", True, "kernel 5.10, from the subject:")),
        ("[PATCH v5.10] exfoo: a patch", (), ("6.10", False, "from the date, ")),
        ("[PATCH 5.10.y] exfoo: a patch", ("--kernel", "6.1"), ("6.1", False, "kernel 6.1, as asked for:")),
        ("[PATCH 5.10.y] exfoo: a patch", ("--config", "own.toml"), ("6.6", False, "kernel 6.6, as asked for:")),
    ],
)
def test_the_subject_goes_before_the_date_and_after_what_was_asked_for(command, subject, arguments, expected):
    (command.work / "own.toml").write_text('[kernel]\nversion = "6.6"\n')
    kernel, unknown, said = judged(command, *arguments, stdin=mail(subject, diff(line=FLAG)))
    assert (kernel, unknown) == expected[:2]
    assert expected[2] in said
    assert said.count("kernel ") == 1  # one kernel is told, not the one it might have been as well


def test_the_cover_letter_or_the_first_patch_speaks_for_all(command):
    cover = letters.mail("[PATCH 5.10.y 0/2] exfoo: do", "All of it.\n", "c0")
    body = f"Why.\n---\n\n{diff(line=FLAG)}"
    one, two = (
        letters.mail(f"[PATCH {n}/2] exfoo: part {n}", body.replace("a.c", f"{n}.c"), f"c{n}", to="c0") for n in (1, 2)
    )
    mbox = b"".join(b"From x Thu Jan  1 00:00:00 1970\n" + raw + b"\n" for raw in (cover, one, two))
    assert judged(command, stdin=mbox)[:2] == ("5.10", True)
    one = letters.mail("[PATCH 5.10.y 1/2] exfoo: part 1", body.replace("a.c", "1.c"), "c1")
    mbox = b"".join(b"From x Thu Jan  1 00:00:00 1970\n" + raw + b"\n" for raw in (one, two))
    assert judged(command, stdin=mbox)[:2] == ("5.10", True)


def test_a_tree_knows_better_than_the_subject(command, tmp_path):
    tree = Repo.init(tmp_path / "tree")
    (tmp_path / "tree" / "Makefile").write_text("VERSION = 6\nPATCHLEVEL = 1\n")
    (tmp_path / "tree" / "a.c").write_text("int made(void)\n{\n\tvoid *p;\n}\n")
    tree.index.add(["Makefile", "a.c"])
    tree.index.commit("all of it")
    stdin = mail("[PATCH 5.10.y] exfoo: a patch", diff("a.c", FLAG))
    kernel, unknown, said = judged(command, "--tree", tmp_path / "tree", stdin=stdin)
    assert (kernel, unknown) == ("6.1", False)
    assert "kernel 6.1, from the tree's Makefile:" in said


@pytest.mark.parametrize(("subject", "kernel"), [("[PATCH 5.10.y] exfoo: a patch", "5.10"), ("[PATCH] x: y", "6.10")])
def test_patch_files_and_checks_of_b4_are_for_it_as_well(command, subject, kernel):
    (command.work / "one.patch").write_bytes(mail(subject, diff(line=FLAG)))
    assert json.loads(command.inside("local", "one.patch", "--format", "json").out)["kernel"] == kernel
    done = command("check", "--protocol", "review", stdin=mail(subject, diff(line=FLAG)))
    assert ("__GFP_ZEROTAGS" in done.out and "5.10" in done.out) == (kernel == "5.10")
