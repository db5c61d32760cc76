"""A Review in; on stdout the report of the chosen format, in a folder the drafts, out."""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import sys
from datetime import datetime
from pathlib import Path

from reviewbot import config, drafts, rules
from reviewbot.commands.setup import Setup
from reviewbot.model import Review
from reviewbot.report import jsonv1, mail, text
from reviewbot.report.mail import Drafted, Sender
from reviewbot.report.select import select, unread_beside, unread_of

_MBOXRD = b"From mboxrd@z Thu Jan  1 00:00:00 1970\n"


class Output:
    """Where remarks go, and how sure and how bad they must be to get there.

    Made before anything is fetched: raises ConfigError where drafts are wanted and nobody is there to
    send them, or their texts cannot be used.
    """

    def __init__(self, options: argparse.Namespace, setup: Setup) -> None:
        surface = setup.config.surface
        self.setup = setup
        self.format: str = options.format
        self.folder: Path | None = options.drafts
        self.color: str = options.color
        self.explain: bool = options.explain
        self.severity: str = options.min_severity or setup.config.report.min_severity
        # a surface for each format, by the same name
        self.confidence: str = options.min_confidence or getattr(surface, options.format)
        self.draft_confidence: str = options.min_confidence or surface.mail
        self.drafting = self.format == "mail" or self.folder is not None
        if self.drafting:
            who = config.identity(setup.config)
            self.sender = Sender(who.name, who.email, setup.config.mail.contact)
            self.texts = drafts.load_texts(setup.config.template_folder)

    def speaks(self, review: Review) -> bool:
        """Whether the chosen format shows a remark that no later patch of the series settles."""
        return any(
            found.resolved_by is None
            for reviewed in review.patches
            for found in select(reviewed.findings, self.severity, self.confidence)
        )

    def write(self, review: Review) -> None:
        """Print the report and write the drafts. Raises InputError where the folder cannot be written."""
        drafted = self._drafted(review) if self.drafting else None
        if self.format == "text":
            self._text(review)
        elif self.format == "json":
            self._json(review)
        elif drafted:
            self._mbox(review, drafted)
        if drafted and self.folder:
            self._deliver(review, drafted, self.folder)

    def write_nothing(self, review: Review) -> None:
        """What a program that reads the output gets where nothing could be reviewed."""
        if self.format == "json":
            self._json(review)

    def _json(self, review: Review) -> None:
        digest = rules.digest(self.setup.folders)
        print(jsonv1.render(review, self.setup.kernel_name, digest, self.severity, self.confidence), end="")

    def _text(self, review: Review) -> None:
        on_terminal = sys.stdout.isatty()
        width = shutil.get_terminal_size().columns if on_terminal else text.PIPE_WIDTH
        view = text.View(self.setup.kernel_name, self.severity, self.confidence, self.explain, width)
        plain = not on_terminal or "NO_COLOR" in os.environ or os.environ.get("TERM") == "dumb"
        if self.color == "never" or (self.color == "auto" and plain):
            print(text.render_plain(review, view), end="")
            return
        from rich.console import Console

        text.render_rich(review, view, Console(force_terminal=True, no_color=False, width=width))

    def _drafted(self, review: Review) -> Drafted:
        settings = self.setup.config.mail
        options = mail.Options(
            now=datetime.now().astimezone(),
            digest=rules.digest(self.setup.folders),
            min_severity=self.severity,
            min_confidence=self.draft_confidence,
            cc=settings.cc,
            lists=settings.lists,
            context=settings.context,
            common=settings.common,
            most=settings.most,
        )
        drafted = mail.compose(review, self.sender, self.texts, options)
        for skipped in drafted.skipped:
            self.setup.say(skipped.reason)
        return drafted

    def _mbox(self, review: Review, drafted: Drafted) -> None:
        for draft in drafted.drafts:
            escaped = re.sub(rb"^(>*From )", rb">\1", draft.content, flags=re.MULTILINE)
            sys.stdout.buffer.write(_MBOXRD + escaped + b"\n")
        for part in (*unread_beside(review), *(part for each in review.patches for part in unread_of(each))):
            self.setup.say(f"not looked at: {f'{part.path}: ' if part.path else ''}{part.reason}")
        if not drafted.drafts:
            self.setup.say("nothing to ask about: no draft")

    def _deliver(self, review: Review, drafted: Drafted, folder: Path) -> None:
        if not drafted.drafts:
            if self.speaks(review):
                self.setup.say("no draft: nothing is sure enough to be asked on a list")
            return
        written, kept = drafts.write(drafted.drafts, folder)
        there = f", {len(kept)} already there" if kept else ""
        self.setup.say(f"{len(written)} new draft{'' if len(written) == 1 else 's'} in {folder}/new{there}")
        if written:
            setting = shlex.quote(f'set postponed="{folder}"')
            self.setup.say(f"read and edit them, then send them: mutt -e {setting} -p, or git send-email FILE")
