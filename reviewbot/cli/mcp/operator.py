"""Holds what whoever starts the server allows: which trees, whether the network, how long, how much."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from msgspec import Struct

from reviewbot.model.errors import UsageError
from reviewbot.support.escape import clip, visible

_SHOWN = 100  # characters of a name that is none


class Operator(Struct, frozen=True):
    """What the server may do. `trees`: in the order of the command line; `shared`: options that every run gets.

    `archive`: the public-inbox server that may be asked for a message id, "" for none; `seconds` and `bytes` bound one
    call, `calls` how many run at once.
    """

    trees: tuple[Path, ...]
    shared: tuple[str, ...]
    archive: str
    seconds: int
    bytes: int
    calls: int

    @property
    def names(self) -> tuple[str, ...]:
        """What clients call the trees: the names of their folders, or the whole paths where two have the same."""
        short = [tree.name for tree in self.trees]
        return tuple(
            name if short.count(name) == 1 else str(tree) for name, tree in zip(short, self.trees, strict=True)
        )

    def tree(self, name: str | None) -> Path | None:
        """The tree that a client names, else the first one; None where there is none. Raises UsageError."""
        if name is None:
            return self.trees[0] if self.trees else None
        for known, tree in zip(self.names, self.trees, strict=True):
            if name in (known, str(tree)):
                return tree
        there = f"there is {in_a_row(self.names)}" if self.trees else "it was started without --tree"
        raise UsageError(f"this server has no tree {clip(name, _SHOWN)!r}: {there}")

    def required_tree(self, name: str | None) -> Path:
        """The same where it takes a tree."""
        tree = self.tree(name)
        if tree is None:
            raise UsageError("this takes a git tree of the kernel, and the server was started without --tree DIR")
        return tree

    def message_url(self, message_id: str) -> str:
        """Where the thread of a message is. Raises UsageError where the network may not be used."""
        if not self.archive:
            raise UsageError(
                "this server may not fetch mails, as it was started without --lore: give the text of the mails instead"
            )
        return f"{self.archive.rstrip('/')}/{quote(message_id.strip().removeprefix('<').removesuffix('>'), safe='@')}/"


def in_a_row(names: Sequence[str]) -> str:
    """Names for a sentence."""
    return ", ".join(map(visible, names))
