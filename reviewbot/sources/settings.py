"""Names what sources take from config.toml: bounds, the archive of mails, and how trees are looked at.

One struct a table, one field a key; what each means is said in that file. config.py reads and checks the values.
"""

from __future__ import annotations

from msgspec import Struct


class LoreOptions(Struct, frozen=True):
    """The keys of [lore]; times in seconds."""

    url: str
    hosts: tuple[str, ...]
    timeout: int
    seconds: int


class TreeOptions(Struct, frozen=True):
    """The keys of [tree]."""

    branches: tuple[str, ...]
    seconds: int
    fetch: bool
    fetch_minutes: int
    fetch_seconds: int
    headers: tuple[str, ...]


class Limits(Struct, frozen=True):
    """The keys of [limits]."""

    mail_bytes: int
    mailbox_bytes: int
    patches: int
    seconds: int
    processes: int
