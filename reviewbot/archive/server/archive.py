"""Reads the mails of a list from a public-inbox server: what its search finds, and whole threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import SplitResult

from reviewbot.archive.port import ArchiveOptions, Batch
from reviewbot.archive.server.searching import Searching, titled
from reviewbot.mail import mailbox
from reviewbot.mail.lore import is_bare_id
from reviewbot.web.pace import Pace
from reviewbot.web.patience import Patience, Patient
from reviewbot.web.search import AnswerMark, Found, PublicInbox, run_search, thread_mbox
from reviewbot.web.transfer import Bounds

_REQUESTS = 20  # a minute, where nobody says how many


class ServerArchive:
    """A list of a public-inbox server. `address`: of the list; `now` and `sleep` as of Pace."""

    def __init__(
        self,
        address: SplitResult,
        options: ArchiveOptions,
        now: Callable[[], float],
        sleep: Callable[[float], None],
        say: Callable[[str], None],
    ) -> None:
        hosts = frozenset(host.lower() for host in (*options.hosts, address.netloc))
        self._list = PublicInbox(address.geturl(), hosts, options.contact)
        self._bounds = Bounds(options.timeout, options.asking, options.mailbox_bytes)
        pace = options.pace or Pace(_REQUESTS, now, sleep)
        self._patient = Patient(Patience(options.tries, options.patience), pace, now, sleep, options.draw, say)
        self._searching = Searching(self._ask, address.netloc, options, now)
        self._query = options.query

    def new(self, cursor: str, since: float) -> Iterator[Batch]:
        """See Archive."""
        return self._searching.new(cursor, since, self._query)

    def thread(self, message_id: str) -> tuple[bytes, ...]:
        """See Archive: what the list has of the thread, whatever is searched for."""
        if not is_bare_id(message_id):
            return ()
        return mailbox.split_mbox(self._patient.run(lambda: thread_mbox(self._list, message_id, self._bounds)))

    def named(self, title: str, author: str, since: float) -> tuple[bytes, ...]:
        """See Archive."""
        question = titled(title, author, since)
        return mailbox.split_mbox(self._ask(question, AnswerMark()).mbox or b"") if question else ()

    def _ask(self, question: str, mark: AnswerMark) -> Found:
        return self._patient.run(lambda: run_search(self._list, question, mark, self._bounds))
