"""Runs `drafts send`: settles what was cut short, then hands out approved drafts, one at a time."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from msgspec import Struct

from reviewbot import config
from reviewbot.cli import streams
from reviewbot.cli.session import SessionOptions
from reviewbot.drafts.listing import people_in
from reviewbot.drafts.named import all_named
from reviewbot.drafts.sending.settling import applied, by_hand, settled
from reviewbot.drafts.sending.turn import sending_turn
from reviewbot.integrations.mailing.git_send_email import GitSendEmail
from reviewbot.integrations.mailing.imap_folder import ImapFolder
from reviewbot.integrations.mailing.maildir_folder import MaildirFolder
from reviewbot.integrations.mailing.transport import MaybeHandedOut, NotHandedOut, Transport
from reviewbot.memory import drafts, outbox
from reviewbot.memory.drafts import APPROVED, KeptDraft
from reviewbot.memory.memory import Memory
from reviewbot.memory.outbox import OnItsWay
from reviewbot.model.errors import ConfigError, InputError, UsageError
from reviewbot.support.escape import visible
from reviewbot.web.presence import presence

_INCOMPLETE = 1  # the exit code where something did not go out


class _Run(Struct, frozen=True):
    """One run of the command."""

    options: argparse.Namespace
    setup: SessionOptions
    memory: Memory
    now: Callable[[], float]
    way: Transport


def send_drafts(options: argparse.Namespace, setup: SessionOptions, memory: Memory, now: Callable[[], float]) -> int:
    """Send what is approved, or the drafts that are named. Gives the exit code."""
    run = _Run(options, setup, memory, now, _way(options, setup))
    if options.dry_run:
        return _planned(run)
    with sending_turn(memory.path) as lock:
        told = [by_hand(memory, words, now()) for words in options.settle]
        for line in told:
            setup.say(line)
        cut = outbox.unsettled(memory)
        left = [one for one in cut if not _settled(run, one)]
        wanted = [] if options.settle and not options.names else _wanted(run, {one.draft for one in left})
        if not wanted:
            if not told and not cut:
                setup.say("no draft is approved: reviewbot drafts list shows what waits")
            return _INCOMPLETE if left else 0
        if not options.yes and not streams.is_terminal(sys.stdin):
            raise UsageError("nobody can be asked here before each: --yes sends them without a question")
        run.way.check()
        sent = _each(run, wanted, lock)
    return 0 if sent and not left else _INCOMPLETE


def _way(options: argparse.Namespace, setup: SessionOptions) -> Transport:
    """How drafts are handed out: as an option says, else as the configuration has it. Raises ConfigError."""
    asked = setup.config.send
    if options.maildir is not None:
        return MaildirFolder(options.maildir)
    if options.imap is not None:
        return ImapFolder(options.imap)
    if not options.git and not options.identity:
        if asked.maildir and asked.imap:
            raise ConfigError("[send] maildir and imap are both set: a draft is put into one of them")
        if asked.maildir:
            return MaildirFolder(Path(asked.maildir).expanduser())
        if asked.imap:
            return ImapFolder(asked.imap)
    return GitSendEmail(options.identity or asked.identity)


def _wanted(run: _Run, unsettled: set[int]) -> list[KeptDraft]:
    """What is to be sent. Raises UsageError for one that is named and may not be."""
    if not run.options.names:
        return [one for one in drafts.kept(run.memory, (APPROVED,)) if one.number not in unsettled]
    found = all_named(run.memory, run.options.names)
    for one in found:
        if one.state != APPROVED:
            note = f" ({one.note})" if one.note else ""
            how = f": reviewbot drafts approve {one.number}" if one.state == drafts.WAITING else ""
            raise UsageError(f"draft {one.number} is {one.state}{note}, and not approved{how}")
    return [one for one in found if one.number not in unsettled]


# --- what was cut short ---


def _settled(run: _Run, way: OnItsWay) -> bool:
    """Find out what became of a draft that was cut short, note it, and say it; whether it is known now."""
    one = drafts.draft(run.memory, way.draft)
    if one is None:
        return True
    lore = run.setup.config.lore
    try:
        lies = _way_named(way.way).has(one)
    except InputError as error:
        streams.say(f"reviewbot: {error}")
        lies = False
    asked = (_archive(run, one), one.message_id, one.in_reply_to, lore.timeout, lore.seconds)
    end = settled(way, lies, lambda: presence(*asked), run.now(), run.setup.config.send.lag)
    streams.say(applied(run.memory, way, end, run.now()))
    return end.sent is not None


def _archive(run: _Run, one: KeptDraft) -> str:
    """The server that has the mails of a draft's list: that of its table [[list]], else that of [lore]."""
    known = {each.name: each.archive for each in run.setup.config.lists}
    named = known.get(one.list, "")
    return named if named.startswith(("https://", "http://")) else run.setup.config.lore.url


def _way_named(name: str) -> Transport:
    """The way that the outbox has kept."""
    for kind, make in (("maildir ", lambda rest: MaildirFolder(Path(rest))), ("imap ", ImapFolder)):
        if name.startswith(kind):
            way: Transport = make(name.removeprefix(kind))
            return way
    return GitSendEmail("")


# --- what is approved ---


def _planned(run: _Run) -> int:
    """Print what would be done, and do nothing."""
    if run.options.settle:
        raise UsageError("--settle changes the memory: it goes without --dry-run")
    left = outbox.unsettled(run.memory)
    for way in left:
        streams.put(f"draft {way.draft} was cut short on its way by {way.way}: the archive would be asked\n\n")
    wanted = _wanted(run, {way.draft for way in left})
    if wanted:
        run.way.check()
    for one in wanted:
        streams.put("".join(f"{line}\n" for line in (*_summary(one), *map(_indented, run.way.plan(one)), "")))
        _warn(run, one)
    if not wanted and not left:
        run.setup.say("no draft is approved: nothing would be sent")
    return 0


def _each(run: _Run, wanted: Sequence[KeptDraft], lock: int) -> bool:
    """Hand out drafts one by one; whether all went out that somebody wanted to."""
    whole = True
    for one in wanted:
        _warn(run, one)
        if not run.options.yes:
            streams.put("".join(f"{line}\n" for line in _summary(one)))
            streams.finish()
            answer = streams.ask_terminal(f"Send this{_by(run.way)}? [y/N/q] ")
            if answer is None or answer in ("q", "quit"):
                break
            if answer not in ("y", "yes"):
                continue
        whole = _handed_out(run, one, lock) and whole
    return whole


def _handed_out(run: _Run, one: KeptDraft, lock: int) -> bool:
    """Hand out a draft with a row of the outbox around it; whether it surely went out."""
    there = drafts.draft(run.memory, one.number)
    if there is None or there.state != APPROVED or there.mail != one.mail:
        streams.say(f"draft {one.number} was changed meanwhile, and is not sent: look at it again")
        return False
    outbox.begin(run.memory, one.number, run.way.name, run.now())
    try:
        done = run.way.hand_out(one, lock)
    except NotHandedOut as error:
        outbox.take_back(run.memory, one.number)
        streams.say(f"reviewbot: draft {one.number} is not sent: {error}")
        return False
    except MaybeHandedOut as error:
        streams.say(f"reviewbot: nobody knows whether draft {one.number} went out: {error}")
        streams.say(f"if you know: reviewbot drafts send --settle {one.number}=sent (or =unsent)")
        return False
    outbox.mark_sent(run.memory, one.number, run.now())
    run.setup.say(f"draft {one.number} {done}")
    return True


def _summary(one: KeptDraft) -> list[str]:
    """Who would get what."""
    lines = [f"draft {one.number}: {visible(one.subject)}"]
    for name in ("from", "to", "cc", "bcc"):
        people = [f"{each.name} <{each.email}>" if each.name else each.email for each in people_in(one.mail, name)]
        lines += [_indented(f"{name.title() + ':' if not at else '':<5} {each}") for at, each in enumerate(people)]
    return lines


def _indented(line: str) -> str:
    return f"  {visible(line)}"


def _by(way: Transport) -> str:
    return " by git send-email" if isinstance(way, GitSendEmail) else f" to {way.name}"


def _warn(run: _Run, one: KeptDraft) -> None:
    """Say where a draft is from somebody else than the configuration has now."""
    try:
        wanted = config.sender(run.setup.config).email
    except ConfigError as error:
        streams.say(f"draft {one.number}: {error}")
        return
    given = [each.email for each in people_in(one.mail, "from")]
    if [wanted.lower()] != [each.lower() for each in given]:
        streams.say(f"draft {one.number} is from {', '.join(given)}, and [mail] says {wanted} now")
