"""Finds drafts of the memory by what somebody calls them: a number, a message id, or that of the mail they answer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from reviewbot.memory import drafts
from reviewbot.memory.drafts import OPEN, KeptDraft
from reviewbot.memory.memory import Memory
from reviewbot.model.errors import UsageError
from reviewbot.support.escape import clip, visible

_SHOWN = 8  # numbers that an error names


def all_named(memory: Memory, words: Iterable[str]) -> list[KeptDraft]:
    """The drafts with these names, each once, in their order. Raises UsageError for a name that none has."""
    found = {one.number: one for one in (named(memory, word) for word in words)}
    return list(found.values())


def named(memory: Memory, word: str) -> KeptDraft:
    """The draft with this name. Raises UsageError, with the nearest ones, where there is none or several."""
    asked = word.strip().removeprefix("#")
    if asked.isascii() and asked.isdigit():
        found = drafts.draft(memory, int(asked[:18]))
        if found is None:
            raise UsageError(f"there is no draft {asked[:18]}{_waiting(memory)}")
        return found
    message_id = asked.removeprefix("<").removesuffix(">")
    every = drafts.kept(memory)
    matching = [one for one in every if one.message_id == message_id]
    matching = matching or [one for one in every if one.in_reply_to == message_id]
    if not matching:
        raise UsageError(f"there is no draft {visible(clip(message_id, 80))}{_nearest(message_id, every)}")
    open_ones = [one for one in matching if one.state in OPEN] or matching
    if len(open_ones) > 1:
        numbers = ", ".join(str(one.number) for one in open_ones[:_SHOWN])
        raise UsageError(
            f"{visible(clip(message_id, 80))} is answered by several drafts, name one by its number: {numbers}"
        )
    return open_ones[0]


def _nearest(message_id: str, every: Sequence[KeptDraft]) -> str:
    from difflib import get_close_matches

    known = {id_: one.number for one in every for id_ in (one.in_reply_to, one.message_id) if id_}
    near = get_close_matches(message_id[:200], list(known)[-2000:], 1, 0.6)
    return f"; did you mean {visible(near[0])} (draft {known[near[0]]})?" if near else ""


def _waiting(memory: Memory) -> str:
    numbers = [str(one.number) for one in drafts.kept(memory, OPEN)]
    if not numbers:
        return "; none is waiting"
    more = f" and {len(numbers) - _SHOWN} more" if len(numbers) > _SHOWN else ""
    return f"; waiting: {', '.join(numbers[:_SHOWN])}{more}"
