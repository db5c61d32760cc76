"""Parsed arguments and config.toml in, what a command works with out: the kernel's facts, the rules, a voice."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from reviewbot import config, rules, schema
from reviewbot.config import Config
from reviewbot.model import Kernel, Rule, Version
from reviewbot.report.escape import visible


@dataclass(frozen=True, slots=True)
class Setup:
    """`rules` are those that hold at this kernel version and are not switched off."""

    config: Config
    folders: tuple[Path, ...]
    version: Version
    kernel: Kernel
    rules: tuple[Rule, ...]
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


def prepare(options: argparse.Namespace) -> Setup:
    """Raises ConfigError for a bad config file, rules folder or kernel version."""
    settings = config.load(options.config, os.environ)
    folders = settings.rule_folders(tuple(options.rules))
    version = rules.parse_version(options.kernel or settings.kernel.version)
    kernel, every = rules.load(folders, version)
    # a rule that does not hold at this version may be switched off all the same
    known = {path.stem: path for folder in folders for path in folder.glob("[!_]*.toml")}
    schema.known(settings.rules.disable, known, "[rules] disable", "rule")
    heard = tuple(rule for rule in every if rule.id not in settings.rules.disable)
    setup = Setup(settings, folders, version, kernel, heard, options.quiet, options.verbose)
    setup.tell(f"kernel {setup.kernel_name}, {len(heard)} rules from {', '.join(map(str, folders))}")
    return setup
