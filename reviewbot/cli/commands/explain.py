"""Runs `reviewbot rule` and `reviewbot matrix`: prints the tables, as wide as the terminal."""

from __future__ import annotations

import argparse
import shutil
import sys

from reviewbot.cli import streams
from reviewbot.cli.session import open_session
from reviewbot.report.terminal import explain


def print_rule(options: argparse.Namespace) -> int:
    """List the rules that apply to this kernel version, or explain one. Raises UsageError for an unknown one."""
    setup = open_session(options)
    if options.id is None:
        streams.put(explain.rules_list(setup.rules, _width()))
    else:
        streams.put(explain.rule(explain.find_rule(setup.rules, options.id), setup.kernel, _width()))
    return 0


def print_matrix(options: argparse.Namespace) -> int:
    """Print the flag-scope matrix, or what it says of one name. Raises UsageError for an unknown one."""
    streams.put(explain.matrix(open_session(options).kernel, options.name, _width()))
    return 0


def _width() -> int:
    """The columns of the terminal; 80 in a pipe, so that saved output does not depend on the window."""
    return shutil.get_terminal_size().columns if streams.is_terminal(sys.stdout) else 80
