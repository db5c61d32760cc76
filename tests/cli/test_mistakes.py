"""What is said of a mistake in the command line: one line, with the word that was meant where there is one."""

from __future__ import annotations

import argparse

import pytest

from reviewbot.cli.arguments.mistakes import plain
from reviewbot.cli.arguments.parser import parser

THREAD = parser("thread").commands["thread"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["thred", "x"], "no command 'thred'; did you mean thread?"),
        (["THREAD", "x"], "no command 'THREAD'; did you mean thread?"),
        (["zzz"], "no command 'zzz'"),
        (["thread", "x", "--drfts", "y"], "no option --drfts; did you mean --drafts?"),
        (["thread", "x", "--minconfidence=low"], "no option --minconfidence; did you mean --min-confidence?"),
        (["thread", "x", "--zzz"], "no option --zzz"),
        (["thread", "x", "-Z"], "no option -Z"),
        (["thread", "x", "--format", "jsn"], "--format: no value 'jsn'; did you mean json?"),
        (["thread", "x", "--min-confidence", "zz"], "--min-confidence: no value 'zz' (one of low, medium, high)"),
        (["thread", "x", "y"], "too many arguments: y"),
        (["thread"], "missing: SOURCE"),
        ([], "missing: COMMAND"),
        (["thread", "x", "--tree"], "--tree: expected one argument"),
        (["thread", "x", "-v", "-q"], "-q/--quiet: not allowed with argument -v/--verbose"),
    ],
    ids=lambda given: " ".join(given) if isinstance(given, list) else None,
)
def test_a_mistake_is_one_line_that_says_what_to_do(command, words, said):
    done = command(*words)
    name = f"reviewbot {words[0]}" if words and words[0] == "thread" else "reviewbot"
    assert (done.code, done.out) == (2, "")
    assert done.err == f"{name}: {said} ({name} --help)\n"


def test_odd_words_stay_one_line(command):
    for word in ("--\nx", "--\x1b[31m", "-" * 5000, "--" + "dr" * 5000, "'); (choose from 'thread'"):
        done = command("thread", "x", word)
        assert (done.code, len(done.err.splitlines())) == (2, 1)
        assert "\x1b" not in done.err


def test_every_message_of_argparse_is_known():
    """A newer Python may word them otherwise; then nothing would be suggested."""
    caught = []
    own = argparse.ArgumentParser(exit_on_error=False)
    own.error = caught.append  # type: ignore[assignment]
    own.add_argument("--colour", choices=["auto", "never"])
    with pytest.raises(argparse.ArgumentError) as wrong:
        own.parse_known_args(["--colour", "auo"])
    assert plain(str(wrong.value), []) == "--colour: no value 'auo'; did you mean auto?"


def test_help_fits_80_columns(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    helps = [parser().format_help(), *(each.format_help() for each in parser().commands.values())]
    assert [line for text in helps for line in text.splitlines() if len(line) > 80] == []


def test_commands_come_in_the_order_of_need():
    assert [*parser().commands][:3] == ["thread", "local", "range"]
    assert [*parser().commands][-3:] == ["setup", "check", "agent"]
