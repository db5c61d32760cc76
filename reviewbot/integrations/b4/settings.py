"""Plans and makes the changes to git's configuration that let b4 run reviewbot.

The keys hold a list, of which only our values are changed. b4 0.16 runs checkpatch by default if a key has no value at
all (load_check_cmds(), get_check_cmds(), get_am_ready()): so beside a first value of ours it has to be named.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from msgspec import Struct

from reviewbot.model.errors import InputError

REVIEW, SERIES = "b4.review-perpatch-check-cmd", "b4.review-series-check-cmd"
PREP, AM = "b4.prep-perpatch-check-cmd", "b4.am-perpatch-check-cmd"
_CHECKPATCH = "./scripts/checkpatch.pl -q --terse --no-summary --mailback"
USUAL = {REVIEW: "_builtin_checkpatch", PREP: f"{_CHECKPATCH} --showfile", AM: _CHECKPATCH}
RunGit = Callable[..., bytes | None]  # a git command: what it prints, None where it fails
TRACKED = ".b4-config"  # of the project; b4 reads no command of a review from it


class SettingChange(Struct, frozen=True):
    """A change of one value of a key: `old` is removed, `new` added; "" for none."""

    key: str
    old: str
    new: str

    def arguments(self) -> tuple[str, ...]:
        """The arguments of git-config(1) that make the change."""
        if not self.old:
            return "--add", self.key, self.new
        if not self.new:
            return "--fixed-value", "--unset-all", self.key, self.old
        return "--fixed-value", "--replace-all", self.key, self.new, self.old


class SettingValues(Struct, frozen=True):
    """The values of a key in the scope to be changed, and `elsewhere`: in git's other scopes and the project's file."""

    here: tuple[str, ...]
    elsewhere: tuple[str, ...] = ()


def planned(wanted: Mapping[str, str], found: Mapping[str, SettingValues], checkpatch: bool) -> list[SettingChange]:
    """The changes after which b4 runs the `wanted` commands, by key, once each.

    `found`: the values now; `checkpatch`: whether b4 runs that by default here. A command that is set elsewhere is not
    set here, too.
    """
    changes: list[SettingChange] = []
    for key, command in wanted.items():
        values = found.get(key, SettingValues(()))
        old = list(dict.fromkeys(value for value in values.here if is_ours(value) and value != command))
        if command in values.elsewhere:
            old += [command] if command in values.here else []
        elif values.here.count(command) > 1:
            changes.append(SettingChange(key, command, command))
        elif command not in values.here and old:
            changes.append(SettingChange(key, old.pop(0), command))
        elif command not in values.here:
            alone = checkpatch and key in USUAL and not (*values.here, *values.elsewhere)
            changes += [SettingChange(key, "", USUAL[key])] if alone else []
            changes.append(SettingChange(key, "", command))
        changes += [SettingChange(key, value, "") for value in old]
    return changes


def removal(found: Mapping[str, SettingValues]) -> list[SettingChange]:
    """The changes after which b4 runs nothing of ours. A lone checkpatch goes, too: b4 then runs it by default."""
    changes: list[SettingChange] = []
    for key, values in found.items():
        ours = [value for value in values.here if is_ours(value)]
        rest = [value for value in values.here if value not in ours]
        alone = rest == [USUAL.get(key)] and not values.elsewhere
        changes += [
            SettingChange(key, value, "") for value in dict.fromkeys((*ours, *(rest if ours and alone else ())))
        ]
    return changes


def is_ours(value: str) -> bool:
    """Whether a command runs `reviewbot check`, by any path and of any version."""
    try:
        words = _split(value)
    except ValueError:
        return False
    return any(Path(word).name == "reviewbot" and after == "check" for word, after in pairwise(words))


def _split(value: str) -> list[str]:
    """The words of a command as b4 splits it: "#" begins a comment, which shlex.split() does not know."""
    parser = shlex.shlex(value, posix=True)
    parser.whitespace_split = True
    return list(parser)


class GitConfig:
    """git's configuration, of the repository here or (`everywhere`) of the user.

    Raises InputError if there is no such repository. `run`: runs git with some arguments.
    """

    def __init__(self, run: RunGit, everywhere: bool) -> None:
        self._run, self.everywhere = run, everywhere
        top = run("rev-parse", "--show-toplevel")
        self.top = None if top is None else Path(os.fsdecode(top.removesuffix(b"\n")))
        if self.top is None and not everywhere:
            raise InputError("not inside a git work tree; change to one or use --global")

    @property
    def has_checkpatch(self) -> bool:
        """Whether b4 would run checkpatch by default: the repository has it."""
        return self.top is not None and os.access(self.top / "scripts" / "checkpatch.pl", os.X_OK)

    def values(self, key: str) -> SettingValues:
        """The values that a key has now."""
        mine = "global" if self.everywhere else "local"
        output = self._run("config", "--show-scope", "-z", "--get-all", key) or b""
        parts = os.fsdecode(output).split("\0")
        rows = [(scope, value) for scope, value in zip(parts[::2], parts[1::2], strict=False)]
        here = tuple(value for scope, value in rows if scope == mine)
        return SettingValues(here, (*(value for scope, value in rows if scope != mine), *self._tracked(key)))

    def _tracked(self, key: str) -> Sequence[str]:
        """The values of a key in the project's own file, as far as b4 reads them there."""
        if self.top is None or key != PREP or not (self.top / TRACKED).is_file():
            return ()
        output = self._run("config", "--file", str(self.top / TRACKED), "-z", "--get-all", key) or b""
        return [value for value in os.fsdecode(output).split("\0") if value]

    def make(self, change: SettingChange) -> None:
        """Make a change. Raises InputError where git refuses."""
        if self._run("config", *self.scope, *change.arguments()) is None:
            raise InputError(f"git does not change {change.key}: is its configuration file writable?")

    @property
    def scope(self) -> tuple[str, ...]:
        """The option of git-config(1) for the scope that is changed."""
        return ("--global",) if self.everywhere else ("--local",)

    def command(self, change: SettingChange) -> str:
        """The shell command that makes a change."""
        return shlex.join(("git", "config", *self.scope, *change.arguments()))
