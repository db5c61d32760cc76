"""Completion in real shells: what a Tab offers, and that names of rules and flags are those of the installed data."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from cisystems import program
from command import Command
from mailtools import in_terminal
from reviewbot.cli.arguments.parser import parser
from reviewbot.config import data_path
from shipping import completions

# as readline calls it: the words of the line, and in $1 to $3 the command, the word and the one before
BASH = """
. ./reviewbot
line=("$@")
COMP_WORDS=("${line[@]}") COMP_CWORD=$((${#line[@]} - 1))
function=$(complete -p reviewbot | sed 's/.*-F \\([^ ]*\\) .*/\\1/')
"$function" reviewbot "${line[-1]}" "${line[-2]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""
CASES = [
    (("",), set(parser().commands)),
    (("th",), {"thread"}),
    (("thread", "--for"), {"--format"}),
    (("thread", "--format", "s"), {"sarif"}),
    (("thread", "--fail-on", ""), {"error", "warning", "note", "never"}),
    (("rule", "scope-l"), {"scope-leak"}),
    (("rule", "my-"), {"my-own"}),
    (("matrix", "__GFP_NOF"), {"__GFP_NOFAIL"}),
    (("matrix", "memalloc_nofs"), {"memalloc_nofs_save", "memalloc_nofs_restore"}),
    (("setup", ""), {"b4"}),
    (("thread", "series.m"), {"series.mbox"}),
    (("thread", "--tree", "lin"), {"linux"}),
]


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A folder with the scripts, some files, and the settings of somebody who has a rule of their own."""
    folder = tmp_path_factory.mktemp("complete")
    for path, text in completions.scripts().items():
        (folder / Path(path).name).write_text(text)
    for made in ("bin", "linux", "home/.config/reviewbot", "rules"):
        (folder / made).mkdir(parents=True)
    (folder / "series.mbox").touch()
    program(folder).rename(folder / "bin/reviewbot")
    shipped = data_path("rules/conflicting-flags.toml").read_text()
    (folder / "rules/my-own.toml").write_text(shipped)
    (folder / "home/.config/reviewbot/config.toml").write_text(f'[rules]\nextra = ["{folder}/rules"]\n')
    return folder


def env(place: Path) -> dict[str, str]:
    return {
        "HOME": str(place / "home"),
        "PATH": f"{place}/bin:{os.environ['PATH']}",
        "XDG_CACHE_HOME": os.environ["XDG_CACHE_HOME"],
        "LC_ALL": "C.UTF-8",
        "TERM": "xterm",
    }


@pytest.mark.parametrize(
    ("words", "offered"), CASES, ids=lambda value: " ".join(value if isinstance(value, list | tuple) else sorted(value))
)
def test_bash_completes(place, words, offered):
    done = subprocess.run(
        ["bash", "-c", BASH, "bash", "reviewbot", *words], cwd=place, env=env(place), capture_output=True, text=True
    )
    assert (done.returncode, done.stderr, set(done.stdout.split())) == (0, "", offered)


def test_a_tab_of_an_interactive_bash_completes(place):
    (place / "bashrc").write_text(f"PS1='$ '\n. {place}/reviewbot\n")
    keys = [("$ ", "reviewbot rule scope-l\t"), ("scope-leak", "\x15exit\r")]
    in_terminal(["bash", "--noprofile", "--rcfile", str(place / "bashrc"), "-i"], env(place), keys)


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed (Debian package zsh)")
@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("reviewbot thr\t", "reviewbot thread"),
        ("reviewbot rule scope-l\t", "reviewbot rule scope-leak"),
        ("reviewbot rule my\t", "reviewbot rule my-own"),
        ("reviewbot matrix __GFP_NOF\t", "reviewbot matrix __GFP_NOFAIL"),
        ("reviewbot thread --format sa\t", "reviewbot thread --format sarif"),
    ],
)
def test_zsh_completes(place, typed, shown):
    (place / "site").mkdir(exist_ok=True)
    shutil.copy(place / "_reviewbot", place / "site/_reviewbot")
    (place / "home/.zshrc").write_text(
        f"PS1='> '\nfpath=({place}/site $fpath)\nautoload -U compinit && compinit -u -D\nunsetopt list_beep\n"
    )
    in_terminal(["zsh", "-i"], env(place), [("> ", typed), (shown, "\x15exit\r")])


@pytest.mark.skipif(shutil.which("tcsh") is None, reason="tcsh is not installed (Debian package tcsh)")
def test_tcsh_takes_its_script(place):
    done = subprocess.run(
        ["tcsh", "-f", "-c", "source completion.tcsh; complete reviewbot"],
        cwd=place,
        env=env(place),
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "(thread " in done.stdout and "reviewbot rule --names" in done.stdout


def test_names_are_those_of_the_tables(command: Command):
    rules = command("rule", "--names").out.split()
    assert rules == sorted(rules) and "scope-leak" in rules
    assert all(command.inside("matrix", name).code == 0 for name in command("matrix", "--names").out.split()[::25])
    assert "__GFP_NOFAIL" in command("matrix", "--names").out.split()
