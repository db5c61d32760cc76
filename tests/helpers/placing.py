"""Drafts put into a maildir by somebody with a memory, which lies beside that folder."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from command import THREADS
from report_cases import SCOPE, composed, only, review, reviewed
from reviewbot.drafts import placed, write
from reviewbot.drafts.write import Delivery
from reviewbot.memory import drafts as kept
from reviewbot.memory.drafts import KeptDraft
from reviewbot.memory.memory import Memory
from reviewbot.report.reply.message import Draft

OLD = placed.OLD_NAME
DEMO = ("thread", THREADS / "demo.mbox", "--kernel", "6.10", "--config", THREADS / "demo.toml", "--drafts")
MADE = review(reviewed([SCOPE]))  # what drafts are made of, where it does not matter


def memory_of(folder: Path) -> Memory:
    return Memory.open(folder.parent / f"{folder.name}.memory" / "memory.sqlite")


def write_drafts(drafts: Iterable[Draft], folder: Path, again: bool = False, now: float = 0.0) -> Delivery:
    with memory_of(folder) as memory:
        return write.write_drafts(MADE, drafts, folder, memory, now, again)


def remembered(folder: Path) -> list[KeptDraft]:
    with memory_of(folder) as memory:
        return kept.placed_in(memory, placed.folder_name(folder))


def one(**options) -> Draft:
    return only(review(reviewed([SCOPE])), **options)


def many(count: int) -> tuple[Draft, ...]:
    patches = [reviewed([SCOPE], number=number, total=count) for number in range(1, count + 1)]
    return composed(review(*patches), common=count + 1).drafts


def there(folder: Path) -> list[str]:
    """The files of a maildir, and the links in it."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir() or path.is_symlink())
