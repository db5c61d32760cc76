"""What comes in: mails, a series of patches, and the hunks of a file."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

ReadFile = Callable[[str, str], bytes | None]  # the id of a commit or tree, and a path in it; None: no such file


class Address(Struct, frozen=True):
    name: str
    email: str


class Mail(Struct, frozen=True):
    """The headers of a mail that a reply needs, decoded; ids without angle brackets."""

    message_id: str
    subject: str
    author: Address
    date: str  # as the mail gave it, decoded, one line
    to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()
    references: tuple[str, ...] = ()  # oldest first
    reply_to: tuple[Address, ...] = ()
    automatic: bool = False  # Auto-Submitted other than "no"


class Unread(Struct, frozen=True):
    """Something that was not looked at, and the reason; path is None where it concerns more than a file."""

    path: str | None
    reason: str


class Patch(Struct, frozen=True):
    """One patch of a series. `diff` is everything from the first diff line on, surrogateescape for odd bytes.

    `before` and `after` are the ids of the trees it leads from and to, None where there is no tree.
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
    label: str = ""  # what it is called where that is neither the number of a mail nor a commit's id: "staged", say


class Series(Struct, frozen=True):
    """The newest whole version of a series. `unread`: what of the thread was left out, and why.

    `base`: the commit it says it is made for, or was applied to; `prerequisites`: the ids of patches to apply first.
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

    @property
    def message_id(self) -> str | None:
        """That of the cover letter, else of the first patch."""
        return next((mail.message_id for mail in (self.cover, *(one.mail for one in self.patches)) if mail), None)


class DiffLine(Struct, frozen=True):
    """`mark` is " ", "+" or "-"; numbers are 1-based in the old and the new file, None where it is not there."""

    mark: str
    text: str
    old: int | None
    new: int | None


class Hunk(Struct, frozen=True):
    """`header` is the whole @@ line; `section` the text after it, which names the function around."""

    header: str
    section: str
    lines: tuple[DiffLine, ...]


class FileChange(Struct, frozen=True):
    """One file of a diff; `header` holds the lines before its first hunk."""

    path: str
    old_path: str | None
    hunks: tuple[Hunk, ...]
    header: tuple[str, ...] = ()
    created: bool = False
    deleted: bool = False
