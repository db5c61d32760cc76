"""Whole runs of the command line: what goes where, exit codes, and what hostile input may not do."""

from __future__ import annotations

import argparse
import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from command import THREADS, diff, mail
from reviewbot import __version__
from reviewbot.cli import main
from reviewbot.cli.arguments.parser import parser
from reviewbot.config import data_path
from reviewbot.kernel.rules import load
from reviewbot.model.patch import Patch
from reviewbot.review.patient_engine import PatientEngine

DEMO = THREADS / "demo.mbox"
SENDER = THREADS / "demo.toml"


# --- whole threads ---


@pytest.mark.parametrize("expected", sorted(THREADS.glob("*.expected.json")), ids=lambda path: path.name.split(".")[0])
def test_a_thread_gets_the_remarks_it_was_written_for(command, expected):
    """NAME.expected.json holds the kernel, the exit code, and rule, path and line of every remark of NAME.mbox."""
    wanted = json.loads(expected.read_text())
    thread = THREADS / f"{expected.name.split('.')[0]}.mbox"
    done = command("thread", thread, "--kernel", wanted["kernel"], "--format", "json", "--min-confidence", "medium")
    patches = json.loads(done.out)["patches"]
    keys = ("rule", "confidence", "path", "line_text")
    said = [[patch["number"], *(one[key] for key in keys)] for patch in patches for one in patch["findings"]]
    assert said == wanted["findings"]
    assert (done.code, done.err) == (wanted["exit"], "")


def test_every_thread_has_its_expected_output_beside_it():
    assert {path.stem for path in THREADS.glob("*.mbox")} == {
        path.name.removesuffix(".expected.json") for path in THREADS.glob("*.expected.json")
    }


def test_json_has_the_shape_of_version_1(command):
    whole = json.loads(command("thread", DEMO, "--kernel", "6.10", "--format", "json").out)
    assert list(whole) == ["schema", "reviewbot", "rules", "kernel", "series", "patches", "unread"]
    assert (whole["schema"], whole["reviewbot"], whole["kernel"]) == (1, __version__, "6.10")
    assert whole["series"]["message_id"] == "20240610081502.4711-1-mira.holt@example.org"
    assert [patch["number"] for patch in whole["patches"]] == [1, 2, 3]


def test_stdin_and_maildir_give_what_the_file_gives(command):
    asked = ("--kernel", "6.10", "--format", "json")
    from_file = command("thread", DEMO, *asked)
    assert command("thread", "-", *asked, stdin=DEMO.read_bytes()) == from_file
    for part in ("cur", "new", "tmp"):
        (command.work / "box" / part).mkdir(parents=True)
    for number, one in enumerate(DEMO.read_bytes().split(b"From mboxrd@z Thu Jan  1 00:00:00 1970\n")[1:]):
        (command.work / "box" / "new" / f"{1718000000 + number}.{number}.host").write_bytes(one)
    assert command("thread", "box", *asked) == from_file


def test_bars_of_the_config_and_of_the_command_line(command):
    (command.work / "strict.toml").write_text('[report]\nmin_severity = "error"\n')
    thread = command.work / "one.eml"
    thread.write_bytes(mail(diff=diff()))
    assert command("thread", thread).code == 1
    strict = command("thread", thread, "--config", "strict.toml")
    assert (strict.code, "conflicting-flags" in strict.out) == (0, False)
    assert command("thread", thread, "--config", "strict.toml", "--min-severity", "note").code == 1


def test_a_rule_that_is_switched_off_is_not_heard(command):
    (command.work / "off.toml").write_text('[rules]\ndisable = ["conflicting-flags"]\n')
    done = command("thread", "-", "--config", "off.toml", stdin=mail(diff=diff()))
    assert (done.code, "conflicting-flags" in done.out) == (0, False)
    (command.work / "off.toml").write_text('[rules]\ndisable = ["conflicting-flag"]\n')
    done = command("thread", "-", "--config", "off.toml", stdin=mail(diff=diff()))
    assert done.code == 2
    assert "conflicting-flags" in done.err


def test_more_patches_than_allowed_are_named_and_not_looked_at(command):
    (command.work / "few.toml").write_text("[limits]\npatches = 1\n")
    done = command("thread", DEMO, "--config", "few.toml", "--format", "json")
    whole = json.loads(done.out)
    assert [patch["number"] for patch in whole["patches"]] == [1]
    assert "last 2 patches" in whole["unread"][0]["reason"]


def test_a_patch_that_takes_too_long_is_named_and_the_next_is_read(monkeypatch):
    kernel, rules = load((data_path("rules"),), (6, 10))
    engine = PatientEngine(kernel, rules, 1)
    patches = (Patch(1, 2, "slow", "", ""), Patch(2, 2, "quick", "", ""))

    def review(_self, patch, *_):
        while patch.number == 1:
            time.sleep(0.01)
        return "done"

    monkeypatch.setattr("reviewbot.review.engine.Engine.patch", review)
    assert "1 s (seconds under [limits]" in engine.patch(patches[0]).unread[0].reason
    assert engine.patch(patches[1]) == "done"
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0


# --- drafts ---


def test_drafts_are_written_once_and_nothing_else_is(command):
    asked = ("thread", DEMO, "--kernel", "6.10", "--config", SENDER, "--drafts", "replies")
    done = command(*asked)
    left = command.left()
    drafts = {path for path in left if path.startswith("work/replies/new/")}
    assert done.code == 1
    assert drafts
    assert left == {*drafts, "home/.local/state/reviewbot/memory.sqlite"}
    assert f"{len(drafts)} new draft" in done.err
    again = command(*asked)
    assert command.left() == left
    assert "0 new drafts" in again.err


def test_mail_format_prints_the_drafts_as_an_mbox(command):
    done = command("thread", DEMO, "--kernel", "6.10", "--config", SENDER, "--format", "mail")
    assert done.out.startswith("From mboxrd@z ")
    assert "\nFrom: Demo Reader <demo-reader@example.org>\n" in done.out
    assert "\nIn-Reply-To: <20240610081502.4711-4-mira.holt@example.org>\n" in done.out
    assert command.left() == set()


def test_a_clean_series_gets_one_line_and_no_draft(command):
    done = command("thread", THREADS / "clean.mbox", "--kernel", "6.10", "--config", SENDER, "--drafts", "replies")
    assert (done.code, len(done.out.splitlines())) == (0, 1)
    assert done.out.startswith("clean: ")
    assert command.left() == set()


def test_drafts_need_a_sender_before_anything_is_looked_at(command):
    done = command("thread", "absent.mbox", "--drafts", "replies")
    assert done.code == 2
    assert "git config --global user.email" in done.err
    (command.home / ".gitconfig").write_text("[user]\nname = Git User\nemail = git@example.org\n")
    done = command("thread", DEMO, "--kernel", "6.10", "--format", "mail")
    assert "\nFrom: Git User <git@example.org>\n" in done.out


def test_drafts_into_a_file_are_refused(command):
    (command.work / "replies").write_text("mine")
    done = command("thread", DEMO, "--kernel", "6.10", "--config", SENDER, "--drafts", "replies")
    assert done.code == 2
    assert (command.work / "replies").read_text() == "mine"


# --- the process around it ---


def test_help_says_what_is_needed_to_use_it(command):
    whole = command("--help")
    assert (whole.code, whole.err) == (0, "")
    for word in ("thread", "rule", "matrix", "examples:", "exit codes:", "never sends"):
        assert word in whole.out
    for name in ("thread", "rule", "matrix"):
        done = command(name, "--help")
        assert (done.code, "exit codes:" in done.out, "--kernel" in done.out) == (0, True, True)
    assert "examples:" in command("thread", "--help").out
    assert max(len(line) for line in command("thread", "--help").out.splitlines()) <= 80


def test_version(command):
    assert command("--version").out == f"reviewbot {__version__}\n"


def test_rule_and_matrix_print_their_tables(command):
    listed = command("rule")
    assert (listed.code, listed.err) == (0, "")
    assert "scope-leak" in listed.out
    assert command("rule", "scope-leak").out.startswith("scope-leak: error")
    assert "__GFP_NOFAIL" in command("matrix").out
    assert command("matrix", "__gfp_nofail").out.startswith("__GFP_NOFAIL")


def test_the_command_line_imports_nothing_heavy():
    """Start-up counts: what --help does not need is imported later."""
    heavy = {
        "b4",
        "git",
        "httpx",
        "liblore",
        "rich",
        "tomli",
        "tree_sitter",
        "unidiff",
        "email",
        "reviewbot.review.engine",
    }
    heavy |= {"json", "xml", "reviewbot.report.remarks"}
    code = "import sys, reviewbot.cli.main, reviewbot.cli.arguments.parser as p; p.parser(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert heavy & set(loaded.split()) == set()


def test_a_command_by_itself_is_read_as_among_all_others():
    def helps(parser) -> dict[str, str]:
        (commands,) = (action.choices for action in parser._actions if isinstance(action, argparse._SubParsersAction))
        return {name: command.format_help() for name, command in commands.items()}

    everything = helps(parser())
    assert len(everything) == 16
    assert all(helps(parser(name)) == {name: text} for name, text in everything.items())
    assert all(helps(parser(word)) == everything for word in ("", "--help", "chec", "--"))


def test_a_local_thread_needs_no_network_code():
    code = (
        f"import sys; from reviewbot.cli.main import main; main(['thread', {str(DEMO)!r}, '-q']); print(*sys.modules)"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert {"httpx", "git", "rich"} & set(loaded.splitlines()[-1].split()) == set()


def test_an_unexpected_mistake_is_one_line_and_a_traceback_only_with_v(monkeypatch, capsys):
    def broken(_options):
        raise ZeroDivisionError("of course")

    monkeypatch.setattr(main, "_run", broken)
    assert main.main(["rule"]) == 3
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1
    assert "ZeroDivisionError" in said
    assert "please report" in said
    assert main.main(["rule", "-v"]) == 3
    assert "Traceback" in capsys.readouterr().err


def test_who_reads_only_the_first_line_is_no_error(command):
    child = subprocess.Popen(
        [sys.executable, "-m", "reviewbot", "matrix"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=command.env,
    )
    child.stdout.close()
    assert child.stderr.read() == b""
    child.stderr.close()
    assert child.wait(30) == main.PIPE_CLOSED


def test_a_full_disk_is_one_clear_line(command):
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "reviewbot", "matrix"], stdout=full, stderr=subprocess.PIPE, env=command.env
        )
    assert done.returncode == 3
    assert done.stderr.decode().splitlines() == ["reviewbot: cannot write to standard output: the disk is full"]


def test_an_interrupt_ends_quietly_and_leaves_nothing(command):
    child = subprocess.Popen(
        [sys.executable, "-m", "reviewbot", "thread", "-", "-v", "--config", str(SENDER), "--drafts", "replies"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=command.env,
        cwd=command.work,
    )
    assert b"rules from" in child.stderr.readline()
    # more than a pipe holds: once it is written, the program has begun to read, and waits for the rest
    child.stdin.write(b"Subject: a mail that never ends\n\n" + b"word\n" * 100_000)
    child.stdin.flush()
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=30)
    assert (child.returncode, out, err) == (130, b"", b"reviewbot: interrupted\n")
    assert command.left() == set()


def _on_terminal(command, *arguments, stream="stdout", **env):
    """The bytes that a run writes to a terminal as its stdout or stderr."""
    ours, theirs = pty.openpty()
    streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, stream: theirs}
    child = subprocess.Popen(
        [sys.executable, "-m", "reviewbot", *map(str, arguments)],
        cwd=command.work,
        env={**command.env, "TERM": "xterm-256color", **env},
        **streams,
    )
    os.close(theirs)
    seen = b""
    with suppress(OSError):  # Linux says EIO when the other side is gone
        while part := os.read(ours, 65536):
            seen += part
    os.close(ours)
    child.wait(30)
    return seen


def test_colours_on_a_terminal_unless_somebody_says_no(command):
    asked = ("thread", DEMO, "--kernel", "6.10")
    assert b"\x1b[" in _on_terminal(command, *asked)
    assert b"\x1b[" not in _on_terminal(command, *asked, NO_COLOR="1")
    assert b"\x1b[" not in _on_terminal(command, *asked, TERM="dumb")
    assert b"\x1b[" not in _on_terminal(command, *asked, "--color", "never")
    assert "\x1b[" not in command(*asked).out
    coloured = command(*asked, "--color", "always", NO_COLOR="1").out
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == command(*asked).out


def test_a_long_series_shows_its_progress_on_a_terminal_only(command):
    box = b"".join(
        b"From mboxrd@z Thu Jan  1 00:00:00 1970\n"
        + mail(f"[PATCH {number}/9] exfoo: part {number}", diff(f"fs/exfoo/{number}.c")).replace(
            b"<1.", b"<%d." % number
        )
        + b"\n"
        for number in range(1, 10)
    )
    (command.work / "long.mbox").write_bytes(box)
    assert b"reviewing" in _on_terminal(command, "thread", "long.mbox", stream="stderr")
    assert _on_terminal(command, "thread", "long.mbox", "-q", stream="stderr") == b""
    done = command("thread", "long.mbox")
    assert (done.code, done.err) == (1, "")
    assert "9 remarks" in done.out


def test_tables_heed_columns_in_a_pipe_and_have_colours_if_asked(command):
    for asked, most in (("", 80), ("60", 60), ("140", 140), ("no", 80), ("0", 80)):
        command.env["COLUMNS"] = asked
        lines = command("matrix").out.splitlines()
        assert most - 30 < max(map(len, lines)) <= most, asked
    command.env.pop("COLUMNS")
    assert "\x1b" not in command("matrix").out
    for words in (("matrix",), ("rule",), ("rule", "scope-leak")):
        plain, painted = command(*words).out, command(*words, "--color", "always").out
        assert "\x1b[1m" in painted
        assert re.sub(r"\x1b\[[0-9;]*m", "", painted) == plain
