"""A memory with drafts as the real program makes them, of several lists and in every state, out of demo.mbox."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

from msgspec.structs import replace

from command import THREADS
from reading import desk
from report_cases import NOW, SENDER, texts
from reviewbot.cli.session import for_series
from reviewbot.mail import mailbox, series
from reviewbot.memory import drafts, outbox
from reviewbot.memory.drafts import NewDraft, Point
from reviewbot.memory.evidence import packed
from reviewbot.memory.memory import Memory
from reviewbot.model.review import Finding, Review
from reviewbot.report.reply.message import Draft, Options, compose
from reviewbot.review.patient_engine import PatientEngine

HOUR = 3_600.0
LISTS = ("linux-exfoo", "linux-fsdevel", "linux-mm")
_REASONS = ("nobody has answered for 24 h", "v2: 1 of the 2 points of v1 is still there", "new in this version")


@cache
def demo_review() -> Review:
    """What the real program finds in demo.mbox."""
    found = series.newest(mailbox.split_mbox((THREADS / "demo.mbox").read_bytes()))
    setup = for_series(desk("--kernel", "6.10"), found)
    return PatientEngine(setup.kernel, setup.rules, 10).review(found)


def point_of(finding: Finding) -> Point:
    return Point(
        *(finding.fingerprint, finding.rule, finding.path, finding.function, finding.line_text, finding.confidence)
    )


def made(review: Review) -> Iterator[tuple[NewDraft, Draft]]:
    """The drafts that the real program makes of a review, as they are kept."""
    for one in compose(review, SENDER, texts(), Options(NOW, "d1", min_confidence="medium")).drafts:
        about = [each for each in review.patches if each.patch.number == one.number] or [*review.patches]
        evidence = packed(replace(review, patches=tuple(about)))
        mail = about[0].patch.mail
        assert mail is not None
        yield (
            NewDraft(
                *(one.message_id, one.asks, one.in_reply_to, one.subject, f"{mail.author.name} <{mail.author.email}>"),
                confidence=min(
                    (found.confidence for found in one.findings), key=("low", "medium", "high").index, default="high"
                ),
                reason=_REASONS[one.number % len(_REASONS)],
                content=one.content,
                points=tuple(map(point_of, one.findings)),
                list=LISTS[0],
                evidence=evidence,
            ),
            one,
        )


def fill(path: Path, now: float, count: int = 0) -> list[int]:
    """Keep the demo's drafts as one series, then `count` more that wait; gives the numbers of the first ones."""
    with Memory.open(path) as memory:
        found = [new for new, _ in made(demo_review())]
        numbers = [add(memory, replace(new, series=1), now - 30 * HOUR) for new in found]
        for at in range(count):
            new = found[at % len(found)]
            other = replace(
                new,
                asks=f"more{at}",
                message_id=f"more{at}@review.example",
                subject=new.subject.replace("exfoo", f"exfoo{at}"),
                list=LISTS[at % len(LISTS)],
                series=100 + at // 2,
            )
            add(memory, other, now - (29 - at * 0.1) * HOUR)
    return numbers


def every_state(path: Path, now: float) -> dict[str, int]:
    """Keep a draft in each state beside three that wait; gives one of each by its state."""
    numbers = fill(path, now, 6)
    with Memory.open(path) as memory:
        more = [one.number for one in drafts.kept(memory) if one.number not in numbers]
        approved, late, wrong, known, sent, bare = more
        for number in (approved, sent):
            drafts.approve(memory, number, now - 5 * HOUR)
        outbox.begin(memory, sent, "git send-email", now - 4 * HOUR)
        outbox.mark_sent(memory, sent, now - 4 * HOUR)
        with memory.writing():
            drafts.outdated(memory, late, "v2 came before it was sent", now - 3 * HOUR)
            memory.run("UPDATE drafts SET evidence = NULL WHERE number = ?", bare)
        drafts.drop(memory, wrong, drafts.WRONG, now - 2 * HOUR)
        drafts.drop(memory, known, drafts.KNOWN, now - HOUR)
        first = drafts.draft(memory, numbers[0])
        assert first is not None
        given = {name: getattr(first, name) for name in ("in_reply_to", "author", "confidence", "reason", "content")}
        lies = [
            add(
                memory,
                NewDraft(
                    f"{name}@x", name, subject=f"Re: [PATCH] {name}", points=(), folder="/home/ada/replies", **given
                ),
                now,
            )
            for name in ("placed", "handled")
        ]
        with memory.writing():
            drafts.handled(memory, lies[1], now)
    states = {"approved": approved, "late": late, "dropped": wrong, "sent": sent, "placed": lies[0], "handled": lies[1]}
    return {"waiting": numbers[0], "bare": bare, **states}


def add(memory: Memory, new: NewDraft, now: float) -> int:
    with memory.writing():
        number = drafts.add_draft(memory, new, now)
    assert number
    return number
