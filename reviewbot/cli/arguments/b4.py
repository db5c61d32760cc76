"""Declares the commands for b4: check, agent and setup. Imports nothing that they need to run."""

from __future__ import annotations

import argparse
from typing import Protocol, TypeAlias

from reviewbot.model.review import CONFIDENCES, SEVERITIES

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


class AddCommand(Protocol):
    """Adds the parser of a command, with the options that all commands share."""

    def __call__(
        self,
        commands: Commands,
        name: str,
        help_: str,
        description: str = "",
        examples: str = "",
    ) -> argparse.ArgumentParser: ...


CHECK = """\
Read one message on standard input, as b4 hands it to a check, and answer as b4
expects it. `reviewbot setup b4` makes b4 run this; there is no need to do so by
hand, but it can be done:

  review   b4.review-perpatch-check-cmd and, with --series, -series-check-cmd:
           a JSON list with one result, pass, warn or fail. It is empty for what
           is no patch, or touches no C source.
  prep     b4.prep-perpatch-check-cmd and b4.am-perpatch-check-cmd: a line for
           each remark, nothing for a clean patch.

The body is taken as it stands, whatever Content-Transfer-Encoding says: b4 has
decoded it. Run in a git tree, the patch is read with its whole files if the
tree has them. With B4_TRACKING_FILE, which b4 sets for a series that is checked
out, what a later patch of the series mends is no remark.
"""

CHECK_EXAMPLES = """\
examples:
  git format-patch --stdout -1 | reviewbot check --protocol prep
  b4 prep --check --no-cache       runs it on each patch of a prep branch
  b4 review tui, then c            runs it on a series; R runs it again

"""

AGENT = """\
Review the series of the b4 review branch that is checked out, and lay the
questions down where b4 looks for the remarks of a review agent:

  .git/b4-review/COMMIT/identity.txt, series.txt, 0001.txt, ...

`b4 review tui` takes them in when it opens the series, each below the line it
is about. You adopt, edit or drop them there; b4 sends what you adopt as yours.

Patches that you have marked as skipped are left out, and so is what somebody
has already said of the same line; -v says what and why. Nothing is written
where there is nothing to ask. Files that this command has not written, or that
were edited since, stay.
"""

AGENT_EXAMPLES = """\
examples:
  git checkout b4/review/CHANGE-ID && reviewbot agent -v

"""

SETUP = """\
Print the commands that make b4 run `reviewbot check`, or run them with --write.
Other checks stay, and so does checkpatch where b4 runs it by itself: it does so
only as long as nobody configures a check. What an older reviewbot has set is
replaced. --rules, --config and --kernel are handed on to the checks.

b4 remembers for 30 days what a check of `prep` and `am` has said of a commit,
by the command line it has run. So that command line names the rules and
settings it was made with: after an update, or a change of your config.toml, run
this again.
"""

SETUP_EXAMPLES = """\
examples:
  reviewbot setup b4                     what would be set for this repository
  reviewbot setup b4 --write             set it
  reviewbot setup b4 --global --write    for all repositories of yours
  reviewbot setup b4 --remove --write    take it out again

"""


def _add_check(commands: Commands, add_command: AddCommand) -> None:
    check = add_command(commands, "check", "answer one of b4's checks", CHECK, CHECK_EXAMPLES)
    check.add_argument("--protocol", choices=("review", "prep"), required=True, help="what is to be answered")
    check.add_argument("--series", action="store_true", help="of protocol review: one answer for the whole series")
    check.add_argument("--stamp", metavar="TEXT", help="means nothing; a new one makes b4 forget its old answers")
    _add_bars(check)


def _add_agent(commands: Commands, add_command: AddCommand) -> None:
    agent = add_command(commands, "agent", "write review files for b4", AGENT, AGENT_EXAMPLES)
    # b4 appends a sentence for an AI agent to b4.review-agent-command
    agent.add_argument("prompt", nargs="?", help=argparse.SUPPRESS)
    _add_bars(agent)


def _add_setup(commands: Commands, add_command: AddCommand) -> None:
    setup = add_command(commands, "setup", "make b4 run reviewbot", SETUP, SETUP_EXAMPLES)
    setup.add_argument("program", choices=("b4",), help="the program to set up")
    setup.add_argument("--global", dest="everywhere", action="store_true", help="in ~/.gitconfig, for all repositories")
    setup.add_argument("--series", action="store_true", help="also the check of a whole series, in a column of its own")
    setup.add_argument("--remove", action="store_true", help="take out what this command has set")
    setup.add_argument("--write", action="store_true", help="do it, instead of printing the commands")


def _add_bars(command: argparse.ArgumentParser) -> None:
    command.add_argument("--min-severity", choices=SEVERITIES, help="leave out what is less bad")
    command.add_argument("--min-confidence", choices=CONFIDENCES[1:], help="leave out what is less sure")


KNOWN = {"check": _add_check, "agent": _add_agent, "setup": _add_setup}
