"""Defines what is reviewed: a series of patches with their mails, and the hunks of a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from msgspec import Struct

ReadFile = Callable[[str, str], bytes | None]  # the id of a commit or tree, and a path in it; None: no such file


class Folders(Protocol):
    """Reads folders of trees."""

    def files(self, tree: str, folder: str) -> Mapping[str, str]:
        """The regular files of a folder ("" for the top) of a tree: the ids of their contents by name."""

    def listing(self, tree: str) -> Mapping[str, str]:
        """The regular files and the folders of a tree object, their ids by name; that of a folder ends with "/".

        {} for what is no tree.
        """

    def contents(self, names: Sequence[str]) -> Mapping[str, bytes | None]:
        """The contents of some ids; None for one that is too large, or not here."""


class Address(Struct, frozen=True):
    """A mailbox of RFC 5322, 3.4: a decoded display name, "" for none, and local@domain."""

    name: str
    email: str


class Mail(Struct, frozen=True):
    """The headers of a message that a reply needs, decoded. Message ids have no angle brackets."""

    message_id: str
    subject: str
    author: Address
    date: str  # as the header has it, decoded, one line
    to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()
    references: tuple[str, ...] = ()  # oldest first
    reply_to: tuple[Address, ...] = ()
    automatic: bool = False  # Auto-Submitted other than "no"


class Unread(Struct, frozen=True):
    """Something that was not read, and the reason. `path` is None where that concerns more than a file."""

    path: str | None
    reason: str


class Patch(Struct, frozen=True):
    """One patch of a series. `number` counts from 1.

    `diff`: everything from the first diff line on; bytes that are no UTF-8 are surrogates (surrogateescape). `before`,
    `after`: the ids of the trees before and after the patch, None where no tree is known.
    """

    number: int
    total: int
    subject: str  # without [PATCH ...]
    body: str  # the commit message
    diff: str
    mail: Mail | None = None
    commit: str | None = None
    unread: tuple[Unread, ...] = ()
    before: str | None = None
    after: str | None = None
    label: str = ""  # its name where that is neither the number of a message nor a commit's id: "staged", say


class Series(Struct, frozen=True):
    """The series version under review. `unread`: what of the thread is not part of it, and why.

    `base`: the base commit, as the series names it or as it was applied to; `prerequisites`: the ids (git patch-id) of
    patches to apply first; `needed_series`: other series to apply first, by change-id or message id, as b4 names them.
    """

    subject: str
    version: int
    patches: tuple[Patch, ...]
    cover: Mail | None = None
    cover_body: str = ""
    base: str | None = None
    unread: tuple[Unread, ...] = ()
    prerequisites: tuple[str, ...] = ()
    headless: bool = False  # its first patch comes after others that are not here, whatever its number
    needed_series: tuple[str, ...] = ()

    @property
    def message_id(self) -> str | None:
        """The id of the cover letter, else of the first patch that is a message; None where there is neither."""
        mails = (self.cover, *(patch.mail for patch in self.patches))
        return next((mail.message_id for mail in mails if mail), None)


class DiffLine(Struct, frozen=True):
    """A line of a hunk. `mark`: " ", "+" or "-"; `old`, `new`: its 1-based number in that file, None if not in it."""

    mark: str
    text: str
    old: int | None
    new: int | None


class Hunk(Struct, frozen=True):
    """A hunk. `header`: the whole @@ line; `section`: its text after the second @@, which names the function around."""

    header: str
    section: str
    lines: tuple[DiffLine, ...]


class FileChange(Struct, frozen=True):
    """One file of a diff. `header`: its lines before the first hunk; `old_path`: None where the patch creates it."""

    path: str
    old_path: str | None
    hunks: tuple[Hunk, ...]
    header: tuple[str, ...] = ()
    created: bool = False
    deleted: bool = False
