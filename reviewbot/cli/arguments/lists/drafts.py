"""Declares `reviewbot drafts` and what it does with drafts. Imports nothing that this needs to run."""

from __future__ import annotations

import argparse
from pathlib import Path

from reviewbot.cli.arguments.b4 import AddCommand, Commands
from reviewbot.cli.arguments.explain import FORMATS, add_color
from reviewbot.cli.arguments.lists.watch import add_memory
from reviewbot.cli.arguments.lists.web import add_web

REASONS = ("wrong", "known", "late")

ABOUT = """\
Work on the replies that wait in the memory: read, edit, approve or drop them,
and send what is approved. Nothing is sent by itself, and nothing twice.
A draft is named by its number, by its message id, or by that of the mail that
it answers.
"""

CODES = """\
exit codes:
  0    done
  1    send: not all of it went out
  2    invalid command line or configuration file, no such draft, or one that
       is not in the state for it
  3    could not do it: no editor, a memory that cannot be written, ...
  130  interrupted (SIGINT)
"""

EXAMPLES = """\
examples:
  reviewbot drafts list                what waits
  reviewbot drafts show 3              the mail, and all that it rests on
  reviewbot drafts edit 3              in your editor
  reviewbot drafts approve 3 4
  reviewbot drafts drop 5 --reason wrong
  reviewbot drafts send --dry-run      what would go out, and to whom
  reviewbot drafts send                asks before each

"""

_LIST = """\
List the drafts that wait, and those that are approved: number, age, list,
confidence, state and to whom; the subject; and why the draft was made.
"""

_SHOW = """\
Show a draft: the mail as it will go out, the lines and calls that it rests on,
and what the flag-scope matrix says of the names in it.
"""

_EDIT = """\
Open a draft in the editor that git would use, header and body as plain text.
What you leave there is the draft from then on. An empty file changes nothing.
A text that is no mail any more is not taken: you can edit it again, and it is
kept in a file until it is one.
"""

_APPROVE = """\
Approve drafts: `reviewbot drafts send` sends them, and no others.
"""

_DROP = """\
Drop drafts that shall not be sent, and say why. It counts for the precision of
their rules (`reviewbot rule --stats`).

  wrong   the question is none: it is never raised again for the same code
  known   somebody else has said it
  late    it is too late for it: the patch is applied, or a newer version is out

--undo takes that back: they wait again, and nothing is held against their rules.
"""

_SEND = """\
Send approved drafts, one at a time, each after a question. git send-email sends
them, set up as it is (sendemail.* of git config); To, Cc, In-Reply-To,
References and Message-ID go out as they are.

With --maildir or --imap a draft is put into a folder of your mail program
instead. The server is the one of git's own settings, imap.host and so on, as
for git imap-send.

Where an earlier run was cut short, the archive of the list is asked whether the
mail went out. Until that is known it is not sent again.
"""

_SEND_EXAMPLES = """\
examples:
  reviewbot drafts send --dry-run
  reviewbot drafts send 3 4 --yes
  reviewbot drafts send --maildir ~/Mail/drafts
  reviewbot drafts send --imap Drafts
  reviewbot drafts send --settle 3=sent    you know that it went out

"""


def add_drafts(commands: Commands, add_command: AddCommand) -> None:
    """Add the command, with a command of its own for each thing to do."""
    drafts = commands.add_parser(
        "drafts",
        help="read, edit, approve and send replies",
        description=ABOUT,
        epilog=EXAMPLES + CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    actions = drafts.add_subparsers(prog="reviewbot drafts", dest="action", metavar="COMMAND", required=True)
    _add_list(actions, add_command)
    _add_show(actions, add_command)
    _named(add_command(actions, "edit", "edit a draft", _EDIT, codes=CODES))
    approve = add_command(actions, "approve", "approve drafts, so that they may be sent", _APPROVE, codes=CODES)
    _named(approve, "+")
    approve.add_argument("--undo", action="store_true", help="take the approval back")
    drop = add_command(actions, "drop", "drop drafts, and say why", _DROP, codes=CODES)
    _named(drop, "+")
    why = drop.add_mutually_exclusive_group(required=True)
    why.add_argument("--reason", choices=REASONS, help="why")
    why.add_argument("--undo", action="store_true", help="let dropped drafts wait again, as if they had not been")
    _add_send(actions, add_command)
    add_web(actions, add_command)
    for action in actions.choices.values():
        add_memory(action)


def _add_list(actions: Commands, add_command: AddCommand) -> None:
    command = add_command(actions, "list", "list what waits", _LIST, codes=CODES)
    command.add_argument("--all", action="store_true", help="also what became of the others")
    command.add_argument("--format", metavar="NAME", choices=FORMATS, default=FORMATS[0], help=", ".join(FORMATS))
    add_color(command)


def _add_show(actions: Commands, add_command: AddCommand) -> None:
    command = add_command(actions, "show", "show a draft and what it rests on", _SHOW, codes=CODES)
    _named(command)
    command.add_argument("--raw", action="store_true", help="only the mail, as it stands in the memory")
    add_color(command)


def _add_send(actions: Commands, add_command: AddCommand) -> None:
    command = add_command(actions, "send", "send what is approved", _SEND, _SEND_EXAMPLES, codes=CODES)
    _named(command, "*", " (default: all that is approved)")
    command.add_argument("--dry-run", action="store_true", help="show what would be done, and do nothing")
    command.add_argument("--yes", action="store_true", help="do not ask before each")
    command.add_argument("--identity", metavar="NAME", help="the identity of git send-email (sendemail.NAME.*)")
    way = command.add_mutually_exclusive_group()
    way.add_argument("--git", action="store_true", help="by git send-email, whatever [send] in config.toml says")
    way.add_argument("--maildir", metavar="DIR", type=Path, help="put them into this maildir")
    way.add_argument("--imap", metavar="FOLDER", help="put them into this folder of the IMAP server")
    command.add_argument(
        "--settle",
        metavar="N=sent|unsent",
        action="append",
        default=[],
        help="say what became of one that was cut short (repeatable)",
    )


def _named(command: argparse.ArgumentParser, count: str = "", more: str = "") -> None:
    """Add the names of drafts: one, or as many as `count` says."""
    if count:
        command.add_argument("names", metavar="N", nargs=count, help=f"a number, or a message id{more}")
    else:
        command.add_argument("draft", metavar="N", help="its number, or a message id")
