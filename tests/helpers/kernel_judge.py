"""A kernel source tree in, what reviewbot would say of it if every line were new out; in two processes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from reviewbot.config import data_path
from reviewbot.kernel import rules
from reviewbot.model.patch import DiffLine, FileChange, Hunk, Patch
from reviewbot.model.review import Finding
from reviewbot.review.engine import Engine
from reviewbot.review.neighbourhood.tree_source import TreeSource

FOLDERS = (
    *("fs", "mm", "block", "net", "kernel", "lib"),
    *("drivers/md", "drivers/nvme", "drivers/scsi", "drivers/soc", "drivers/usb"),
)
VERSION = (6, 12)


@dataclass(frozen=True, order=True)
class Remark:
    """What is said of one line. `calls`: the functions by which it is reached, () where it takes only its own."""

    path: str
    line: int
    function: str
    rule: str
    severity: str
    confidence: str
    text: str
    calls: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[str, str, str]:
        return self.path, self.function, self.rule


@dataclass(frozen=True)
class Seen:
    """One file: what was said of it, and what of it was not read."""

    remarks: tuple[Remark, ...]
    unread: tuple[str, ...]


def files(kernel: Path, folders: Iterable[str] = FOLDERS) -> list[str]:
    """The C files below the folders, as paths inside the tree."""
    found = (path for folder in folders for path in sorted((kernel / folder).rglob("*.[ch]")))
    return [str(path.relative_to(kernel)) for path in found]


@lru_cache
def _engine() -> Engine:
    return Engine(*rules.load((data_path("rules"),), VERSION))


def review(kernel: Path, path: str) -> Seen:
    """One file as if it were new."""
    rows = (kernel / path).read_text("latin-1").split("\n")
    lines = tuple(DiffLine("+", row, None, at) for at, row in enumerate(rows, 1))
    change = FileChange(path, None, (Hunk("@@", "", lines),), created=True)
    findings, unread = _engine().file(change, frozenset())
    return Seen(tuple(_remark(one) for one in findings), tuple(one.reason for one in unread))


def _remark(one: Finding) -> Remark:
    calls = one.chain.functions if one.chain is not None else ()
    return Remark(
        one.path, one.line, one.function, one.rule, one.severity, one.confidence, one.line_text.strip(), calls
    )


class Folders:
    """The folders of a source tree, as an engine reads them."""

    def __init__(self, kernel: Path) -> None:
        self._kernel = kernel

    def read(self, tree: str, path: str) -> bytes | None:
        there = self._kernel / path
        return there.read_bytes() if there.is_file() else None

    def files(self, tree: str, folder: str) -> Mapping[str, str]:
        at = self._kernel / folder
        return {one.name: str(one) for one in at.iterdir() if one.is_file()} if at.is_dir() else {}

    def contents(self, names: Sequence[str]) -> Mapping[str, bytes | None]:
        return {name: Path(name).read_bytes() for name in names}


@lru_cache
def _beside(kernel: Path) -> Engine:
    there = Folders(kernel)
    return Engine(*rules.load((data_path("rules"),), VERSION), there.read, TreeSource(there))


def beside(kernel: Path, path: str) -> tuple[Remark, ...]:
    """One file as if it were new, with those of its folder that calls lead through: what these show of it."""
    rows = (kernel / path).read_text("utf-8", "surrogateescape").removesuffix("\n").split("\n")
    head = f"diff --git a/{path} b/{path}\nnew file mode 100644\n--- /dev/null\n+++ b/{path}\n"
    diff = f"{head}@@ -0,0 +1,{len(rows)} @@\n" + "".join(f"+{row}\n" for row in rows)
    found = _beside(kernel).patch(Patch(1, 1, "all of it", "", diff, before="nothing", after="all")).findings
    return tuple(_remark(one) for one in found if one.needs_other_files)


def _share(kernel: Path, paths: list[str]) -> list[Seen]:
    return [review(kernel, path) for path in paths]


def everything(kernel: Path, paths: list[str]) -> Iterator[Seen]:
    """All files, some at a time, on all processors."""
    shares = [paths[at : at + 40] for at in range(0, len(paths), 40)]
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for seen in pool.map(_share, [kernel] * len(shares), shares):
            yield from seen
