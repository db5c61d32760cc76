"""`reviewbot drafts` and the memory: another file, none, and what became of the questions of a rule."""

from __future__ import annotations

import argparse
import json
import re
import shlex
from pathlib import Path

import pytest

from report_cases import SCOPE, mail, review, reviewed
from reviewbot.cli.arguments.parser import options_of, parser
from reviewbot.memory import drafts, outbox
from waiting import memory_file, opened, waits

PAGE = Path(__file__).parents[4] / "docs" / "drafts.md"


# --- the memory ---


def test_a_memory_somewhere_else(command):
    place = command.home / "elsewhere" / "m.sqlite"
    config = command.home / "config.toml"
    config.write_text(f'[memory]\nfile = "{place}"\n')
    assert command("drafts", "list", "--config", config).code == 0
    assert place.is_file()
    assert not memory_file(command).exists()
    assert place.stat().st_mode & 0o077 == 0


def test_a_memory_that_is_none(command):
    memory_file(command).parent.mkdir(parents=True)
    memory_file(command).write_text("my notes " * 1000)
    done = command("drafts", "list")
    assert (done.code, "is no memory of reviewbot" in done.err) == (2, True)


def test_no_place_for_a_memory(command):
    done = command.fresh("drafts", "list", HOME="")
    assert (done.code, "no place for the memory: set HOME or XDG_STATE_HOME" in done.err) == (2, True)


@pytest.mark.parametrize("line", re.findall(r"^ +(reviewbot .*?)(?: *#.*)?$", PAGE.read_text(), re.M))
def test_what_the_page_says_can_be_typed(line):
    words = shlex.split(line.partition(" > ")[0])
    assert options_of(words[1:]).command == words[1]


def test_the_page_knows_every_option():
    (commands,) = (one for one in parser("drafts")._actions if isinstance(one, argparse._SubParsersAction))
    whole = "\n".join(one.format_help() for one in commands.choices["drafts"].commands.values())
    told = set(re.findall(r"--[a-z][a-z-]*", PAGE.read_text())) - {"--drafts", "--stats", "--identity"}
    assert {"--raw", "--undo", "--reason", "--dry-run", "--maildir", "--imap", "--settle", "--git", "--all"} <= told
    assert {one for one in told if one not in whole} == set()


# --- rule --stats ---


def test_what_became_of_the_questions_of_a_rule(command):
    assert command("rule", "--stats").out == "no rule has asked anything in a draft yet\n"
    for at in range(7):
        given = mail(message_id=f"{at}@author.example")
        waits(command, made=review(reviewed([(SCOPE, {"rule": "scope-leak"})], given=given)))
    command("drafts", "drop", "1", "2", "--reason", "wrong")
    command("drafts", "drop", "3", "--reason", "known")
    command("drafts", "drop", "4", "--reason", "late")
    with opened(command) as memory:
        drafts.approve(memory, 5, 1.0)
        outbox.begin(memory, 5, "maildir", 1.0)
        outbox.mark_sent(memory, 5, 1.0)
    assert command("rule", "--stats").out.splitlines() == [
        "RULE         SENT  WRONG  KNOWN   LATE   OPEN  PRECISION",
        "scope-leak      1      2      1      1      2        60%  demoted",
        "",
        "A rule below 80% is left out of drafts, once 5 of its questions were decided about.",
        "Left out now: scope-leak.",
    ]
    (one,) = json.loads(command("rule", "scope-leak", "--stats", "--format", "json").out)["stats"]
    assert (one["precision"], one["demoted"], one["open"]) == (0.6, True, 2)
    assert command("rule", "scope-leek", "--stats").code == 2
    assert command("rule", "--stats", "--names").code == 2
