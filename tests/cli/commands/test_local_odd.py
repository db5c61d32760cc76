"""`reviewbot local` where something is in the way, as a hook, and in the midst of a merge."""

from __future__ import annotations

import json
import os
import shlex
import signal
import stat
import subprocess
import sys
import time

import pytest

from desk import FILE, LEAK, LINE, MENDED, WHOLE
from reviewbot.config import data_path

# --- what gets in the way ---


def test_a_repository_that_cannot_be_written_to(desk):
    desk.stage(FILE, LEAK)
    desk.write("fs/exfoo/b.c", "int b;\n")
    modes = {path: path.stat().st_mode for path in (desk.folder, *desk.folder.rglob("*"))}
    try:
        for path, mode in modes.items():
            path.chmod(mode & ~(stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH))
        assert desk.groups("--base", "HEAD", "--untracked") == {"staged": ["scope-leak"], "untracked": []}
    finally:
        for path, mode in modes.items():
            path.chmod(mode)


@pytest.mark.parametrize("most", [0, 300, 20_000])
def test_no_room_for_temporary_files(desk, most):
    """A file may have so many bytes: a stand-in for a full disk that needs no disk of its own."""
    for number in range(300):
        desk.write(f"fs/many/{number}.c", f"int x{number};\n")
    desk.kernel.git("add", ".")
    limited = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({most}, {most}));"
        "from reviewbot.cli.main import main; sys.exit(main(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", limited, "local", "--staged", "--format", "json"],
        capture_output=True,
        cwd=desk.folder,
        env={**desk.command.env, "TMPDIR": str(desk.temporary), "PYTHONDONTWRITEBYTECODE": "1"},
    )
    said = done.stderr.decode()
    assert done.returncode == 3, said
    assert said.startswith("reviewbot: cannot create temporary files"), said
    assert said.count("\n") == 1
    assert "cannot create temporary files" in json.loads(done.stdout)["unread"][0]["reason"]
    assert list(desk.temporary.iterdir()) == []


def test_a_broken_index(desk):
    index = desk.folder / ".git/index"
    index.write_bytes(b"DIRT" + index.read_bytes()[4:])
    done = desk("--staged")
    assert (done.code, done.out) == (3, "")
    assert done.err.startswith("reviewbot: git cannot read the index: ")
    assert done.err.count("\n") == 1


def test_ctrl_c_leaves_nothing_behind(desk):
    """While git looks into the work tree, and would for long."""
    desk.stage(FILE, LEAK)
    path = desk.folder.parent / "bin"
    path.mkdir()
    slow = f'#!/bin/sh\ncase " $* " in *" diff-files "*) echo $$ >{path}/pid; exec sleep 100;; esac\n'
    real = next(folder for folder in os.environ["PATH"].split(":") if os.access(f"{folder}/git", os.X_OK))
    (path / "git").write_text(f'{slow}exec {real}/git "$@"\n')
    (path / "git").chmod(0o755)
    env = {**desk.command.env, "TMPDIR": str(desk.temporary), "PATH": f"{path}:{os.environ['PATH']}"}
    with subprocess.Popen(
        [sys.executable, "-m", "reviewbot", "local", "--base", "HEAD"], cwd=desk.folder, env=env, stderr=subprocess.PIPE
    ) as process:
        until = time.monotonic() + 30
        while not (path / "pid").exists():
            assert time.monotonic() < until
            time.sleep(0.02)
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        assert (process.wait(30), process.stderr.read()) == (130, b"reviewbot: interrupted\n")
    with pytest.raises(ProcessLookupError):
        os.kill(int((path / "pid").read_text()), 0)
    assert list(desk.temporary.iterdir()) == []
    assert not (desk.folder / ".git/index.lock").exists()


# --- hooks ---


def hook(desk, line: str) -> None:
    """What docs/local.md says to put into .git/hooks/pre-commit, with this program found as `reviewbot`."""
    path = desk.folder.parent / "bin"
    path.mkdir(exist_ok=True)
    run = f"#!/bin/sh\nPYTHONPATH={shlex.quote(desk.command.env['PYTHONPATH'])} exec {sys.executable} -m reviewbot"
    (path / "reviewbot").write_text(f'{run} "$@"\n')
    (path / "reviewbot").chmod(0o755)
    hooks = desk.folder / ".git/hooks"
    hooks.mkdir(exist_ok=True)
    (hooks / "pre-commit").write_text(f"#!/bin/sh\n{line}\n")
    (hooks / "pre-commit").chmod(0o755)


def commit(desk, *options: str, folder: str = ".") -> subprocess.CompletedProcess:
    env = {**desk.command.env, "PATH": f"{desk.folder.parent}/bin:{os.environ['PATH']}", "TMPDIR": str(desk.temporary)}
    command = ("git", "commit", "--quiet", "-m", "exfoo: change", *options)
    return subprocess.run(command, cwd=desk.folder / folder, env=env, capture_output=True, text=True)


HOOK = "exec reviewbot local --staged -q --min-confidence medium --fail-on warning"
PAGE = data_path("docs/local.md").read_text()


def test_the_page_shows_what_is_said(desk):
    desk.stage(FILE, LEAK)
    asked, _, shown = PAGE.partition("```console\n$ reviewbot ")[2].partition("```")[0].partition("\n")
    assert desk.command(*asked.split()).out == shown


def test_the_page_makes_the_hook_and_the_alias(desk):
    lines = [line.strip() for line in PAGE.split("\n") if line.startswith("    ")]
    asked = [line for line in lines if line.startswith(("printf", "chmod", "git config"))]
    assert len(asked) == 3
    hook(desk, "exit 0")
    subprocess.run(["sh", "-ec", "\n".join(asked)], cwd=desk.folder, env=desk.command.env, check=True)
    assert (desk.folder / ".git/hooks/pre-commit").read_text() == f"#!/bin/sh\n{HOOK}\n"
    desk.stage(FILE, LEAK)
    assert commit(desk).returncode == 1
    env = {**desk.command.env, "PATH": f"{desk.folder.parent}/bin:{os.environ['PATH']}"}
    done = subprocess.run(["git", "gfp", "--staged"], cwd=desk.folder / "fs", env=env, capture_output=True, text=True)
    assert (done.returncode, done.stdout.splitlines()[1].split(" ")[0]) == (1, f"exfoo/a.c:{LINE}:")


def test_the_hook_stops_a_commit_and_lets_another_through(desk):
    hook(desk, HOOK)
    desk.stage(FILE, LEAK)
    done = commit(desk)
    assert done.returncode == 1
    assert f"{FILE}:{LINE}: error: " in done.stdout + done.stderr
    assert desk.kernel.git("rev-parse", "HEAD") == desk.base
    desk.stage(FILE, MENDED)
    desk.write("fs/exfoo/b.c", LEAK)
    done = commit(desk)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(desk.temporary.iterdir()) == []


def test_the_hook_sees_the_index_that_the_commit_is_made_of(desk):
    """git commit -a, and git commit FILE, come with an index of their own (git-commit(1), GIT_INDEX_FILE)."""
    hook(desk, HOOK)
    desk.write(FILE, LEAK)
    assert commit(desk).returncode == 1, "nothing is staged, which git says itself"
    done = commit(desk, "-a", folder="fs/exfoo")
    assert (done.returncode, f"\na.c:{LINE}: error: " in f"\n{done.stdout}{done.stderr}") == (1, True)
    done = commit(desk, FILE)
    assert (done.returncode, f"{FILE}:{LINE}: error: " in done.stdout + done.stderr) == (1, True)
    desk.stage("fs/exfoo/b.c", LEAK)
    desk.write(FILE, MENDED)
    assert commit(desk, FILE).returncode == 0, "what else is staged has no part in it"
    assert desk.kernel.git("show", "--name-only", "--format=") == FILE


def test_the_hook_of_a_linked_work_tree(desk):
    """git tells a hook there which repository is meant."""
    hook(desk, HOOK)
    linked = desk.folder.parent / "linked"
    desk.kernel.git("worktree", "add", "--quiet", "--detach", str(linked))
    desk.stage(FILE, MENDED)
    desk.folder, main = linked, desk.folder
    (linked / FILE).write_text(LEAK)
    assert commit(desk, "-a").returncode == 1
    (linked / FILE).write_text(MENDED)
    assert commit(desk, "-a").returncode == 0
    desk.folder = main
    assert commit(desk).returncode == 0


# --- in the midst of a merge ---


def test_a_merge_is_asked_for_what_it_does_itself(desk):
    """What its sides bring was written by others, and was reviewed with their commits."""
    kernel = desk.kernel
    kernel.git("checkout", "--quiet", "-b", "side")
    kernel.commit("side", {FILE: LEAK + "int side;\n", "fs/exfoo/b.c": LEAK})
    kernel.git("checkout", "--quiet", "main")
    kernel.commit("main", {FILE: WHOLE + "int main;\n"})
    merge = ("git", "-C", desk.folder, "merge", "--quiet", "side")
    assert subprocess.run(merge, env={**desk.command.env}, capture_output=True).returncode == 1
    assert desk.unread("--staged") == [(FILE, "it has a conflict that is not solved")]
    desk.stage(FILE, LEAK + "int side;\nint main;\n")
    assert desk.groups("--staged") == {"staged": []}
    assert desk("--staged").code == 0
    other = LEAK.replace("made", "other")
    desk.stage(FILE, LEAK + "int side;\nint main;\n" + other)
    assert desk.groups("--staged") == {"staged": ["scope-leak"]}
    assert [line for _, line, _ in desk.remarks("--staged")] == [LINE + LEAK.count("\n") + 2]
    desk.write(FILE, LEAK + "int side;\nint main;\n" + other + LEAK.replace("made", "third"))
    assert desk.groups("--base", "HEAD") == {"staged": ["scope-leak"], "not staged": ["scope-leak"]}


def test_commits_of_a_merge_are_reviewed_and_the_merge_named(desk):
    kernel = desk.kernel
    kernel.git("checkout", "--quiet", "-b", "side")
    kernel.commit("side", {"fs/exfoo/b.c": LEAK})
    kernel.git("checkout", "--quiet", "main")
    kernel.git("merge", "--quiet", "--no-ff", "-m", "merge", "side")
    assert desk.groups("--base", desk.base) == {"side": ["scope-leak"]}
    assert desk("--base", desk.base).err == "1 merge skipped: what they bring in is in their commits\n"


def test_more_commits_than_anybody_meant(desk):
    """The upstream was a guess: a wrong one must not take an hour. A base that is named is meant."""
    desk.kernel.git("checkout", "--quiet", "-b", "topic", "--track", "main")
    for number in range(3):
        desk.kernel.commit(f"{number}", {"fs/b.c": f"int b{number};\n"})
    desk.stage(FILE, LEAK)
    (desk.command.home / "mine.toml").write_text("[limits]\npatches = 2\n")
    mine = ("--config", desk.command.home / "mine.toml")
    assert desk.groups(*mine) == {"staged": ["scope-leak"]}
    ((_, reason),) = desk.unread(*mine)
    assert reason == (
        "the commits: 3 of them since main are more than 2 (patches under [limits]) "
        "(--base REV names what they go on from)"
    )
    assert len(desk.groups(*mine, "--base", "main")) == 4
    assert len(desk.groups()) == 4
