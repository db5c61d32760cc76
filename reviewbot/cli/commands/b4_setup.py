"""Runs `reviewbot setup b4`: prints the git commands that make b4 run the checks, or with --write runs them."""

from __future__ import annotations

import argparse
import hashlib
import shlex
import shutil
import sys
from pathlib import Path

from reviewbot import __version__
from reviewbot.cli import streams
from reviewbot.cli.session import SessionOptions, session_options
from reviewbot.git.objects import Objects
from reviewbot.integrations.b4 import settings
from reviewbot.integrations.b4.settings import AM, PREP, REVIEW, SERIES, GitConfig, SettingChange
from reviewbot.kernel import rules

REFRESH = "b4 keeps what a check has said: press R in its table of checks, or run b4 prep --check --no-cache."
IGNORED = "b4 ignores these keys in a .b4-config of the tree, except that of prep: they are yours to set."


def setup(options: argparse.Namespace) -> int:
    """Print the changes, or make them. Raises InputError if there is no configuration to change."""
    given = session_options(options)
    with Objects(Path.cwd()) as objects:
        git = GitConfig(objects.run, options.everywhere)
        keys = (REVIEW, SERIES, PREP, AM)
        found = {key: git.values(key) for key in keys}
        if options.remove:
            changes = settings.removal(found)
        else:
            wanted = commands(options, given)
            if not (options.series or any(map(settings.is_ours, found[SERIES].here))):
                del wanted[SERIES]
            changes = settings.planned(wanted, found, git.has_checkpatch)
            _warn(found, options, given)
        for change in changes:
            if options.write:
                git.make(change)
            streams.put(f"{git.command(change)}\n")
        _explain(changes, options, given)
    return 0


def commands(options: argparse.Namespace, given: SessionOptions) -> dict[str, str]:
    """The command for each key. All that decides on an answer is part of it: b4 remembers answers by the command."""
    run = shlex.join([*_program(), "check", *_passed(options)])
    prep = f"{run} --protocol prep --stamp {_stamp(given)}"
    return {
        REVIEW: f"{run} --protocol review",
        SERIES: f"{run} --protocol review --series",
        PREP: prep,
        AM: f"{prep} --min-severity warning",  # as in a review, where a note is no warning
    }


def _program() -> list[str]:
    """The words by which b4 finds this program: its name, else its whole path."""
    if shutil.which("reviewbot"):
        return ["reviewbot"]
    own = Path(sys.argv[0]).absolute()
    return [str(own)] if own.name == "reviewbot" else [sys.executable, "-m", "reviewbot"]


def _passed(options: argparse.Namespace) -> list[str]:
    """The options to pass on to the check, with absolute paths: b4 runs it at the top of a tree."""
    passed = [word for folder in options.rules for word in ("--rules", str(folder.absolute()))]
    passed += ["--config", str(options.config.absolute())] if options.config else []
    return passed + (["--kernel", options.kernel] if options.kernel else [])


def _stamp(given: SessionOptions) -> str:
    """A digest of version, rules and configuration: it changes where the answer may change."""
    made_of = f"{__version__} {rules.digest(given.folders)} {given.config!r}"
    return f"{__version__}-{hashlib.sha256(made_of.encode()).hexdigest()[:12]}"


def _warn(found: dict[str, settings.SettingValues], options: argparse.Namespace, given: SessionOptions) -> None:
    other = "in this repository" if options.everywhere else "for all repositories"
    for key, values in found.items():
        old = [value for value in values.elsewhere if settings.is_ours(value)]
        if old and old != [commands(options, given)[key]]:
            given.say(f"{key}: an older check of ours is set {other}; b4 runs both")


def _explain(changes: list[SettingChange], options: argparse.Namespace, given: SessionOptions) -> None:
    if not changes:
        given.say("nothing to change: it is all as it should be")
        return
    if not options.write:
        given.say("nothing was changed: paste these, or add --write")
    elif not options.remove:
        given.say(REFRESH)
    if options.everywhere and not options.remove:
        given.say("checkpatch: b4 stops to run it by itself where a check is set. To keep it in a kernel tree, there:")
        for key, usual in settings.USUAL.items():
            given.say(f"  {shlex.join(('git', 'config', '--add', key, usual))}")
    if not options.remove:
        given.say(IGNORED)
