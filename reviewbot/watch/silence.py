"""Tells whether somebody in a thread has said already what a finding says.

A mail says it where its own text names the function and one of the words that the finding is about (a flag, a lock, an
allocator), or where it answers right below the line itself with such a word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from reviewbot.mail.message import MailMessage
from reviewbot.model.review import Finding
from reviewbot.support.escape import clip, one_line

_WORD = re.compile(r"\b[A-Za-z_][A-Za-z0-9_]{2,80}\b")
_QUOTED = re.compile(r"(?:[ \t]?>)+[ \t]?")
_INTRODUCES = re.compile(r"(?:On|Am|Le|El|Il|At)\b.{0,300}(?:wrote|schrieb|écrit|writes)\s*:\s*$", re.I)
_NEAR = 3  # quoted lines above an answer that it is about
_MOST = 200_000  # characters of a mail
# what reviewers call it who name no flag
_SAYS = frozenset(
    ("sleep", "sleeps", "sleeping", "atomic", "lock", "locked", "deadlock", "reclaim", "scope", "schedule")
)


class Answer(Struct, frozen=True):
    """Own text of a mail, and the quoted lines right above it, without their marks."""

    above: tuple[str, ...]
    text: str


def said_by(finding: Finding, replies: Iterable[MailMessage]) -> str:
    """Who has said already what a finding says: "NAME in <id>", "" for nobody."""
    words = about(finding)
    line = _squeezed(finding.line_text)
    for reply in replies:
        if any(_says(one, finding.function, words, line) for one in answers(reply.text)):
            author = reply.mail.author
            return clip(f"{one_line(author.name or author.email)} in <{one_line(reply.mail.message_id)}>", 200)
    return ""


def about(finding: Finding) -> frozenset[str]:
    """The words that a finding is about: names in its line and message that no plain text has."""
    named = _WORD.findall(f"{finding.line_text} {finding.message}")
    return frozenset(word for word in named if ("_" in word or word.isupper()) and word != finding.function)


def answers(text: str) -> Iterator[Answer]:
    """The pieces of a mail that its author wrote, each below what it answers; without what stands below "-- "."""
    above: list[str] = []
    own: list[str] = []
    for line in text[:_MOST].split("\n"):
        quoted = _QUOTED.match(line)
        if line.rstrip("\r") == "-- " and not quoted:
            break
        if quoted is None:
            own.append("" if _INTRODUCES.match(line) else line)
            continue
        if any(map(str.strip, own)):
            yield Answer(tuple(above[-_NEAR:]), "\n".join(own))
            above = []
        own = []
        if rest := line[quoted.end() :].strip():
            above.append(rest)
    if any(map(str.strip, own)):
        yield Answer(tuple(above[-_NEAR:]), "\n".join(own))


def _says(answer: Answer, function: str, words: frozenset[str], line: str) -> bool:
    said = set(_WORD.findall(answer.text))
    if function in said and said & words:
        return True
    below = any(_squeezed(_plain(one)) == line for one in answer.above)
    return below and bool(said & words or {word.lower() for word in said} & _SAYS)


def _plain(line: str) -> str:
    """A quoted line without the mark of a diff."""
    return line[1:] if line[:1] in ("+", "-") else line


def _squeezed(line: str) -> str:
    return " ".join(line.split())


def mails_below(mails: Sequence[MailMessage], patches: Iterable[str], own: str) -> Sequence[MailMessage]:
    """Those of some mails that send no patch and are not from the address `own`."""
    sent = frozenset(patches)
    return [one for one in mails if one.mail.message_id not in sent and one.mail.author.email.lower() != own.lower()]
