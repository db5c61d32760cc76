"""Declares the commands for b4: check, agent and setup. Imports nothing that they need to run."""

from __future__ import annotations

import argparse
from typing import Protocol, TypeAlias

from reviewbot.model.review import CONFIDENCES, SEVERITIES

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


class AddCommand(Protocol):
    """Adds the parser of a command, with the options that all commands share. `codes`: its own list of exit codes."""

    def __call__(
        self,
        commands: Commands,
        name: str,
        help_: str,
        description: str = "",
        examples: str = "",
        codes: str = "",
    ) -> argparse.ArgumentParser: ...


CHECK = """\
Read one message on standard input, as b4 passes it to a check, and answer as b4
expects. `reviewbot setup b4` makes b4 run this. The protocols are

  review   b4.review-perpatch-check-cmd and, with --series, -series-check-cmd:
           a JSON list with one result, pass, warn or fail. It is empty for what
           is no patch, or touches no C source.
  prep     b4.prep-perpatch-check-cmd and b4.am-perpatch-check-cmd: a line for
           each remark, nothing for a clean patch.

b4 has decoded the body, so Content-Transfer-Encoding is ignored. In a git tree
that has the files, whole files are read. If b4 sets B4_TRACKING_FILE (a series
that is checked out), what a later patch of the series fixes is no remark.
"""

CHECK_EXAMPLES = """\
examples:
  git format-patch --stdout -1 | reviewbot check --protocol prep
  b4 prep --check --no-cache       runs it on each patch of a prep branch
  b4 review tui, then c            runs it on a series; R runs it again

"""

AGENT = """\
Review the series of the b4 review branch that is checked out, and put the
remarks where b4 looks for those of a review agent:

  .git/b4-review/COMMIT/identity.txt, series.txt, 0001.txt, ...

`b4 review tui` reads them when it opens the series, each below the line it is
about. You adopt, edit or drop them there; b4 sends what you adopt as yours.

Skipped patches are left out, and so are lines about which somebody has said the
same already; -v shows them. Without remarks nothing is written. Files that this
command has not written, or that were edited since, are kept.
"""

AGENT_EXAMPLES = """\
examples:
  git checkout b4/review/CHANGE-ID && reviewbot agent -v

"""

SETUP = """\
Print the git config commands that make b4 run `reviewbot check`, or run them
with --write. Other checks are kept. So is checkpatch, which b4 runs by itself
only while no check is configured. Settings of an older reviewbot are replaced.
--rules, --config and --kernel are passed on to the checks.

b4 caches the result of a `prep` or `am` check for 30 days, by its command line.
Therefore the command line names the rules and settings; run this again after an
update of reviewbot or a change of your config.toml.
"""

SETUP_EXAMPLES = """\
examples:
  reviewbot setup b4                     show what would be set
  reviewbot setup b4 --write             set it for this repository
  reviewbot setup b4 --global --write    set it for all your repositories
  reviewbot setup b4 --remove --write    remove it again

"""


def _add_check(commands: Commands, add_command: AddCommand) -> None:
    check = add_command(commands, "check", "run as a b4 check", CHECK, CHECK_EXAMPLES)
    check.add_argument("--protocol", choices=("review", "prep"), required=True, help="b4 protocol to speak")
    check.add_argument("--series", action="store_true", help="with protocol review: one result for the whole series")
    check.add_argument("--stamp", metavar="TEXT", help="ignored; change it to invalidate b4's cache")
    _add_bars(check)


def _add_agent(commands: Commands, add_command: AddCommand) -> None:
    agent = add_command(commands, "agent", "write review files for b4", AGENT, AGENT_EXAMPLES)
    # b4 appends a sentence for an AI agent to b4.review-agent-command
    agent.add_argument("prompt", nargs="?", help=argparse.SUPPRESS)
    _add_bars(agent)


def _add_setup(commands: Commands, add_command: AddCommand) -> None:
    setup = add_command(commands, "setup", "configure b4 to run reviewbot", SETUP, SETUP_EXAMPLES)
    setup.add_argument("program", choices=("b4",), help="the program to set up")
    setup.add_argument("--global", dest="everywhere", action="store_true", help="in ~/.gitconfig, for all repositories")
    setup.add_argument("--series", action="store_true", help="add the check of a whole series, in a column of its own")
    setup.add_argument("--remove", action="store_true", help="remove what this command has set")
    setup.add_argument("--write", action="store_true", help="run the commands instead of printing them")


def _add_bars(command: argparse.ArgumentParser) -> None:
    command.add_argument("--min-severity", choices=SEVERITIES, help="hide remarks below this severity")
    command.add_argument("--min-confidence", choices=CONFIDENCES[1:], help="hide remarks below this confidence")


KNOWN = {"setup": _add_setup, "check": _add_check, "agent": _add_agent}
