"""Parses one message: the headers that a reply needs, the commit message, the diff, and what could not be read.

Knows nothing of series; mail.versions does.
"""

from __future__ import annotations

import email
import hashlib
from email.message import Message

from msgspec import Struct

from reviewbot.mail import body, headers
from reviewbot.model.errors import InputError
from reviewbot.model.patch import Address, Mail, Unread
from reviewbot.patch import extract

NO_ID = Unread(None, "the mail has no Message-ID: a reply will not stand below it in an archive")
NO_AUTHOR = Unread(None, "the mail has no usable From address: nobody to answer")
FIRST_ALONE = "only the first was read"  # how a note ends that speaks of a further patch
_SUBJECT = 1_000  # characters; b4's time for reading one grows with the cube


class MailMessage(Struct, frozen=True):
    """One parsed message. `text`: all of its text; `message`: the part before "---"; `diff`: "" where it has none."""

    mail: Mail
    parent: str | None  # the message id that it answers
    when: float  # its date in seconds since 1970, 0 if it has none
    text: str
    message: str
    diff: str
    notes: tuple[Unread, ...] = ()
    html: bool = False  # there is no other text than HTML

    @property
    def quotes_diff(self) -> bool:
        """Whether the text quotes a diff."""
        return "\n> diff --git " in self.text or "\n> @@ -" in self.text


def parse_message(raw: bytes) -> MailMessage:
    """Read one message. Broken headers and parts are tolerated.

    Raises InputError where the parser itself fails; its text is the end of a sentence that begins with the message.
    """
    try:
        return _parse(raw)
    except Exception as error:
        why = f"cannot be parsed ({type(error).__name__})"
        raise InputError(why) from error


def _parse(raw: bytes) -> MailMessage:
    message = email.message_from_bytes(raw, policy=body.Policy())
    parts = body.pieces(message)
    long = body.cut(message)
    html = not parts and body.has_html(message)
    mail, parent, notes = _mail(message, raw)
    main, text, found = _patch(parts)
    notes += _part_notes(parts, main, text, found)
    if long:
        notes += (Unread(None, f"a header {headers.clean(long)[:40]} was not read to its end: it is too long"),)
    return MailMessage(mail, parent, headers.timestamp(mail.date), text, found.message, found.diff, notes, html)


def _patch(parts: tuple[body.TextPart, ...]) -> tuple[int, str, extract.PatchText]:
    """The index of the part with the diff, the text up to the end of it, and that text as commit message and diff."""
    cut = [extract.split_text(part.text) for part in parts]
    main = next((at for at, part in enumerate(cut) if part.diff), 0)
    if not parts:
        return 0, "", extract.PatchText("", "")
    found = cut[main]
    if main and cut[0].message:
        found = extract.PatchText(cut[0].message, found.diff, found.more)
    return main, "\n".join(part.text for part in parts[: main + 1]), found


def _part_notes(parts: tuple[body.TextPart, ...], main: int, text: str, found: extract.PatchText) -> tuple[Unread, ...]:
    notes = []
    if parts and parts[main].wrong:
        charset = headers.clean(parts[main].wrong)[:40]
        notes.append(
            Unread(
                None, f"the text is not in {charset} as the mail says: bytes that are no UTF-8 were kept as they are"
            )
        )
    if found.more:
        notes.append(Unread(None, f"the mail holds more than one patch: {FIRST_ALONE}"))
    for part in parts[main + 1 :]:
        if found.diff and extract.split_text(part.text).diff:
            name = headers.clean(part.name)[:100] or "without a name"
            notes.append(Unread(None, f"the attachment {name} holds a further diff: {FIRST_ALONE}"))
    return tuple(notes)


def _mail(message: Message, raw: bytes) -> tuple[Mail, str | None, tuple[Unread, ...]]:
    notes: list[Unread] = []
    own = headers.ids(message, "message-id")
    if not own:
        # made of the message itself, so that a second run finds the same
        own = (f"{hashlib.sha256(raw).hexdigest()[:32]}@no-message-id.invalid",)
        notes.append(NO_ID)
    author = headers.addresses(message, "from")
    if not author:
        notes.append(NO_AUTHOR)
    answered = headers.ids(message, "in-reply-to")[:1]
    references = headers.ids(message, "references")
    chain = tuple(dict.fromkeys(one for one in (*references, *answered) if one != own[0]))
    automatic = headers.text(message, "auto-submitted").split(";")[0].strip().lower()
    mail = Mail(
        message_id=own[0],
        subject=headers.text(message, "subject")[:_SUBJECT],
        author=author[0] if author else Address("", ""),
        date=headers.text(message, "date")[:200],
        to=headers.addresses(message, "to"),
        cc=headers.addresses(message, "cc"),
        references=chain,
        reply_to=headers.addresses(message, "reply-to"),
        automatic=automatic not in ("", "no"),
    )
    parent = next((one for one in (*answered, *reversed(references)) if one != own[0]), None)
    return mail, parent, tuple(notes)
