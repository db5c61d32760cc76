"""Drafts put into a maildir by somebody with a memory, which lies beside that folder."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from reviewbot.drafts import placed, write
from reviewbot.drafts.write import Delivery
from reviewbot.memory import drafts as kept
from reviewbot.memory.drafts import KeptDraft
from reviewbot.memory.memory import Memory
from reviewbot.report.reply.message import Draft

OLD = placed.OLD_NAME


def memory_of(folder: Path) -> Memory:
    return Memory.open(folder.parent / f"{folder.name}.memory" / "memory.sqlite")


def write_drafts(drafts: Iterable[Draft], folder: Path, again: bool = False, now: float = 0.0) -> Delivery:
    with memory_of(folder) as memory:
        return write.write_drafts(drafts, folder, memory, now, again)


def remembered(folder: Path) -> list[KeptDraft]:
    with memory_of(folder) as memory:
        return kept.placed_in(memory, placed.folder_name(folder))
