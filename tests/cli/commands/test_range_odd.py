"""`reviewbot range` says the same whatever somebody has set, and of every kind of repository; or what is missing."""

from __future__ import annotations

import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from command import Command
from desk import LEAK, WHOLE, Span
from kerneltree import NOBODY, KernelTree

FILE = "fs/exfoo/a.c"
NAME = 'fs/exfoo/"\u00e4" b.c'
DEEPEN = "(git fetch --unshallow gets the rest, git fetch --deepen=N some of it; actions/checkout needs fetch-depth: 0)"


@pytest.fixture(scope="module")
def span(tmp_path_factory) -> Span:
    """main: what settings of a diff have to do with; side, of which a part is merged into merged."""
    folder = tmp_path_factory.mktemp("odd")
    span = Span(Command(folder), folder / "linux").quick
    kernel = span.kernel
    kernel.git("tag", "start")
    blocks = "".join(f"int f{number}(void)\n{{\n\treturn {number};\n}}\n\n" for number in range(9))
    kernel.commit("a file", {FILE: blocks + WHOLE, "fs/exfoo/copied.c": blocks + WHOLE})
    kernel.commit("a line", {FILE: blocks + LEAK})
    moved = blocks + LEAK.replace("kmalloc(8", "kmalloc(9")
    copied = LEAK.replace("made", "copied")
    kernel.commit("renamed", {FILE: None, "fs/exfoo/moved.c": moved, "fs/exfoo/copy.c": copied})
    kernel.commit("a name", {NAME: LEAK, "fs/exfoo/blank.c": WHOLE.replace("\t", "    ")})
    kernel.commit("blanks", {"fs/exfoo/blank.c": WHOLE.replace("\n\n", "\n\n\n")})
    kernel.git("branch", "merged")
    kernel.git("checkout", "--quiet", "-b", "side", "start")
    for number in range(5):
        kernel.commit(f"side {number}", {"fs/side.c": f"int side_{number};\n"})
    kernel.git("checkout", "--quiet", "merged")
    kernel.git("merge", "--quiet", "--no-edit", "side~4")
    kernel.git("checkout", "--quiet", "main")
    kernel.git("gc", "--quiet")  # few files are copied faster
    shutil.rmtree(span.folder / ".git" / "hooks", ignore_errors=True)
    return span


@pytest.fixture(scope="module")
def plain(span) -> dict:
    """What is said of main where nothing is odd."""
    found = span.found("start..main")
    rules = {patch["subject"]: [one["rule"] for one in patch["findings"]] for patch in found["patches"]}
    assert rules["a line"] == ["scope-leak"]
    assert [len(rules[name]) for name in ("renamed", "blanks")] == [1, 0]
    assert found["unread"] == []
    return found


@pytest.fixture
def put(span, tmp_path) -> Span:
    """A copy of the repository, to spoil."""
    shutil.copytree(span.folder, tmp_path / "linux", symlinks=True)
    return span.at(tmp_path / "linux")


# --- settings and the environment ---


TRAP = "{trap}"  # a program that must not run
SETTINGS = (
    {"diff.noprefix": "true", "diff.renames": "copies", "diff.algorithm": "patience", "core.quotePath": "false"},
    {"diff.mnemonicPrefix": "true", "diff.renames": "false", "diff.context": "0", "diff.interHunkContext": "9"},
    {"diff.srcPrefix": "x/", "diff.dstPrefix": "y/", "diff.renameLimit": "1", "diff.orderFile": "{order}"},
    {"color.ui": "always", "color.diff": "always", "diff.colorMoved": "zebra", "diff.wsErrorHighlight": "all"},
    {"core.abbrev": "5", "log.showSignature": "true", "gpg.program": TRAP, "log.showRoot": "false", "log.mailmap": "1"},
    {"diff.external": TRAP, "diff.trap.command": TRAP, "diff.trap.textconv": TRAP, "diff.trap.binary": "true"},
    {"core.pager": TRAP, "core.fsmonitor": TRAP, "core.hooksPath": "{traps}", "core.sshCommand": TRAP},
    {"diff.relative": "true", "diff.submodule": "log", "diff.wordRegex": ".", "diff.suppressBlankEmpty": "true"},
    {"diff.indentHeuristic": "false", "diff.ignoreSubmodules": "all", "diff.statGraphWidth": "9", "diff.dirstat": "1"},
    {"format.pretty": "oneline", "i18n.logOutputEncoding": "latin-1", "log.date": "raw", "log.diffMerges": "on"},
    {"core.autocrlf": "true", "core.eol": "crlf", "core.whitespace": "cr-at-eol", "apply.whitespace": "error-all"},
    {"core.ignoreCase": "true", "core.precomposeUnicode": "true", "core.fileMode": "false", "core.symlinks": "false"},
    {"core.bigFileThreshold": "1", "core.useReplaceRefs": "true", "core.commitGraph": "false"},
    {"core.disambiguate": "blob", "core.warnAmbiguousRefs": "true", "alias.rev-parse": f"!{TRAP}"},
)
ATTRIBUTES = "*.c diff=trap -text filter=trap\n*.c binary\nfs/** -diff export-ignore\n"


def traps(folder: Path) -> dict[str, str]:
    """A program that leaves a trace, as every hook as well, and an order of files that is none."""
    (folder / "traps").mkdir(exist_ok=True)
    trap = folder / "trap"
    trap.write_text(f'#!/bin/sh\necho "$0 $*" >>{folder}/ran\nexit 1\n')
    trap.chmod(0o755)
    for name in ("post-index-change", "reference-transaction", "post-checkout", "pre-auto-gc"):
        (folder / "traps" / name).symlink_to(trap)
    (folder / "order").write_text("*.h\n")
    return {"trap": str(trap), "traps": str(folder / "traps"), "order": str(folder / "order")}


@pytest.mark.parametrize("settings", SETTINGS, ids=lambda settings: next(iter(settings)))
def test_no_setting_has_a_part_in_it(put, plain, tmp_path, settings):
    told = traps(tmp_path)
    home = tmp_path / "home"
    home.mkdir()
    for key, value in settings.items():
        for where in ("--local", "--global"):
            put.kernel.git("config", where, key, value.format(**told), GIT_CONFIG_GLOBAL=f"{home}/.gitconfig")
    (put.folder / ".git" / "info").mkdir(exist_ok=True)
    (put.folder / ".git" / "info" / "attributes").write_text(ATTRIBUTES)
    (put.folder / ".gitattributes").write_text(ATTRIBUTES)
    (home / ".config" / "git").mkdir(parents=True)
    (home / ".config" / "git" / "attributes").write_text(ATTRIBUTES)
    assert put.found("start..main", HOME=str(home)) == plain
    assert not (tmp_path / "ran").exists()


def test_attributes_that_are_committed_have_none_either(put, plain):
    put.kernel.commit("attributes", {".gitattributes": ATTRIBUTES})
    assert put.found("start..main~1")["patches"] == plain["patches"]


NOWHERE = "/nonexistent"
ENVIRONMENTS = (
    {"GIT_DIR": NOWHERE, "GIT_WORK_TREE": NOWHERE, "GIT_INDEX_FILE": NOWHERE, "GIT_PREFIX": "fs/"},
    {"GIT_EXTERNAL_DIFF": TRAP, "GIT_DIFF_OPTS": "-u0", "GIT_PAGER": TRAP, "GIT_SSH_COMMAND": TRAP},
    {"GIT_CONFIG_PARAMETERS": "'diff.noprefix'='true' 'color.ui'='always' 'diff.renames'='false'"},
    {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "diff.noprefix", "GIT_CONFIG_VALUE_0": "true"},
    {"GIT_OBJECT_DIRECTORY": NOWHERE, "GIT_ALTERNATE_OBJECT_DIRECTORIES": NOWHERE, "GIT_COMMON_DIR": NOWHERE},
    {"GIT_LITERAL_PATHSPECS": "1", "GIT_ICASE_PATHSPECS": "1"},
    {"GIT_GRAFT_FILE": NOWHERE, "GIT_SHALLOW_FILE": NOWHERE, "GIT_REPLACE_REF_BASE": "refs/heads/"},
    {"GIT_TRACE": "1", "GIT_TRACE2": "1", "GIT_FLUSH": "1", "GIT_DEFAULT_HASH": "sha256", "GIT_ATTR_SOURCE": "HEAD"},
    {"LC_ALL": "C", "LANGUAGE": "de:fr", "LANG": "tr_TR.UTF-8", "TZ": "Asia/Kolkata", "PYTHONHASHSEED": "7"},
    {"NO_COLOR": "1", "FORCE_COLOR": "1", "TERM": "dumb", "COLUMNS": "20", "PAGER": TRAP, "EDITOR": TRAP},
)


@pytest.mark.parametrize("env", ENVIRONMENTS, ids=lambda env: next(iter(env)))
def test_the_environment_has_no_part_in_it(span, plain, tmp_path, env):
    told = traps(tmp_path)
    assert span.found("start..main", **{name: value.format(**told) for name, value in env.items()}) == plain
    assert not (tmp_path / "ran").exists()


def test_replaced_and_grafted_history_is_as_it_was_made(put, plain):
    kernel = put.kernel
    kernel.git("replace", "main~3", kernel.git("commit-tree", "start^{tree}", "-m", "fake", "-p", "start"))
    (put.folder / ".git" / "info").mkdir(exist_ok=True)
    (put.folder / ".git" / "info" / "grafts").write_text(kernel.git("rev-parse", "main~1") + "\n")
    assert put.found("start..main") == plain
    assert put.found("main~5..main")["patches"] == plain["patches"], "a name is looked up in the true history"


# --- kinds of repositories ---


def cloned(span: Span, folder: Path, *options: str) -> Span:
    source = "file://" + str(span.folder)
    command = ("git", "-c", "protocol.file.allow=always", "clone", "--quiet", *options, source, str(folder))
    subprocess.run(command, env=NOBODY, check=True, capture_output=True)
    return span.at(folder)


@pytest.mark.parametrize(
    "kind", ["--bare", "--mirror", "--no-checkout", "--no-tags", "worktree", "below", "detached", ".git"]
)
def test_every_kind_of_repository_will_do(put, span, plain, tmp_path, kind):
    base, tip = (span.kernel.git("rev-parse", name) for name in ("start", "main"))
    if kind == "worktree":
        put.kernel.git("worktree", "add", "--quiet", "--detach", str(tmp_path / "linked"), "main~2")
        there = put.at(tmp_path / "linked")
        assert len(there.found("start..")["patches"]) == len(plain["patches"]) - 2, "its own HEAD counts"
    elif kind == "detached":
        put.kernel.git("checkout", "--quiet", "--detach", "main")
        there = put
        assert there.found(f"{base}..")["patches"] == plain["patches"]
    elif kind in ("below", ".git"):
        there = put.at(put.folder / ("fs/exfoo" if kind == "below" else kind))
    else:
        there = cloned(span, tmp_path / "clone", kind)
    assert there.found(f"{base}..{tip}")["patches"] == plain["patches"]
    there.command.work = tmp_path
    assert there.found(f"{base}..{tip}", "--tree", there.folder)["patches"] == plain["patches"]


def test_longer_ids_say_the_same(span, plain, tmp_path):
    """The history is taken over as it is into a repository of SHA-256."""
    long = KernelTree(tmp_path / "linux", "sha256")
    told = subprocess.run(
        ["git", "-C", span.folder, "fast-export", "main"], env=NOBODY, capture_output=True, check=True
    )
    subprocess.run(
        ["git", "-C", long.folder, "fast-import", "--quiet", "--force"], input=told.stdout, env=NOBODY, check=True
    )
    found = span.at(long.folder).found("main~5..main")["patches"]
    assert {len(patch["commit"]) for patch in found} == {64}
    told = [[(one["line"], one["fingerprint"]) for one in patch["findings"]] for patch in found]
    assert told == [[(one["line"], one["fingerprint"]) for one in patch["findings"]] for patch in plain["patches"]]


def test_a_shallow_clone_says_what_is_missing(span, tmp_path):
    shallow = cloned(span, tmp_path / "shallow", "--depth=3", "--no-single-branch")
    edge = span.kernel.git("rev-parse", "main~2")
    early = span.kernel.git("rev-parse", "main~3")
    cut = f"history is missing: this shallow clone ends with {edge[:12]}, so what that commit changes, and what"
    assert len(shallow.found("main~2..main")["patches"]) == 2
    assert len(shallow.found("--since-merge-base", "main~1")["patches"]) == 1
    for asked, said in (
        (["main~2"], f"{cut} comes before it, cannot be seen {DEEPEN}"),
        (["main~3.."], f"main~3: no such commit in this shallow clone {DEEPEN}"),
        ([f"{early}..main"], f"{early}: no such commit in this shallow clone {DEEPEN}"),
        (
            ["origin/side..main"],
            f"origin/side..main: this clone is shallow, and has no commit that both sides come from {DEEPEN}",
        ),
        (
            ["--since-merge-base", "origin/side"],
            f"no commit is in both origin/side and HEAD: this clone is shallow {DEEPEN}",
        ),
        (["main~2..origin/merged"], "history is missing: this shallow clone ends with "),
    ):
        done = shallow(*asked)
        assert (done.code, done.out, done.err.count("\n")) == (3, "", 1), asked
        assert said in done.err
    (unread,) = shallow.found("main~2")["unread"]
    assert unread["reason"].startswith(cut), "a program that reads the output is told as well"


def test_a_partial_clone_names_what_it_has_not(span, plain, tmp_path):
    """It fetches nothing, and what can be read is read: whatever git was doing when it missed the rest."""
    span.kernel.git("config", "uploadpack.allowFilter", "true")
    span.kernel.git("config", "uploadpack.allowAnySHA1InWant", "true")
    partial = cloned(span, tmp_path / "partial", "--bare", "--filter=blob:none")
    done = partial("main~1..main")
    assert (done.code, done.err) == (3, "reviewbot: nothing was reviewed: none of these commits could be read\n")
    assert "a partial clone gets what it lacks" in done.out
    git = ["git", "-C", partial.folder, "cat-file", "-p"]
    for name in (f"main~3:{FILE}", f"main~4:{FILE}", f"main:{NAME}", "main~1:fs/exfoo/blank.c", "main:Makefile"):
        subprocess.run([*git, name], env=NOBODY, check=True, capture_output=True)
    found = partial.found("main~4..main")["patches"]
    assert [bool(patch["unread"]) for patch in found] == [False, True, False, True]
    assert [found[at]["findings"] for at in (0, 2)] == [
        [{**one, "resolved_by": None} for one in plain["patches"][at + 1]["findings"]] for at in (0, 2)
    ]
    assert [patch["subject"] for patch in found] == ["a line", "renamed", "a name", "blanks"]


def test_a_damaged_object_takes_no_other_commit_along(put, plain):
    (pack,) = (put.folder / ".git/objects/pack").glob("*.pack")
    with pack.rename(pack.with_name("taken")).open("rb") as taken:  # each object into a file of its own
        subprocess.run(["git", "-C", put.folder, "unpack-objects", "-q"], stdin=taken, env=NOBODY, check=True)
    blob = put.kernel.git("rev-parse", "main~2:fs/exfoo/moved.c")
    place = put.folder / ".git" / "objects" / blob[:2] / blob[2:]
    place.chmod(0o644)
    place.write_bytes(b"no zlib stream")
    found = put.found("start..main")["patches"]
    assert [bool(patch["unread"]) for patch in found] == [False, False, True, False, False]
    assert [one["rule"] for one in found[1]["findings"]] == ["scope-leak"]


def test_where_there_is_nothing_to_read(span, tmp_path):
    for name, made in (("none", []), ("fresh", ["git", "init", "--quiet"])):
        (tmp_path / name).mkdir()
        subprocess.run([*made, tmp_path / name] if made else ["true"], env=NOBODY, check=True)
        there = span.at(tmp_path / name)
        code, said = (2, "--tree . is not a git repository") if name == "none" else (3, ". has no commits yet")
        for asked in ("HEAD", "HEAD~1..HEAD", "main"):
            assert there(asked) == (code, "", f"reviewbot: {said}\n")
    (unread,) = span.at(tmp_path / "fresh").found("HEAD")["unread"]
    assert unread["reason"] == ". has no commits yet"


def test_a_repository_that_cannot_be_written_to(put, plain):
    modes = {path: path.lstat().st_mode for path in (put.folder, *put.folder.rglob("*"))}
    try:
        for path, mode in modes.items():
            path.chmod(mode & ~(stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH))
        assert put.found("start..main") == plain
    finally:
        for path, mode in modes.items():
            path.chmod(mode)
