"""Where the files are found that a patch leaves alone: the folders of its tree, and an index of trees like it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from reviewbot.model.patch import Folders

if TYPE_CHECKING:
    from reviewbot.program.recorded.records import Records
    from reviewbot.review.neighbourhood.folder_words import ReadWords
    from reviewbot.review.neighbourhood.word_tables import SourceWords


class KnownTrees(Protocol):
    """What is known of whole trees."""

    @property
    def records(self) -> Records | None:
        """What was read of functions in earlier runs, None where that is not kept."""

    def covers(self, tree: str, folders: Folders) -> bool:
        """Whether it says what the files of a tree say; the user is told where it does not."""

    def words(self, tree: str, folders: Folders, read: ReadWords) -> SourceWords | None:
        """What the files of a tree say, None where that is not known. `read`: reads those that are new in it.

        Raises DamagedDatabase, as do the words themselves.
        """

    def give_up(self, why: str) -> None:
        """Say that it cannot be read, and why; it is not asked any more."""


class TreeSource(Struct, frozen=True):
    """`folders`: those of the tree; `index`: None where there is none."""

    folders: Folders
    index: KnownTrees | None = None

    @property
    def records(self) -> Records | None:
        """What was read of functions in earlier runs, None where that is not kept."""
        return self.index.records if self.index is not None else None
