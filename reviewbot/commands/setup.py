"""Parsed arguments and config.toml in, what a command works with out: the kernel's facts, the rules, a voice."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import NamedTuple

from reviewbot import config, rules, schema
from reviewbot.config import AUTO, Config
from reviewbot.mailhead import timestamp
from reviewbot.model import Kernel, Rule, Series, Version
from reviewbot.report.escape import visible


@dataclass(frozen=True, slots=True)
class Setup:
    """`rules` are those that hold at this kernel version and are not switched off."""

    config: Config
    folders: tuple[Path, ...]
    version: Version
    kernel: Kernel
    rules: tuple[Rule, ...]
    dated: bool  # no version was asked for: the patches' date says it
    quiet: bool
    verbose: bool

    @property
    def kernel_name(self) -> str:
        return f"{self.version[0]}.{self.version[1]}"

    def say(self, text: str) -> None:
        """A line for the person at the terminal, unless -q."""
        if not self.quiet:
            print(visible(text), file=sys.stderr)

    def tell(self, text: str) -> None:
        """A line about what is being done, with -v only."""
        if self.verbose:
            self.say(text)


_LAST_SECOND = 253_402_300_799  # of the year 9999: dates of mails are whatever somebody wrote


class Voice(NamedTuple):
    """How much is said."""

    quiet: bool
    verbose: bool


def prepare(options: argparse.Namespace) -> Setup:
    """Raises ConfigError for a bad config file, rules folder or kernel version."""
    settings = config.load(options.config, os.environ)
    folders = settings.rule_folders(tuple(options.rules))
    asked = options.kernel or settings.kernel.version
    version = rules.version_at(folders, date.today().isoformat()) if asked == AUTO else rules.parse_version(asked)
    # a rule that does not hold at this version may be switched off all the same
    known = {path.stem: path for folder in folders for path in folder.glob("[!_]*.toml")}
    schema.known(settings.rules.disable, known, "[rules] disable", "rule")
    return _load(settings, folders, version, asked == AUTO, Voice(options.quiet, options.verbose))


def _load(settings: Config, folders: tuple[Path, ...], version: Version, dated: bool, voice: Voice) -> Setup:
    kernel, every = rules.load(folders, version)
    heard = tuple(rule for rule in every if rule.id not in settings.rules.disable)
    setup = Setup(settings, folders, version, kernel, heard, dated, voice.quiet, voice.verbose)
    setup.tell(f"kernel {setup.kernel_name}, {len(heard)} rules from {', '.join(map(str, folders))}")
    return setup


def for_series(setup: Setup, series: Series) -> Setup:
    """The setup for the version that mainline was working on when the series was sent, if none was asked for."""
    stamps = [timestamp(patch.mail.date) for patch in series.patches if patch.mail is not None]
    if not setup.dated or not any(stamps):
        return setup
    sent = datetime.fromtimestamp(min(max(stamps), _LAST_SECOND), UTC)
    version = rules.version_at(setup.folders, sent.date().isoformat())
    if version == setup.version:
        return setup
    return _load(setup.config, setup.folders, version, True, Voice(setup.quiet, setup.verbose))
