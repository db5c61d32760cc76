"""Remembers which drafts were ever written into a maildir, and sees which of them are gone from it.

A draft that is gone, because it was sent or not wanted, so differs from one that never was. Versions of reviewbot
without a memory kept a file for that in each maildir; it is read once, and left as it is for them.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Mapping
from email.utils import formataddr
from pathlib import Path

from reviewbot.drafts.listing import people_in
from reviewbot.drafts.mail_text import header_of
from reviewbot.drafts.maildir import Maildir
from reviewbot.filesystem.files import read_file, reason_of
from reviewbot.mail import headers
from reviewbot.memory import drafts, evidence
from reviewbot.memory.drafts import HANDLED, PLACED, KeptDraft, NewDraft, Point
from reviewbot.memory.memory import Memory
from reviewbot.model.errors import DamagedDatabase, InputError, UsageError
from reviewbot.model.review import CONFIDENCES, Review
from reviewbot.report.reply.message import Draft
from reviewbot.support.escape import printable

OLD_NAME = "reviewbot-written"
_LINE = re.compile(r"([0-9a-f]{24}) ([!-~]{1,500})")
_LARGEST = 4 << 20  # bytes of that file
_LARGEST_MAIL = 1_000_000
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
LOST = "drafts that are gone may be written again"


class PlacedDrafts:
    """What the memory has of the drafts in one maildir, for one run that has the maildir to itself.

    `known`: the files there, see Maildir.known(); no `memory`: nothing is known of it. asks in placed: whether a draft
    that asks this was ever written. `wrong`: what went wrong, in sentences.
    """

    def __init__(self, memory: Memory | None, maildir: Maildir, known: Mapping[str, Path], now: float) -> None:
        self._memory, self._now = memory, now
        self._folder = folder_name(maildir.path)
        self.wrong: list[str] = []
        self._rows: dict[str, KeptDraft] = {}
        if memory is None:
            return
        try:
            if not drafts.placed_in(memory, self._folder):
                self._take_over(memory, maildir, known)
            _see(memory, self._folder, known, maildir.wrong, now)
            self._rows = {one.asks: one for one in drafts.placed_in(memory, self._folder)}
        except (InputError, DamagedDatabase) as error:
            self._give_up(error)

    def __contains__(self, asks: str) -> bool:
        return asks in self._rows

    def message_id(self, asks: str) -> str:
        """The message id of the draft that was written last for what it asks, "" if none was."""
        return self._rows[asks].message_id if asks in self._rows else ""

    def add(self, draft: Draft, review: Review) -> None:
        """Remember a draft of a review that is there now. Never raises: see `wrong`."""
        before = self._rows.get(draft.asks)
        if self._memory is None or (before and (before.message_id, before.state) == (draft.message_id, PLACED)):
            return
        try:
            with self._memory.writing():
                drafts.place(self._memory, _new(draft, review, self._folder), self._now)
        except (InputError, DamagedDatabase) as error:
            self._give_up(error)

    def _take_over(self, memory: Memory, maildir: Maildir, known: Mapping[str, Path]) -> None:
        """Bring what an older version has noted in the maildir into the memory, all of it or nothing."""
        try:
            lines, bad = _old_lines(maildir.top)
        except FileNotFoundError:
            return
        except OSError as error:
            self.wrong.append(f"{OLD_NAME} cannot be read ({reason_of(error)}): {LOST}")
            return
        with memory.writing():
            for asks, message_id in lines.items():
                there = known.get(message_id)
                drafts.add_draft(memory, _noted(asks, message_id, there, self._folder), self._now)
        if bad:
            self.wrong.append(f"{'1 line' if bad == 1 else f'{bad} lines'} of {OLD_NAME} cannot be read: {LOST}")

    def _give_up(self, error: Exception) -> None:
        self._memory = None
        self.wrong.append(f"the memory cannot be used ({error}): {LOST}")


def see_maildirs(memory: Memory, now: float) -> None:
    """See which drafts are gone from their maildirs. A folder that is not there, or cannot be read, says nothing."""
    for folder in dict.fromkeys(one.folder for one in drafts.kept(memory, (PLACED,))):
        path = Path(folder)
        if not all((path / part).is_dir() for part in ("new", "cur", "tmp")):
            continue  # it may be on a disk that is not there now
        try:
            with Maildir(path) as maildir:
                known = maildir.known()
                _see(memory, folder, known, maildir.wrong, now)
        except (OSError, UsageError):
            continue


def folder_name(path: Path) -> str:
    """The name by which the memory knows a maildir."""
    return os.fsencode(path.resolve()).decode("utf-8", "backslashreplace")


def file_mark(message_id: str) -> str:
    """The end of a draft's file name, by which it is known when somebody has taken its Message-ID away."""
    unique = re.sub(r"[^0-9a-z]+", "", message_id.partition("@")[0].removeprefix("reviewbot."))[:24]
    return f".{unique}.eml"


def _see(memory: Memory, folder: str, known: Mapping[str, Path], wrong: list[str], now: float) -> None:
    """Note which drafts are gone from a maildir, and which have come back to it."""
    there = {*known, *("." + name.split(".", 1)[1] for name in known if name.endswith(".eml") and "." in name[:-4])}
    gone, back = [], []
    for one in drafts.placed_in(memory, folder):
        is_there = one.message_id in there or file_mark(one.message_id) in there
        if one.state == PLACED and not is_there and not wrong:
            gone.append(one)
        elif one.state == HANDLED and is_there:
            back.append(one)
    if gone or back:
        with memory.writing():
            for one in gone:
                drafts.handled(memory, one.number, now)
            for one in back:
                drafts.came_back(memory, one.number, now)


def _old_lines(folder: int) -> tuple[dict[str, str], int]:
    """What each draft asked with its last message id, and how many lines say nothing. `folder`: a descriptor.

    Of a file above 4 MiB the end counts. Raises OSError, also for a link, pipe or folder.
    """
    descriptor = os.open(OLD_NAME, _READ, dir_fd=folder)
    with os.fdopen(descriptor, "rb") as file:
        there = os.fstat(descriptor)
        if not stat.S_ISREG(there.st_mode):
            raise OSError(0, "it is no file")
        if there.st_size > _LARGEST:
            file.seek(-_LARGEST, os.SEEK_END)
            file.readline()
        content = file.read(_LARGEST)
    found: dict[str, str] = {}
    bad = 0
    for line in content.split(b"\n"):
        match = _LINE.fullmatch(line.decode("ascii", "replace"))
        if match:
            found[match[1]] = match[2]
        elif line and not line.startswith(b"#"):
            bad += 1
    return found, bad


def _noted(asks: str, message_id: str, path: Path | None, folder: str) -> NewDraft:
    """A draft of which an older version has noted its id alone; `path`: its file, if it is still there."""
    content = b""
    if path is not None:
        try:
            content = read_file(path, _LARGEST_MAIL)
        except OSError:
            content = b""
    head = header_of(content)
    return NewDraft(
        message_id=message_id,
        asks=asks,
        in_reply_to=next(iter(headers.ids(head, "in-reply-to")), ""),
        subject=headers.text(head, "subject"),
        author=_author(content),
        confidence="",
        reason="",
        content=content,
        points=(),
        folder=folder,
    )


def _new(draft: Draft, review: Review, folder: str) -> NewDraft:
    sure = [one.confidence for one in draft.findings]
    return NewDraft(
        message_id=draft.message_id,
        asks=draft.asks,
        in_reply_to=draft.in_reply_to,
        subject=draft.subject,
        author=_author(draft.content),
        confidence=max(sure, key=CONFIDENCES.index, default=""),
        reason=", ".join(_reasons(draft)),
        content=draft.content,
        points=tuple(
            Point(*map(printable, (one.fingerprint, one.rule, one.path, one.function, one.line_text, one.confidence)))
            for one in draft.findings
        ),
        folder=folder,
        evidence=evidence.packed(evidence.part_of(review, frozenset(one.fingerprint for one in draft.findings))),
    )


def _author(content: bytes) -> str:
    return next((formataddr((one.name, one.email), "utf-8") for one in people_in(content)), "")


def _reasons(draft: Draft) -> Iterator[str]:
    for one in draft.findings[:1]:
        where = f" in {one.function}()" if one.function else ""
        yield printable(f"{one.rule}{where}")
    if len(draft.findings) > 1:
        yield f"{len(draft.findings) - 1} more"
