"""Goes on with a search where it stopped: window by window, without what was handed out before.

The order in which mails come to a server is not quite that of their times, and what is new is searched some seconds
later. So some hours are asked for again, and the cursor has marks of the mails of these hours. Days that were missed
are asked for one by one, the oldest first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime

from msgspec import Struct
from msgspec.structs import replace

from reviewbot.archive import cursor as cursors
from reviewbot.archive.batches import Step, batches
from reviewbot.archive.heads import mail_head
from reviewbot.archive.port import HOUR, ArchiveOptions, Arrival, Batch
from reviewbot.archive.server.windows import Window, Windows
from reviewbot.archive.server.words import rules_query
from reviewbot.mail import mailbox
from reviewbot.model.errors import FetchError
from reviewbot.web.search import AnswerMark, Found
from reviewbot.web.transfer import TooLarge

Ask = Callable[[str, AnswerMark], Found]  # a question, and how an answer to it was marked before

_WORD = re.compile(r"\w{1,60}", re.ASCII)
_MOST_WORDS = 12  # of a title
_PERSON = re.compile(r"[\w.+=-]{1,64}@[\w.-]{1,190}", re.ASCII)
_REMEMBERED = 10_000  # mails of a cursor: 250 kB
_SKIPPED = 3  # windows in a row: then the next ones are not asked for before the next pass
_MOST = 20_000  # mails of an answer: all lists of the kernel together get fewer in a day


class SearchPlace(Struct, frozen=True):
    """Where reading stopped: what arrived before `until` was asked for by a pass that came to its end.

    `at`: where an unfinished one goes on, by windows of `width`, 0 if there is none. `handed`: times of the mails
    handed out of late, by their marks. `asked`: a mark of the last question, if its answer was marked with `etag` or
    `modified`.
    """

    since: float
    until: float
    at: float
    width: float
    handed: Mapping[str, float]
    asked: str = ""
    etag: str = ""
    modified: str = ""

    def begin(self, overlap: float) -> float:
        """Where the next pass begins."""
        # whole hours: so the question stays the same for a while, and "nothing has changed" is an answer to it
        return self.at or max(self.since, (self.until - overlap) // HOUR * HOUR)


class Searching:
    """A search that goes on. `ask` asks, and raises TooLarge; `name`: who answers, for lines; `now`: as of Pace."""

    def __init__(self, ask: Ask, name: str, options: ArchiveOptions, now: Callable[[], float]) -> None:
        self._ask, self._name, self._options, self._now = ask, name, options, now

    def new(self, cursor: str, since: float, query: str) -> Iterator[Batch]:
        """See Archive. `query`: what is asked for beside the time; see ArchiveOptions for ""."""
        start = SearchPlace(since, since, since, self._options.window, {})
        reading = _Reading(cursors.place_in(cursor, SearchPlace) or start, self._options)
        query = query or (rules_query(self._options.folders) if self._options.folders else "")
        yield from batches(self._steps(reading, query), reading.written, cursor)

    def _steps(self, reading: _Reading, query: str) -> Iterator[Step]:
        windows = Windows(reading.place.begin(self._options.overlap), reading.width, self._options.window, self._now)
        skipped = 0
        while skipped < _SKIPPED:
            window, time = windows.window, self._now()
            question = _question(window, query)
            try:
                answer = self._answer(question, reading.mark(question))
            except TooLarge:
                if windows.halve():
                    continue
                skipped += 1
                answer = Found(b"")
                yield self._skip(window)
            else:
                skipped = 0
            yield from reading.mails(answer.mbox or b"", self._name)
            reading.pass_by(windows, time, question, answer)
            yield None
            if not windows.go_on():
                return
        raise FetchError(f"{self._name} sends too much, whatever it is asked for: the next pass goes on there")

    def _answer(self, question: str, mark: AnswerMark) -> Found:
        answer = self._ask(question, mark)
        if answer.mbox and answer.mbox.count(b"\nFrom ") > _MOST:
            raise TooLarge(f"{self._name} sends more than {_MOST} mails at once")
        return answer

    def _skip(self, window: Window) -> str:
        begin, end = (datetime.fromtimestamp(time, UTC) for time in (window.begin, window.end or self._now()))
        return (
            f"{self._name}: the mails of {begin:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC were skipped: they are "
            f"more than {self._options.mailbox_bytes} bytes (mailbox_bytes in config.toml; a narrower query helps too)"
        )


class _Reading:
    """A SearchPlace that moves. `width`: of the windows to begin with."""

    def __init__(self, place: SearchPlace, options: ArchiveOptions) -> None:
        self._options, self.place = options, place
        self.width = place.width if place.at else options.window
        self._handed = dict(place.handed)

    def written(self) -> str:
        return cursors.text_of_place(replace(self.place, handed=self._handed))

    def mark(self, question: str) -> AnswerMark:
        """How the answer was marked, if this question was the last one."""
        if cursors.mark_of(question.encode()) != self.place.asked:
            return AnswerMark()
        return AnswerMark(self.place.etag, self.place.modified)

    def mails(self, mbox: bytes, host: str) -> Iterator[Step]:
        """Those of an answer that were not handed out yet, the oldest first."""
        fresh = {cursors.mark_of(raw): raw for raw in mailbox.split_mbox(mbox)}
        timed = [(mail_head(raw).when, mark) for mark, raw in fresh.items() if mark not in self._handed]
        for when, mark in sorted(timed):
            raw = fresh.pop(mark)
            self._handed[mark] = when
            if len(raw) > self._options.mail_bytes:
                yield f"a mail of {host} is larger than {self._options.mail_bytes} bytes (mail_bytes in config.toml)"
            elif not mailbox.begins_with_header(raw):
                yield f"{host} sent something that is no mail"
            else:
                yield Arrival(raw, when)

    def pass_by(self, windows: Windows, time: float, question: str, answer: Found) -> None:
        """Go behind a window that was read whole. `time`: when it was asked for."""
        begin, end = windows.window
        until, at = (self.place.until, end) if end is not None else (max(time, begin), 0.0)
        etag, modified = answer.mark
        asked = cursors.mark_of(question.encode()) if etag or modified else ""
        self.place = SearchPlace(self.place.since, until, at, windows.width, {}, asked, etag, modified)
        oldest = (at or until) - self._options.overlap - HOUR
        kept = sorted((when, mark) for mark, when in self._handed.items() if when >= oldest or not when)
        self._handed = {mark: when for when, mark in kept[-_REMEMBERED:]}


def titled(title: str, author: str, since: float) -> str:
    """How a public-inbox is asked for the mails of an author with a title; "" where it cannot be asked for those."""
    words = " ".join(_WORD.findall(title)[:_MOST_WORDS])
    if not words or not _PERSON.fullmatch(author):
        return ""
    return f'{Window(since, None).asked()} f:{author} s:"{words}"'


def _question(window: Window, query: str) -> str:
    # the time first: what is wrong with a query of the user's own cannot swallow it
    return f"{window.asked()} ({query})" if query else window.asked()
