"""Opens the archive that a place names: a server, a search of lei, a clone, a maildir or an mbox."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from reviewbot.archive.clone.layout import epochs_of
from reviewbot.archive.port import Archive, ArchiveOptions
from reviewbot.mail.lore import split_base
from reviewbot.mail.mailbox import printable_name
from reviewbot.model.errors import ConfigError

_LEI = "lei:"
_POSSIBLE = (
    "a list's mails can come from https://SERVER/LIST (a public-inbox), lei:QUERY, a folder (a clone of a "
    "public-inbox, or a maildir), or a file (an mbox, also one that ends in .gz)"
)


def open_archive(
    place: str,
    options: ArchiveOptions,
    now: Callable[[], float],
    sleep: Callable[[float], None],
    say: Callable[[str], None],
) -> Archive:
    """The archive of a place. `now`: seconds since 1970; `say` gets lines about waiting.

    Nothing is asked of a server yet. Raises ConfigError for what is no such place, saying what is one.
    """
    if place.startswith(("http://", "https://")):
        from reviewbot.archive.server.archive import ServerArchive

        return ServerArchive(split_base(place, "the address of a list"), options, now, sleep, say)
    if place.startswith(_LEI):
        from reviewbot.archive.lei import LeiArchive

        return LeiArchive(place.removeprefix(_LEI).strip(), options, now)
    path = Path(place).expanduser()
    with suppress(OSError):  # too long for a file name
        if path.is_dir():
            return _folder(path, place, options)
        if path.is_file():
            from reviewbot.archive.local.mbox import MboxArchive

            return MboxArchive(path, options, now)
    raise ConfigError(f"{printable_name(place)[:200]!r}: there is no such file or folder; {_POSSIBLE}")


def _folder(path: Path, place: str, options: ArchiveOptions) -> Archive:
    if (path / "new").is_dir() and (path / "cur").is_dir():
        from reviewbot.archive.local.maildir import MaildirArchive

        return MaildirArchive(path, options)
    if epochs_of(path):
        from reviewbot.archive.clone.archive import ClonedArchive

        return ClonedArchive(path, options)
    raise ConfigError(f"{printable_name(place)[:200]!r} is neither a maildir nor a public-inbox; {_POSSIBLE}")
