"""Summarises on one line what was not read, and names the choices whether that fails a run."""

from __future__ import annotations

from collections.abc import Sequence

from reviewbot.model.patch import Unread
from reviewbot.support.escape import clip, visible

SAY, FAIL = UNREAD = "say", "fail"  # what a run does in which something was not read
_NAMED = 3
_LONGEST = 80  # characters of a reason


def unread_summary(parts: Sequence[Unread]) -> str:
    """How many parts were not read, and the names of the first three, on one line; "" where all were."""
    named = ", ".join(dict.fromkeys(visible(part.path or clip(part.reason, _LONGEST)) for part in parts[:_NAMED]))
    more = f" and {len(parts) - _NAMED} more" if len(parts) > _NAMED else ""
    return f"{len(parts)} not looked at: {named}{more}" if parts else ""
