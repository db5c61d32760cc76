"""What was not looked at in, how it is named, and whether that fails a run, out."""

from __future__ import annotations

from collections.abc import Sequence

from reviewbot.model.patch import Unread
from reviewbot.support.escape import clip, visible

SAY, FAIL = UNREAD = "say", "fail"  # what may become of a run in which something was not looked at
_NAMED = 3
_LONGEST = 80  # characters of a reason


def unread_summary(parts: Sequence[Unread]) -> str:
    """How many there are, and what the first of them are, on one line; "" where there are none."""
    named = ", ".join(dict.fromkeys(visible(part.path or clip(part.reason, _LONGEST)) for part in parts[:_NAMED]))
    more = f" and {len(parts) - _NAMED} more" if len(parts) > _NAMED else ""
    return f"{len(parts)} not looked at: {named}{more}" if parts else ""
