"""Settles what a review of one version has found: what is asked in drafts, and what is not, and why.

Everything about a version is kept at once, so that whoever is killed either has it or finds it undone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from reviewbot.mail.message import MailMessage
from reviewbot.memory import drafts, evidence, findings, judged
from reviewbot.memory.drafts import NewDraft, Point
from reviewbot.memory.findings import (
    DEMOTED,
    OVER,
    RAISED,
    REPEATED,
    SAID,
    UNSURE,
    WRONG_BEFORE,
    FindingFate,
    SeenVersion,
)
from reviewbot.memory.judged import RuleBar
from reviewbot.memory.memory import Memory
from reviewbot.memory.queue import QueuedSeries
from reviewbot.model.review import CONFIDENCES, Finding, Review
from reviewbot.report.reply.message import Draft, DraftSet
from reviewbot.support.escape import clip, one_line
from reviewbot.watch.look import LookedVersion
from reviewbot.watch.silence import said_by

_DAY = 86_400.0
_LONGEST = 300  # characters of a text that is kept for people


class Desk(NamedTuple):
    """With what drafts of a list are made. `compose`: gives those of a review; `most`: drafts a day."""

    compose: Callable[[Review], DraftSet]
    min_confidence: str
    bar: RuleBar
    most: int
    bot: str = ""  # why the series gets no draft whatever is found


class Settled(NamedTuple):
    """What became of a version: the numbers of its drafts, and a line. `until`: when there is room for its drafts."""

    made: tuple[int, ...] = ()
    said: str = ""
    until: float | None = None


def settle_version(
    memory: Memory, series: QueuedSeries, looked: LookedVersion, replies: Sequence[MailMessage], desk: Desk, now: float
) -> Settled:
    """Keep a version that was reviewed, its findings and its drafts, inside of writing()."""
    review = looked.review
    assert review is not None
    before = findings.seen_versions(memory, series.number)
    became = _fates(memory, series.number, review, replies, desk)
    raised = frozenset(one.point.fingerprint for one in became if one.fate == RAISED)
    drafted = desk.compose(evidence.only(review, raised)) if raised else DraftSet((), ())
    room = desk.most - _made_since(memory, series.list, now - _DAY)
    chosen = sorted(drafted.drafts, key=_sureness, reverse=True)
    if len(chosen) > room and room < desk.most:
        return Settled(until=_room_again(memory, series.list, now), said=f"{desk.most} drafts a day are made already")
    seen = _seen(memory, series.number, looked, before, review, now)
    late = _late_drafts(memory, series.number, looked, now)
    made = [_add(memory, series, looked, one, seen, now) for one in chosen[: desk.most]]
    asked = frozenset(one.fingerprint for draft in chosen[: desk.most] for one in draft.findings)
    why = "; ".join(dict.fromkeys(one.reason for one in drafted.skipped)) or f"more than {desk.most} drafts a day"
    became = [
        replace(one, fate=OVER, reason=clip(why, _LONGEST))
        if one.fate == RAISED and one.point.fingerprint not in asked
        else one
        for one in became
    ]
    findings.keep_version(memory, series.number, seen, became)
    return Settled(tuple(filter(None, made)), _line(looked, became, late))


def point_of(finding: Finding) -> Point:
    """What identifies a finding."""
    return Point(
        *(finding.fingerprint, finding.rule, finding.path, finding.function),
        *(clip(finding.line_text.encode("utf-8", "replace").decode("utf-8").strip(), _LONGEST), finding.confidence),
    )


# --- what becomes of a finding ---


def _fates(
    memory: Memory, number: int, review: Review, replies: Sequence[MailMessage], desk: Desk
) -> list[FindingFate]:
    found = {one.fingerprint: one for patch in review.patches for one in patch.findings if one.resolved_by is None}
    wrong = findings.marked_wrong(memory, found)
    asked = findings.asked_before(memory, number)
    records = judged.records(memory) if found else {}
    demoted = {rule for rule, record in records.items() if desk.bar.demotes(record)}
    return [FindingFate(point_of(one), *_fate(one, wrong, asked, demoted, replies, desk)) for one in found.values()]


def _fate(
    finding: Finding,
    wrong: Collection[str],
    asked: Mapping[str, int],
    demoted: Collection[str],
    replies: Sequence[MailMessage],
    desk: Desk,
) -> tuple[str, str]:
    if finding.fingerprint in wrong:
        return WRONG_BEFORE, "it was marked wrong once"
    if CONFIDENCES.index(finding.confidence) < CONFIDENCES.index(desk.min_confidence):
        return UNSURE, f"its confidence is {finding.confidence}"
    if finding.fingerprint in asked:
        return REPEATED, f"it was asked of v{asked[finding.fingerprint]}"
    if desk.bot:
        return OVER, desk.bot
    if finding.rule in demoted:
        return DEMOTED, f"{finding.rule} is left out of drafts: too many of its questions were wrong"
    who = said_by(finding, replies)
    return (SAID, f"{who} has said it") if who else (RAISED, "")


# --- drafts ---


def _add(
    memory: Memory, series: QueuedSeries, looked: LookedVersion, draft: Draft, seen: SeenVersion, now: float
) -> int:
    assert looked.review is not None
    shown = evidence.part_of(looked.review, frozenset(one.fingerprint for one in draft.findings))
    return drafts.add_draft(
        memory,
        NewDraft(
            message_id=draft.message_id,
            asks=draft.asks,
            in_reply_to=draft.in_reply_to,
            subject=clip(one_line(draft.subject), _LONGEST),
            author=_author(shown, draft),
            confidence=min((one.confidence for one in draft.findings), key=CONFIDENCES.index),
            reason=_reason(draft, looked, seen),
            content=draft.content,
            points=tuple(map(point_of, draft.findings)),
            series=series.number,
            version=looked.version,
            list=series.list,
            evidence=evidence.packed(shown),
        ),
        now,
    )


def _author(review: Review, draft: Draft) -> str:
    mails = (review.series.cover, *(patch.patch.mail for patch in review.patches))
    found = next((mail.author for mail in mails if mail is not None and mail.message_id == draft.in_reply_to), None)
    return clip(one_line(found.name or found.email), _LONGEST) if found is not None else ""


def _reason(draft: Draft, looked: LookedVersion, seen: SeenVersion) -> str:
    rules = ", ".join(dict.fromkeys(one.rule for one in draft.findings))
    count = len(draft.findings)
    asks = f"{'1 place' if count == 1 else f'{count} places'}: {rules}"
    gone = f"; of {seen.points} points of the version before {seen.gone} are gone" if seen.points else ""
    some = "1 patch is" if looked.missing == 1 else f"{looked.missing} patches are"
    part = f"; {some} missing" if looked.missing else ""
    return clip(asks + gone + part, _LONGEST)


def _sureness(draft: Draft) -> tuple[int, int]:
    return max(CONFIDENCES.index(one.confidence) for one in draft.findings), -draft.number


def _late_drafts(memory: Memory, number: int, looked: LookedVersion, now: float) -> int:
    """Mark what still waits of earlier versions as late; how many there were."""
    late = [one for one in drafts.open_drafts(memory, number) if one.in_reply_to in looked.mails]
    for one in late:
        note = f"v{looked.version} came" if looked.version > one.version else "the series was sent again"
        drafts.outdated(memory, one.number, note, now)
    return len(late)


def _made_since(memory: Memory, name: str, since: float) -> int:
    return int(memory.rows("SELECT count(*) FROM drafts WHERE list = ? AND made > ?", name, since)[0][0])


def _room_again(memory: Memory, name: str, now: float) -> float:
    first = memory.rows("SELECT min(made) FROM drafts WHERE list = ? AND made > ?", name, now - _DAY)[0][0]
    return float(first or now) + _DAY + 1


# --- versions ---


def _seen(
    memory: Memory,
    number: int,
    looked: LookedVersion,
    before: Sequence[SeenVersion],
    review: Review,
    now: float,
) -> SeenVersion:
    """The version as it is kept: how many of the points that were raised of the one before are gone."""
    raised: frozenset[str] = frozenset()
    for old in before:
        if old.version < looked.version:
            own = findings.fates(memory, number, old.parts)
            raised = frozenset(one.point.fingerprint for one in own if one.fate in (RAISED, REPEATED)) or raised
    here = {one.fingerprint for patch in review.patches for one in patch.findings if one.resolved_by is None}
    return SeenVersion(looked.version, looked.parts, now, len(raised - here), len(raised))


def _line(looked: LookedVersion, became: Sequence[FindingFate], late: int) -> str:
    """What is kept of a version for people: what its findings became."""
    counts: dict[str, int] = {}
    for one in became:
        counts[one.fate] = counts.get(one.fate, 0) + 1
    said = [f"{count} {fate}" for fate, count in counts.items()]
    why = next((one.reason for one in became if one.fate == SAID), "")
    gone = "1 draft is late" if late == 1 else f"{late} drafts are late"
    parts = [f"v{looked.version}", ", ".join(said) or "no remark", why, gone if late else ""]
    return clip("; ".join(filter(None, parts)), _LONGEST)
