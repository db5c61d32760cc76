"""Shows which drafts there are: what waits first, then what is approved, and folded what is over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

from msgspec import Struct

from reviewbot.drafts.page.place import PagePlace
from reviewbot.memory.drafts import APPROVED, DROPPED, HANDLED, LATE, OPEN, PLACED, SENT, WAITING
from reviewbot.memory.listed import ListedDraft, listed_drafts, state_counts
from reviewbot.memory.memory import Memory
from reviewbot.report.html.element import Html, element
from reviewbot.support.escape import clip

SEND = "reviewbot drafts send"  # what does, for the page never sends
_MOST_OPEN = 1_000  # more than anybody reads in a day
_MOST_CLOSED = 50  # of each state
_LONGEST = 200  # characters of a subject or a reason
_TITLES = {
    WAITING: "Waiting",
    APPROVED: "Approved, not sent",
    LATE: "Late",
    DROPPED: "Dropped",
    SENT: "Sent",
    PLACED: "In a maildir",
    HANDLED: "Gone from a maildir",
}
_UNITS = ((604_800, "w"), (86_400, "d"), (3_600, "h"), (60, "min"))


class DraftQueue(Struct, frozen=True):
    """The drafts of the memory by state, in the order in which they are shown, and how many of each there are."""

    drafts: Mapping[str, Sequence[ListedDraft]]
    counts: Mapping[str, int]

    @classmethod
    def read(cls, memory: Memory) -> DraftQueue:
        """What the memory has now."""
        rows = {
            state: _together(listed_drafts(memory, state, _MOST_OPEN))
            if state in OPEN
            else listed_drafts(memory, state, _MOST_CLOSED, newest=True)
            for state in _TITLES
        }
        return cls(rows, state_counts(memory))

    @property
    def waiting(self) -> int:
        """How many wait."""
        return self.counts.get(WAITING, 0)

    def beside(self, number: int) -> tuple[int, int]:
        """The numbers of the open drafts before and after one, 0 for none; of one that is not open, the first one."""
        shown = [one.number for state in OPEN for one in self.drafts[state]]
        if number not in shown:
            return 0, shown[0] if shown else 0
        at = shown.index(number)
        return shown[at - 1] if at else 0, shown[at + 1] if at + 1 < len(shown) else 0

    def after(self, number: int) -> int:
        """The draft to decide about when that is done for one: the next that waits, else the first, else 0."""
        waiting = [one.number for one in self.drafts[WAITING]]
        at = waiting.index(number) + 1 if number in waiting else 0
        return next((one for one in (*waiting[at:], *waiting[:at]) if one != number), 0)


def short_age(seconds: float) -> str:
    """A time that has passed, in its largest unit: "3 h"."""
    return next((f"{int(seconds // size)} {unit}" for size, unit in _UNITS if seconds >= size), "now")


def queue_nav(queue: DraftQueue, current: int, place: PagePlace, now: float) -> Html:
    """The list. `current`: the number of the draft that is shown beside it, 0 for none."""
    parts = []
    for state, rows in queue.drafts.items():
        if not rows and state != WAITING:
            continue
        count = element("span", str(queue.counts.get(state, 0)), class_="count")
        head = element("h2", _TITLES[state], " ", count)
        body = [*_groups(rows, current, place, now), *_left(queue.counts.get(state, 0) - len(rows))]
        if state == APPROVED:
            body.insert(0, element("p", element("code", SEND), " sends them.", class_="send"))
        if not rows:
            body.append(element("p", "Nothing waits.", class_="faint"))
        if state in OPEN:
            parts.append(element("section", head, *body))
        else:
            inside = any(one.number == current for one in rows)
            parts.append(element("details", element("summary", head), *body, open=inside))
    return element("nav", *parts, class_="queue", id="queue", aria_label="Drafts")


def _together(rows: Sequence[ListedDraft]) -> list[ListedDraft]:
    """With the drafts of a series beside its oldest one."""
    first: dict[object, int] = {}
    for at, one in enumerate(rows):
        first.setdefault(_series(one), at)
    return sorted(rows, key=lambda one: first[_series(one)])


def _series(one: ListedDraft) -> object:
    return (one.series, one.version) if one.series is not None else f"{one.number}"


def _groups(rows: Sequence[ListedDraft], current: int, place: PagePlace, now: float) -> Iterable[Html]:
    for _, found in groupby(rows, _series):
        group = list(found)
        shown = element("ul", *(_row(one, current, place, now) for one in group))
        if len(group) == 1:
            yield shown
        else:
            first = group[0]
            version = f", v{first.version}" if first.version > 1 else ""
            yield element("div", element("h3", f"{len(group)} of one series{version}"), shown, class_="series")


def _row(one: ListedDraft, current: int, place: PagePlace, now: float) -> Html:
    over = one.state not in OPEN
    told = [short_age(now - (one.changed if over else one.made)), one.confidence, clip(one.list, _LONGEST)]
    head = element("span", clip(one.subject.removeprefix("Re: "), _LONGEST), class_="subject")
    meta = element("span", " · ".join(filter(None, told)), class_="meta")
    reason = one.note if over and one.note else one.reason
    line = element("span", clip(reason, _LONGEST), class_="reason") if reason else Html()
    link = element(
        *("a", head, meta, line),
        href=place.draft(one.number),
        aria_current="page" if one.number == current else "",
    )
    return element("li", link)


def _left(more: int) -> list[Html]:
    return [element("p", f"and {more} more", class_="faint")] if more > 0 else []
