"""The man pages say what --help says, and roff has nothing to complain of."""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from cisystems import TOP
from reviewbot.cli.arguments.parser import parser
from shipping import manpages

COMMANDS = tuple(manpages._commands(parser()))


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("man")
    for name, text in manpages.pages(TOP).items():
        (folder / name).write_text(text)
    return folder


def shown(path: Path) -> str:
    """A page as a terminal of 80 columns has it, without what makes it bold."""
    done = subprocess.run(
        ["groff", "-man", "-Tascii", "-P-c", "-rLL=78n", "-rcR=1", "-rHY=0", "-ww", path],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return re.sub(r".\x08", "", done.stdout)


@pytest.mark.skipif(shutil.which("mandoc") is None, reason="mandoc is not installed (Debian package mandoc)")
def test_mandoc_has_nothing_to_complain_of(folder):
    done = subprocess.run(["mandoc", "-Tlint", "-Wwarning", *sorted(folder.iterdir())], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed (Debian package groff)")
@pytest.mark.parametrize("name", COMMANDS)
def test_the_page_of_a_command_has_its_options(folder, name):
    text = shown(folder / f"reviewbot-{name}.1")
    command = parser(name)._subparsers._group_actions[0].choices[name]
    shared = [action for action in command._actions if action.help != argparse.SUPPRESS and action.dest != "help"]
    options = {option for action in shared for option in action.option_strings}
    assert {option for option in options if option not in text} == set()
    words = " ".join(text.split())
    for heading in ("NAME", "SYNOPSIS", "DESCRIPTION", "SHARED OPTIONS", "EXIT STATUS", "SEE ALSO"):
        # of a command with commands of its own each of those has options
        assert f"\n{heading}\n" in text or f"\n{heading} '" in text
    codes = command.epilog.partition("exit codes:\n")[2]
    assert codes
    assert " ".join(codes.split()) in words


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed (Debian package groff)")
def test_the_page_of_the_program_leads_to_all_of_it(folder):
    text = shown(folder / "reviewbot.1")
    assert {f"reviewbot-{name}(1)" for name in COMMANDS} <= set(re.findall(r"[\w-]+\(1\)", text))
    assert {path.name for path in folder.iterdir()} == {"reviewbot.1", *(f"reviewbot-{name}.1" for name in COMMANDS)}
    names = ("XDG_CACHE_HOME", "NO_COLOR", "COLUMNS", "REVIEWBOT_PATCHWORK_TOKEN", "~/.config/reviewbot/config.toml")
    assert [name for name in names if name not in text] == []
    assert max(map(len, text.splitlines())) <= 80


def test_what_roff_would_take_for_a_command_is_text():
    assert manpages._roff(".so /etc/passwd\n'x\n  a\\b -c\nend") == (
        "\\&.so /etc/passwd\n\\&'x\n.EX\na\\eb \\-c\n.EE\nend"
    )
