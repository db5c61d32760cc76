"""Writes the output of a review: reports in the chosen formats to stdout and files, and drafts to a folder."""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from reviewbot import config
from reviewbot.cli import streams
from reviewbot.cli.session import Session
from reviewbot.cli.targets import Target, targets
from reviewbot.filesystem import files
from reviewbot.kernel import rules
from reviewbot.model.errors import ConfigError, InputError, UsageError
from reviewbot.model.patch import Unread
from reviewbot.model.review import SEVERITIES, Review
from reviewbot.report.registry import KCIDB, LOCAL, MAIL, NAMES
from reviewbot.report.remarks import ReportContext, unread
from reviewbot.report.select import select
from reviewbot.report.terminal import local, text
from reviewbot.report.terminal.local import Viewpoint
from reviewbot.report.unread import FAIL, SAY, unread_summary

if TYPE_CHECKING:  # drafts are rarely wanted, and take a while to import
    from reviewbot.memory.memory import Memory
    from reviewbot.report.reply.message import Draft, DraftSet
    from reviewbot.report.reply.sender import Sender
    from reviewbot.report.reply.texts import Texts

_READ = ("text", "local")  # by a person, at a terminal
_MBOXRD = b"From mboxrd@z Thu Jan  1 00:00:00 1970\n"


class Output(Struct, frozen=True, dict=True):
    """Where remarks go, and how sure and how bad they must be to get there.

    Made before anything is fetched; `replace` gives it the session and the viewpoint of what was read.
    """

    setup: Session
    targets: tuple[Target, ...]
    folder: Path | None
    again: bool
    color: str
    explain: bool
    unread: str
    severity: str
    lowest: str | None  # the confidence that was asked for
    sender: Sender | None  # None where no drafts are wanted
    texts: Texts | None
    desk: Viewpoint = Viewpoint()

    @property
    def format(self) -> str:
        """What goes to standard output."""
        return self.targets[0].format

    def speaks(self, review: Review, severity: str = SEVERITIES[0]) -> bool:
        """Whether the format on stdout shows an open finding of this severity or a higher one."""
        bad = max(severity, self.severity, key=SEVERITIES.index)
        return any(
            found.resolved_by is None
            for reviewed in review.patches
            for found in select(reviewed.findings, bad, self.confidence(self.format))
        )

    def confidence(self, name: str) -> str:
        """The bar of a format; each has a surface of the same name."""
        return self.lowest or self.setup.config.surface.of(name)

    def write(self, review: Review) -> None:
        """Write the files, print the report, write the drafts. Raises InputError where something cannot be written."""
        drafted = self._drafted(review)
        self._reports(review, [one for one in self.targets if review.looked or _tells(one.format)], drafted)
        if self.format == MAIL and drafted and not drafted.drafts:
            self.setup.say("nothing to ask about: no draft")
        if not self._told and not self._failing(review):  # then fails() says it, -q or not
            for part in unread(review):
                self.setup.say(_line(part))
        if drafted and self.folder:
            self._deliver(review, drafted, self.folder)

    def write_nothing(self, review: Review) -> None:
        """Write the reports for programs where nothing could be reviewed.

        A format that cannot say so would say "clean": none of those is written, nor where no patch could be read.
        """
        self._reports(review, [one for one in self.targets if one.format not in (*_READ, MAIL) and _tells(one.format)])

    def _reports(self, review: Review, wanted: Sequence[Target], drafted: DraftSet | None = None) -> None:
        """Write reports, files first: the reader of standard output may stop at any time."""
        for name, path in wanted:
            if path is not None:
                files.write_file(path, self._content(name, review, drafted))
        summary = os.environ.get("GITHUB_STEP_SUMMARY")
        if summary and any(target.format == "github" for target in wanted):
            from reviewbot.report.formats import github_summary

            files.append(Path(summary), github_summary.step_summary(review, self._judged("github", review)).encode())
        for name, path in wanted:
            if path is None and name in _READ:
                self._show(name, review)
            elif path is None:
                streams.put_report(self._content(name, review, drafted))

    def _content(self, name: str, review: Review, drafted: DraftSet | None) -> bytes:
        if name == MAIL:
            return b"".join(map(_mboxrd, drafted.drafts)) if drafted else b""
        return LOCAL[name].render(review, self._judged(name, review)).encode()

    def frame(self, name: str) -> ReportContext:
        """What a report in a format says besides the review."""
        setup = self.setup
        return ReportContext(
            kernel=setup.kernel_name,
            digest=self._digest,
            rules=setup.rules,
            min_severity=self.severity,
            min_confidence=self.confidence(name),
            repository=_repository(os.environ),
            pages=setup.config.pages.url,
            facts=setup.kernel,
        )

    def _judged(self, name: str, review: Review) -> ReportContext:
        """The same for a format that can say that the run has failed."""
        frame = replace(self.frame(name), unread=FAIL if self._failing(review) else SAY)
        if name != KCIDB:
            return frame
        from reviewbot.mail.message import NO_AUTHOR, NO_ID

        return replace(frame, reply_only=(NO_AUTHOR, NO_ID), kcidb=self.setup.config.kcidb)

    @cached_property
    def _digest(self) -> str:
        return rules.digest(self.setup.folders)

    @property
    def _told(self) -> bool:
        """Whether one of the reports can say what was not read."""
        return any(target.format in LOCAL and _tells(target.format) for target in self.targets)

    def _failing(self, review: Review) -> tuple[Unread, ...]:
        """What was not read, if that fails the run; without notes that only matter for a reply."""
        if self.unread != FAIL:
            return ()
        from reviewbot.mail.message import NO_AUTHOR, NO_ID

        return tuple(part for part in unread(review) if part not in (NO_AUTHOR, NO_ID))

    def fails(self, review: Review) -> bool:
        """Whether the run has failed because something was not read; prints what, unless a report says it."""
        parts = self._failing(review)
        if parts and not self._told:
            for part in parts:
                streams.say(_line(part))
        if parts:
            streams.say(f"reviewbot: failed, with {unread_summary(parts)} (--unread say lets it pass)")
        return bool(parts)

    def _show(self, name: str, review: Review) -> None:
        on_terminal = streams.is_terminal(sys.stdout)
        width = shutil.get_terminal_size().columns if on_terminal else text.PIPE_WIDTH
        if name == "text":
            view = text.View(self.setup.kernel_name, self.severity, self.confidence(name), self.explain, width)
            said = text.report_lines(review, view)
        else:
            desk = replace(self.desk, explain=self.explain, width=width, summary=not self.setup.quiet)
            said = local.local_lines(review, self.frame(name), desk)
        streams.put(text.painted(said, width) if streams.coloured(self.color) else text.without_styles(said))

    def _drafted(self, review: Review) -> DraftSet | None:
        if self.sender is None or self.texts is None:
            return None
        from reviewbot.report.reply import message

        settings = self.setup.config.mail
        options = message.Options(
            now=datetime.now().astimezone(),
            digest=self._digest,
            min_severity=self.severity,
            min_confidence=self.confidence(MAIL),
            cc=settings.cc,
            lists=settings.lists,
            agreed=settings.agreed,
            context=settings.context,
            common=settings.common,
            most=settings.most,
            pages=self.setup.config.pages.url if settings.link_pages else "",
        )
        drafted = message.compose(review, self.sender, self.texts, options)
        for skipped in drafted.skipped:
            self.setup.say(skipped.reason)
        return drafted

    def _deliver(self, review: Review, drafted: DraftSet, folder: Path) -> None:
        if not drafted.drafts:
            if self.speaks(review) and not drafted.skipped:
                self.setup.say("no draft: nothing is sure enough to be asked on a list")
            return
        from reviewbot.drafts.write import write_drafts

        with ExitStack() as stack:
            done = write_drafts(review, drafted.drafts, folder, self._memory(stack), time.time(), self.again)
        for problem in done.wrong:
            self.setup.say(problem)
        new, gone = len(done.written), len(done.gone)
        there = f", {len(done.kept)} already there" if done.kept else ""
        self.setup.say(f"{new} new draft{'' if new == 1 else 's'} in {folder}/new{there}")
        if gone:
            which, them = ("1 draft was", "it") if gone == 1 else (f"{gone} drafts were", "them")
            self.setup.say(f"{which} written before and {'is' if gone == 1 else 'are'} gone; --again writes {them}")
        if done.written:
            setting = shlex.quote(f'set postponed="{folder}"')
            self.setup.say(f"read and edit them, then send them: mutt -e {setting} -p, or git send-email FILE")

    def _memory(self, stack: ExitStack) -> Memory | None:
        """What knows which drafts were written before; None, and it is said, where that cannot be opened."""
        try:
            return stack.enter_context(self.setup.memory())
        except (InputError, ConfigError) as error:
            self.setup.say(f"{error}: drafts that are gone may be written again")
            return None


def open_output(options: argparse.Namespace, setup: Session, names: Sequence[str] = NAMES) -> Output:
    """`names` are the formats there are.

    Raises UsageError for invalid outputs, InputError where a file cannot be written, ConfigError where
    drafts are wanted and nobody is there to send them, or their texts cannot be used.
    """
    wanted = targets(options.format, options.output, names)
    folder: Path | None = getattr(options, "drafts", None)
    again: bool = getattr(options, "again", False)
    if again and folder is None:
        raise UsageError("--again is about drafts: it needs --drafts DIR")
    sender, texts = None, None
    if folder is not None or any(target.format == MAIL for target in wanted):
        from reviewbot.drafts.write import load_texts

        sender = config.sender(setup.config)
        texts = load_texts(setup.config.template_folder, config.data_path("templates"))
    if any(target.format == KCIDB for target in wanted):
        setup.config.kcidb.check()
    for target in wanted:
        if target.path is not None:
            files.require_writable(target.path)
    return Output(
        setup=setup,
        targets=wanted,
        folder=folder,
        again=again,
        color=options.color,
        explain=options.explain,
        unread=options.unread or setup.config.report.unread,
        severity=options.min_severity or setup.config.report.min_severity,
        lowest=options.min_confidence,
        sender=sender,
        texts=texts,
    )


def _line(part: Unread) -> str:
    return f"not looked at: {f'{part.path}: ' if part.path else ''}{part.reason}"


def _tells(name: str) -> bool:
    """Whether a format can say what was not read, or, as drafts, says nothing of a clean patch."""
    return name == MAIL or LOCAL[name].unread


def _mboxrd(draft: Draft) -> bytes:
    return _MBOXRD + re.sub(rb"^(>*From )", rb">\1", draft.content, flags=re.MULTILINE) + b"\n"


def _repository(env: Mapping[str, str]) -> str:
    """The URL of the repository that a CI job runs for, by the variables of GitHub and GitLab; "" elsewhere."""
    if env.get("GITHUB_SERVER_URL") and env.get("GITHUB_REPOSITORY"):
        return f"{env['GITHUB_SERVER_URL']}/{env['GITHUB_REPOSITORY']}"
    return env.get("CI_PROJECT_URL", "")


Post = Callable[[Review, Output], bool]  # posts the checks of a review; whether one failed
