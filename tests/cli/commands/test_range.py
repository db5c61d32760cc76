"""`reviewbot range`: which commits are meant, each against its parent; what a later one mends is not raised."""

from __future__ import annotations

import copy
import json
import re
import shlex
from pathlib import Path

import pytest

from command import Command
from desk import LEAK, MENDED, WHOLE, Span
from report_readers import READERS
from reviewbot.config import data_path
from reviewbot.report.registry import FORMATS

FILE = "fs/exfoo/a.c"
LINE = LEAK.split("\n").index("\t\treturn -ENOMEM;") + 1
CHECK, MEND, OTHER, DOCS = "exfoo: check", "exfoo: put it right", "exfoo: another file", "docs: more"


def other(text: str, name: str = "other") -> str:
    return text.replace("made", name)


@pytest.fixture(scope="module")
def span(tmp_path_factory) -> Span:
    """main: a leak, its mending, another leak, no source. Beside it the branches of the tests below."""
    folder = tmp_path_factory.mktemp("range")
    span = Span(Command(folder), folder / "linux").quick
    kernel = span.kernel
    kernel.git("tag", "-m", "annotated", "start")
    kernel.commit(CHECK, {FILE: LEAK})
    kernel.git("tag", "light")
    kernel.commit(MEND, {FILE: MENDED})
    kernel.commit(OTHER, {"fs/exfoo/b.c": other(LEAK)})
    kernel.commit(DOCS, {"Documentation/exfoo.rst": "more\n"})
    return span


@pytest.fixture
def on(span):
    """Begin a branch at a commit; main is checked out again afterwards."""

    def branch(name: str, rev: str = "start", *, root: bool = False) -> None:
        span.kernel.git("checkout", "--quiet", *(["--orphan", name] if root else ["-B", name, rev]))

    yield branch
    span.kernel.git("checkout", "--quiet", "--force", "main")


def subjects(span: Span, *options: str) -> list[str]:
    return [patch["subject"] for patch in span.found(*options)["patches"]]


# --- which commits ---


def test_a_single_commit_is_held_against_its_parent(span):
    done = span("light")
    commit = span.kernel.git("rev-parse", "light")
    assert (done.code, done.err) == (1, "")
    assert done.out.startswith(f"{commit[:12]} {CHECK}\n\n  error (high) scope-leak in made()\n    {FILE}:{LINE}\n")
    assert done.out.endswith("\n1 remark (1 error) on 1 commit, 2 added lines, kernel 6.12\n")
    found = span.found("light")
    assert [(patch["commit"], patch["depth"]) for patch in found["patches"]] == [(commit, "file")]
    assert found["series"]["base"] == span.base


def test_the_names_of_a_commit(span):
    full = span.kernel.git("rev-parse", "light")
    for name in ("HEAD~3", "main@{0}~3", "@^^^", full, full[:7], "refs/tags/light", "HEAD^{/exfoo: check}", ":/check"):
        assert subjects(span, name) == [CHECK], name


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (["start..light"], [CHECK]),
        (["start..HEAD~1"], [CHECK, MEND, OTHER]),
        (["HEAD~2.."], [OTHER, DOCS]),
        (["--since-merge-base", "light"], [MEND, OTHER, DOCS]),
        (["--since-merge-base", "start", "HEAD~2"], [CHECK, MEND]),
    ],
)
def test_ranges_are_read_oldest_first(span, asked, expected):
    assert subjects(span, *asked) == expected


@pytest.mark.parametrize("asked", [["HEAD..HEAD"], ["..light"], ["--since-merge-base", "main", "light"]])
def test_an_empty_range_is_said(span, asked):
    done = span(*asked)
    name = asked[-1] if len(asked) == 1 else "main..light"
    assert done == (0, "no patch to look at\n", f"nothing to review in {name}: it holds no commit\n")
    assert span(*asked, "-q").err == ""


def test_a_range_without_a_source_file_is_said(span):
    done = span("HEAD")
    assert (done.code, done.out) == (0, "clean: 1 commit, 0 added lines, kernel 6.12\n")
    assert done.err == "nothing to review in HEAD: no commit changes a file that can be read (.c, .h, .inc, .S)\n"


def test_since_merge_base_leaves_out_what_the_branch_has_got_since(span, on):
    on("side")
    span.kernel.commit("side: 1", {"fs/exfoo/s.c": LEAK})
    span.kernel.commit("side: 2", {"fs/exfoo/t.c": WHOLE})
    assert subjects(span, "--since-merge-base", "main") == ["side: 1", "side: 2"]
    assert subjects(span, "--since-merge-base", "main", "side~1") == ["side: 1"]
    assert subjects(span, "--since-merge-base", "side", "main") == [CHECK, MEND, OTHER, DOCS]
    assert span.found("--since-merge-base", "main")["series"]["base"] == span.base


def test_all_merge_bases_of_a_criss_cross_count(span, on):
    """Each side has merged the other: what both have is in neither's own part."""
    for name in "xy":
        on(name)
        span.kernel.commit(f"{name}: 1", {f"fs/{name}.c": WHOLE})
    span.kernel.git("branch", "x1", "x")
    for name, beside in (("x", "y"), ("y", "x1")):
        span.kernel.git("checkout", "--quiet", name)
        span.kernel.git("merge", "--quiet", "--no-edit", beside)
        span.kernel.commit(f"{name}: 2", {f"fs/{name}.c": LEAK})
    assert len(span.kernel.git("merge-base", "--all", "x", "y").split()) == 2
    assert subjects(span, "--since-merge-base", "x", "y") == ["y: 2"]


def test_a_root_commit_is_all_new(span, on):
    on("other-root", root=True)
    span.kernel.git("rm", "--quiet", "-r", "--force", ".")
    span.kernel.commit("a root", {FILE: LEAK, "Makefile": "VERSION = 6\nPATCHLEVEL = 12\n"})
    span.kernel.commit("after it", {FILE: LEAK + "\n"})
    assert span.groups("other-root~1") == {"a root": ["scope-leak"]}
    assert span.found("other-root~1")["series"]["base"] is None
    assert span.groups("main..other-root") == {"a root": ["scope-leak"], "after it": []}
    done = span("--since-merge-base", "main", "other-root")
    assert (done.code, done.out) == (3, "")
    assert done.err.endswith("no commit is in both main and other-root: they have nothing in common\n")


WRONG = [
    ([], "name what to review: BASE..HEAD, one commit, or --since-merge-base BRANCH"),
    (["start...main"], "to git diff: write start..main for what is in main and not in start"),
    (["start..."], "write start..HEAD for what is in HEAD and not in start"),
    ([".."], "..: this range has no end, write BASE..HEAD"),
    (["..HEAD"], "..HEAD is empty: a missing base means HEAD; write BASE..HEAD"),
    (["start..light..main"], "light..main does not name a single commit: write BASE..TIP, or COMMIT"),
    (["--since-merge-base", "main", "start.."], "--since-merge-base says where the range begins: "),
    (["nope"], "nope: no such commit in ."),
    (["nope..main"], "nope: no such commit in ."),
    (["--since-merge-base", "nope"], "nope: no such commit in ."),
    (["1234567"], "1234567: no such commit in ."),
    (["main^9"], "main^9: no such commit in ."),
    (["main:Makefile"], "main:Makefile: no such commit in ."),
    (["--", "--upload-pack=x"], "--upload-pack=x: no such commit in ."),
    (["--", "-h"], "-h: no such commit in ."),
    (["--", "--all..main"], "--all: no such commit in ."),
    ([""], "an empty name means no commit: write BASE..TIP, or COMMIT"),
    (["--since-merge-base", ""], "an empty name means no commit: write BASE..TIP, or COMMIT"),
    (["main^!"], "main^! does not name a single commit: write BASE..TIP, or COMMIT"),
    (["main^@"], "main^@ does not name a single commit: write BASE..TIP, or COMMIT"),
    (["^main"], "^main does not name a single commit: write BASE..TIP, or COMMIT"),
    (["main start"], "main start does not name a single commit: write BASE..TIP, or COMMIT"),
    (["a\x1b[1m"], "a\\x1b[1m: no such commit in ."),
    (["main", "start"], "too many arguments: start"),
    (["--upload-pack=x"], "no option --upload-pack"),
    (["main", "--output", "sarif"], "write it FORMAT=FILE"),
    (["main", "--tree", "nowhere"], "--tree nowhere: no such folder"),
]


@pytest.mark.parametrize(("asked", "said"), WRONG, ids=[" ".join(asked) or "nothing" for asked, _ in WRONG])
def test_what_cannot_be_meant_is_said_in_a_line(span, asked, said):
    done = span(*asked)
    assert (done.code, done.out) == (2, "")
    (line,) = done.err.splitlines()
    assert said in line


# --- merges ---


def test_merges_are_skipped_and_said(span, on):
    on("merged")
    span.kernel.commit("merged: leak", {"fs/m.c": LEAK})
    on("octopus")
    span.kernel.commit("octopus: clean", {"fs/o.c": WHOLE})
    on("trunk")
    span.kernel.commit("trunk", {"fs/p.c": WHOLE})
    span.kernel.git("merge", "--quiet", "--no-ff", "--no-edit", "merged", "octopus")
    done = span("start..trunk")
    assert (done.code, done.err) == (1, "1 merge skipped: what they bring in is in their commits\n")
    assert sorted(subjects(span, "start..trunk")) == ["merged: leak", "octopus: clean", "trunk"]
    assert span.unread("start..trunk") == []
    assert span("trunk~1..trunk", "-q").err == ""
    done = span("trunk")
    assert (done.code, done.out) == (3, "")
    assert done.err.endswith("trunk is a merge; to review what it brings in, use trunk^1..trunk\n")


def test_what_a_merge_changes_itself_is_named(span, on):
    """It solves a conflict, and puts a leak in where neither side has one."""
    name = 'fs/exfoo/"\u00e4".c'
    on("left")
    span.kernel.commit("left", {name: other(WHOLE, "left"), "fs/l.c": WHOLE})
    on("right")
    span.kernel.commit("right", {name: other(WHOLE, "right")})
    span.kernel.git("merge", "--quiet", "--no-commit", "--strategy=ours", "left")
    evil = span.kernel.commit("Merge branch 'left'", {name: other(LEAK, "both"), "fs/l.c": LEAK, "evil.txt": "x\n"})
    done = span("start..right")
    assert "\n1 merge skipped" in "\n" + done.err
    why = f"merge {evil[:12]} changes it itself, and merges are not reviewed"
    assert span.unread("start..right") == [(name, why), ("fs/l.c", why)]
    assert "(2 not looked at" in done.out
    assert span("start..right", "--min-confidence", "high").code == 0, "and nothing is said of what is in there"


def test_a_range_of_nothing_but_merges(span, on):
    on("twice", "light")
    span.kernel.git("merge", "--quiet", "--no-ff", "--no-edit", "main")
    done = span("main..twice")
    assert (done.code, done.out) == (0, "no patch to look at\n")
    assert done.err.splitlines() == [
        "1 merge skipped: what they bring in is in their commits",
        "nothing to review in main..twice: nothing but merges",
    ]


# --- the end of the series is known ---


def test_what_a_later_commit_mends_is_not_raised(span):
    assert span.resolved("start..HEAD~2") == {CHECK: [MEND]}
    done = span("start..HEAD~2")
    assert (done.code, "\n    resolved by " in done.out) == (0, True)
    assert "0 remarks and 1 resolved later in the series on 2 commits" in done.out
    for name, rows in READERS.items():
        assert rows(span("start..HEAD~2", "--format", name).out) == [], name
    assert span("light").code == 1, "by itself it is wrong"


STEPS = (  # commits, one on the other, and what settles the remark of the first
    ("moved, and mended there", [{FILE: LEAK}, {FILE: None, "fs/exfoo/z.c": LEAK}, {"fs/exfoo/z.c": MENDED}], 2),
    ("moved, and never mended", [{FILE: LEAK}, {FILE: None, "fs/exfoo/z.c": LEAK}], None),
    ("its function moved", [{FILE: LEAK}, {FILE: "int x;\n", "fs/b.c": f"{LEAK}int y;\n"}, {"fs/b.c": MENDED}], 2),
    ("deleted", [{FILE: LEAK}, {FILE: None}], 1),
    ("another change of the file", [{FILE: LEAK}, {FILE: LEAK + "int x;\n"}], None),
    ("mended a second time", [{FILE: LEAK}, {FILE: MENDED}, {FILE: MENDED + "int x;\n"}], 1),
)


@pytest.mark.parametrize(("what", "steps", "expected"), STEPS, ids=[step[0] for step in STEPS])
def test_a_problem_is_followed_to_where_it_is_mended(span, on, what, steps, expected):
    on("followed")
    for number, files in enumerate(steps):
        span.kernel.commit(f"step {number}", files)
    assert span.resolved("start..followed") == {"step 0": [None if expected is None else f"step {expected}"]}


def test_what_was_wrong_before_is_not_raised_where_it_is_moved_to(span, on):
    on("before", "light")
    kernel = span.kernel
    kernel.commit("renamed", {FILE: None, "fs/exfoo/new.c": LEAK.replace("kmalloc(8", "kmalloc(9")})
    kernel.commit(
        "moved", {"fs/exfoo/new.c": "int x;\n", "fs/b.c": f"int y;\n{LEAK.replace('kmalloc(8', 'kmalloc(9')}"}
    )
    kernel.commit("copied", {"fs/exfoo/copy.h": other(LEAK, "copied")})
    kernel.commit("a header", {"fs/exfoo/copy.h": None, "fs/exfoo/b.h": other(LEAK, "copied") + "\n"})
    assert span.groups("light..before") == {"renamed": [], "moved": [], "copied": ["scope-leak"], "a header": []}


def test_what_is_broken_again_is_raised_again(span, on):
    on("again", "HEAD~2")
    span.kernel.commit("again", {FILE: LEAK})
    assert span.resolved("start..again") == {CHECK: [MEND], "again": [None]}
    assert span("start..again").code == 1


def test_a_side_that_is_merged_later_mends_as_well(span, on):
    on("fixes", "light")
    span.kernel.commit("fixes: mend", {FILE: MENDED})
    on("trunk", "light")
    span.kernel.commit("trunk: more", {"fs/q.c": WHOLE})
    span.kernel.git("merge", "--quiet", "--no-ff", "--no-edit", "fixes")
    assert span.resolved("start..trunk") == {CHECK: ["fixes: mend"]}


def test_what_an_earlier_commit_defines_is_known(span, on):
    on("flags")
    name = "__GFP_NO_OBJ_EXT"
    span.kernel.commit("define", {"include/linux/gfp.h": f"#define {name} 1\n"})
    span.kernel.commit("use", {FILE: WHOLE.replace("GFP_KERNEL", f"GFP_KERNEL | {name}")})
    assert "unknown-flag" in span.groups("flags", "--kernel", "5.15")["use"]
    assert "unknown-flag" not in span.groups("start..flags", "--kernel", "5.15")["use"]


def test_the_examples_of_the_page_are_ranges(span, on, tmp_path):
    on("example")
    for name, rev in (("v6.12", "start"), ("v6.13", "main"), ("refs/remotes/origin/main", "start")):
        span.kernel.git("update-ref", name if "/" in name else f"refs/tags/{name}", rev)
    span.kernel.commit("example", {FILE: LEAK})
    section = data_path("docs/range.md").read_text().partition("\n## ")[0]
    examples = [
        shlex.split(line, comments=True)[2:] for line in re.findall(r"^    (reviewbot range .*)", section, re.M)
    ]
    placed = {"~/linux": span.folder, **{f"{name}=review.{name}": f"{name}={tmp_path}/{name}" for name in FORMATS}}
    assert [span(*(placed.get(word, word) for word in asked)).code for asked in examples] == [1, 1, 1, 1]
    assert {path.name for path in tmp_path.iterdir()} >= {"sarif", "json"}


# --- formats ---


def rows_of(folder: Path, name: str) -> list:
    return READERS[name]((folder / name).read_text())


def test_a_finding_is_the_same_by_every_way_and_in_every_format(span, on, tmp_path):
    """A series from range, from local, and from its mails: what a CI has recorded of it holds for all."""
    on("series")
    for name in "cd":
        span.kernel.commit(f"exfoo: {name}", {f"fs/exfoo/{name}.c": other(LEAK, name), FILE: LEAK})
    local, thread = copy.copy(span), copy.copy(span)
    local.runs, thread.runs = "local", "thread"
    mails = span.kernel.mails("start")
    (tmp_path / "series.mbox").write_bytes(b"".join(b"From x Thu Jan  1 00:00:00 1970\n" + one for one in mails))
    ways = {
        "range": (span, "start..series"),
        "local": (local, "--base", "start"),
        "thread": (thread, tmp_path / "series.mbox", "--tree", span.folder, "--base", "start"),
    }
    seen, lines = {}, {}
    for way, (run, *asked) in ways.items():
        folder = tmp_path / way
        folder.mkdir()
        done = run(*asked, *(f"--output={name}={folder}/{name}" for name in FORMATS if name != "text"), "-q")
        assert done.code == 1, done.err
        lines[way] = {name: [row[:1] + row[2:4] for row in rows_of(folder, name)] for name in READERS}
        seen[way] = {name: [row.fingerprint for row in rows_of(folder, name)] for name in ("sarif", "gitlab")}
        patches = json.loads((folder / "json").read_text())["patches"]
        seen[way]["json"] = [one["fingerprint"] for patch in patches for one in patch["findings"]]
    assert seen["range"] == seen["local"] == seen["thread"]
    assert lines["range"] == lines["local"] == lines["thread"]
    assert seen["range"]["json"] == seen["range"]["sarif"] == seen["range"]["gitlab"]
    assert len(set(seen["range"]["json"])) == 3
    for name in READERS:
        assert rows_of(tmp_path / "range", name) == READERS[name](span("start..series", "--format", name).out), name
