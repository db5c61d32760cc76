"""Reads the newest version of a series from a mail thread.

Input: a message id, a URL, or files of mails. Output: the series. Raises InputError where nothing of it can be read.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from msgspec.structs import replace

from reviewbot.kernel import rules
from reviewbot.mail import lore, mailbox, series
from reviewbot.model.patch import Series, Unread
from reviewbot.sources.series import first_patches
from reviewbot.sources.settings import Limits, LoreOptions
from reviewbot.web.download import Bounds

if TYPE_CHECKING:
    from reviewbot.sources.progress import Progress


def read_thread(
    source: str,
    stdin: BinaryIO,
    settings: LoreOptions,
    limits: Limits,
    folders: Sequence[Path],
    progress: Progress,
) -> Series:
    """The newest whole version of the series that `source` names ("-": `stdin`), cut to as many patches as allowed.

    `folders`: those of the rules, which say what belongs to another project than the kernel.
    """
    wanted = None
    unread: tuple[Unread, ...] = ()
    if lore.is_remote(source):
        with progress.waiting("asking for the thread"):
            bounds = Bounds(settings.timeout, settings.seconds, limits.mailbox_bytes)
            fetched, wanted = lore.fetch_thread(source, settings.url, bounds, settings.hosts, progress.tell)
        mails, unread = mailbox.taken(fetched, "the thread", limits.mail_bytes, total=limits.mailbox_bytes)
    else:
        mails, unread = mailbox.read_mails(source, stdin, limits.mail_bytes, total=limits.mailbox_bytes)
    found = series.newest(mails, wanted, rules.projects(folders), limits.seconds)
    return first_patches(replace(found, unread=(*unread, *found.unread)), limits.patches)
