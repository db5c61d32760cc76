"""Drafts that wait in the memory of somebody who runs reviewbot, made of reviews, as a watcher of lists makes them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from command import Command
from report_cases import SCOPE, composed, review, reviewed
from reviewbot.memory import drafts
from reviewbot.memory.drafts import KeptDraft, NewDraft, Point
from reviewbot.memory.evidence import packed
from reviewbot.memory.memory import Memory
from reviewbot.model.review import Review
from reviewbot.report.reply.message import Draft

HOUR = 3600.0


def memory_file(command: Command) -> Path:
    return command.home / ".local" / "state" / "reviewbot" / "memory.sqlite"


@contextmanager
def opened(command: Command) -> Iterator[Memory]:
    with Memory.open(memory_file(command)) as memory:
        yield memory


def kept(command: Command, number: int = 1) -> KeptDraft:
    with opened(command) as memory:
        found = drafts.draft(memory, number)
    assert found is not None
    return found


def new_of(draft: Draft, made: Review, **more: object) -> NewDraft:
    fixed = {
        "message_id": draft.message_id,
        "asks": draft.asks,
        "in_reply_to": draft.in_reply_to,
        "subject": draft.subject,
        "author": "Ada Author <ada@author.example>",
        "confidence": "high",
        "reason": "toy-scope in toy_fill(), nobody has answered for 24 hours",
        "content": draft.content,
        "points": tuple(
            Point(one.fingerprint, one.rule, one.path, one.function, one.line_text, one.confidence)
            for one in draft.findings
        ),
        "list": "toy-devel",
        "evidence": packed(made),
    }
    return NewDraft(**{**fixed, **more})


def waits(command: Command, count: int = 1, state: str = "waiting", made: Review | None = None, **more: object) -> None:
    """Let drafts wait: one to each patch of a series of so many, or what a review gives."""
    whole = made or review(*(reviewed([SCOPE], number=at, total=count) for at in range(1, count + 1)))
    with opened(command) as memory:
        for draft in composed(whole, common=99).drafts:
            with memory.writing():
                number = drafts.add_draft(memory, new_of(draft, whole, **more), time.time() - 3 * HOUR)
            if state == "approved":
                drafts.approve(memory, number, time.time())
