"""Reads patch files, as git format-patch or diff write them, as one series in the order of the files.

Versions and numbers in subjects are not evaluated: the order of the files is that of the patches. A single file with
several messages is a thread, which mail.series reads.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import PurePath
from typing import BinaryIO

from msgspec.structs import replace

from reviewbot.mail import mailbox, quarantine, series
from reviewbot.mail.message import NO_AUTHOR, NO_ID, MailMessage
from reviewbot.model.errors import InputError, NothingToReview
from reviewbot.model.patch import Patch, Series, Unread
from reviewbot.patch.base_trailers import base_trailers

_COUNT = re.compile(r"(?:\[[^\]]{0,100}\][ \t]*)*\[[^\]]{0,100}?\b([0-9]{1,4})/[0-9]{1,4}\b")
_TAGS = re.compile(r"(?:\[[^\]]{0,100}\][ \t]*)+")


def read_patches(
    sources: Sequence[str],
    stdin: BinaryIO,
    max_bytes: int,
    total: int = mailbox.TOTAL,
    seconds: float | None = None,
) -> Series:
    """The patches of some files ("-": `stdin`). A cover letter among them is not a patch.

    `seconds`: the time for one message, None for no limit. See mailbox.read_mails() for `max_bytes` and `total`.

    Raises InputError where one of the files cannot be read, NothingToReview where no patch is in any.
    """
    files: list[tuple[str, bytes]] = []
    unread: list[Unread] = []
    for source in sources:
        chunks, missed = mailbox.read_mails(source, stdin, max_bytes, diffs=True, total=total)
        unread += missed
        files += ((source, chunk) for chunk in chunks)
    if len(sources) == 1 and len(files) > 1:
        whole = series.newest([chunk for _, chunk in files], seconds=seconds)
        patches = tuple(replace(patch, unread=_to_read(patch.unread)) for patch in whole.patches)
        return replace(whole, patches=patches, unread=(*unread, *_to_read(whole.unread)))
    parsed: list[tuple[str, bytes, MailMessage | None]] = []
    for source, chunk in files:
        try:
            parsed.append(
                (source, chunk, None if mailbox.is_diff(chunk) else quarantine.read_quarantined(chunk, seconds))
            )
        except InputError as error:
            unread.append(Unread(None, f"{mailbox.printable_name(source)}: {error}"))
    patched = [(source, chunk, message) for source, chunk, message in parsed if message is None or message.diff]
    if unread and not parsed:
        raise InputError(unread[-1].reason)
    if not patched:
        raise NothingToReview(f"no patch is in {', '.join(map(mailbox.printable_name, sources))}")
    total = len(patched)
    numbered = tuple(
        _bare(source, chunk, number, total) if message is None else _mailed(message, number, total)
        for number, (source, chunk, message) in enumerate(patched, 1)
    )
    texts = [message.text for _, _, message in parsed if message is not None]
    asked = base_trailers(texts)
    counts = [_COUNT.match(message.mail.subject) for _, _, message in patched if message is not None]
    headless = min((int(count[1]) for count in counts if count), default=0) > 1
    title = numbered[0].subject
    return Series(title, 1, numbered, None, "", asked.base, tuple(unread), asked.patches, headless, asked.series)


def _mailed(message: MailMessage, number: int, total: int) -> Patch:
    subject = _TAGS.sub("", message.mail.subject, count=1) or message.mail.subject or "(no subject)"
    return Patch(number, total, subject, message.message, message.diff, message.mail, unread=_to_read(message.notes))


def _to_read(notes: Iterable[Unread]) -> tuple[Unread, ...]:
    """The notes without those that only matter for a reply: what is on disk was not sent yet."""
    return tuple(note for note in notes if note not in (NO_ID, NO_AUTHOR))


def _bare(source: str, chunk: bytes, number: int, total: int) -> Patch:
    name = "standard input" if source == "-" else mailbox.printable_name(PurePath(source).name)
    return Patch(number, total, name, "", chunk.decode("utf-8", "surrogateescape"))
