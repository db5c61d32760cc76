"""`reviewbot index`, and what a review says with it, from mails with a tree, from commits and from the desk."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from command import Command, Done
from exfoo import mbox, tree
from kerneltree import KernelTree

A, B = "drivers/exfoo/lock.c", "lib/exfill/fill.c"
HOLDS = "void exfoo_xfer(struct exfoo *ex)\n{\n\tspin_lock(&ex->lock);\n\tex->n++;\n\tspin_unlock(&ex->lock);\n}\n"
CALL = HOLDS.replace("ex->n++;", "exfill(ex);")
ASKS = "int exfill(struct exfoo *ex)\n{\n\tex->p = kzalloc(64, GFP_KERNEL);\n\treturn ex->p ? 0 : -ENOMEM;\n}\n"
SEEN = [(A, 4, "sleep-in-atomic")]
NOTED = re.compile(r"noted (\d+) files of (.+), (?:(\d+) read in \d+ s|nothing new in them): (.+), \d+ MB\n")


def remarks(found: dict) -> list[tuple[str, int, str]]:
    return [(one["path"], one["line"], one["rule"]) for patch in found["patches"] for one in patch["findings"]]


class Home:
    """A user whose cache is `folder`."""

    def __init__(self, command: Command, folder: Path) -> None:
        self._command, self.cache = command, folder

    def __call__(self, *arguments: str | Path, stdin: bytes = b"") -> Done:
        return self._command(*arguments, stdin=stdin, XDG_CACHE_HOME=str(self.cache))

    def start(self, *arguments: str | Path) -> subprocess.Popen[bytes]:
        whole = {**self._command.env, "XDG_CACHE_HOME": str(self.cache)}
        command = (sys.executable, "-m", "reviewbot", *map(str, arguments))
        return subprocess.Popen(
            command, env=whole, cwd=self._command.work, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    @property
    def index(self) -> Path:
        (found,) = (self.cache / "reviewbot" / "index").glob("*.sqlite")
        return found


@pytest.fixture
def home(command: Command, tmp_path: Path) -> Home:
    return Home(command, tmp_path / "cache")


@pytest.fixture
def kernel(tmp_path: Path) -> KernelTree:
    made = tree(tmp_path / "linux")
    made.base = made.commit("exfoo: begin", {A: HOLDS, B: ASKS})
    return made


def test_the_index_is_made_once_and_goes_on(home: Home, kernel: KernelTree) -> None:
    def noted(*arguments: str) -> tuple[str, ...]:
        done = home("index", *arguments, "--tree", kernel.folder)
        found = NOTED.fullmatch(done.err)
        assert (done.code, done.out) == (0, "")
        assert found, done.err
        return found.groups("0")[:3]

    assert noted() == ("6", f"HEAD ({kernel.base[:12]})", "4")  # three files have the same content
    assert noted() == ("6", f"HEAD ({kernel.base[:12]})", "0")
    tip = kernel.commit("exfoo: more", {A: CALL, "drivers/exfoo/more.c": HOLDS})
    assert noted(tip) == ("7", tip[:12], "1")
    status = home("index", "--status").out.split("\n")
    assert [line.strip() for line in status[1:]] == [
        f"{tip[:12]}: 7 files, today",
        f"HEAD ({kernel.base[:12]}): 6 files, today",
        "",
    ]
    assert status[0].startswith(f"{home.index}: 0 MB, ")
    path = home.index
    assert home("index", "--remove").out == f"deleted {path}\n"
    assert home("index", "--status").out == "there is no index for these rules; `reviewbot index` makes one\n"
    assert home("index", "--remove").out.startswith("there is no index at ")


def mail(home: Home, kernel: KernelTree, *options: str) -> Done:
    kernel.commit("exfoo: fill it", {A: CALL})
    mails = mbox(kernel)
    kernel.back()
    return home("thread", "-", "--format", "json", "--tree", kernel.folder, *options, stdin=mails)


def commit(home: Home, kernel: KernelTree, *options: str) -> Done:
    kernel.commit("exfoo: fill it", {A: CALL})
    return home("range", f"{kernel.base}..HEAD", "--tree", kernel.folder, "--format", "json", *options)


def commits(home: Home, kernel: KernelTree, *options: str) -> Done:
    for at in range(70):
        kernel.commit(f"exfoo: {at}", {"fs/exfoo/other.c": f"int exfoo_{at};\n"})
    return commit(home, kernel, *options)


def desk(home: Home, kernel: KernelTree, *options: str) -> Done:
    (kernel.folder / A).write_text(CALL)
    return home("local", "--base", "HEAD", "--tree", kernel.folder, "--format", "json", *options)


@pytest.mark.parametrize("way", [mail, commit, commits, desk])
def test_calls_are_followed_through_the_tree(
    home: Home, kernel: KernelTree, way: Callable[..., Done], tmp_path: Path
) -> None:
    assert remarks(json.loads(way(home, kernel).out)) == []
    kernel.back()
    assert home("index", "--tree", kernel.folder).code == 0
    assert remarks(json.loads(way(home, kernel, "--no-index").out)) == []
    kernel.back()
    done = way(home, kernel)
    assert (done.code, remarks(json.loads(done.out))) == (1, SEEN)


def test_a_callee_that_changed_after_the_tree_was_noted(home: Home, kernel: KernelTree) -> None:
    assert home("index", "--tree", kernel.folder).code == 0
    kernel.base = kernel.commit("exfill: do not sleep", {B: ASKS.replace("GFP_KERNEL", "GFP_NOWAIT")})
    assert remarks(json.loads(commit(home, kernel).out)) == []
    kernel.base = kernel.commit("exfill: move", {B: None, "lib/exfill/other.c": ASKS, A: HOLDS})
    assert remarks(json.loads(commit(home, kernel).out)) == SEEN


def test_clean_says_how_far_calls_were_followed(home: Home, kernel: KernelTree) -> None:
    kernel.commit("exfoo: count", {A: HOLDS.replace("ex->n++", "ex->n += 2")})
    arguments = ("range", f"{kernel.base}..HEAD", "--tree", kernel.folder)
    assert "clean (calls followed through the folder)" in home(*arguments).out
    assert home("index", "--tree", kernel.folder).code == 0
    assert "clean (calls followed through the tree)" in home(*arguments).out


DAMAGES: dict[str, Callable[[Path], object]] = {
    "no index": lambda path: path.write_text("not an index"),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:9000]),
    "words": lambda path: _changed(path, "UPDATE contents SET words = x'00'"),
    "a table is gone": lambda path: _changed(path, "DROP TABLE places"),
}


def _changed(path: Path, command: str) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(command)


@pytest.mark.parametrize("case", DAMAGES)
def test_a_damaged_index_is_said_and_the_folders_are_read(home: Home, kernel: KernelTree, case: str) -> None:
    kernel.base = kernel.commit("exfill: beside", {"drivers/exfoo/fill.c": ASKS, B: None})
    assert home("index", "--tree", kernel.folder).code == 0
    for name in ("-wal", "-shm"):
        home.index.with_name(home.index.name + name).unlink(missing_ok=True)
    DAMAGES[case](home.index)
    done = commit(home, kernel)
    assert (done.code, remarks(json.loads(done.out))) == (1, SEEN)
    assert re.search(r"the index is not used: .+; `reviewbot index` makes it anew\n", done.err)
    mended = home("index", "--tree", kernel.folder)
    assert mended.code == 0
    if case in ("no index", "cut"):
        assert "the index was damaged" in mended.err
        done = home("range", "HEAD", "--tree", kernel.folder, "--format", "json")
        assert (done.err, remarks(json.loads(done.out))) == ("", SEEN)


def test_two_at_once(home: Home, kernel: KernelTree) -> None:
    kernel.commit("many", {f"fs/many/{at}.c": HOLDS.replace("xfer", f"xfer{at}") for at in range(600)})
    runs = [home.start("index", "--tree", kernel.folder) for _ in range(3)]
    ends = [run.communicate(timeout=60) for run in runs]
    assert [run.returncode for run in runs] == [0, 0, 0], ends
    assert sorted(b"nothing new" in err for _, err in ends) == [False, True, True]
    assert "606 files" in home("index", "--status").out


def test_kill_at_any_moment(home: Home, kernel: KernelTree) -> None:
    """What is there afterwards is used or not, and never wrong; the next run goes on, and nothing is to be deleted."""
    kernel.base = kernel.commit("many", {f"fs/many/{at}.c": HOLDS.replace("xfer", f"xfer{at}") for at in range(900)})
    begun = time.monotonic()
    home.start("index", "--tree", kernel.folder).communicate(timeout=60)
    whole = time.monotonic() - begun
    home("index", "--remove")
    for at in range(6):
        run = home.start("index", "--tree", kernel.folder)
        time.sleep(whole * (at + 1) / 7)
        os.kill(run.pid, signal.SIGKILL)
        run.communicate()
        assert home("index", "--status").code == 0
        assert remarks(json.loads(commit(home, kernel).out)) in ([], SEEN)
        kernel.back()
    assert home("index", "--tree", kernel.folder).code == 0
    assert remarks(json.loads(commit(home, kernel).out)) == SEEN
    there = [path.name for path in home.index.parent.iterdir()]
    names = {name.removeprefix(home.index.stem) for name in there if not name.startswith("records-")}
    assert names <= {".sqlite", ".sqlite-wal", ".sqlite-shm", ".lock"}
    assert {name.partition(".")[2] for name in there if name.startswith("records-")} <= {"db", "db-wal", "db-shm"}


def records(home: Home) -> list[Path]:
    return sorted(home.cache.glob("reviewbot/index/records-*.db"))


def test_what_was_read_is_kept_only_beside_an_index(home: Home, kernel: KernelTree) -> None:
    kernel.commit("exfoo: call it", {A: CALL})
    asked = "range", "HEAD", "--tree", kernel.folder, "--format", "json"
    home(*asked)
    assert records(home) == []
    home("index", "--tree", kernel.folder)
    home(*asked, "--no-index")
    assert records(home) == []
    first = home(*asked)
    (kept,) = records(home)
    assert remarks(json.loads(first.out)) == SEEN
    assert home(*asked) == first
    assert str(kept) in home("index", "--status").out
    assert home("index", "--remove").code == 0
    assert records(home) == []


def test_a_callee_that_an_earlier_commit_changed(home: Home, kernel: KernelTree) -> None:
    """The caller is as it was when it was read first, and so is the callee at the end."""
    quiet = ASKS.replace("GFP_KERNEL", "GFP_ATOMIC")
    kernel.commit("exfill: atomic", {B: quiet})
    first = kernel.commit("exfoo: call it", {A: CALL})
    asks = kernel.commit("exfill: asks again", {B: ASKS})
    last = kernel.commit("exfoo: count", {A: CALL.replace("exfill(ex);", "exfill(ex);\n\tex->n++;")})
    home("index", "--tree", kernel.folder)
    asked = "range", f"{kernel.base}..HEAD", "--tree", kernel.folder, "--format", "json"
    said = []
    for at in range(3):
        for path in records(home) if at == 2 else ():
            path.unlink()
        said.append(home(*asked).out)
    assert said[0] == said[1] == said[2]
    found = {patch["commit"]: {one["rule"] for one in patch["findings"]} for patch in json.loads(said[0])["patches"]}
    assert (found[first], found[last]) == (set(), set())
    assert "sleep-in-atomic" in found[asks]


def test_damaged_records_change_nothing(home: Home, kernel: KernelTree) -> None:
    kernel.commit("exfoo: call it", {A: CALL})
    home("index", "--tree", kernel.folder)
    asked = "range", "HEAD", "--tree", kernel.folder, "--format", "json"
    first = home(*asked)
    (kept,) = records(home)
    for data in (b"", b"x" * 5000, kept.read_bytes()[:3000]):
        for one in kept.parent.glob(f"{kept.name}-*"):
            one.unlink()
        kept.write_bytes(data)
        assert home(*asked) == first
        assert home(*asked) == first


def test_interrupted(home: Home, kernel: KernelTree) -> None:
    kernel.commit("many", {f"fs/many/{at}.c": HOLDS.replace("xfer", f"xfer{at}") for at in range(2000)})
    run = home.start("index", "--tree", kernel.folder)
    time.sleep(0.8)
    run.send_signal(signal.SIGINT)
    _, err = run.communicate(timeout=30)
    if run.returncode:  # it may have been done by then
        assert (run.returncode, err) == (130, b"reviewbot: interrupted\n")


MISTAKES = [
    (("index", "nothing-like-it"), 2, "nothing-like-it: there is no such commit in "),
    (("index", "--status", "--remove"), 2, "not allowed with"),
]


@pytest.mark.parametrize(("arguments", "code", "said"), MISTAKES)
def test_what_is_asked_wrongly(
    home: Home, kernel: KernelTree, arguments: tuple[str, ...], code: int, said: str
) -> None:
    done = home(*arguments, "--tree", kernel.folder)
    assert done.code == code
    assert said in done.err


def test_a_place_where_nothing_can_be_written(command: Command, kernel: KernelTree, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = command("index", "--tree", kernel.folder, XDG_CACHE_HOME=str(tmp_path / "file"))
    assert done.code == 3
    assert done.err == f"reviewbot: {tmp_path}/file/reviewbot/index cannot be written: Not a directory\n"


def test_a_place_where_others_may_write(home: Home, kernel: KernelTree) -> None:
    folder = home.cache / "reviewbot" / "index"
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    done = home("index", "--tree", kernel.folder)
    assert (done.code, done.err) == (3, f"reviewbot: {folder} is not used: others may write there\n")


def test_other_rules_have_another_index(home: Home, kernel: KernelTree, tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "_macros.toml").write_text('[words]\nonly_read = ["exfoo_print"]\n')
    assert home("index", "--tree", kernel.folder).code == 0
    assert "there is no index for these rules" in home("index", "--status", "--rules", tmp_path / "own").out
    done = home("index", "--tree", kernel.folder, "--rules", tmp_path / "own")
    assert (done.code, NOTED.fullmatch(done.err) is not None) == (0, True)
    assert len([*(home.cache / "reviewbot" / "index").glob("*.sqlite")]) == 2
