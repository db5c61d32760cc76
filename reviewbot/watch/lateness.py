"""Tells why a draft that waits need not be sent any more: a newer version has come, or somebody has said it all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from reviewbot.kernel.projects import NO_PROJECTS
from reviewbot.mail.message import MailMessage
from reviewbot.mail.series import GatheredSeries, gathered
from reviewbot.memory.drafts import KeptDraft
from reviewbot.memory.queue import KeptMail
from reviewbot.model.errors import InputError
from reviewbot.model.patch import Mail
from reviewbot.model.review import Review
from reviewbot.watch.silence import mails_below, said_by

_SECONDS = 10.0  # for finding the versions among the mails


class AnsweredPatch(NamedTuple):
    """The mail that a draft answers: its title without [PATCH], and its author's address."""

    title: str
    author: str


def answered_patch(draft: KeptDraft, review: Review) -> AnsweredPatch | None:
    """What a draft answers, None where its evidence does not have that mail."""
    mail = next((one for one in _mails(review) if one.message_id == draft.in_reply_to), None)
    if mail is None:
        return None
    patch = next((one.patch for one in review.patches if one.patch.mail is mail), None)
    return AnsweredPatch(patch.subject if patch is not None else review.series.subject, mail.author.email)


def newer_version(draft: KeptDraft, mails: Sequence[KeptMail]) -> str:
    """The version that has come since, as "v2 came"; "" for none that is whole."""
    try:
        found = gathered([one.raw for one in mails], NO_PROJECTS, _SECONDS)
    except InputError:
        return ""
    own = next((one for one in found if draft.in_reply_to in one.mails), None)
    if own is None or own.series is None or draft.in_reply_to in _of_newest(own):
        return ""
    newer = own.series.version > draft.version
    return f"v{own.series.version} came" if newer else "the series was sent again"


def said_meanwhile(review: Review, replies: Sequence[MailMessage], own: str) -> str:
    """Who has said all that a draft of this review asks, "" for nobody. `own`: the sender's address."""
    others = mails_below(replies, {one.message_id for one in _mails(review)}, own)
    who = [said_by(finding, others) for patch in review.patches for finding in patch.findings]
    return f"{who[0]} has said it" if who and all(who) else ""


def _mails(review: Review) -> Sequence[Mail]:
    mails = (review.series.cover, *(one.patch.mail for one in review.patches))
    return [mail for mail in mails if mail is not None]


def _of_newest(found: GatheredSeries) -> frozenset[str]:
    """The ids of the mails of the newest version."""
    cover = found.series.cover if found.series is not None else None
    return frozenset((*found.patches, *((cover.message_id,) if cover is not None else ())))
