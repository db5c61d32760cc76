"""Reports on standard output and in files: what goes where, and what happens where it cannot."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from command import THREADS, diff, mail
from report_readers import READERS
from reviewbot.cli.targets import Target, targets
from reviewbot.model.errors import UsageError
from reviewbot.report.registry import FORMATS

DEMO = ("thread", THREADS / "demo.mbox", "--kernel", "6.10")
CLEAN = ("thread", THREADS / "clean.mbox", "--kernel", "6.10")
REMARKS = [
    ("unsafe-scope", "fs/exfoo/inode.c", 25),
    ("scope-leak", "fs/exfoo/extent.c", 29),
    ("sleep-in-atomic", "fs/exfoo/cursor.c", 23),
    ("conflicting-flags", "fs/exfoo/cursor.c", 40),
]
SHORT = diff("fs/exfoo/b.c").replace("@@ -1,4 +1,5 @@", "@@ -1,9 +1,10 @@")
TRUNCATED = mail(diff=diff().removesuffix("-- \n2.43.0\n") + SHORT)


@pytest.mark.parametrize("name", READERS)
def test_a_thread_in_every_format(command, name):
    done = command(*DEMO, "--format", name)
    assert (done.code, done.err) == (1, "")
    assert sorted(row[:1] + row[2:4] for row in READERS[name](done.out)) == sorted(REMARKS)
    clean = command(*CLEAN, "--format", name)
    assert (clean.code, clean.err) == (0, "")
    assert READERS[name](clean.out) == []


def test_one_run_writes_many_files_and_prints_as_always(command):
    (command.work / "g.json").write_text("an old one")
    asked = [f"--output={name}={name}.out" for name in FORMATS]
    done = command(*DEMO, *asked, "--output", "gitlab=g.json")
    assert done == command(*DEMO)
    assert command.left() == {*(f"work/{name}.out" for name in FORMATS), "work/g.json"}
    for name in ("json", "junit", "github"):
        assert (command.work / f"{name}.out").read_text() == command(*DEMO, "--format", name).out
    assert (command.work / "text.out").read_text() == done.out
    assert json.loads((command.work / "g.json").read_text())


def test_the_drafts_go_into_a_file_as_well(command):
    done = command(*DEMO, "--config", THREADS / "demo.toml", "--output", "mail=drafts.mbox")
    assert done.out == command(*DEMO).out
    assert (command.work / "drafts.mbox").read_bytes().startswith(b"From mboxrd@z ")


def test_a_dash_is_standard_output(command):
    done = command(*DEMO, "--output", "sarif=-", "--output", "text=report.txt")
    assert json.loads(done.out)["version"] == "2.1.0"
    assert (command.work / "report.txt").read_text() == command(*DEMO).out


@pytest.mark.parametrize(
    ("chosen", "outputs", "wanted"),
    [
        (None, [], [("text", None)]),
        ("json", [], [("json", None)]),
        (None, ["sarif=a"], [("text", None), ("sarif", "a")]),
        (None, ["sarif=a", "json=-"], [("json", None), ("sarif", "a")]),
        ("json", ["sarif=a", "sarif=b=c"], [("json", None), ("sarif", "a"), ("sarif", "b=c")]),
    ],
)
def test_targets(chosen, outputs, wanted):
    assert targets(chosen, outputs) == tuple(Target(name, path and Path(path)) for name, path in wanted)


@pytest.mark.parametrize(
    ("chosen", "outputs", "said"),
    [
        ("json", ["sarif=-"], "both json and sarif would go to standard output"),
        (None, ["json=-", "sarif=-"], "both json and sarif would go to standard output"),
        (None, ["json=a", "sarif=./a"], "two reports would be written to a"),
        (None, ["sarif"], "write it FORMAT=FILE"),
        (None, ["sarif="], "write it FORMAT=FILE"),
        (None, ["html=a"], "no format 'html'; there are text, json, sarif"),
    ],
)
def test_outputs_that_cannot_be_meant(command, chosen, outputs, said):
    with pytest.raises(UsageError, match=said):
        targets(chosen, outputs)
    asked = [*(f"--output={output}" for output in outputs), *(["--format", chosen] if chosen else [])]
    done = command("thread", "absent.mbox", *asked)
    assert (done.code, len(done.err.splitlines())) == (2, 1)


@pytest.mark.parametrize("file", ["absent/r.sarif", "folder", "mine/r.sarif"])
def test_a_place_that_cannot_be_written_is_named_before_anything_is_fetched(command, file):
    (command.work / "folder").mkdir()
    (command.work / "mine").write_text("a file")
    done = command("thread", "absent.mbox", "--output", f"sarif={file}")
    assert (done.code, done.out) == (3, "")
    (line,) = done.err.splitlines()
    assert line.startswith(f"reviewbot: cannot write {file}: ")


def test_a_full_disk_is_one_line_and_no_half_a_file(command):
    done = command(*DEMO, "--output", "sarif=r.sarif", "--output", "json=/dev/full")
    assert (done.code, done.out) == (3, "")
    assert done.err == "reviewbot: cannot write /dev/full: the disk is full\n"
    assert command.left() == {"work/r.sarif"}


def test_where_nothing_could_be_read_no_report_says_that_all_is_well(command):
    (command.work / "old.json").write_text("as it was")
    files = ("sarif=r.sarif", "junit=r.xml", "gitlab=old.json", "rdjson=r.rdjson", "text=r.txt")
    done = command("thread", "absent.mbox", *(f"--output={file}" for file in files))
    assert (done.code, done.out, len(done.err.splitlines())) == (3, "", 1)
    assert command.left() == {"work/r.sarif", "work/r.xml", "work/old.json"}
    assert (command.work / "old.json").read_text() == "as it was"
    (run,) = json.loads((command.work / "r.sarif").read_text())["runs"]
    assert not run["invocations"][0]["executionSuccessful"]
    assert len(list(ElementTree.parse(command.work / "r.xml").iter("skipped"))) == 1


def test_where_no_patch_could_be_read_neither(command):
    files = ("sarif=r.sarif", "gitlab=g.json", "text=r.txt")
    done = command("thread", "-", *(f"--output={file}" for file in files), stdin=mail(diff=SHORT))
    assert (done.code, "not looked at" in done.out) == (3, True)
    assert command.left() == {"work/r.sarif", "work/r.txt"}
    assert command("thread", "-", "--format", "rdjson", stdin=mail(diff=SHORT)).out == ""


@pytest.mark.parametrize("name", FORMATS)
def test_what_was_not_looked_at_is_said_somewhere(command, name):
    done = command("thread", "-", "--format", name, stdin=TRUNCATED)
    assert done.code == 1
    assert "-9 +10" in (done.out if FORMATS[name].unread else done.err)
    if FORMATS[name].unread:
        assert done.err == ""


def test_it_is_not_said_twice(command):
    done = command("thread", "-", "--output", "gitlab=g.json", "-v", stdin=TRUNCATED)
    assert "-9 +10" not in done.err


def test_each_format_has_a_bar_and_the_one_on_standard_output_decides(command):
    """A doubtful remark: kept out of the report for a CI, but everything is in JSON."""
    doubtful = mail(
        diff=diff(line="\tp = alloc_pages(gfp | __GFP_NOWARN, 0);").replace(" \tvoid *p;", " \tgfp_t gfp = GFP_NOWAIT;")
    )
    (command.work / "sure.toml").write_text('[surface]\nsarif = "high"\n')
    files = ("--output", "sarif=r.sarif", "--output", "json=r.json")
    done = command("thread", "-", "--config", "sure.toml", "--min-severity", "note", *files, stdin=doubtful)
    assert done.code == 1
    assert READERS["sarif"]((command.work / "r.sarif").read_text()) == []
    assert "redundant-flag" in (command.work / "r.json").read_text()
    done = command("thread", "-", "--config", "sure.toml", "--format", "sarif", stdin=doubtful)
    assert done.code == 0
    done = command(
        "thread", "-", "--config", "sure.toml", "--format", "sarif", "--min-confidence", "low", stdin=doubtful
    )
    assert (done.code, len(READERS["sarif"](done.out))) == (1, 1)


def test_the_summary_of_a_step_is_added_to(command):
    summary = command.work / "summary.md"
    summary.write_text("what an earlier command said\n")
    asked = {"GITHUB_STEP_SUMMARY": str(summary)}
    command(*DEMO, "--format", "json", **asked)
    assert summary.read_text() == "what an earlier command said\n"
    done = command(*DEMO, "--output", "github=a.txt", **asked)
    assert done.code == 1
    added = summary.read_text().removeprefix("what an earlier command said\n")
    assert added.startswith("### reviewbot: 4 remarks (3 errors, 1 warning)\n")
    assert added.count("\n- **") == 4
    lost = command(*DEMO, "--format", "github", GITHUB_STEP_SUMMARY=str(command.work))
    assert (lost.code, "is a directory" in lost.err) == (3, True)


def test_a_report_is_utf_8_whatever_the_terminal_is(command):
    thread = mail(subject="[PATCH] exfoo: Gr=?utf-8?q?=C3=BC=C3=9Fe?=", diff=diff(path="fs/exfoo/ä.c"))
    usual = command("thread", "-", "--format", "junit", stdin=thread)
    assert "fs/exfoo/ä.c:4" in usual.out
    assert command("thread", "-", "--format", "junit", stdin=thread, PYTHONIOENCODING="latin-1") == usual
