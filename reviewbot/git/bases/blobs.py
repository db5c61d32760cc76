"""Finds the commit whose files have the blob ids that the diffs of a series name.

Input: the files that the patches change. Output: the newest commit that has them all, or why there is none.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing

from reviewbot.git.bases.base import Base, Tip, base_at
from reviewbot.git.repository import Repository
from reviewbot.model.patch import FileChange
from reviewbot.support.diff_lines import blob_ids

BLOBS = "blob ids of the diff"  # how a base was found
_SHARE = 0.3  # of the time that is left, for the search: the branches are still to be tried
_PATHS = 100  # of a series that are looked for; what has these has the others


class WantedBlobs:
    """The blobs of the files that a series changes, as they are in its base.

    `files`: those that each patch changes. `ids`: by path the blob ids, mostly cut short; zeros: no such file.
    """

    def __init__(self, files: Iterable[Sequence[FileChange]]) -> None:
        self.ids: dict[str, str] = {}
        made: set[str] = set()  # by a patch of the series itself
        for change in (one for changes in files for one in changes):
            known = _old_id(change)
            first = change.path if change.created else change.old_path
            if first is not None and first not in made and known is not None:
                self.ids.setdefault(first, known)
            made.update(path for path in (change.path, change.old_path) if path is not None)
        self.there = sorted(path for path, known in self.ids.items() if known.strip("0"))[:_PATHS]
        self.paths = (*self.there, *sorted(self.ids.keys() - set(self.there))[: _PATHS - len(self.there)])

    def are_in(self, repository: Repository, commit: str) -> bool:
        """Whether a commit has all these blobs, and at least one of them is a file."""
        tree = repository.tree(commit) if self.there else None
        return tree is not None and all(is_in(repository, tree, path, self.ids[path]) for path in self.paths)


def is_in(repository: Repository, tree: str, path: str, known: str) -> bool:
    """Whether the blob at a path of a tree has an id, which may be cut short; for zeros, whether there is none."""
    found = repository.entry(tree, path)
    return not known.strip("0") if found is None else found.id.startswith(known)


def old_id(change: FileChange) -> str | None:
    """The blob id, mostly cut short, of the file before a change; None if the diff names none, or there was no file."""
    known = _old_id(change)
    return known if known and known.strip("0") else None


def _old_id(change: FileChange) -> str | None:
    ids = blob_ids(change.header)
    return ids[0] if ids else None


def by_history(repository: Repository, wanted: WantedBlobs, tips: Sequence[Tip]) -> Iterator[Base | str]:
    """The newest commit with all these blobs in the history of the first of `tips` that has one; as text, why none.

    Raises TooLong.
    """
    if not wanted.there or not tips:
        return
    missing = repository.missing(wanted.ids[path] for path in wanted.there)
    if lost := next((path for path in wanted.there if wanted.ids[path] in missing), None):
        yield f"{lost} as the diff knew it ({wanted.ids[lost][:12]}) is not in this tree"
        return
    now = time.monotonic()
    until = now + (repository.until - now) * _SHARE
    for at, tip in enumerate(tips):
        revs = (tip.commit, *(f"^{done.commit}" for done in tips[:at]))
        if found := _before_a_change(repository, wanted, revs, until):
            if base := base_at(repository, found, BLOBS, sure=True):
                yield base
            return


def _before_a_change(repository: Repository, wanted: WantedBlobs, revs: Sequence[str], until: float) -> str | None:
    """The newest commit with all these blobs that is the parent of a change to one of the files.

    No other commit can be the newest one unless it is the tip itself. So the walk ends at the base, and not where the
    oldest of the files was last changed, which may be all of history. `until`: by time.monotonic(). Raises TooLong.
    """
    known = tuple({wanted.ids[path] for path in wanted.paths})
    asked = ("log", "--raw", "--no-abbrev", "--no-renames", "--format=>%P", "--stdin")
    told = "\n".join((*revs, "--", *(f":(top,literal){path}" for path in wanted.paths), ""))
    parents: list[str] = []
    fits = False  # all files that the commit changed had the blobs of the series before

    def found() -> str | None:
        return next((one for one in parents if fits and wanted.are_in(repository, one)), None)

    with closing(repository.lines(*asked, stdin=told.encode("utf-8", "surrogateescape"), until=until)) as parts:
        for lines in parts:
            for line in lines:
                if line.startswith(b":"):
                    fits = fits and line.split(b" ", 3)[2].decode("ascii", "replace").startswith(known)
                elif line.startswith(b">"):
                    if base := found():
                        return base
                    parents, fits = line[1:].decode("ascii", "replace").split(), True
            if base := found():  # the next line may be long in coming, and be from the other end of history
                return base
    return None
