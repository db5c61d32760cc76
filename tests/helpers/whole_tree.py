"""A repository with a kernel and its index in, what is said of each C file as if it were new, through others, out."""

from __future__ import annotations

import random
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from kernel_judge import VERSION
from reviewbot.config import data_path
from reviewbot.git.repository import FOREVER, Repository
from reviewbot.index.build import files_of
from reviewbot.index.place import index_path
from reviewbot.index.store import Store
from reviewbot.index.tree_index import TreeIndex
from reviewbot.kernel import rules
from reviewbot.model.patch import Patch, Unread
from reviewbot.model.review import Finding
from reviewbot.program.recorded.records import Records
from reviewbot.review.engine import Engine
from reviewbot.review.neighbourhood.tree_source import TreeSource
from reviewbot.support.timeout import TooSlow, bounded

_NOTHING = "0" * 40  # a tree that is not there
_SLOW = 60.0  # seconds of one file
_NO_KERNEL = ("Documentation/", "rust/", "samples/", "scripts/", "tools/", "usr/")


class Read(NamedTuple):
    """One file: what was said of it, what of it was not read, and whether it took too long."""

    path: str
    findings: tuple[Finding, ...]
    slow: bool
    unread: tuple[Unread, ...] = ()

    @property
    def said(self) -> tuple[object, ...]:
        """All that a review of it says."""
        return self.findings, self.unread


class WholeTree:
    """A repository whose HEAD has been noted by `reviewbot index`; to be closed. `records`: those to use, if any."""

    def __init__(self, place: Path, records: Records | None = None) -> None:
        folders = (data_path("rules"),)
        index = index_path(folders)
        store = Store.open(index) if index is not None else None
        if index is None or store is None:
            raise SystemExit("there is no index for these rules; `reviewbot index --tree` makes one")
        store.close()
        self.repository = Repository(place)
        self.repository.allow(FOREVER)
        self.tree = self.repository.tree(self.repository.commit("HEAD") or "") or ""
        known = TreeIndex(index, print)
        known.records = records
        self._engine = Engine(*rules.load(folders, VERSION), self.repository.read, TreeSource(self.repository, known))

    def close(self) -> None:
        self.repository.close()

    def files(self, folders: Iterable[str], seed: int | None) -> list[str]:
        """The C files below some folders, in order; or of all the kernel, in the random order of a seed."""
        all_files = (path for path in files_of(self.repository, self.tree) if path.endswith(".c"))
        if seed is None:
            wanted = tuple(f"{folder.rstrip('/')}/" for folder in folders)
            return sorted(path for path in all_files if path.startswith(wanted))
        paths = sorted(path for path in all_files if not path.startswith(_NO_KERNEL))
        random.Random(seed).shuffle(paths)
        return paths

    def read(self, path: str) -> Read:
        """One file as if it were new."""
        text = (self.repository.read(self.tree, path) or b"").decode("utf-8", "surrogateescape")
        rows = text.removesuffix("\n").split("\n")
        head = f"diff --git a/{path} b/{path}\nnew file mode 100644\n--- /dev/null\n+++ b/{path}\n"
        diff = f"{head}@@ -0,0 +1,{len(rows)} @@\n" + "".join(f"+{row}\n" for row in rows)
        patch = Patch(1, 1, "all of it", "", diff, before=_NOTHING, after=self.tree)
        try:
            with bounded(_SLOW):
                found = self._engine.patch(patch)
                return Read(path, found.findings, False, found.unread)
        except TooSlow:
            return Read(path, (), True)
