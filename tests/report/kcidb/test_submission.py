"""Submissions to KCIDB, held against its own schema in the newest version that kcidb-io has."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from command import THREADS, Command, diff, mail
from kerneltree import KernelTree
from report_cases import ALLOC, DIR, KCIDB, SCOPE, frame, review, reviewed
from reviewbot.model.patch import Unread
from reviewbot.report.kcidb import submission

ANY = st.text(st.characters(exclude_categories=()), min_size=1, max_size=40)
DEMO = THREADS / "demo.mbox"
WARNING, NOTE = {"severity": "warning"}, {"severity": "note"}


def checked(text: str) -> dict:
    """What a submission holds; KCIDB takes it."""
    schema = pytest.importorskip("kcidb_io", reason="kcidb-io is missing: pip install -e '.[dev]'").schema.LATEST
    whole = json.loads(text)
    schema.validate(whole)
    assert (submission.VERSION["major"], submission.VERSION["minor"]) == (schema.major, schema.minor)
    assert None not in values(whole)
    return whole


def values(value) -> list:
    if isinstance(value, dict):
        # what is ours to define is in misc
        return [one for key, inner in value.items() if key != "misc" for one in values(inner)]
    return [one for inner in value for one in values(inner)] if isinstance(value, list) else [value]


def sent(given, **bars) -> dict:
    text = submission.render(given, frame(**bars))
    assert text.isascii()
    return checked(text)


def only(given, **bars) -> dict:
    (test,) = sent(given, **bars)["tests"]
    return test


def test_a_series_is_a_checkout_and_each_patch_a_test():
    whole = sent(review(reviewed(number=1, total=2), reviewed([SCOPE], number=2, total=2)))
    (checkout,), (build,), (good, bad) = whole["checkouts"], whole["builds"], whole["tests"]
    assert checkout == {
        "id": checkout["id"],
        "origin": "toys",
        "comment": "toy: fill",
        "message_id": "20260304.1@author.example",
        "patchset_files": [
            {"name": "0001.patch", "url": "https://lore.example/20260304.1@author.example/raw"},
            {"name": "0002.patch", "url": "https://lore.example/20260304.2@author.example/raw"},
        ],
        "misc": {"reviewbot": {"version": 2}},
    }
    assert build == {
        "id": f"toys:dummy_{checkout['id'].removeprefix('toys:')}",
        "origin": "toys",
        "checkout_id": checkout["id"],
        "comment": "Nothing was built: the source was read.",
    }
    assert (bad["status"], good["status"]) == ("FAIL", "PASS")
    assert {bad["build_id"], good["build_id"]} == {build["id"]}
    assert (bad["path"], bad["comment"]) == ("reviewbot", "patch 2/2: toy: fill 2")
    assert bad["log_excerpt"] == "fs/toy/alloc.c:17: error: a scope that takes reclaim away"
    assert "log_excerpt" not in good
    misc = bad["misc"]["reviewbot"]
    assert (misc["kernel"], misc["rules"], misc["message_id"]) == ("6.12", "d1", "20260304.2@author.example")
    assert [one["rule"] for one in misc["remarks"]] == ["toy-scope"]


@pytest.mark.parametrize(
    ("patch", "bars", "status"),
    [
        (reviewed(), {}, "PASS"),
        (reviewed([SCOPE]), {}, "FAIL"),
        (reviewed([(SCOPE, WARNING)]), {}, "DONE"),
        (reviewed([(SCOPE, NOTE)]), {}, "DONE"),
        (reviewed([(SCOPE, WARNING)]), {"kcidb": replace(KCIDB, fail_on="warning")}, "FAIL"),
        (reviewed([SCOPE]), {"kcidb": replace(KCIDB, fail_on="never")}, "DONE"),
        (reviewed([(SCOPE, NOTE)]), {"min_severity": "warning"}, "PASS"),
        (reviewed([(SCOPE, {"resolved_by": "2/2"})]), {}, "PASS"),
        (reviewed(unread=(Unread("a.c", "it ends early"),)), {}, "ERROR"),
        (reviewed([(SCOPE, WARNING)], unread=(Unread("a.c", "it ends early"),)), {}, "ERROR"),
        (reviewed([SCOPE], unread=(Unread("a.c", "it ends early"),)), {}, "FAIL"),
        (reviewed(unread=(Unread(None, "no id"),)), {"reply_only": (Unread(None, "no id"),)}, "PASS"),
        (reviewed(diff=""), {}, "SKIP"),
        (reviewed(diff="", unread=(Unread(None, "too large"),)), {}, "ERROR"),
    ],
    ids=range(14),
)
def test_the_status_says_what_is_known(patch, bars, status):
    assert only(review(patch), **bars)["status"] == status


def test_a_run_with_the_same_code_has_the_same_ids_and_other_rules_make_another_test():
    given = review(reviewed([SCOPE]))
    first, again, other = sent(given), sent(given), sent(given, digest="d2")
    assert first == again
    assert first["checkouts"] == other["checkouts"]
    assert first["tests"][0]["id"] != other["tests"][0]["id"]
    moved = sent(review(reviewed([SCOPE], diff="x" + reviewed().patch.diff, given=None)))
    assert moved["checkouts"][0]["id"] == first["checkouts"][0]["id"], "a mail is known by its id"


def test_a_remark_has_the_page_of_its_rule_where_there_is_one():
    given = review(reviewed([SCOPE]))
    (found,) = only(given, pages="https://pages.example/gfp")["misc"]["reviewbot"]["remarks"]
    assert found["page"] == "https://pages.example/gfp/rules/toy-scope.html"
    assert "page" not in only(given)["misc"]["reviewbot"]["remarks"][0]


def test_a_build_that_is_known_is_named_and_not_sent():
    whole = sent(review(reviewed([SCOPE])), kcidb=replace(KCIDB, build_id="builder:77"))
    assert "builds" not in whole
    assert [test["build_id"] for test in whole["tests"]] == ["builder:77"]


def test_commits_are_a_checkout_of_the_last_one():
    patch = reviewed([ALLOC])
    commit = replace(patch, patch=replace(patch.patch, commit="c0ffee" + 34 * "0", mail=None))
    known = replace(KCIDB, tree_name="net-next", git_repository_url="https://git.example.org/linux")
    (checkout,) = sent(review(commit), kcidb=known)["checkouts"]
    assert (checkout["git_commit_hash"], checkout["patchset_hash"]) == ("c0ffee" + 34 * "0", "")
    assert (checkout["tree_name"], checkout["git_repository_url"]) == ("net-next", "https://git.example.org/linux")
    assert not {"patchset_files", "message_id"} & set(checkout)
    assert checkout["valid"] is True
    bare = replace(patch, patch=replace(patch.patch, mail=None))
    (checkout,) = sent(review(bare))["checkouts"]
    assert set(checkout) == {"id", "origin", "comment", "misc"}


def test_what_is_not_known_is_left_out():
    given = review(reviewed([DIR]))
    (checkout,) = sent(given, kcidb=replace(KCIDB, patch_url=""))["checkouts"]
    assert not {"patchset_files", "git_commit_hash", "valid", "tree_name", "patchset_hash"} & set(checkout)
    based = replace(given, series=replace(given.series, base="v6.12"))
    assert "git_commit_hash" not in sent(based)["checkouts"][0]
    based = replace(given, series=replace(given.series, base="ab" * 20))
    assert sent(based)["checkouts"][0]["git_commit_hash"] == "ab" * 20


def test_a_review_of_nothing_says_nothing():
    assert sent(review(unread=(Unread(None, "no patch is among the mails"),))) == {"version": submission.VERSION}


@given(text=ANY)
def test_any_text_is_taken(text):
    patch = reviewed([(SCOPE, {"message": text, "path": text, "line_text": text, "function": text})])
    changed = replace(patch.patch, subject=text, mail=replace(patch.patch.mail, message_id=text))
    given = review(replace(patch, patch=changed, unread=(Unread(text, text),)), unread=(Unread(text, text),))
    sent(replace(given, series=replace(given.series, subject=text)))


# --- the command line ---


def test_a_thread_and_a_range_on_the_command_line(command: Command, tmp_path):
    (command.work / "k.toml").write_text('[kcidb]\norigin = "toys"\n')
    done = command("thread", DEMO, "--kernel", "6.10", "--config", "k.toml", "--format", "kcidb")
    assert (done.code, done.err) == (1, "")
    assert [test["status"] for test in checked(done.out)["tests"]] == ["FAIL", "FAIL", "FAIL"]
    tree = KernelTree(tmp_path / "linux")
    tree.commit("grow", {"fs/a.c": "int made(void)\n{\n\treturn !kmalloc(8, GFP_KERNEL | GFP_NOFS);\n}\n"})
    tree.commit("say", {"Documentation/a.rst": "it grows\n"})
    asked = ("--tree", tree.folder, "--config", "k.toml", "--output", "kcidb=sent.json")
    assert command("range", "HEAD~2..HEAD", *asked).code == 1
    whole = checked((command.work / "sent.json").read_text())
    assert whole["checkouts"][0]["git_commit_hash"] == tree.git("rev-parse", "HEAD")
    assert [test["status"] for test in whole["tests"]] == ["DONE", "SKIP"]


def test_a_mail_without_an_id_passes_all_the_same(command: Command):
    (command.work / "k.toml").write_text('[kcidb]\norigin = "toys"\n')
    bare = mail(diff=diff(line="\tp = kmalloc(8, GFP_KERNEL);")).replace(b"Message-ID: <1.made@example.org>\n", b"")
    done = command("thread", "-", "--config", "k.toml", "--format", "kcidb", stdin=bare)
    assert [test["status"] for test in checked(done.out)["tests"]] == ["PASS"]


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ("", "kcidb needs origin under [kcidb] in config.toml"),
        ('origin = "Toys"', "lower-case letters, digits and _"),
        ('origin = "toys"\npath = "a b"', "static.reviewbot"),
        ('origin = "toys"\nbuild_id = ":1"', "myorigin:1234"),
        ('origin = "toys"\ngit_repository_url = "git://x"', "https://"),
        ('origin = "toys"\nfail_on = "all"', "fail_on"),
    ],
)
def test_settings_that_kcidb_would_refuse_are_said_at_once(command: Command, settings, text):
    (command.work / "k.toml").write_text(f"[kcidb]\n{settings}\n")
    done = command("thread", DEMO, "--config", "k.toml", "--output", "kcidb=sent.json")
    assert (done.code, done.out) == (2, "")
    assert text in done.err
    assert len(done.err.splitlines()) == 1
    assert not (command.work / "sent.json").exists()
