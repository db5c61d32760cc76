"""What was not looked at is never called clean, and fails a run that is to fail for it."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest

import cisystems
from command import diff, mail
from kerneltree import KernelTree
from reviewbot.model.patch import Unread
from reviewbot.report.registry import FORMATS, LOCAL
from reviewbot.report.unread import unread_summary

GOOD = diff(line="\tp = kmalloc(8, GFP_KERNEL);").removesuffix("-- \n2.43.0\n")
BAD = diff().removesuffix("-- \n2.43.0\n")
SHORT = diff("fs/exfoo/b.c", "\tp = kmalloc(9, GFP_KERNEL);").replace("@@ -1,4 +1,5 @@", "@@ -1,9 +1,10 @@")
MAILS = {
    "clean": mail(diff=GOOD),
    "remarks": mail(diff=BAD),
    "unread": mail(diff=GOOD + SHORT),
    "both": mail(diff=BAD + SHORT),
    "nothing": mail(diff=SHORT),
}
FILES = {
    "clean": {"a.c": cisystems.GOOD},
    "remarks": {"a.c": cisystems.BAD},
    "unread": {"a.c": cisystems.GOOD, "b.c": cisystems.UNREADABLE},
    "both": {"a.c": cisystems.BAD, "b.c": cisystems.UNREADABLE},
}
NAMED = "1 not looked at: fs/exfoo/b.c"


@pytest.mark.parametrize("verb", ["thread", "range", "local"])
@pytest.mark.parametrize(
    ("options", "codes"),
    [
        ([], {"clean": 0, "remarks": 1, "unread": 0, "both": 1, "nothing": 3}),
        (["--unread", "say"], {"clean": 0, "remarks": 1, "unread": 0, "both": 1, "nothing": 3}),
        (["--unread", "fail"], {"clean": 0, "remarks": 1, "unread": 3, "both": 3, "nothing": 3}),
        (["--unread", "fail", "--exit-zero"], {"clean": 0, "remarks": 0, "unread": 3, "both": 3, "nothing": 3}),
        (["--unread", "fail", "--fail-on", "error"], {"clean": 0, "remarks": 0, "unread": 3, "both": 3}),
    ],
)
def test_exit_codes(command, verb, options, codes):
    tree = KernelTree(command.work / "tree")
    for name, code in codes.items():
        if verb == "thread":
            (command.work / "one.eml").write_bytes(MAILS[name])
            done = command.inside("thread", "one.eml", *options)
        elif verb == "range" and name != "nothing":
            tree.commit(f"fs: {name}", {f"fs/{name}/{path}": text for path, text in FILES[name].items()})
            done = command.inside("range", "HEAD", "--tree", tree.folder, *options)
        elif name != "nothing":
            for path, text in FILES[name].items():
                (tree.folder / path).write_text(text)
            tree.git("add", "--all")
            done = command.inside("local", "--staged", "--tree", tree.folder, *options)
            tree.git("rm", "-fq", "--", *FILES[name])
        else:
            continue
        assert (name, done.code) == (name, code), done
        assert done.out.startswith("clean") == (name == "clean")
        failed = done.err.splitlines()[-1:] if done.err else [""]
        assert failed[0].startswith("reviewbot: failed, with 1 not looked at: ") == (code == 3 and name != "nothing")


def test_the_configuration_says_it_and_the_command_line_goes_before_it(command):
    (command.work / "ci.toml").write_text('[report]\nunread = "fail"\n')
    (command.work / "one.eml").write_bytes(MAILS["unread"])
    run = ("thread", "one.eml", "--config", "ci.toml")
    assert command.inside(*run).code == 3
    assert command.inside(*run, "--unread", "say").code == 0
    (command.work / "ci.toml").write_text('[report]\nunread = "never"\n')
    assert (command.inside(*run).code, "fail" in command.inside(*run).err) == (2, True)


@pytest.mark.parametrize("unread", ["say", "fail"])
@pytest.mark.parametrize("quiet", [(), ("-q",)])
@pytest.mark.parametrize("name", LOCAL)
def test_each_format_says_what_was_not_looked_at_or_standard_error_does(command, name, quiet, unread):
    (command.work / "one.eml").write_bytes(MAILS["unread"])
    done = command.inside(
        "thread" if name in FORMATS else "local", "one.eml", "--format", name, *quiet, "--unread", unread
    )
    assert "clean" not in done.out
    assert "no remarks" not in done.out
    where = done.out if LOCAL[name].unread else done.err
    assert ("fs/exfoo/b.c" in where) == (LOCAL[name].unread or not quiet or unread == "fail")


@pytest.mark.parametrize("name", FORMATS)
def test_a_report_of_a_run_that_fails_says_that(command, name):
    (command.work / "one.eml").write_bytes(MAILS["both"])
    asked = ("thread", "one.eml", "--format", name, "--unread")
    said = {each: command.inside(*asked, each) for each in ("say", "fail")}
    if name == "sarif":
        for each, (level, successful) in {"say": ("warning", True), "fail": ("error", False)}.items():
            (run,) = json.loads(said[each].out)["runs"]
            (invocation,) = run["invocations"]
            assert invocation["executionSuccessful"] == successful
            assert [one["level"] for one in invocation["toolExecutionNotifications"]] == [level]
            assert len(run["results"]) == 1
    elif name == "junit":
        for each, (skipped, errors) in {"say": (1, 0), "fail": (0, 1)}.items():
            top = ElementTree.fromstring(said[each].out)
            assert (len(list(top.iter("skipped"))), len(list(top.iter("error")))) == (skipped, errors)
            assert (top.get("errors"), top.get("failures")) == (str(errors), "1")
    elif name == "github":
        assert "::notice title=reviewbot::not looked at:%0Afs/exfoo/b.c: " in said["say"].out
        assert "::error title=reviewbot::not looked at:%0Afs/exfoo/b.c: " in said["fail"].out
    else:
        assert said["say"].out == said["fail"].out


def test_a_mail_that_was_never_sent_is_read_all_the_same(command):
    """It has no id and may have no author, which only a reply to it would miss."""
    raw = MAILS["clean"].replace(b"Message-ID: <1.made@example.org>\n", b"")
    raw = raw.replace(b"From: Mira Holt <mira.holt@example.org>\n", b"")
    (command.work / "one.eml").write_bytes(raw)
    for name in ("text", "sarif"):
        done = command.inside("thread", "one.eml", "--unread", "fail", "--format", name)
        assert (done.code, done.err) == (0, "")
    assert json.loads(done.out)["runs"][0]["invocations"][0]["executionSuccessful"]


def test_the_first_are_named_and_the_others_counted():
    parts = [Unread(f"fs/{name}.c", "too long") for name in "abcde"]
    assert unread_summary([]) == ""
    assert unread_summary(parts[:2]) == "2 not looked at: fs/a.c, fs/b.c"
    assert unread_summary(parts) == "5 not looked at: fs/a.c, fs/b.c, fs/c.c and 2 more"
    assert unread_summary([Unread(None, "x" * 500)]) == f"1 not looked at: {'x' * 77}..."
    assert unread_summary([Unread("a\n\x1b.c", "odd")]) == "1 not looked at: a\\x0a\\x1b.c"


def test_the_last_line_names_it(command):
    (command.work / "one.eml").write_bytes(MAILS["unread"])
    last = command.inside("thread", "one.eml").out.splitlines()[-1]
    assert last == f"nothing found in what was read: 1 patch, 1 added line, kernel 6.10 ({NAMED})"
    (command.work / "one.eml").write_bytes(MAILS["nothing"])
    assert command.inside("thread", "one.eml").out.splitlines()[-1].startswith("nothing was read: 1 patch, ")


def test_a_baseline_is_written_all_the_same(command):
    (command.work / "one.eml").write_bytes(MAILS["both"])
    assert command.inside("thread", "one.eml", "--unread", "fail", "--write-baseline", "known.json").code == 3
    assert json.loads((command.work / "known.json").read_text())["remarks"]
