"""Takes mails in: to which series each belongs, and when that is looked at.

A patch or a cover letter begins a series, or belongs to one of the same author: by a mail above it in its thread, by
its change id, or by a title. A reply belongs to the series of a mail above it. Other mails are let go of.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from msgspec import Struct

from reviewbot.mail import headers, quarantine
from reviewbot.mail.message import MailMessage
from reviewbot.memory import queue
from reviewbot.memory.memory import Memory
from reviewbot.memory.queue import KeptMail, QueuedSeries
from reviewbot.model.errors import InputError
from reviewbot.model.patch import Address
from reviewbot.support.escape import clip, one_line

_ABOVE = 50  # ids of References that are looked at: the nearest ones, and the first
_KEY = 300  # characters
_CHANGE = re.compile(r"^change-id:[ \t]*(\S{1,200})[ \t]*$", re.M | re.I)
_REPLY = re.compile(r"(?:\[[^\]]{0,100}\]\s*)?(?:re|aw|sv|antw|回复|答复)\s?(?:\[\d+\])?\s?[:：]", re.I)
_COVER = re.compile(r"\[[^\]]{0,200}\b0+\s?(?:/|of\s)\s?\d{1,4}[^\]]{0,200}\]", re.I)
_TAGS = re.compile(r"^\s*(?:\[[^\]]{0,300}\]\s*)+")
_RELAY = " via b4 relay"
_SECONDS = 10.0  # for reading one mail
_HALF_YEAR = 182 * 86_400.0  # seconds, in which a title means the same series


class Taken(Struct, frozen=True):
    """What became of some mails: how many were new and kept, and lines on those that could not be read."""

    kept: int = 0
    wrong: tuple[str, ...] = ()


class _Letter(Struct, frozen=True):
    """A mail by what ties it to others. `patch`: it sends one or is a cover letter; `keys`: those it is known by."""

    content: MailMessage
    patch: bool
    author: str
    keys: tuple[str, ...]


def take(memory: Memory, name: str, mails: Sequence[tuple[bytes, float]], wait: float, now: float, most: int) -> Taken:
    """Keep those of some mails of a list that belong to series, inside of writing().

    `mails`: each with the time at which it arrived, 0 where that is not known; `wait`: seconds until its series is
    looked at; `most`: bytes of one mail.
    """
    kept, wrong = 0, []
    for raw, when in mails:
        try:
            if len(raw) > most:
                raise InputError(f"a mail of {len(raw)} bytes is too large (mail_bytes in config.toml)")
            kept += _take_one(memory, name, raw, when, wait, now)
        except InputError as error:
            wrong.append(clip(one_line(str(error)), 200))
    return Taken(kept, tuple(wrong))


def _take_one(memory: Memory, name: str, raw: bytes, when: float, wait: float, now: float) -> bool:
    content = quarantine.read_quarantined(raw, _SECONDS)
    if queue.knows(memory, content.mail.message_id):
        return False
    arrived = min(when or content.when or now, now)
    letter = _letter(content)
    number = _home(memory, letter, arrived)
    if number is None and not letter.patch:
        return False
    if number is None:
        subject = clip(one_line(content.mail.subject), _KEY)
        number = queue.begin(memory, name, subject, letter.author, arrived)
    if letter.patch:
        queue.tie(memory, number, letter.keys, _id(content.mail.message_id))
        queue.arrived(memory, number, arrived, arrived + wait)
    else:
        queue.tie(memory, number, (_id(content.mail.message_id),))
    queue.put(memory, number, KeptMail(content.mail.message_id, arrived, letter.patch, raw))
    return True


def _letter(content: MailMessage) -> _Letter:
    subject = content.mail.subject
    reply = _REPLY.match(subject) is not None
    patch = not reply and (bool(content.diff) or _COVER.search(subject) is not None)
    if not patch:
        return _Letter(content, False, "", ())
    author = _who(content.mail.author, content.mail.reply_to)
    change = _CHANGE.search(content.text)
    title = " ".join(_TAGS.sub("", headers.plain_subject(subject)).lower().split())
    keys = [f"change {change[1]}"] if change else []
    keys += [f"title {author} {title}"] if title else []
    keys += map(_id, _near(content.mail.references))
    return _Letter(content, True, author, tuple(key[:_KEY] for key in keys))


def _who(author: Address, reply_to: Sequence[Address]) -> str:
    """The address that an author is known by; behind b4's relay it is that of the person."""
    relayed = author.name.lower().endswith(_RELAY) and reply_to
    return (reply_to[0] if relayed else author).email.lower()[:200]


def _id(message_id: str) -> str:
    return f"id {message_id}"[:_KEY]


def _near(references: Sequence[str]) -> Iterable[str]:
    """The ids above a mail that are looked at, the nearest first."""
    return dict.fromkeys((*reversed(references[-_ABOVE:]), *references[:1]))


def _home(memory: Memory, letter: _Letter, arrived: float) -> int | None:
    """The series that a mail belongs to, None where that is not known."""
    own = _id(letter.content.mail.message_id)
    if not letter.patch:
        above = (queue.found(memory, _id(one)) for one in _near(letter.content.mail.references))
        return next((found.number for found in above if found), None)
    for key in (own, *letter.keys):
        found = queue.found(memory, key)
        if found is not None and _fits(found, letter, key, arrived):
            return found.number
    return None


def _fits(found: QueuedSeries, letter: _Letter, key: str, arrived: float) -> bool:
    same = found.author == letter.author
    return same and (not key.startswith("title ") or abs(arrived - found.arrived) < _HALF_YEAR)
