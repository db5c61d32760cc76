"""Puts a draft into a maildir, such as the folder of drafts of a mail program."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from reviewbot.drafts.maildir import Maildir
from reviewbot.drafts.placed import file_mark
from reviewbot.filesystem.files import reason_of
from reviewbot.integrations.mailing.transport import NotHandedOut
from reviewbot.memory.drafts import KeptDraft
from reviewbot.model.errors import InputError, UsageError

PREFIX = "maildir "


class MaildirFolder:
    """A maildir, made where there is none."""

    does = "puts"

    def __init__(self, path: Path) -> None:
        self._path = path
        self.name = f"{PREFIX}{path.absolute()}"

    def check(self) -> None:
        """Nothing can be seen before."""

    def plan(self, draft: KeptDraft) -> Sequence[str]:
        """The file that it would be."""
        return [f"put into {self._path / 'new' / _file_name(draft)}"]

    def hand_out(self, draft: KeptDraft, lock: int) -> str:
        """Put it there, unless it is there."""
        try:
            with Maildir(self._path) as maildir:
                path = maildir.put(_file_name(draft), draft.mail)
        except (OSError, UsageError) as error:
            why = reason_of(error) if isinstance(error, OSError) else str(error)
            raise NotHandedOut(f"it cannot be put into {self._path}: {why}") from error
        return f"is in {path or self._path}"

    def has(self, draft: KeptDraft) -> bool:
        """Whether it lies there. Raises InputError."""
        try:
            with Maildir(self._path) as maildir:
                known = maildir.known()
                return draft.message_id in known or _file_name(draft) in known
        except (OSError, UsageError) as error:
            raise InputError(f"{self._path} cannot be read: {error}") from error


def _file_name(draft: KeptDraft) -> str:
    return f"draft-{draft.number}{file_mark(draft.message_id)}"
