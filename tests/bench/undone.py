"""Lets requests of a kernel tree sleep that do not: how many are said to be wrong, by their file and by its folder.

    undone.py [--kernel DIR] [--count N] [--seed N] [--list FILE] [FOLDER...]

GFP_KERNEL is put in place of GFP_ATOMIC, a line at a time, in lines that are drawn at random; not each of them was
needed. --list: lines to take instead, "path, line, what stood there" with tabs between. Prints what the folder adds.
"""

from __future__ import annotations

import argparse
import difflib
import os
import random
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1] / "helpers"))
from kernel_judge import FOLDERS, VERSION, Folders
from reviewbot.config import data_path
from reviewbot.kernel import rules
from reviewbot.model.patch import Patch
from reviewbot.review.engine import Engine
from reviewbot.review.neighbourhood.tree_source import TreeSource

_RULES = ("sleep-in-atomic", "reclaim-recursion")
_NOT_CODE = ("*", "/", "#")


class Place(NamedTuple):
    """A line of the kernel, from 1, and what is put there."""

    path: str
    line: int
    text: str


class Mistaken(Folders):
    """A tree with one file of it changed: as "before" it is as it was."""

    path, content = "", b""

    def read(self, tree: str, path: str) -> bytes | None:
        return self.content if (tree, path) == ("after", self.path) else super().read(tree, path)

    def files(self, tree: str, folder: str) -> Mapping[str, str]:
        found = {**super().files(tree, folder)}
        if self.path.rpartition("/")[0] == folder:
            found[self.path.rpartition("/")[2]] = f"mistaken {hash(self.content)}"
        return found

    def contents(self, names: Sequence[str]) -> Mapping[str, bytes | None]:
        mine = {name: self.content for name in names if name.startswith("mistaken ")}
        return {**super().contents([name for name in names if name not in mine]), **mine}


@lru_cache
def engines(kernel: Path) -> tuple[Mistaken, Engine, Engine]:
    facts, tree = rules.load((data_path("rules"),), VERSION), Mistaken(kernel)
    return tree, Engine(*facts, tree.read), Engine(*facts, tree.read, TreeSource(tree))


def said(kernel: Path, place: Place) -> tuple[list[str], list[str]]:
    """What the file shows, and what its folder does, with that line in it."""
    tree, alone, beside = engines(kernel)
    text = (kernel / place.path).read_text("utf-8", "surrogateescape")
    rows = text.split("\n")
    old = rows[place.line - 1]
    rows[place.line - 1] = old[: len(old) - len(old.lstrip())] + place.text
    changed = "\n".join(rows)
    tree.path, tree.content = place.path, changed.encode("utf-8", "surrogateescape")
    names = (f"a/{place.path}", f"b/{place.path}")
    diff = "".join(difflib.unified_diff(text.splitlines(True), changed.splitlines(True), *names))
    patch = Patch(1, 1, "undone", "", f"diff --git {' '.join(names)}\n{diff}", before="before", after="after")
    found = [
        [one.message for one in made.patch(patch).findings if one.rule in _RULES and one.confidence != "low"]
        for made in (alone, beside)
    ]
    return found[0], found[1]


def places(kernel: Path, folders: Sequence[str]) -> Iterator[Place]:
    for path in sorted(path for folder in folders for path in (kernel / folder).rglob("*.c")):
        for line, row in enumerate(path.read_text("latin-1").split("\n"), 1):
            code = row.strip()
            if "GFP_ATOMIC" in code and not code.startswith(_NOT_CODE):
                yield Place(str(path.relative_to(kernel)), line, code.replace("GFP_ATOMIC", "GFP_KERNEL"))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kernel", type=Path, default=os.environ.get("REVIEWBOT_KERNEL"), help="a 6.12 source tree")
    parser.add_argument("--count", type=int, default=400)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--list", type=Path)
    parser.add_argument("folders", nargs="*", default=FOLDERS)
    options = parser.parse_args()
    if not options.kernel:
        parser.error("name --kernel, or set REVIEWBOT_KERNEL")
    if options.list:
        rows = (row.split("\t") for row in options.list.read_text().splitlines())
        chosen = [Place(path, int(line), text) for path, line, text, *_ in rows]
    else:
        every = [*places(options.kernel, options.folders)]
        chosen = sorted(random.Random(options.seed).sample(every, min(options.count, len(every))))
    counts: Counter[str] = Counter()
    with ProcessPoolExecutor() as pool:
        found = pool.map(said, [options.kernel] * len(chosen), chosen, chunksize=4)
        for place, (alone, beside) in zip(chosen, found, strict=True):
            counts["the file" if alone else "the folder" if beside else "nothing"] += 1
            if beside and not alone:
                print(f"{place.path}:{place.line}: {beside[0]}")
    print(
        f"{len(chosen)} lines: " + ", ".join(f"{counts[who]} by {who}" for who in ("the file", "the folder", "nothing"))
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
