"""The editor at the places of remarks: what it is started with, and where Vim then stands."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from desk import LEAK, WHOLE
from reviewbot.integrations import editor
from reviewbot.integrations.editor import EditorPlace, knows_lines, visit
from reviewbot.model.errors import InputError

PLACES = (
    EditorPlace("fs/a.c", 12, "error: one [rule]"),
    EditorPlace("fs/a.c", 40, "error: two [rule]"),
    EditorPlace("../mm/b.c", 7, "note: three [rule]"),
    EditorPlace("fs/a.c", 12, "warning: the same line [rule]"),
)
HOSTILE = (
    "-c",
    "+!touch ran",
    "$(touch ran)",
    "`touch ran`",
    "a;touch ran",
    "'\"x",
    "a b",
    "a:1:b",
    "%",
    "#",
    "~",
    "caf\u00e9",
    "\udcff",
)


def recorder(folder: Path, name: str, code: int = 0) -> tuple[str, Path]:
    """An editor that writes its arguments, and what is in a list that it is given, to a file."""
    told = folder / "told"
    script = f'#!/bin/sh\nfor word; do printf "%s\\0" "$word"; done >>"{told}"; printf "\\n" >>"{told}"\n'
    script += f'[ "$1" = -f ] && shift; [ "$3" = -q ] && cp "$4" "{folder}/list"\nexit {code}\n'
    (folder / "bin").mkdir(exist_ok=True)
    path = folder / "bin" / name
    path.write_text(script)
    path.chmod(0o755)
    return str(path), told


def runs(told: Path) -> list[list[str]]:
    """The arguments of each time."""
    return [os.fsdecode(line).split("\0")[:-1] for line in told.read_bytes().split(b"\n")[:-1]]


ONE_BY_ONE = (("fs/a.c", 40), ("fs/a.c", 12), ("../mm/b.c", 7))
KNOWN = (
    ("code", [["--goto", "./fs/a.c:12", "--goto", "./fs/a.c:40", "--goto", "../mm/b.c:7", "--goto", "./fs/a.c:12"]]),
    *(
        (name, [[f"+{line}", path if path[0] == "." else f"./{path}"] for path, line in ONE_BY_ONE])
        for name in ("nano", "emacs", "vi")
    ),
    ("hx", [[f"{path if path[0] == '.' else f'./{path}'}:{line}"] for path, line in ONE_BY_ONE]),
    ("somebodys-own", [[path if path[0] == "." else f"./{path}"] for path, _ in ONE_BY_ONE]),
)


@pytest.mark.parametrize(("name", "expected"), KNOWN, ids=[name for name, _ in KNOWN])
def test_each_editor_is_told_in_its_own_way(tmp_path, name, expected):
    command, told = recorder(tmp_path, name)
    visit(command, PLACES)
    assert runs(told) == expected
    assert knows_lines(command) == (name != "somebodys-own")


@pytest.mark.parametrize("name", ["vim", "nvim", "gvim"])
def test_vim_and_its_kin_get_a_list(tmp_path, name):
    command, told = recorder(tmp_path, name)
    visit(command, PLACES)
    ((*options, listed),) = runs(told)
    assert options == [*(["-f"] if name == "gvim" else []), "--cmd", editor._FORMAT, "-q"]
    assert not Path(listed).exists()
    assert (tmp_path / "list").read_text().splitlines() == [
        "./fs/a.c\t12\terror: one [rule]",
        "./fs/a.c\t40\terror: two [rule]",
        "../mm/b.c\t7\tnote: three [rule]",
        "./fs/a.c\t12\twarning: the same line [rule]",
    ]


@pytest.mark.parametrize("written", ["{} -w", "WAIT=1 {}", "'{}' --flag='a b'", '{} "$EXTRA"'])
def test_the_command_is_read_by_a_shell_as_with_git(tmp_path, monkeypatch, written):
    command, told = recorder(tmp_path, "nano")
    monkeypatch.setenv("EXTRA", "a  b")
    visit(written.format(command), PLACES[:1])
    ((*options, line, path),) = runs(told)
    assert (line, path) == ("+12", "./fs/a.c")
    assert options in ([], ["-w"], ["--flag=a b"], ["a  b"])


@pytest.mark.parametrize("name", ["vim", "nano", "code", "hx", "other"])
@pytest.mark.parametrize("path", HOSTILE, ids=ascii)
def test_no_name_of_a_file_is_anything_but_a_name(tmp_path, monkeypatch, name, path):
    monkeypatch.chdir(tmp_path)
    command, told = recorder(tmp_path, name)
    visit(command, [EditorPlace(path, 3, "note: x [rule]")])
    assert not (tmp_path / "ran").exists()
    (words,) = runs(told)
    expected = {
        "nano": ["+3", f"./{path}"],
        "code": ["--goto", f"./{path}:3"],
        "hx": [f"./{path}:3"],
        "other": [f"./{path}"],
    }
    if name == "vim":
        assert os.fsdecode((tmp_path / "list").read_bytes()) == f"./{path}\t3\tnote: x [rule]\n"
    else:
        assert words == expected[name]


def test_an_editor_that_fails_is_the_last(tmp_path):
    command, told = recorder(tmp_path, "nano", code=1)
    with pytest.raises(InputError, match="ended with 1"):
        visit(command, PLACES)
    assert len(runs(told)) == 1
    with pytest.raises(InputError, match="ended with 127"):
        visit(str(tmp_path / "gone"), PLACES)
    with pytest.raises(InputError, match="was ended by signal 15"):
        visit("kill -TERM $$; true", PLACES)


def test_ctrl_c_is_for_the_editor(tmp_path):
    """Both get it from the terminal, and the editor decides what it means."""
    script = tmp_path / "nano"
    script.write_text(
        f"#!/bin/sh\ntrap 'echo caught >{tmp_path}/caught; exit 0' INT\n"
        f"echo >{tmp_path}/ready\nwhile :; do sleep 0.05; done\n"
    )
    script.chmod(0o755)
    imports = "from reviewbot.integrations.editor import EditorPlace, visit"
    run = f"{imports}\nvisit({str(script)!r}, [EditorPlace('a.c', 1, '')])\nprint('went on')"
    env = {**os.environ, "PYTHONPATH": str(Path(editor.__file__).parents[2])}
    with subprocess.Popen(
        [sys.executable, "-c", run], env=env, stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        until = time.monotonic() + 30
        while not (tmp_path / "ready").exists():
            assert time.monotonic() < until
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGINT)
        assert process.communicate(timeout=30)[0] == b"went on\n"
    assert process.returncode == 0
    assert (tmp_path / "caught").exists()


# --- the whole program ---


def two(desk) -> None:
    desk.stage("fs/exfoo/a.c", LEAK)
    desk.stage("fs/exfoo/b.c", "int above;\n" + LEAK + LEAK.replace("made", "other"))


LINE = LEAK.split("\n").index("\t\treturn -ENOMEM;") + 1
THERE = [("fs/exfoo/a.c", LINE), ("fs/exfoo/b.c", LINE + 1), ("fs/exfoo/b.c", LINE + 1 + LEAK.count("\n"))]


def test_the_editor_is_found_where_git_finds_it(desk):
    two(desk)
    folder = desk.folder.parent
    names = {}
    for name in ("one", "two", "three", "four"):
        place = folder / name
        place.mkdir()
        names[name] = recorder(place, "nano")
    env = {"GIT_EDITOR": names["one"][0], "VISUAL": names["three"][0], "EDITOR": names["four"][0], "TERM": "xterm"}
    asked = ("--staged", "-e", "--min-severity", "error")
    for order, name in enumerate(names):
        if name == "two":
            desk.kernel.git("config", "core.editor", names["two"][0])
        done = desk(*asked, **{key: value for key, value in env.items() if key != "GIT_EDITOR" or order == 0})
        assert (done.code, done.err) == (1, "")
        told = names[name][1]
        if name == "two":
            desk.kernel.git("config", "--unset", "core.editor")
        assert runs(told) == [[f"+{line}", f"./{path}"] for path, line in (THERE[0], THERE[2], THERE[1])]
        env.pop({"one": "GIT_EDITOR", "three": "VISUAL"}.get(name, ""), None)


def test_paths_are_those_of_the_current_folder(desk):
    two(desk)
    command, told = recorder(desk.folder.parent, "nano")
    desk.command.work = desk.folder / "fs"
    desk("--staged", "-e", "--min-severity", "error", GIT_EDITOR=command)
    assert {path for _, path in runs(told)} == {"./exfoo/a.c", "./exfoo/b.c"}
    told.unlink()
    desk.command.work = desk.folder
    desk("--staged", "-e", "--min-severity", "error", GIT_EDITOR=command, GIT_PREFIX="fs/")
    assert {path for _, path in runs(told)} == {"./fs/exfoo/a.c", "./fs/exfoo/b.c"}


def test_the_places_are_those_of_the_work_tree(desk):
    two(desk)
    desk.write("fs/exfoo/a.c", "int above;\n" + LEAK)
    (desk.folder / "fs/exfoo/b.c").unlink()
    command, told = recorder(desk.folder.parent, "nano")
    desk("--staged", "-e", "--min-severity", "error", GIT_EDITOR=command)
    assert runs(told) == [[f"+{LINE + 1}", "./fs/exfoo/a.c"]], "and a file that is not there is not made"


def test_an_editor_that_is_told_no_line_is_told_by_us(desk):
    two(desk)
    command, told = recorder(desk.folder.parent, "own")
    done = desk("--staged", "-e", "--min-severity", "error", GIT_EDITOR=command)
    assert len(runs(told)) == 3
    assert [line.rpartition(": error: ")[0] for line in done.err.splitlines()] == [
        f"{path}:{line}" for path, line in THERE
    ]


def test_without_remarks_no_editor_is_started(desk):
    desk.stage("fs/exfoo/a.c", WHOLE + "int more;\n")
    command, told = recorder(desk.folder.parent, "nano")
    done = desk("--staged", "-e", GIT_EDITOR=command)
    assert (done.code, done.err) == (0, "nothing to open in the editor\n")
    assert not told.exists()


def test_what_the_editor_does_is_not_what_was_found(desk):
    two(desk)
    done = desk("--staged", "-e", "-q", GIT_EDITOR="false")
    assert (done.code, done.err) == (1, "reviewbot: the editor (false) ended with 1\n")
    done = desk("--staged", "-e", TERM="dumb")
    assert (done.code, done.out) == (3, "")
    assert done.err.startswith("reviewbot: no editor: ")


# --- Vim ---


def vim() -> str:
    path = shutil.which("vim")
    if path is None or "+quickfix" not in subprocess.run([path, "--version"], capture_output=True, text=True).stdout:
        pytest.skip("no vim with +quickfix is installed")
    return path


ASK = "call writefile(map(getqflist(), {_, one -> bufname(one.bufnr) . '|' . one.lnum . '|' . one.text}), '%s')"


def test_vim_stands_where_the_remarks_are(desk):
    two(desk)
    listed, here = desk.folder.parent / "listed", desk.folder.parent / "here"
    at = f"call writefile([expand('%') . '|' . line('.') . '|' . getline('.')], '{here}')"
    command = f'{vim()} -u NONE -i NONE -n -es -c "{ASK % listed}" -c "{at}" -c "qa!"'
    done = desk("--staged", "-e", "--min-severity", "error", GIT_EDITOR=command)
    assert done.code == 1
    rows = [line.split("|") for line in listed.read_text().splitlines()]
    assert [(os.path.normpath(path), int(line)) for path, line, _ in rows] == THERE
    assert all(text.startswith("error: the memalloc_nofs_save() scope ") for _, _, text in rows)
    path, line, text = here.read_text().rstrip("\n").split("|")
    assert (os.path.normpath(path), int(line), text) == (*THERE[0], "\t\treturn -ENOMEM;")


@pytest.mark.parametrize("path", HOSTILE, ids=ascii)
def test_vim_takes_the_name_of_any_file(tmp_path, monkeypatch, path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / path).write_text("one\ntwo\nthree\n")
    listed = tmp_path / "listed"
    command = f'{vim()} -u NONE -i NONE -n -es -c "{ASK % listed}" -c "qa!"'
    visit(command, [EditorPlace(path, 3, "note: a:1: text")])
    name, line, text = os.fsdecode(listed.read_bytes()).rstrip("\n").split("|")
    assert (os.path.normpath(name), line, text) == (path, "3", "note: a:1: text")
    assert not (tmp_path / "ran").exists()
