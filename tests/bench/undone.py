"""Lets requests of a kernel tree sleep that do not: how many are said to be wrong, by a mail, the file, folder, tree.

    undone.py [--kernel DIR] [--repository DIR] [--count N] [--seed N] [--list FILE | --fixes] [--left] [FOLDER...]

GFP_KERNEL is put in place of GFP_ATOMIC, a line at a time, in lines that are drawn at random; not each of them was
needed. --list: lines to take instead, "path, line, what stood there" with tabs between. --fixes: those of undone.toml,
which were all wrong once; a remark of any rule counts, and they are told apart by where their reason stands. What only
has remarks of low confidence is not found, and is told. --left: name the lines that are not found, to be read.
--repository: one whose HEAD is that tree, and was indexed. Prints what the folder adds, and the tree, and how long each
took.
"""

from __future__ import annotations

import argparse
import difflib
import os
import random
import re
import statistics
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

sys.path.insert(0, str(Path(__file__).parents[1] / "helpers"))
from kernel_judge import FOLDERS, VERSION, Folders
from reviewbot.config import data_path
from reviewbot.git.repository import Repository
from reviewbot.index.place import index_path
from reviewbot.index.tree_index import TreeIndex
from reviewbot.kernel import rules
from reviewbot.model.patch import Patch
from reviewbot.review.engine import Engine
from reviewbot.review.neighbourhood.tree_source import TreeSource
from reviewbot.review.probe.changed_tree import ChangedTree

WIDTHS = ("mail", "file", "folder", "tree")
_RULES = ("sleep-in-atomic", "reclaim-recursion")
_NOT_CODE = ("*", "/", "#")
_LOW = "low: "
_LONGEST = 80  # characters that git shows of a head
_SECTION = re.compile(r"^@@ -(\d+).*@@$", re.MULTILINE)
_FOUND_BY = (*WIDTHS, "nothing sure", "nothing")
_FIXES = Path(__file__).with_suffix(".toml")


class Place(NamedTuple):
    """A line of the kernel, from 1, what is put there, and where its reason stands if somebody has looked."""

    path: str
    line: int
    text: str
    reason_in: str = ""


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
def engines(kernel: Path) -> tuple[Mistaken, Engine, Engine, Engine]:
    facts, tree = rules.load((data_path("rules"),), VERSION), Mistaken(kernel)
    return tree, Engine(*facts), Engine(*facts, tree.read), Engine(*facts, tree.read, TreeSource(tree))


@lru_cache
def repository(path: Path) -> tuple[Repository, str, Path]:
    found = Repository(path)
    found.allow(86_400)
    place = index_path([data_path("rules")])
    commit = found.commit("HEAD")
    tree = found.tree(commit) if commit else None
    if place is None or not place.is_file() or tree is None:
        raise SystemExit(f"index {path} first")
    return found, tree, place


def by_tree(path: Path, patch: Patch, place: Place, content: bytes) -> list[str]:
    """What the tree shows, with a line in it."""
    found, tree, there = repository(path)
    index = TreeIndex(there, lambda line: print(line, file=sys.stderr))
    changed = ChangedTree(found, found.read, tree, place.path, content)
    made = Engine(*rules.load((data_path("rules"),), VERSION), changed.read, TreeSource(changed, index))
    return told(made, replace(patch, before=tree, after=changed.id), place)


def told(made: Engine, patch: Patch, place: Place) -> list[str]:
    """What is said, what is sure of it first; of low confidence only by the rules that say what forbids the flag."""
    found = [one for one in made.patch(patch).findings if one.rule in _RULES or place.reason_in]
    sure = [f"{one.rule}: {one.message}" for one in found if one.confidence != "low"]
    return [
        *sure,
        *(f"{_LOW}{one.rule}: {one.message}" for one in found if one.confidence == "low" and one.rule in _RULES),
    ]


def sure(said: Sequence[str]) -> bool:
    return bool(said) and not said[0].startswith(_LOW)


class Said(NamedTuple):
    """What was said by each, and how long that took."""

    mail: list[str]
    file: list[str]
    folder: list[str]
    tree: list[str]
    seconds: tuple[float, ...]


def said(kernel: Path, place: Place, path: Path | None) -> Said:
    """What a mail shows, what the file does, its folder, and the tree, with that line in it."""
    tree, sent, alone, beside = engines(kernel)
    text = (kernel / place.path).read_text("utf-8", "surrogateescape")
    rows = text.split("\n")
    old = rows[place.line - 1]
    rows[place.line - 1] = old[: len(old) - len(old.lstrip())] + place.text
    changed = "\n".join(rows)
    tree.path, tree.content = place.path, changed.encode("utf-8", "surrogateescape")
    names = (f"a/{place.path}", f"b/{place.path}")
    diff = "".join(difflib.unified_diff(text.splitlines(True), changed.splitlines(True), *names))
    diff = _SECTION.sub(lambda one: f"{one[0]} {section(rows, int(one[1]))}", diff)
    patch = Patch(1, 1, "undone", "", f"diff --git {' '.join(names)}\n{diff}", before="before", after="after")
    times, found = [time.process_time()], []
    for ask in (
        lambda: told(sent, replace(patch, before=None, after=None), place),
        lambda: told(alone, patch, place),
        lambda: told(beside, patch, place),
        lambda: by_tree(path, patch, place, tree.content) if path is not None else [],
    ):
        found.append(ask())
        times.append(time.process_time())
    return Said(*found, tuple(after - before for before, after in pairwise(times)))


def section(rows: Sequence[str], line: int) -> str:
    """What git shows behind @@ of a hunk that begins at a line: the last row above it that may be a function's head."""
    found = (row for row in reversed(rows[: line - 1]) if row[:1].isalpha() or row[:1] in ("_", "$"))
    return next(found, "")[:_LONGEST].rstrip()


def places(kernel: Path, folders: Sequence[str]) -> Iterator[Place]:
    for path in sorted(path for folder in folders for path in (kernel / folder).rglob("*.c")):
        for line, row in enumerate(path.read_text("latin-1").split("\n"), 1):
            code = row.strip()
            if "GFP_ATOMIC" in code and not code.startswith(_NOT_CODE):
                yield Place(str(path.relative_to(kernel)), line, code.replace("GFP_ATOMIC", "GFP_KERNEL"))


def fixes(kernel: Path) -> Iterator[Place]:
    """The places of undone.toml, with the mistake that was fixed there."""
    for row in tomllib.loads(_FIXES.read_text("utf-8"))["fix"]:
        text = (kernel / row["path"]).read_text("latin-1")
        at = _right_at(text, *(row[key] for key in ("function", "call", "right")))
        if at is None:
            raise SystemExit(f"{row['path']}: {row['function']}() has no {row['call']}() with {row['right']}")
        line, start = text.count("\n", 0, at) + 1, text.rindex("\n", 0, at) + 1
        end = text.index("\n", at)
        wrong = text[start:at] + row["wrong"] + text[at + len(row["right"]) : end]
        yield Place(row["path"], line, wrong.strip(), row["in"])


def _right_at(text: str, function: str, call: str, right: str) -> int | None:
    """Where the mask of a call stands, the first one of its name in a function that has it."""
    for head in re.finditer(rf"^(?![#\s/]).*?(?<!\w){function}\([^;{{]*^\{{", text, re.MULTILINE):
        body = text[: text.find("\n}", head.end())]
        for one in re.finditer(rf"\b{call}\(", body[head.end() :]):
            start = head.end() + one.end()
            found = re.compile(rf"\b{right}\b").search(body, start, body.find(";", start))
            if found:
                return found.start()
    return None


def by_reason(chosen: Sequence[Place], who: Sequence[str]) -> Iterator[str]:
    """For each width in which reasons stand, by which one they were found, and those that were not."""
    for width in dict.fromkeys(one.reason_in for one in chosen):
        mine = Counter(found for one, found in zip(chosen, who, strict=True) if one.reason_in == width)
        yield f"reason in {width}: {mine.total()} lines: " + ", ".join(f"{mine[one]} by {one}" for one in _FOUND_BY)
    for one, found in zip(chosen, who, strict=True):
        if found not in WIDTHS:
            yield f"{found}, reason in {one.reason_in}: {one.path}:{one.line}: {one.text}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kernel", type=Path, default=os.environ.get("REVIEWBOT_KERNEL"), help="a 6.12 source tree")
    parser.add_argument("--repository", type=Path)
    parser.add_argument("--count", type=int, default=400)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--list", type=Path)
    parser.add_argument("--fixes", action="store_true")
    parser.add_argument("--left", action="store_true")
    parser.add_argument("--processes", type=int)
    parser.add_argument("folders", nargs="*", default=FOLDERS)
    options = parser.parse_args()
    if not options.kernel:
        parser.error("name --kernel, or set REVIEWBOT_KERNEL")
    if options.list:
        rows = (row.split("\t") for row in options.list.read_text().splitlines())
        chosen = [Place(path, int(line), text) for path, line, text, *_ in rows]
    elif options.fixes:
        chosen = [*fixes(options.kernel)]
    else:
        every = [*places(options.kernel, options.folders)]
        chosen = sorted(random.Random(options.seed).sample(every, min(options.count, len(every))))
    by: list[str] = []
    taken: list[tuple[float, ...]] = []
    with ProcessPoolExecutor(options.processes) as pool:
        found = pool.map(said, [options.kernel] * len(chosen), chosen, [options.repository] * len(chosen), chunksize=4)
        for place, one in zip(chosen, found, strict=True):
            doubtful = "nothing sure" if any(getattr(one, name) for name in WIDTHS) else "nothing"
            who = next((name for name in WIDTHS if sure(getattr(one, name))), doubtful)
            by.append(who)
            taken.append(one.seconds)
            if who in WIDTHS[1:] or (options.fixes and who == "mail"):
                print(f"{who}: {place.path}:{place.line}: {getattr(one, who)[0]}", flush=True)
            if options.left and who not in WIDTHS:
                print(f"{who}: {place.path}:{place.line}: {place.text}", flush=True)
            if sure(one.folder) and options.repository and not sure(one.tree):
                print(f"lost in the tree: {place.path}:{place.line}: {one.folder[0]}", flush=True)
    print(f"{len(chosen)} lines: " + ", ".join(f"{by.count(who)} by {who}" for who in _FOUND_BY))
    for row in by_reason(chosen, by) if options.fixes else ():
        print(row)
    for name, times in zip(WIDTHS, zip(*taken, strict=True), strict=True):
        print(f"{name}: median {statistics.median(times):.3f} s, most {max(times):.2f} s")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
