"""Decides whether a draft went out whose sending was cut short."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from reviewbot.memory import drafts, outbox
from reviewbot.memory.memory import Memory
from reviewbot.memory.outbox import OnItsWay
from reviewbot.model.errors import UsageError
from reviewbot.web.presence import Presence


class Ending(NamedTuple):
    """What became of it: `sent` or not, None where that is not known; and why, in words."""

    sent: bool | None
    why: str


def settled(way: OnItsWay, lies: bool, archive: Callable[[], Presence], now: float, lag: int) -> Ending:
    """Whether a draft went out. `lies`: it lies where its way puts drafts; `archive`: asks that of the list.

    `lag`: minutes that a mail may take until the archive has it.
    """
    if lies:
        return Ending(True, "it lies there")
    found = archive()
    if found.known:
        return Ending(True, "the archive has it")
    if found.known is None:
        return Ending(None, found.why)
    waited = (now - way.began) / 60
    if waited < lag:
        left = max(1, round(lag - waited))
        return Ending(None, f"the archive does not have it yet; in {left} minutes that will be certain")
    return Ending(False, "the archive does not have it")


def by_hand(memory: Memory, words: str, now: float) -> str:
    """Settle a draft as somebody says, "N=sent" or "N=unsent"; gives what was done. Raises UsageError."""
    number, equals, what = words.partition("=")
    if not equals or not (number.isascii() and number.isdigit()) or what not in ("sent", "unsent"):
        raise UsageError(f"--settle {words[:40]!r}: it is N=sent or N=unsent, with the number of a draft")
    way = next((one for one in outbox.unsettled(memory) if one.draft == int(number[:18])), None)
    if way is None:
        there = drafts.draft(memory, int(number[:18]))
        told = f"draft {there.number} is {there.state}" if there else f"there is no draft {number[:18]}"
        raise UsageError(f"--settle {words[:40]}: {told}, and nothing of it was cut short")
    return applied(memory, way, Ending(what == "sent", "as you say"), now)


def applied(memory: Memory, way: OnItsWay, end: Ending, now: float) -> str:
    """Note what became of a draft, and say it."""
    if end.sent:
        outbox.mark_sent(memory, way.draft, now)
        return f"draft {way.draft} went out by {way.way}: {end.why}"
    if end.sent is False:
        outbox.take_back(memory, way.draft)
        return f"draft {way.draft} did not go out by {way.way} ({end.why}): it is approved as before"
    return (
        f"draft {way.draft} was cut short on its way by {way.way}, and nobody knows whether it went out: {end.why}. "
        f"If you know: reviewbot drafts send --settle {way.draft}=sent (or =unsent)"
    )
