"""`reviewbot rule` and `reviewbot matrix`: what the tables say, printed to the width of the terminal."""

from __future__ import annotations

import argparse
import shutil
import sys

from reviewbot.cli import streams
from reviewbot.cli.session import open_session
from reviewbot.report.terminal import explain


def print_rule(options: argparse.Namespace) -> int:
    """List the rules that hold at this kernel version, or explain one. Raises UsageError for one nobody knows."""
    setup = open_session(options)
    if options.id is None:
        streams.put(explain.rules_list(setup.rules, _width()))
    else:
        streams.put(explain.rule(explain.find_rule(setup.rules, options.id), setup.kernel, _width()))
    return 0


def print_matrix(options: argparse.Namespace) -> int:
    """Print the flag-scope matrix, or what it says of one name. Raises UsageError for one nobody knows."""
    streams.put(explain.matrix(open_session(options).kernel, options.name, _width()))
    return 0


def _width() -> int:
    """In a pipe 80 columns, so that what is kept does not depend on the window it was made in."""
    return shutil.get_terminal_size().columns if streams.is_terminal(sys.stdout) else 80
