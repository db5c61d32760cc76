"""Reads the mails of a list from a public-inbox server, by its search: what it received since the last pass.

The order in which mails come to a server is not quite that of their times, and what is new is searched some seconds
later. So some hours are asked for again, and the cursor has marks of the mails of these hours. Days that were missed
are asked for one by one, the oldest first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from urllib.parse import SplitResult

from msgspec import Struct

from reviewbot.archive import cursor as cursors
from reviewbot.archive.batches import Step, batches
from reviewbot.archive.heads import head_of
from reviewbot.archive.port import HOUR, ArchiveOptions, Arrival, Batch
from reviewbot.archive.server.windows import Window, Windows
from reviewbot.archive.server.words import rules_query
from reviewbot.mail import mailbox
from reviewbot.mail.lore import is_bare_id
from reviewbot.model.errors import FetchError
from reviewbot.web.pace import Pace
from reviewbot.web.patience import Patience, Patient
from reviewbot.web.search import Found, Search, run_search, thread_mbox
from reviewbot.web.transfer import Bounds, TooLarge

_REMEMBERED = 10_000  # mails of a cursor: 250 kB
_SKIPPED = 3  # windows in a row: then the next ones are not asked for before the next pass
_MOST = 20_000  # mails of an answer: all lists of the kernel together get fewer in a day
_REQUESTS = 20  # a minute, where nobody says how many


class SearchPlace(Struct, frozen=True):
    """Where reading stopped: what the server received before `until` was asked for.

    `handed`: times of the mails handed out of late, by their marks; `asked`: a mark of the last question, if its answer
    was marked with `etag` or `modified`.
    """

    since: float
    until: float
    handed: Mapping[str, float]
    asked: str = ""
    etag: str = ""
    modified: str = ""


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
        self._options, self._now = options, now
        hosts = frozenset(host.lower() for host in (*options.hosts, address.netloc))
        self._search = Search(address.geturl(), hosts, "", options.contact)
        self._host = address.netloc
        self._bounds = Bounds(options.timeout, options.asking, options.mailbox_bytes)
        pace = options.pace or Pace(_REQUESTS, now, sleep)
        self._patient = Patient(Patience(options.tries, options.patience), pace, now, sleep, options.draw, say)

    def new(self, cursor: str, since: float) -> Iterator[Batch]:
        """See Archive."""
        place = cursors.place_in(cursor, SearchPlace)
        # whole hours: so the question stays the same for a while, and "nothing has changed" is an answer to it
        begin = max(place.since, (place.until - self._options.overlap) // HOUR * HOUR) if place else since
        reading = _Reading(place or SearchPlace(since, since, {}), self._options)
        yield from batches(self._steps(reading, begin), reading.written, cursor)

    def thread(self, message_id: str) -> tuple[bytes, ...]:
        """See Archive: what the list has of the thread, whatever is searched for."""
        if not is_bare_id(message_id):
            return ()
        mbox = self._patient.run(lambda: thread_mbox(self._search, message_id, self._bounds))
        return mailbox.split_mbox(mbox)

    def _steps(self, reading: _Reading, begin: float) -> Iterator[Step]:
        query = self._options.query or (rules_query(self._options.folders) if self._options.folders else "")
        windows = Windows(begin, self._options.window, self._now)
        skipped = 0
        while skipped < _SKIPPED:
            window, time = windows.window, self._now()
            search = reading.condition(self._search._replace(query=_question(window, query)))
            try:
                answer = self._patient.run(partial(self._found, search))
            except TooLarge:
                if windows.halve():
                    continue
                skipped += 1
                answer = Found(b"")
                yield self._skip(window)
            else:
                skipped = 0
            yield from reading.mails(answer.mbox or b"", self._host)
            reading.pass_by(window, time, search, answer)
            yield None
            if not windows.go_on():
                return
        raise FetchError(f"{self._host} sends too much, whatever it is asked for: the next pass goes on there")

    def _found(self, search: Search) -> Found:
        answer = run_search(search, self._bounds)
        if answer.mbox and answer.mbox.count(b"\nFrom ") > _MOST:
            raise TooLarge(f"{self._host} sends more than {_MOST} mails at once")
        return answer

    def _skip(self, window: Window) -> str:
        begin, end = (datetime.fromtimestamp(time, UTC) for time in (window.begin, window.end or self._now()))
        return (
            f"{self._host}: the mails of {begin:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC were skipped: they are "
            f"more than {self._options.mailbox_bytes} bytes (mailbox_bytes in config.toml; a narrower query helps too)"
        )


class _Reading:
    """A SearchPlace that moves."""

    def __init__(self, place: SearchPlace, options: ArchiveOptions) -> None:
        self._options, self._place = options, place
        self._handed = dict(place.handed)

    def written(self) -> str:
        place = self._place
        return cursors.text_of_place(
            SearchPlace(place.since, place.until, self._handed, place.asked, place.etag, place.modified)
        )

    def condition(self, search: Search) -> Search:
        """A search that is answered only if it finds something else than last time."""
        if cursors.mark_of(search.query.encode()) != self._place.asked:
            return search
        return search._replace(etag=self._place.etag, modified=self._place.modified)

    def mails(self, mbox: bytes, host: str) -> Iterator[Step]:
        """Those of an answer that were not handed out yet, the oldest first."""
        fresh = {cursors.mark_of(raw): raw for raw in mailbox.split_mbox(mbox)}
        timed = [(head_of(raw).when, mark) for mark, raw in fresh.items() if mark not in self._handed]
        for when, mark in sorted(timed):
            raw = fresh.pop(mark)
            self._handed[mark] = when
            if len(raw) > self._options.mail_bytes:
                yield f"a mail of {host} is larger than {self._options.mail_bytes} bytes (mail_bytes in config.toml)"
            elif not mailbox.begins_with_header(raw):
                yield f"{host} sent something that is no mail"
            else:
                yield Arrival(raw, when)

    def pass_by(self, window: Window, time: float, search: Search, answer: Found) -> None:
        """Go behind a window that was read whole. `time`: when it was asked for."""
        until = window.end if window.end is not None else max(time, window.begin)
        asked = cursors.mark_of(search.query.encode()) if answer.etag or answer.modified or answer.mbox is None else ""
        if answer.mbox is None:
            answer = Found(None, answer.etag or search.etag, answer.modified or search.modified)
        self._place = SearchPlace(self._place.since, until, {}, asked, answer.etag, answer.modified)
        oldest = until - self._options.overlap - HOUR
        kept = sorted((when, mark) for mark, when in self._handed.items() if when >= oldest or not when)
        self._handed = {mark: when for when, mark in kept[-_REMEMBERED:]}


def _question(window: Window, query: str) -> str:
    # the time first: what is wrong with a query of the user's own cannot swallow it
    return f"{window.asked()} ({query})" if query else window.asked()
