"""Does the work for one list: reads what is new, reviews what is due, and looks whether open drafts are still wanted.

Each step is kept before the next one begins, so that work that is cut short is gone on with by the next run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

from reviewbot.archive.port import Archive, Arrival, Batch
from reviewbot.mail import quarantine
from reviewbot.mail.message import MailMessage
from reviewbot.memory import drafts, evidence, findings, queue
from reviewbot.memory.drafts import KeptDraft
from reviewbot.memory.memory import Memory
from reviewbot.memory.queue import ASIDE, HELD, PARTIAL, REVIEWED, KeptMail, QueuedSeries
from reviewbot.model.errors import InputError, ReviewbotError
from reviewbot.support.escape import clip, one_line
from reviewbot.watch import intake, lateness, settle
from reviewbot.watch.look import Looked, LookedVersion, ReviewWork
from reviewbot.watch.settings import ListOptions, WatchOptions
from reviewbot.watch.settle import Desk
from reviewbot.watch.silence import mails_below

_HOUR, _DAY = 3_600.0, 86_400.0
_AGAIN = 6 * _HOUR  # until a series whose patches are not all here is looked at again
_MOST_DUE = 500  # series that are read from the memory at once
_MOST_OPEN = 40  # drafts of a list whose threads are asked for in one pass
_LONGEST = 300  # characters of what is kept for people
_SECONDS = 10.0  # for reading one mail


class Ports(NamedTuple):
    """What a pass needs of the world. `archive`: None where the mails are all there, as in a replay.

    `look`: looks at works, and gives the results in any order; `desk`: with what drafts of a list are made; `own`: the
    sender's address; `mail_bytes`: of one mail; `say`: gets lines for people, `tell`: those on what is being done.
    """

    archive: Callable[[ListOptions], Archive | None]
    look: Callable[[Iterable[ReviewWork]], Iterator[Looked]]
    desk: Callable[[ListOptions], Desk]
    now: Callable[[], float]
    own: str
    mail_bytes: int
    say: Callable[[str], None]
    tell: Callable[[str], None]


class ListResult(NamedTuple):
    """What a pass did for a list; `wrong`: why it was cut short, "" where it was not."""

    name: str
    mails: int = 0
    series: int = 0
    drafts: int = 0
    late: int = 0
    wrong: str = ""


class ListPass:
    """The work for one list. `result`: what was done by now."""

    def __init__(self, memory: Memory, given: ListOptions, options: WatchOptions, ports: Ports) -> None:
        self._memory, self._list, self._options, self._ports = memory, given, options, ports
        self._archive = ports.archive(given)
        self._at_work: dict[int, float] = {}  # by number, when each was begun
        self._made: set[int] = set()
        self.result = ListResult(given.name)

    def run(self) -> ListResult:
        """One pass. What goes wrong with the archive is in the result; the rest is raised."""
        wrong = ""
        try:
            if self._archive is not None:
                since = self._ports.now() - self._list.days * _DAY
                for batch in self._archive.new(queue.cursor(self._memory, self._list.name), since):
                    self.keep(batch)
            self.settle_all(self.works())
            self._look_again()
        except InputError as error:
            wrong = str(error)
        queue.note_pass(self._memory, self._list.name, clip(one_line(wrong), _LONGEST), self._ports.now())
        self.result = self.result._replace(wrong=wrong)
        return self.result

    # --- reading ---

    def take(self, mails: Sequence[Arrival]) -> None:
        """Keep those of some mails that belong to series."""
        with self._memory.writing():
            wrong = self._take([(one.raw, one.when) for one in mails])
        for line in wrong:
            self._ports.say(f"{self._list.name}: {line}")

    def keep(self, batch: Batch) -> None:
        """Keep the mails of a batch that belong to series, and the cursor after it."""
        with self._memory.writing():
            wrong = self._take([(one.raw, one.when) for one in batch.mails])
            queue.advance(self._memory, self._list.name, batch.cursor, self._ports.now())
        for line in (*batch.wrong, *wrong):
            self._ports.say(f"{self._list.name}: {line}")

    def _take(self, mails: Sequence[tuple[bytes, float]]) -> Sequence[str]:
        wait = self._list.wait_hours * _HOUR
        taken = intake.take(self._memory, self._list.name, mails, wait, self._ports.now(), self._ports.mail_bytes)
        self.result = self.result._replace(mails=self.result.mails + taken.kept)
        return taken.wrong

    def _complete(self, message_id: str) -> None:
        """Take the whole thread of a message: what a search did not find, and the replies."""
        if self._archive is None:
            return
        mails = self._archive.thread(message_id)
        with self._memory.writing():
            self._take([(raw, 0.0) for raw in mails])

    # --- reviewing ---

    def settle_all(self, works: Iterable[ReviewWork]) -> None:
        """Look at works, and settle each when it is done."""
        for looked in self._ports.look(works):
            self._settle(looked)
            del self._at_work[looked.number]

    def next_due(self) -> float:
        """When the next series is due that is not looked at by now."""
        return queue.next_due(self._memory, self._list.name, self._at_work)

    def works(self) -> Iterator[ReviewWork]:
        """The series that are due by now, each once."""
        found = queue.due(self._memory, self._list.name, self._ports.now(), _MOST_DUE)
        seen: set[int] = set()
        while due := [one for one in found if one.number not in seen and one.number not in self._at_work]:
            seen.update(one.number for one in due)
            yield from filter(None, map(self._work, due))
            found = queue.due(self._memory, self._list.name, self._ports.now(), _MOST_DUE)

    def _work(self, series: QueuedSeries) -> ReviewWork | None:
        """What there is to look at; None where the thread has a newer patch, which people have not had time for."""
        number, now = series.number, self._ports.now()
        mails = queue.mails(self._memory, number)
        if self._archive is not None and (last := next((one for one in reversed(mails) if one.patch), None)):
            self._complete(last.message_id)
            mails = queue.mails(self._memory, number)
            series = queue.series(self._memory, number) or series
            if series.due > now:
                return None
        self._at_work[number] = now
        done = frozenset(seen.parts for seen in findings.seen_versions(self._memory, number))
        patience = now < series.arrived + self._options.patience_days * _DAY
        return ReviewWork(number, self._list.name, tuple(mail.raw for mail in mails), done, patience, series.arrived)

    def _settle(self, looked: Looked) -> None:
        series = queue.series(self._memory, looked.number)
        if series is None:
            return
        now = self._at_work[looked.number]  # what arrived while it was looked at is for the next look
        there = queue.mails(self._memory, series.number) if _has_findings(looked) else ()
        mails = _read_mails(one for one in there if one.arrived <= now)
        desk = self._ports.desk(self._list)._replace(bot=self._bot(series))
        said: list[str] = []
        until: list[float] = []
        made: list[int] = []
        with self._memory.writing():
            for version in looked.versions:
                if version.review is None or version.known:
                    continue
                replies = mails_below(mails, version.mails, self._ports.own)
                done = settle.settle_version(self._memory, series, version, replies, desk, now)
                made += done.made
                said.append(done.said)
                until += [done.until] if done.until is not None else []
            state, due, reason = self._next(series, looked, until, now)
            line = clip(one_line("; ".join(filter(None, (*said, reason)))), _LONGEST)
            if series.arrived <= looked.arrived:  # else a patch has arrived meanwhile, and it waits for that one
                queue.wait_for(self._memory, series.number, state, due, line)
            if subject := next((one.subject for one in reversed(looked.versions) if one.subject), ""):
                queue.name(self._memory, series.number, clip(one_line(subject), _LONGEST))
        self._made.update(made)
        self.result = self.result._replace(series=self.result.series + 1, drafts=self.result.drafts + len(made))
        self._ports.tell(f"{self._list.name}: {series.subject}: {state}{f', {line}' if line else ''}")

    def _next(self, series: QueuedSeries, looked: Looked, until: Sequence[float], now: float) -> tuple[str, float, str]:
        """What a series waits for now: its state, until when, and why."""
        end = series.arrived + self._options.patience_days * _DAY
        missing = max((one.missing for one in looked.versions), default=0)
        if until:
            return HELD, max(until), ""
        if missing and now < end:
            # only an archive that can be asked may have them without a mail that says so
            again = min(end, now + _AGAIN) if self._archive is not None else end
            return PARTIAL, again, f"{'1 patch is' if missing == 1 else f'{missing} patches are'} not here yet"
        why = looked.wrong or next((one.reason for one in looked.versions if one.reason), "")
        looked_at = any(_was_reviewed(one) for one in looked.versions)
        return (REVIEWED if looked_at else ASIDE), end, why

    def _bot(self, series: QueuedSeries) -> str:
        """Why the sender of a series gets no drafts, "" where that is a person."""
        is_bot = any(fnmatchcase(series.author, pattern.lower()) for pattern in self._options.bots)
        return "its sender is a program (bots under [watch])" if is_bot else ""

    # --- drafts that are open ---

    def _look_again(self) -> None:
        """Mark the drafts of this list as late that need not be sent any more."""
        open_ = [one for one in drafts.kept(self._memory, drafts.OPEN) if one.list == self._list.name]
        for one in open_[-_MOST_OPEN:]:
            if why := self._late(one):
                with self._memory.writing():
                    drafts.outdated(self._memory, one.number, why, self._ports.now())
                self.result = self.result._replace(late=self.result.late + 1)

    def _late(self, draft: KeptDraft) -> str:
        """Why an open draft need not be sent any more, "" where it may be."""
        review = evidence.unpacked(drafts.draft_evidence(self._memory, draft.number))
        if review is None or draft.series is None:
            return ""
        if draft.number not in self._made:  # else its thread was fetched right before
            self._complete(draft.in_reply_to)
        if self._archive is not None and (asked := lateness.answered_patch(draft, review)):
            found = self._archive.named(asked.title, asked.author, draft.made - self._options.keep_days * _DAY)
            self.take([Arrival(raw, 0.0) for raw in found])
        mails = queue.mails(self._memory, draft.series)
        replies = _read_mails(one for one in mails if not one.patch)
        return lateness.newer_version(draft, mails) or lateness.said_meanwhile(review, replies, self._ports.own)


def _was_reviewed(one: LookedVersion) -> bool:
    return one.known or one.review is not None


def _has_findings(looked: Looked) -> bool:
    reviews = (one.review for one in looked.versions if one.review is not None)
    return any(patch.findings for review in reviews for patch in review.patches)


def _read_mails(mails: Iterable[KeptMail]) -> list[MailMessage]:
    """Those of some mails that can be read."""
    found: list[MailMessage] = []
    for mail in mails:
        try:
            found.append(quarantine.read_quarantined(mail.raw, _SECONDS))
        except ReviewbotError:
            continue
    return found
