"""Drafts the replies to a series, as RFC 5322 messages. Sends nothing and writes no file.

The form follows what the lists ask of a reply (Documentation/process/email-clients.rst: plain text, no line of a patch
rewrapped; submitting-patches.rst: trimmed quotes, inline answers).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from email.utils import format_datetime

from msgspec import Struct

from reviewbot.model.errors import ConfigError
from reviewbot.model.patch import Address, Mail, Unread
from reviewbot.model.review import Finding, PatchReview, Review
from reviewbot.report.reply import transfer_encoding
from reviewbot.report.reply.body import body_lines, quoted_above
from reviewbot.report.reply.headers import (
    Recipients,
    address_field,
    id_field,
    is_list,
    reachable_address,
    recipients,
    reply_subject,
    text_field,
    usable_address,
    usable_id,
)
from reviewbot.report.reply.questions import choose
from reviewbot.report.reply.sender import Sender, own_fields
from reviewbot.report.reply.texts import LONGEST_NAME, Texts, again, assembled, more_lines
from reviewbot.report.reply.wrap import wrap
from reviewbot.report.select import ordered, select
from reviewbot.support.escape import clip, one_line

LISTS = (  # where the addresses of lists end, for `cc = "list"`
    "*@vger.kernel.org",
    "*@kvack.org",
    "*@lists.*",
    "*@*.lists.*",
    "*@lore.kernel.org",
)
_SHOWN = 5  # addresses that get no draft, and are named
_MOST_REFERENCES = 50


class Options(Struct, frozen=True):
    """How to reply. `now`: the date of the drafts; `digest`: of the rules, part of the drafts' message ids.

    `cc`: "all", "list" or "none"; `agreed`: patterns of the lists that want a service's mails; `context`: lines quoted
    above a question; `common`: a rule with findings in so many patches is asked about once, in a reply to the cover
    letter; `most`: findings that one reply asks about; `pages`: where the pages of the rules are, to name one below
    the first question of each, "" for none.
    """

    now: datetime
    digest: str
    min_severity: str = "note"
    min_confidence: str = "high"
    cc: str = "all"
    lists: tuple[str, ...] = LISTS
    agreed: tuple[str, ...] = ()
    context: int = 5
    common: int = 3
    most: int = 12
    pages: str = ""


class Draft(Struct, frozen=True):
    """One drafted message, its ids without angle brackets. `number`: that of the patch, 0 for the series as a whole.

    `asks`: a digest of the message answered and the findings; it is the same with every version of the rules.
    `findings`: all of them, those that are only listed as well.
    """

    message_id: str
    in_reply_to: str
    subject: str
    content: bytes
    number: int = 0
    asks: str = ""
    findings: tuple[Finding, ...] = ()


class DraftSet(Struct, frozen=True):
    """The drafts, and for what there is none, with the reason."""

    drafts: tuple[Draft, ...]
    skipped: tuple[Unread, ...]


def compose(review: Review, sender: Sender, texts: Texts, options: Options) -> DraftSet:
    """One reply to each patch with findings, and one to the cover letter for a rule with findings in several patches.

    Only findings at or above the bars that no later patch resolves count. Messages of programs, and the sender's own,
    get no reply. Raises ConfigError for a sender whose address usable_address() refuses.
    """
    if not usable_address(sender.email):
        raise ConfigError(f"invalid sender address {sender.email!r}")
    findings_of = {
        at: tuple(finding for finding in _selected(reviewed, options) if finding.resolved_by is None)
        for at, reviewed in enumerate(review.patches)
    }
    drafts: list[Draft] = []
    unreachable: dict[str, None] = {}  # addresses
    target = _first_mail(review)
    common = _common(findings_of, options.common) if target and not _refusal(target, sender, options) else ()
    for rule in common:
        assert target
        drafts.append(_series_reply(review, target, rule, findings_of, sender, texts, options))
        unreachable |= _unreachable(target, sender, options)
    skipped: list[Unread] = []
    for at, reviewed in enumerate(review.patches):
        findings = [finding for finding in findings_of[at] if finding.rule not in common]
        mail = reviewed.patch.mail
        refusal = _refusal(mail, sender, options) if mail else "it did not come as a mail"
        if findings and mail and not refusal:
            drafts.append(_patch_reply(reviewed, mail, findings, sender, texts, options))
            unreachable |= _unreachable(mail, sender, options)
        elif findings:
            skipped.append(Unread(None, f"no draft for {_named(reviewed)}: {refusal}"))
    if unreachable:
        shown = ", ".join(clip(one_line(one), LONGEST_NAME) for one in list(unreachable)[:_SHOWN])
        more = f" and {len(unreachable) - _SHOWN} more" if len(unreachable) > _SHOWN else ""
        skipped.append(Unread(None, f"no draft goes to {shown}{more}: no address that a mail program can be handed"))
    return DraftSet(tuple(drafts), tuple(skipped))


def _unreachable(mail: Mail, sender: Sender, options: Options) -> dict[str, None]:
    return dict.fromkeys(_recipients(mail, sender, options).unreachable)


def _recipients(mail: Mail, sender: Sender, options: Options) -> Recipients:
    """Who gets a reply: of a service, beside the author, at most the lists that agreed to that."""
    if not sender.service:
        return recipients(mail, sender.email, options.cc, options.lists)
    return recipients(mail, sender.email, "none" if options.cc == "none" else "list", options.agreed)


def _selected(reviewed: PatchReview, options: Options) -> tuple[Finding, ...]:
    return select(ordered(reviewed), options.min_severity, options.min_confidence)


def _refusal(mail: Mail, sender: Sender, options: Options) -> str:
    """Why a message gets no reply, "" if it does."""
    if mail.automatic:
        return "sent by a program"
    if mail.author.email.lower() == sender.email.lower():
        return "your own mail"
    if not reachable_address(mail.author.email):
        return "its author has no address that a reply can go to"
    if not usable_id(mail.message_id):
        return "its message id cannot stand in a header"
    if sender.service and not any(is_list(each.email, options.agreed) for each in (*mail.to, *mail.cc)):
        return "it went to no list that agreed to mails of a service ([mail] agreed)"
    return ""


def _first_mail(review: Review) -> Mail | None:
    mails = (review.series.cover, *(reviewed.patch.mail for reviewed in review.patches))
    return next((mail for mail in mails if mail), None)


def _common(findings_of: Mapping[int, Sequence[Finding]], least: int) -> tuple[str, ...]:
    """The rules with findings in at least so many patches, the most frequent first."""
    counts: dict[str, int] = {}
    for findings in findings_of.values():
        for rule in {finding.rule for finding in findings}:
            counts[rule] = counts.get(rule, 0) + 1
    return tuple(sorted((rule for rule in counts if counts[rule] >= least), key=lambda rule: (-counts[rule], rule)))


# --- bodies ---


def _patch_reply(
    reviewed: PatchReview, mail: Mail, findings: Sequence[Finding], sender: Sender, texts: Texts, options: Options
) -> Draft:
    chosen = choose(findings, options.most, quoted_above(reviewed))
    lines = body_lines(reviewed, chosen.quoted, again(texts), options.context, options.pages)
    if chosen.left:
        lines += more_lines(texts, chosen.left)
    body = assembled(texts.reply, {"reply": lines}, mail, sender, texts)
    return _draft(mail, body, findings, sender, options, reviewed.patch.number)


def _series_reply(
    review: Review,
    mail: Mail,
    rule: str,
    findings_of: Mapping[int, Sequence[Finding]],
    sender: Sender,
    texts: Texts,
    options: Options,
) -> Draft:
    of_rule = {at: [finding for finding in findings if finding.rule == rule] for at, findings in findings_of.items()}
    first, *others = (at for at in of_rule if of_rule[at])
    lines = body_lines(review.patches[first], of_rule[first][:1], again(texts), options.context, options.pages)
    places = [_place(review.patches[first], of_rule[first][1:])] if of_rule[first][1:] else []
    places += [_place(review.patches[at], of_rule[at]) for at in others]
    blocks = {"reply": lines, "places": [line for place in places for line in wrap(f"  {place}")]}
    body = assembled(texts.series, blocks, mail, sender, texts)
    return _draft(mail, body, [finding for findings in of_rule.values() for finding in findings], sender, options, 0)


def _place(reviewed: PatchReview, findings: Sequence[Finding]) -> str:
    functions = dict.fromkeys(f"{one_line(finding.function)}()" for finding in findings if finding.function)
    return f"{_named(reviewed)}" + (f", in {', '.join(functions)}" if functions else "")


def _named(reviewed: PatchReview) -> str:
    patch = reviewed.patch
    return f'{patch.number}/{patch.total} "{one_line(patch.subject)}"'


# --- messages ---


def _draft(
    mail: Mail, lines: Sequence[str], findings: Sequence[Finding], sender: Sender, options: Options, number: int
) -> Draft:
    subject = reply_subject(mail.subject)
    prints = sorted(finding.fingerprint or f"{finding.rule} {finding.path} {finding.line_text}" for finding in findings)
    message_id = _message_id(mail, prints, sender, options.digest)
    body = ("\n".join(lines) + "\n").encode("utf-8", "surrogateescape")
    encoding, body = transfer_encoding.encoded(body)
    to, cc, _ = _recipients(mail, sender, options)
    above = [message_id for message_id in mail.references if usable_id(message_id) and message_id != mail.message_id]
    if len(above) > _MOST_REFERENCES:  # RFC 5537, 3.4.4: the first and the last tell where a mail belongs
        above = [above[0], *above[1 - _MOST_REFERENCES :]]
    header = [
        address_field("From", (Address(sender.name, sender.email),)),
        address_field("To", to),
        *([address_field("Cc", cc)] if cc else []),
        text_field("Subject", subject),
        f"Date: {format_datetime(options.now)}",
        id_field("Message-ID", (message_id,)),
        id_field("In-Reply-To", (mail.message_id,)),
        id_field("References", dict.fromkeys((*above, mail.message_id))),
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        f"Content-Transfer-Encoding: {encoding}",
        *own_fields(sender),
    ]
    content = "\n".join(header).encode("ascii") + b"\n\n" + body
    asks = _sum(mail.message_id, *prints)
    return Draft(message_id, mail.message_id, subject, content, number, asks, tuple(findings))


def _message_id(mail: Mail, prints: Iterable[str], sender: Sender, digest: str) -> str:
    """An id that is the same for the same message, findings and rules: a second run writes no second draft."""
    return f"reviewbot.{_sum(mail.message_id, digest, *prints)}@{sender.email.rpartition('@')[2]}"


def _sum(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:24]
