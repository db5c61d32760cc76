"""Makes of a configuration what a pass over lists needs: archives, what reviews, and what drafts are made with."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from reviewbot import config
from reviewbot.archive.places import open_archive
from reviewbot.archive.port import Archive, ArchiveOptions
from reviewbot.cli.session import SessionOptions
from reviewbot.cli.watching.looking import in_processes
from reviewbot.drafts.write import load_texts
from reviewbot.kernel import rules
from reviewbot.model.review import Review
from reviewbot.report.reply import message
from reviewbot.report.reply.message import DraftSet
from reviewbot.watch.list_pass import Ports
from reviewbot.watch.look import Looked, ReviewWork
from reviewbot.watch.settings import ListOptions
from reviewbot.watch.settle import Desk
from reviewbot.web.pace import Pace


class Watcher:
    """Makes the ports of a pass. `now`: the clock, in seconds since 1970.

    Raises ConfigError where the sender or the texts of drafts cannot be used.
    """

    def __init__(self, given: SessionOptions, now: Callable[[], float] = time.time) -> None:
        self._given, self._now = given, now
        self._sender = config.sender(given.config)
        self._texts = load_texts(given.config.template_folder, config.data_path("templates"))
        self._digest = rules.digest(given.folders)
        self._pace = Pace(given.config.watch.requests, time.time, time.sleep)  # of all lists together

    def ports(self) -> Ports:
        """Those of a pass over servers and folders."""
        return Ports(
            archive=self.archive,
            look=self.look,
            desk=self.desk,
            now=self._now,
            own=self._sender.email,
            mail_bytes=self._given.config.limits.mail_bytes,
            say=self._given.say,
            tell=self._given.tell,
        )

    def look(self, works: Iterable[ReviewWork]) -> Iterator[Looked]:
        """Look at works in worker processes."""
        return in_processes(self._given, self._given.config.lists, works)

    def desk(self, given: ListOptions) -> Desk:
        """With what drafts of a list are made."""
        confidence = given.min_confidence or self._given.config.surface.of("mail")
        bar = self._given.config.watch.bar
        return Desk(lambda review: self._compose(review, given, confidence), confidence, bar, given.most)

    def _compose(self, review: Review, given: ListOptions, confidence: str) -> DraftSet:
        settings = self._given.config.mail
        options = message.Options(
            now=datetime.now().astimezone(),
            digest=self._digest,
            min_severity=self._given.config.report.min_severity,
            min_confidence=confidence,
            cc=given.cc or settings.cc,
            lists=settings.lists,
            agreed=settings.agreed,
            context=settings.context,
            common=settings.common,
            most=settings.most,
            pages=self._given.config.pages.url if settings.link_pages else "",
        )
        return message.compose(review, self._sender, self._texts, options)

    def archive(self, given: ListOptions) -> Archive:
        """The archive of a list. Raises ConfigError where there is none of that kind."""
        lore = self._given.config.lore
        contact = self._given.config.watch.contact or self._given.config.mail.contact or self._sender.email
        return open_archive(
            given.archive,
            ArchiveOptions(
                folders=self._given.folders,
                query=given.query,
                contact=contact,
                hosts=lore.hosts,
                timeout=lore.timeout,
                asking=lore.seconds,
                mail_bytes=self._given.config.limits.mail_bytes,
                mailbox_bytes=self._given.config.limits.mailbox_bytes,
                pace=self._pace,
            ),
            now=self._now,
            sleep=time.sleep,
            say=self._given.tell,
        )
