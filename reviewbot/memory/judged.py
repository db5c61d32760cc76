"""Counts, for each rule, what became of the drafts that it asked in.

A question that was sent counts as right, and so does one that somebody else asked first (known) or that came too late:
its author found nothing wrong with it. One that was dropped as wrong does not.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from reviewbot.memory.drafts import DROPPED, KNOWN, LATE, OPEN, SENT, TOO_LATE, WRONG
from reviewbot.memory.memory import Memory


class RuleRecord(Struct, frozen=True):
    """How many questions of a rule were sent, dropped for one of three reasons, and are open."""

    sent: int = 0
    wrong: int = 0
    known: int = 0
    late: int = 0
    open: int = 0

    @property
    def judged(self) -> int:
        """How many somebody has decided about."""
        return self.sent + self.wrong + self.known + self.late

    @property
    def precision(self) -> float | None:
        """The share of those that were not wrong, None where there are none."""
        return (self.judged - self.wrong) / self.judged if self.judged else None


class RuleBar(Struct, frozen=True):
    """Below which precision, in percent, a rule is left out of drafts, and from how many judged questions on."""

    percent: int
    least: int

    def demotes(self, record: RuleRecord) -> bool:
        """Whether a rule with this record is left out."""
        right = record.precision
        return right is not None and record.judged >= self.least and right * 100 < self.percent


def records(memory: Memory) -> Mapping[str, RuleRecord]:
    """The record of each rule that has asked in a draft."""
    counts: dict[str, dict[str, int]] = {}
    asked = "SELECT rule, state, note, count(*) FROM points JOIN drafts ON number = draft GROUP BY rule, state, note"
    for rule, state, note, count in memory.rows(asked):
        field = _field(state, note)
        if field:
            own = counts.setdefault(rule, {})
            own[field] = own.get(field, 0) + count
    return {rule: RuleRecord(**own) for rule, own in sorted(counts.items())}


def _field(state: str, note: str) -> str:
    """The field of a record that a draft counts to; "" for none: of those in a maildir nobody says what they were."""
    if state == DROPPED:
        return {WRONG: "wrong", KNOWN: "known", TOO_LATE: "late"}.get(note, "")
    return {SENT: "sent", LATE: "late"}.get(state, "open" if state in OPEN else "")
