"""The command line's subparsers in, those of the commands for b4 added; nothing is imported for them yet."""

from __future__ import annotations

import argparse
from typing import Protocol

from reviewbot.model import CONFIDENCES, SEVERITIES


class AddCommand(Protocol):
    def __call__(
        self,
        commands: argparse._SubParsersAction[argparse.ArgumentParser],
        name: str,
        help_: str,
        description: str = "",
        examples: str = "",
    ) -> argparse.ArgumentParser: ...


CHECK = """\
Read one message on standard input, as b4 hands it to a check, and answer as b4
expects it, as the value of one of these keys of git's configuration:

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


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser], add_command: AddCommand) -> None:
    """The commands check and agent."""
    _add_check(add_command(commands, "check", "answer one of b4's checks", CHECK, CHECK_EXAMPLES))
    agent = add_command(commands, "agent", "write review files for b4", AGENT, AGENT_EXAMPLES)
    # b4 appends a sentence for an AI agent to b4.review-agent-command
    agent.add_argument("prompt", nargs="?", help=argparse.SUPPRESS)
    _add_bars(agent)


def _add_check(check: argparse.ArgumentParser) -> None:
    check.add_argument("--protocol", choices=("review", "prep"), required=True, help="what is to be answered")
    check.add_argument("--series", action="store_true", help="of protocol review: one answer for the whole series")
    check.add_argument("--stamp", metavar="TEXT", help="means nothing; a new one makes b4 forget its old answers")
    _add_bars(check)


def _add_bars(command: argparse.ArgumentParser) -> None:
    command.add_argument("--min-severity", choices=SEVERITIES, help="leave out what is less bad")
    command.add_argument("--min-confidence", choices=CONFIDENCES[1:], help="leave out what is less sure")
