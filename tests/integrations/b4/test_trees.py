"""`reviewbot check` in a git tree: whole files, what later patches of the series mend, and what the tree is."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from exfoo import CHANGE, LEAK, LEAKS_AT, MENDED, WHOLE, message_id, with_mask
from kerneltree import KernelTree
from reviewbot.cli import main


@pytest.fixture
def kernel(tmp_path: Path) -> KernelTree:
    made = KernelTree(tmp_path / "linux")
    made.base = made.commit("exfoo: made()", {"fs/exfoo/a.c": WHOLE})
    return made


@pytest.fixture
def check(monkeypatch, capsys, kernel):
    monkeypatch.chdir(kernel.folder)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(kernel.folder.parent / "config"))
    monkeypatch.delenv("B4_TRACKING_FILE", raising=False)

    def run(message: bytes, *options: str, tracking: object = None):
        if tracking is not None:
            path = kernel.folder.parent / "tracking.json"
            path.write_text(tracking if isinstance(tracking, str) else json.dumps(tracking))
            monkeypatch.setenv("B4_TRACKING_FILE", str(path))
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(message)))
        code = main.main(["check", "--protocol", *(options or ("review",))])
        out, err = capsys.readouterr()
        assert err == ""
        assert code in (0, 1)
        return out if "prep" in options else json.loads(out)

    return run


def series(kernel: KernelTree) -> list[bytes]:
    """A leak in the first patch, mended in the third; as mails, cover letter first."""
    kernel.commit("exfoo: check", {"fs/exfoo/a.c": LEAK})
    kernel.commit("exfoo: other", {"fs/exfoo/b.c": WHOLE})
    kernel.commit("exfoo: mend", {"fs/exfoo/a.c": MENDED})
    return kernel.mails("--cover-letter", kernel.base)


def tracked(kernel: KernelTree, mails: list[bytes], **more) -> dict:
    """What b4 keeps of the series on the branch that has the tree's last commits, and one of its own."""
    commits = kernel.git("rev-list", "--reverse", f"{kernel.base}..HEAD").split()
    kernel.git("branch", f"b4/review/{CHANGE}")
    kernel.git("checkout", "-q", f"b4/review/{CHANGE}")
    kernel.commit("tracking")
    kernel.git("checkout", "-q", "main")
    kernel.git("reset", "-q", "--hard", kernel.base)
    patches = [{"title": "x", "header-info": {"msgid": message_id(mail)}} for mail in mails[1:]]
    about = {
        "change-id": CHANGE,
        "base-commit": kernel.base,
        "first-patch-commit": commits[0],
        "subject": "[PATCH 0/3] x",
    }
    return {"series": {**about, **more}, "followups": [], "patches": patches}


# --- without b4's data ---


def test_a_commit_of_the_tree_is_read_whole(check, kernel):
    """b4 prep hands over what is committed: the blobs that its diff names are here."""
    (patch,) = leak(kernel)
    assert f"fs/exfoo/a.c:{LEAKS_AT}: ERROR: scope-leak: " in check(patch, "prep")


def leak(kernel: KernelTree) -> list[bytes]:
    kernel.commit("exfoo: check", {"fs/exfoo/a.c": LEAK})
    return kernel.mails(kernel.base)


def test_a_patch_for_this_tree_is_read_whole_before_it_is_applied(check, kernel):
    (patch,) = leak(kernel)
    kernel.back()  # its new blob is gone
    (row,) = check(patch)
    assert (row["status"], "read: whole files; kernel 6.12" in row["details"]) == ("fail", True)


@pytest.mark.parametrize(
    "spoiled",
    [
        lambda patch: patch.replace(b"\nindex ", b"\nindex 0123456..7654321 100644\nold "),
        lambda patch: patch.replace(b"\tstep_11(x);", b"\tstep_12(x);"),
    ],
    ids=["other blobs", "other context"],
)
def test_a_patch_for_another_tree_is_read_by_its_hunks(check, kernel, spoiled):
    (patch,) = leak(kernel)
    kernel.back()
    assert spoiled(patch) != patch
    (row,) = check(spoiled(patch))
    assert (row["status"], "read: the hunks alone" in row["details"]) == ("pass", True)


def test_the_version_is_that_of_a_tree_that_has_the_patch_or_takes_it(check, kernel):
    (patch,) = leak(kernel)
    here = ("kernel 6.12,", check(patch)[0]["summary"])
    kernel.back()
    takes = ("kernel 6.12,", check(patch)[0]["summary"])
    kernel.edit("fs/exfoo/a.c", 0, "/* another file now */")
    old = patch.replace(b"\nDate: ", b"\nDate: Mon, 10 Jun 2024 10:15:02 +0200\nX-Date: ")
    foreign = ("kernel 6.10,", check(old)[0]["summary"])
    assert [word in said for word, said in (here, takes, foreign)] == [True] * 3


# --- with b4's data ---


def test_what_a_later_patch_mends_is_settled(check, kernel):
    mails = series(kernel)
    data = tracked(kernel, mails)
    (row,) = check(mails[1], tracking=data)
    assert (row["status"], row["summary"].startswith("nothing found")) == ("pass", True)
    assert "settled by patch 3/3" in row["details"]
    assert f"read: whole files, in the 3 commits after {kernel.base[:12]}; kernel 6.12" in row["details"]
    assert check(mails[1])  # the variable is still set
    data["patches"].pop()
    (alone,) = check(mails[1], tracking=data)
    assert (alone["status"], "3 commits for 2 patches" in alone["details"]) == ("fail", True)


def test_a_series_is_one_result(check, kernel):
    mails = series(kernel)
    data = tracked(kernel, mails)
    for message in mails[:2]:  # the cover letter, or the first patch where there is none
        (row,) = check(message, "review", "--series", tracking=data)
        assert (row["tool"], row["status"]) == ("gfp-series", "pass")
        assert "1/3 exfoo: check" in row["details"]


def test_a_later_patch_that_mends_nothing(check, kernel):
    kernel.commit("exfoo: check", {"fs/exfoo/a.c": LEAK})
    kernel.commit("exfoo: more", {"fs/exfoo/a.c": LEAK.replace("return 0", "return 1")})
    mails = kernel.mails("--cover-letter", kernel.base)
    data = tracked(kernel, mails)
    (row,) = check(mails[1], tracking=data)
    assert (row["status"], "settled" in row["details"]) == ("fail", False)
    (whole,) = check(mails[0], "review", "--series", tracking=data)
    assert whole["summary"].startswith("1 error: ")


def test_a_commit_that_its_maintainer_has_changed_is_not_what_was_sent(check, kernel):
    mails = series(kernel)
    kernel.back()
    kernel.commit("exfoo: check", {"fs/exfoo/a.c": LEAK.replace("-ENOMEM", "-ENOSPC")})
    kernel.commit("exfoo: other", {"fs/exfoo/b.c": WHOLE})
    kernel.commit("exfoo: mend", {"fs/exfoo/a.c": MENDED})
    (row,) = check(mails[1], tracking=tracked(kernel, mails))
    assert "the hunks alone; the commit on its branch is another" in row["details"]


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda data: "{", "cannot be read"),
        (lambda data: [], "says nothing of a series"),
        (lambda data: data | {"patches": 7}, "does not name this patch"),
        (lambda data: data | {"series": data["series"] | {"change-id": "no-such-one"}}, "its branch is not here"),
        (lambda data: data | {"series": data["series"] | {"change-id": "x\n../../main"}}, "names no branch"),
        (lambda data: data | {"series": data["series"] | {"first-patch-commit": "f" * 40}}, "are not on its branch"),
    ],
)
def test_data_that_is_of_no_use_is_said_and_the_patch_is_read_all_the_same(check, kernel, spoil, why):
    mails = series(kernel)
    data = tracked(kernel, mails)
    (row,) = check(mails[1], tracking=spoil(data))
    assert row["status"] == "fail"
    assert why in row["details"]
    assert "read: whole files; " in row["details"]
    if "name this patch" not in why:
        assert check(mails[0], "review", "--series") == []  # nothing is known of the series


def test_a_prerequisite_is_not_reviewed_and_seen_all_the_same(check, kernel):
    before = kernel.commit("exfoo: what comes first", {"fs/exfoo/a.c": LEAK})
    kernel.edit("fs/exfoo/a.c", 6, "\t/* a comment */")
    mails = kernel.mails("--cover-letter", before)
    first = kernel.git("rev-parse", "HEAD")
    data = tracked(kernel, mails, **{"first-patch-commit": first, "prerequisite-commits": [before]})
    (row,) = check(mails[0], "review", "--series", tracking=data)
    assert (row["status"], "in the 1 commit after" in row["details"]) == ("pass", True)


def test_a_name_that_an_earlier_patch_brings_back_is_known(check, kernel):
    kernel.commit("mm: bring it back", {"include/linux/gfp.h": "#define GFP_TEMPORARY GFP_KERNEL\n"})
    kernel.commit("exfoo: use it", {"fs/exfoo/a.c": with_mask("GFP_TEMPORARY")})
    mails = kernel.mails("--cover-letter", kernel.base)
    data = tracked(kernel, mails)
    assert "unknown-flag" in check(mails[2])[0]["details"]
    assert "unknown-flag" not in check(mails[2], tracking=data)[0]["details"]
