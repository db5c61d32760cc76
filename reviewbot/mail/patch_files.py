"""Files with patches in, as git format-patch or diff write them; one series in the order of the files out.

Nothing is guessed about versions and numbers here: who names files has put them in order. A single file with many mails
is a thread, which series.py reads.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import PurePath
from typing import BinaryIO

from msgspec.structs import replace

from reviewbot.mail import mailbox, message, quarantine, series
from reviewbot.mail.message import MailMessage
from reviewbot.model.errors import InputError, NothingToReview
from reviewbot.model.patch import Patch, Series, Unread

_COUNT = re.compile(r"(?:\[[^\]]{0,100}\][ \t]*)*\[[^\]]{0,100}?\b([0-9]{1,4})/[0-9]{1,4}\b")
_TAGS = re.compile(r"(?:\[[^\]]{0,100}\][ \t]*)+")


def read_patches(
    sources: Sequence[str],
    stdin: BinaryIO,
    max_bytes: int,
    total: int = mailbox.TOTAL,
    seconds: float | None = None,
) -> Series:
    """The patches of some files ("-": `stdin`); a cover letter among them is none. A mail may take so many seconds.

    See mailbox.read() for the other bounds.

    Raises InputError where one of them cannot be read, NothingToReview where no patch is in any.
    """
    found: list[tuple[str, bytes]] = []
    unread: list[Unread] = []
    for source in sources:
        chunks, missed = mailbox.read_mails(source, stdin, max_bytes, diffs=True, total=total)
        unread += missed
        found += ((source, chunk) for chunk in chunks)
    if len(sources) == 1 and len(found) > 1:
        whole = series.newest([chunk for _, chunk in found], seconds=seconds)
        patches = tuple(replace(patch, unread=_to_read(patch.unread)) for patch in whole.patches)
        return replace(whole, patches=patches, unread=(*unread, *_to_read(whole.unread)))
    letters: list[tuple[str, bytes, MailMessage | None]] = []
    for source, chunk in found:
        try:
            letters.append(
                (source, chunk, None if mailbox.is_diff(chunk) else quarantine.read_quarantined(chunk, seconds))
            )
        except InputError as error:
            unread.append(Unread(None, f"{mailbox.printable_name(source)}: {error}"))
    patched = [(source, chunk, letter) for source, chunk, letter in letters if letter is None or letter.diff]
    if unread and not letters:
        raise InputError(unread[-1].reason)
    if not patched:
        raise NothingToReview(f"no patch is in {', '.join(map(mailbox.printable_name, sources))}")
    total = len(patched)
    made = tuple(
        _bare(source, chunk, number, total) if letter is None else _mailed(letter, number, total)
        for number, (source, chunk, letter) in enumerate(patched, 1)
    )
    texts = [letter.text for _, _, letter in letters if letter is not None]
    base, before = series.trailers(texts)
    counts = [_COUNT.match(letter.mail.subject) for _, _, letter in patched if letter is not None]
    headless = min((int(count[1]) for count in counts if count), default=0) > 1
    return Series(made[0].subject, 1, made, None, "", base, tuple(unread), before, headless)


def _mailed(letter: MailMessage, number: int, total: int) -> Patch:
    subject = _TAGS.sub("", letter.mail.subject, count=1) or letter.mail.subject or "(no subject)"
    return Patch(number, total, subject, letter.message, letter.diff, letter.mail, unread=_to_read(letter.notes))


def _to_read(notes: Iterable[Unread]) -> tuple[Unread, ...]:
    """Without what would only matter for a reply: what is on disk was not sent yet."""
    return tuple(note for note in notes if note not in (message.NO_ID, message.NO_AUTHOR))


def _bare(source: str, chunk: bytes, number: int, total: int) -> Patch:
    name = "standard input" if source == "-" else mailbox.printable_name(PurePath(source).name)
    return Patch(number, total, name, "", chunk.decode("utf-8", "surrogateescape"))
