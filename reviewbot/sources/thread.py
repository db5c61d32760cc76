"""Reads the newest version of a series from a mail thread.

Input: a message id, a URL, files of mails, or one mail of a thread that a server has. Output: the series. Raises
InputError where nothing of it can be read.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from msgspec.structs import replace

from reviewbot.kernel import rules
from reviewbot.mail import lore, mailbox, series
from reviewbot.mail.message import NO_ID, MailMessage
from reviewbot.mail.quarantine import read_quarantined
from reviewbot.model.errors import FetchError, InputError, UsageError
from reviewbot.model.patch import Series, Unread
from reviewbot.sources.series import first_patches
from reviewbot.sources.settings import Limits, LoreOptions
from reviewbot.web.transfer import Bounds

if TYPE_CHECKING:
    from reviewbot.sources.progress import Progress

_ALONE = "to review this mail alone, leave out --of-mail"


def read_thread(
    source: str,
    stdin: BinaryIO,
    settings: LoreOptions,
    limits: Limits,
    folders: Sequence[Path],
    progress: Progress,
    *,
    of_mail: bool = False,
) -> Series:
    """The newest whole version of the series that `source` names ("-": `stdin`), cut to as many patches as allowed.

    `folders`: those of the rules, which say what belongs to another project than the kernel. `of_mail`: `source` is one
    mail, and the thread it belongs to is meant; the server is told nothing but the mail's id.

    Raises UsageError if there can be no mail in `source`, InputError if there are several or the mail has no id.
    """
    if of_mail:
        mail = _only_mail(source, stdin, limits)
        try:
            return _of_server(mail.mail.message_id, settings, limits, folders, progress)
        except FetchError as error:
            if mail.diff:
                raise FetchError(f"{error}; {_ALONE}", error.status) from error
            raise
    if lore.is_remote(source):
        return _of_server(source, settings, limits, folders, progress)
    mails, unread = mailbox.read_mails(source, stdin, limits.mail_bytes, total=limits.mailbox_bytes)
    return _newest(mails, None, unread, limits, folders)


def _only_mail(source: str, stdin: BinaryIO, limits: Limits) -> MailMessage:
    if lore.is_remote(source):
        raise UsageError(f"--of-mail takes a mail, from a file or -: leave --of-mail out to review {source!r}")
    mails, unread = mailbox.read_mails(source, stdin, limits.mail_bytes, total=limits.mailbox_bytes)
    if len(mails) + len(unread) > 1:
        raise InputError(f"--of-mail takes one mail, and there are {len(mails) + len(unread)}: leave it out for those")
    mail = read_quarantined(mails[0], limits.seconds)
    if NO_ID in mail.notes:
        raise InputError(f"the mail has no Message-ID (mutt leaves it out with pipe_decode): {_ALONE}")
    if not lore.is_bare_id(mail.mail.message_id):
        raise InputError(f"no server can be asked for the Message-ID {mail.mail.message_id[:60]!r}: {_ALONE}")
    return mail


def _of_server(
    source: str, settings: LoreOptions, limits: Limits, folders: Sequence[Path], progress: Progress
) -> Series:
    with progress.waiting("asking for the thread"):
        bounds = Bounds(settings.timeout, settings.seconds, limits.mailbox_bytes)
        fetched, wanted = lore.fetch_thread(source, settings.url, bounds, settings.hosts, progress.tell)
    mails, unread = mailbox.taken(fetched, "the thread", limits.mail_bytes, total=limits.mailbox_bytes)
    return _newest(mails, wanted, unread, limits, folders)


def _newest(
    mails: Sequence[bytes], wanted: str | None, unread: tuple[Unread, ...], limits: Limits, folders: Sequence[Path]
) -> Series:
    found = series.newest(mails, wanted, rules.projects(folders), limits.seconds)
    return first_patches(replace(found, unread=(*unread, *found.unread)), limits.patches)
