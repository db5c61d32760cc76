"""What the README shows is what the program does, and it is short."""

from __future__ import annotations

import re

from command import THREADS
from pages import block, page
from reviewbot.cli import main
from reviewbot.cli.arguments import help

README = page("README.md")
MOST = 1_500  # words, code and all: what somebody reads who has never heard of it


def test_it_is_short():
    assert len(README.split()) <= MOST


def test_the_shown_output_is_the_programs(command):
    shown = block(README, "In the terminal")
    asked, *lines = shown.removesuffix("```\n").splitlines()
    assert asked == "$ reviewbot thread tests/threads/demo.mbox --kernel 6.10"
    whole = command("thread", THREADS / "demo.mbox", "--kernel", "6.10").out
    parts = "\n".join(lines).strip("\n").split("...\n")
    assert [part for part in parts if part.rstrip("\n") not in whole] == []
    assert len(parts) > 2


def test_the_shown_draft_is_one(command):
    command("thread", THREADS / "demo.mbox", "--kernel", "6.10", "--config", THREADS / "demo.toml", "--drafts", "out")
    drafts = [path.read_text() for path in (command.work / "out/new").iterdir()]
    assert any(block(README, "(`make demo`)") in draft for draft in drafts)


def test_the_tables_of_exit_codes_have_those_of_the_help():
    told = set(re.findall(r"^ +(\d+) ", help.EXIT_CODES, re.M))
    listed = set(re.findall(r"^\| (\d+) \|", page("docs/configuration.md"), re.M))
    assert told | {str(main.PIPE_CLOSED)} == listed
    assert {code for code in listed if len(code) == 1} == set(re.findall(r"^\| (\d+) \|", README, re.M))
