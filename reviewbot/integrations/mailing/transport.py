"""Says what a way to hand out drafts can do, and how it says that it could not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from reviewbot.memory.drafts import KeptDraft
from reviewbot.model.errors import InputError


class NotHandedOut(InputError):
    """The draft surely did not go out; the text says why."""


class MaybeHandedOut(InputError):
    """Nobody knows whether the draft went out; the text says what is known."""


class Transport(Protocol):
    """A way to hand out drafts. `name`: as the outbox keeps it; `does`: what it does, in two words."""

    name: str
    does: str

    def check(self) -> None:
        """Raise InputError, UsageError or ConfigError where it surely cannot be used, before anything is begun."""

    def plan(self, draft: KeptDraft) -> Sequence[str]:
        """What hand_out() would do, in lines."""

    def hand_out(self, draft: KeptDraft, lock: int) -> str:
        """Do it, and say what was done. `lock`: a descriptor that is inherited by whoever goes on with it.

        Raises NotHandedOut or MaybeHandedOut.
        """

    def has(self, draft: KeptDraft) -> bool:
        """Whether the draft lies where this way puts it. Raises InputError where that cannot be seen."""
