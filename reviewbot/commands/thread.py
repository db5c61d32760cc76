"""`reviewbot thread`: a message id, URL or mailbox in; a report, JSON or reply drafts out."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace

from reviewbot import lore, mailbox, series
from reviewbot.commands.output import Output
from reviewbot.commands.progress import PatientEngine, counting, waiting
from reviewbot.commands.setup import Setup, for_series, prepare
from reviewbot.model import InputError, Review, Series, Unread


def thread(options: argparse.Namespace) -> int:
    """Review a thread; 1 if there are remarks at or above the bar. Raises InputError if nothing could be read.

    What is wrong with the configuration or the output folder is said before anything is fetched.
    """
    setup = prepare(options)
    output = Output(options, setup)
    try:
        found = _series(options.source, setup)
        output.setup = setup = for_series(setup, found)
        engine = PatientEngine(setup.kernel, setup.rules, setup.config.limits.seconds)
        with counting(engine, len(found.patches), setup.quiet):
            review = engine.review(found)
    except InputError as error:
        # a program that reads the output gets its object even when there was nothing to read
        output.write_nothing(Review(Series("", 0, ()), (), setup.version, (Unread(None, str(error)),)))
        raise
    output.write(review)
    if not any(reviewed.files for reviewed in review.patches):
        raise InputError("nothing was reviewed: no patch of this series could be read")
    return int(output.speaks(review))


def _series(source: str, setup: Setup) -> Series:
    """The newest whole version of the series that `source` names, cut to the configured number of patches."""
    settings, limits = setup.config.lore, setup.config.limits
    wanted = None
    unread: tuple[Unread, ...] = ()
    if lore.is_remote(source):
        with waiting("asking for the thread", setup.quiet):
            mails, wanted = lore.fetch_thread(source, settings.url, settings.timeout, settings.hosts, setup.tell)
    else:
        mails, unread = mailbox.read(source, sys.stdin.buffer, limits.mail_bytes)
    found = series.newest(mails, wanted)
    if len(found.patches) > limits.patches:
        reason = f"the last {len(found.patches) - limits.patches} patches (patches under [limits] in config.toml)"
        unread = (*unread, Unread(None, reason))
    return replace(found, patches=found.patches[: limits.patches], unread=(*unread, *found.unread))
