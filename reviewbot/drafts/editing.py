"""Keeps the text of a draft that is being edited in a file, until it is a mail again: nothing of it is ever lost."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from reviewbot.drafts.mail_text import EditedMail, edited_mail, plain_text
from reviewbot.filesystem.files import read_file, reason_of, write_file
from reviewbot.memory import drafts
from reviewbot.memory.drafts import KeptDraft
from reviewbot.memory.memory import Memory
from reviewbot.model.errors import InputError, UsageError

_LARGEST = 10_000_000  # bytes of a file that an editor has left


class EditFile(Struct, frozen=True):
    """The file with the text of a draft; `resumed`: it was left there by an earlier run, with what somebody wrote."""

    path: Path
    draft: KeptDraft
    resumed: bool = False

    def text(self) -> bytes:
        """What stands in it. Raises InputError."""
        try:
            return read_file(self.path, _LARGEST)
        except OSError as error:
            raise InputError(f"cannot read {self.path}: {reason_of(error)}") from error

    def remove(self) -> None:
        """Remove it: what it says is kept elsewhere, or is not wanted."""
        with suppress(OSError):
            self.path.unlink()

    @property
    def unchanged(self) -> bool:
        """Whether nothing was changed, or all was deleted."""
        return self.text() == plain_text(self.draft.mail) or not self.text().strip()

    def taken(self) -> EditedMail:
        """The mail that it is now. Raises BrokenMail."""
        return edited_mail(self.text(), self.draft.mail)


def edit_file(memory: Memory, draft: KeptDraft) -> EditFile:
    """The file for a draft, beside the memory, with the draft's text unless one is there. Raises InputError."""
    folder = memory.path.parent / "edit"
    path = folder / f"draft-{draft.number}.eml"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.is_file() and not path.is_symlink():
            return EditFile(path, draft, resumed=True)
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except OSError as error:
        raise InputError(f"cannot write {path}: {reason_of(error)}") from error
    write_file(path, plain_text(draft.mail))
    return EditFile(path, draft)


def keep_edited(memory: Memory, file: EditFile, mail: EditedMail, now: Callable[[], float]) -> None:
    """Keep a mail that was edited. Raises UsageError where the draft is another one by now."""
    there = drafts.draft(memory, file.draft.number)
    if there is not None and there.mail != file.draft.mail:
        raise UsageError(f"somebody else has edited draft {file.draft.number} meanwhile; your text is in {file.path}")
    drafts.edit(memory, file.draft.number, mail.content, now())
    file.remove()
