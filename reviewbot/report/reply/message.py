"""Drafts the replies to a series, as RFC 5322 messages for a person to send. Sends nothing and writes no file.

The form follows what the lists ask of a reply (Documentation/process/email-clients.rst: plain text, no line of a patch
rewrapped; submitting-patches.rst: trimmed quotes, inline answers) and RFC 3834 on messages that a program made.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from email.utils import format_datetime
from string import Template

from msgspec import Struct

from reviewbot import __version__
from reviewbot.model.errors import ConfigError
from reviewbot.model.patch import Address, Mail, Unread
from reviewbot.model.review import Finding, PatchReview, Review
from reviewbot.report.reply import transfer_encoding
from reviewbot.report.reply.body import body_lines
from reviewbot.report.reply.headers import (
    address_field,
    id_field,
    reachable_address,
    recipients,
    reply_subject,
    text_field,
    usable_address,
    usable_id,
)
from reviewbot.report.reply.wrap import line_start, wrap, wrapped
from reviewbot.report.select import ordered, select
from reviewbot.support.escape import clip, one_line

_ABOUT = frozenset(
    ("sentdate", "fromname", "firstname", "fromemail", "subject", "msgid", "myname", "myemail", "contact", "version")
)
PLACEHOLDERS: Mapping[str, frozenset[str]] = {  # what templates/<name>.txt may use; the names are b4's where b4 has one
    "reply": _ABOUT | {"reply", "signature"},
    "series": _ABOUT | {"reply", "places", "signature"},
    "signature": _ABOUT,
    "again": frozenset(),
    "again-in": frozenset(("function",)),
    "more": frozenset(("count",)),
}
REQUIRED: Mapping[str, frozenset[str]] = {
    "reply": frozenset(("reply",)),
    "series": frozenset(("reply", "places")),
    "more": frozenset(("count",)),
}
LISTS = (  # where the addresses of lists end, for `cc = "list"`
    "*@vger.kernel.org",
    "*@kvack.org",
    "*@lists.*",
    "*@*.lists.*",
    "*@lore.kernel.org",
)
_SHOWN = 5  # addresses that get no draft, and are named
_LONGEST_NAME = 200
_MOST_REFERENCES = 50


class Sender(Struct, frozen=True):
    """The person who runs reviewbot and sends the drafts. `contact`: where to complain, "" for the address."""

    name: str
    email: str
    contact: str = ""


class Texts(Struct, frozen=True):
    """The sources of templates/*.txt, which drafts.write.load_texts() has checked."""

    reply: str
    series: str
    signature: str
    again: str
    again_in: str
    more: str


class Options(Struct, frozen=True):
    """How to reply. `now`: the date of the drafts; `digest`: of the rules, part of the drafts' message ids.

    `cc`: "all", "list" or "none"; `context`: lines quoted above a question; `common`: a rule with findings in so many
    patches is asked about once, in a reply to the cover letter; `most`: findings that one reply asks about.
    """

    now: datetime
    digest: str
    min_severity: str = "note"
    min_confidence: str = "high"
    cc: str = "all"
    lists: tuple[str, ...] = LISTS
    context: int = 5
    common: int = 3
    most: int = 12


class Draft(Struct, frozen=True):
    """One drafted message, its ids without angle brackets. `number`: that of the patch, 0 for the series as a whole.

    `asks`: a digest of the message answered and the findings; it is the same with every version of the rules.
    """

    message_id: str
    in_reply_to: str
    subject: str
    content: bytes
    number: int = 0
    asks: str = ""


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
        raise ConfigError(f"{sender.email!r} is no address that a draft can come from")
    findings_of = {
        at: tuple(finding for finding in _selected(reviewed, options) if finding.resolved_by is None)
        for at, reviewed in enumerate(review.patches)
    }
    drafts: list[Draft] = []
    unreachable: dict[str, None] = {}  # addresses
    target = _first_mail(review)
    common = _common(findings_of, options.common) if target and not _refusal(target, sender) else ()
    for rule in common:
        assert target
        drafts.append(_series_reply(review, target, rule, findings_of, sender, texts, options))
        unreachable |= _unreachable(target, sender, options)
    skipped: list[Unread] = []
    for at, reviewed in enumerate(review.patches):
        findings = [finding for finding in findings_of[at] if finding.rule not in common]
        mail = reviewed.patch.mail
        refusal = _refusal(mail, sender) if mail else "it did not come as a mail"
        if findings and mail and not refusal:
            drafts.append(_patch_reply(reviewed, mail, findings, sender, texts, options))
            unreachable |= _unreachable(mail, sender, options)
        elif findings:
            skipped.append(Unread(None, f"no draft for {_named(reviewed)}: {refusal}"))
    if unreachable:
        shown = ", ".join(clip(one_line(one), _LONGEST_NAME) for one in list(unreachable)[:_SHOWN])
        more = f" and {len(unreachable) - _SHOWN} more" if len(unreachable) > _SHOWN else ""
        skipped.append(Unread(None, f"no draft goes to {shown}{more}: no address that a mail program can be handed"))
    return DraftSet(tuple(drafts), tuple(skipped))


def _unreachable(mail: Mail, sender: Sender, options: Options) -> dict[str, None]:
    return dict.fromkeys(recipients(mail, sender.email, options.cc, options.lists).unreachable)


def _selected(reviewed: PatchReview, options: Options) -> tuple[Finding, ...]:
    return select(ordered(reviewed), options.min_severity, options.min_confidence)


def _refusal(mail: Mail, sender: Sender) -> str:
    """Why a message gets no reply, "" if it does."""
    if mail.automatic:
        return "a program sent it"
    if mail.author.email.lower() == sender.email.lower():
        return "it is our own mail"
    if not reachable_address(mail.author.email):
        return "its author has no address that a reply can go to"
    if not usable_id(mail.message_id):
        return "its message id cannot stand in a header"
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
    lines = body_lines(reviewed, findings[: options.most], again(texts), options.context)
    if len(findings) > options.most:
        lines += ["", *wrapped(Template(texts.more).substitute(count=len(findings) - options.most))]
    body = _assembled(texts.reply, {"reply": lines}, mail, sender, texts)
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
    lines = body_lines(review.patches[first], of_rule[first][:1], again(texts), options.context)
    places = [_place(review.patches[first], of_rule[first][1:])] if of_rule[first][1:] else []
    places += [_place(review.patches[at], of_rule[at]) for at in others]
    blocks = {"reply": lines, "places": [line for place in places for line in wrap(f"  {place}")]}
    body = _assembled(texts.series, blocks, mail, sender, texts)
    return _draft(mail, body, [finding for findings in of_rule.values() for finding in findings], sender, options, 0)


def again(texts: Texts) -> Callable[[str], str]:
    """What to write in place of a question that was asked before, as a function of the C function's name, or ""."""

    def say(function: str) -> str:
        template = Template(texts.again_in if function else texts.again)
        return template.substitute({"function": one_line(function)} if function else {})

    return say


def _place(reviewed: PatchReview, findings: Sequence[Finding]) -> str:
    functions = dict.fromkeys(f"{one_line(finding.function)}()" for finding in findings if finding.function)
    return f"{_named(reviewed)}" + (f", in {', '.join(functions)}" if functions else "")


def _named(reviewed: PatchReview) -> str:
    patch = reviewed.patch
    return f'{patch.number}/{patch.total} "{one_line(patch.subject)}"'


def _assembled(
    template: str, blocks: Mapping[str, Sequence[str]], mail: Mail, sender: Sender, texts: Texts
) -> list[str]:
    """The lines of a template, filled and wrapped; the lines of `blocks` go in unchanged."""
    name = clip(one_line(mail.author.name), _LONGEST_NAME) or mail.author.email
    values = {
        "sentdate": line_start(clip(one_line(mail.date), _LONGEST_NAME)),
        "fromname": line_start(name),
        "firstname": line_start(name.split(" ")[0]),
        "fromemail": mail.author.email,
        "subject": line_start(one_line(mail.subject)),
        "msgid": mail.message_id,
        "myname": one_line(sender.name) or sender.email,
        "myemail": sender.email,
        "contact": one_line(sender.contact) or sender.email,
        "version": __version__,
    }
    signature = _laid_out(Template(texts.signature).substitute(values))
    whole = {**blocks, "signature": ["-- ", *signature]}
    # no value holds a NUL, so that one marks where a block goes
    holes = {name: f"\0{name}\0" for name in whole}
    lines: list[str] = []
    for line in _laid_out(Template(template).substitute(values, **holes)):
        block = next((name for name in whole if line.strip() == holes[name]), None)
        lines += whole[block] if block else [_inlined(line, holes, whole)]
    return lines


def _inlined(line: str, holes: Mapping[str, str], blocks: Mapping[str, Sequence[str]]) -> str:
    for name, hole in holes.items():
        line = line.replace(hole, "\n".join(blocks[name]))
    return line


def _laid_out(text: str) -> list[str]:
    """The lines of a filled template. Lines that are too wide, by a long name, are wrapped; quotes never are."""
    lines: list[str] = []
    for line in text.strip("\n").split("\n"):
        lines += [line] if line.startswith(">") or "\0" in line else wrap(line)
    return lines


# --- messages ---


def _draft(
    mail: Mail, lines: Sequence[str], findings: Sequence[Finding], sender: Sender, options: Options, number: int
) -> Draft:
    subject = reply_subject(mail.subject)
    prints = sorted(finding.fingerprint or f"{finding.rule} {finding.path} {finding.line_text}" for finding in findings)
    message_id = _message_id(mail, prints, sender, options.digest)
    body = ("\n".join(lines) + "\n").encode("utf-8", "surrogateescape")
    encoding, body = transfer_encoding.encoded(body)
    to, cc, _ = recipients(mail, sender.email, options.cc, options.lists)
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
        "Auto-Submitted: auto-generated",
        "Precedence: bulk",
        f"X-Mailer: reviewbot {__version__}",
        "X-Patchwork-Hint: ignore",
        f"Robot-Unsubscribe: Contact <mailto:{sender.email}>",
    ]
    content = "\n".join(header).encode("ascii") + b"\n\n" + body
    return Draft(message_id, mail.message_id, subject, content, number, _sum(mail.message_id, *prints))


def _message_id(mail: Mail, prints: Iterable[str], sender: Sender, digest: str) -> str:
    """An id that is the same for the same message, findings and rules: a second run writes no second draft."""
    return f"reviewbot.{_sum(mail.message_id, digest, *prints)}@{sender.email.rpartition('@')[2]}"


def _sum(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:24]
