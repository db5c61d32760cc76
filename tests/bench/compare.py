"""Compares what two checkouts of the project print and write, byte by byte, and shows where they differ.

    compare.py OLD NEW [--corpus DIR] [--cases DIR] [--repository DIR [--commits N]] [--only KIND]

Each is run as `PYTHON -m reviewbot` with the checkout on PYTHONPATH; no other name of the package is known here, so
that the insides of both may differ. Inputs are the threads and rule fixtures of NEW's tests, its own help and pages, a
small repository, and what the options name: a folder whose lore/ holds mails, a folder with a cases.jsonl, and a git
repository whose last commits are reviewed. A kind that is missing is said. Exit code 1 where anything differs or
nothing was compared, 2 where a checkout is not what is imported.

The same for both before they are compared: the folder of the run and of the checkout ("WORK"), and the date of drafts.
Nothing else is random: hashes have a fixed seed, and message ids are part of what is compared.

Not compared: time and memory; what is sent or fetched (a server, Patchwork, `b4` itself); `agent` on a review branch,
`setup b4 --write`, `local --edit`; signals; a terminal's colours and widths; --tree and --base of `thread`; files that
git keeps (.git), modes and times of files; what is in the cache. All but the first inputs of a kind are forked from a
process that has done a review: compare_sides.py. A run that is not done in time is a difference, and on a busy machine
a review may stop early because of its own limits.
"""

from __future__ import annotations

import argparse
import difflib
import os
import queue
import re
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import NamedTuple

import compare_inputs as inputs
from compare_sides import LATE, Server, Side, Task
from rich.console import Console
from rich.progress import track
from rich.table import Table

MOST = 20  # differences that are shown, at most one of an output of a row of the table
ROWS, WIDTH = 14, 160  # of a difference


class Pair(NamedTuple):
    """One output of both sides; None where a side has not written it."""

    task: Task
    output: str
    old: bytes | None
    new: bytes | None

    @property
    def same(self) -> bool:
        return self.old == self.new != LATE


class Pool:
    """Runs tasks on both sides; each of its threads has a process of each side that forks."""

    def __init__(self, sides: Sequence[Side], first: Task) -> None:
        self._sides, self._first, self._numbers = sides, first, count()
        self._idle: queue.SimpleQueue[list[Server]] = queue.SimpleQueue()
        self._workers = os.cpu_count() or 1

    def each(self, tasks: Sequence[Task]) -> Iterator[list[Pair]]:
        if any(task.forked for task in tasks):
            for _ in range(self._workers):
                self._idle.put([side.server(self._first) for side in self._sides])
        with ThreadPoolExecutor(self._workers) as threads:
            yield from threads.map(self._pairs, tasks)
        while not self._idle.empty():
            for server in self._idle.get():
                server.close()

    def _pairs(self, task: Task) -> list[Pair]:
        folder = f"run-{next(self._numbers):06}"
        servers = self._idle.get() if task.forked else []
        found = [side.outputs(task, folder, servers[at] if servers else None) for at, side in enumerate(self._sides)]
        if servers:
            self._idle.put(servers)
        old, new = found
        return [Pair(task, name, old.get(name), new.get(name)) for name in sorted({*old, *new})]


def gathered(given: argparse.Namespace, say: inputs.Say, folder: Path) -> Iterator[tuple[str, list[Task], str]]:
    """Each kind of input with its tasks, or with why there are none."""
    kinds: dict[str, Callable[[], Iterator[Task]]] = {
        "command line": lambda: inputs.helps(say),
        "pages": lambda: inputs.pages(say),
        "local": lambda: inputs.local(say, folder),
        "threads": lambda: inputs.threads(given.new, say),
        "mails": lambda: inputs.mails("tests/mails", [given.new / "tests" / "mails"], say, inputs.LOW),
        "fixtures": lambda: inputs.hunks(given.new, say),
        "commits": lambda: inputs.whole_files(given.new, say, folder),
        "corpus": lambda: inputs.labelled(given.corpus, say),
        "cases": lambda: inputs.judged(given.cases, say),
        "repository": lambda: inputs.history(given.repository, given.commits, say),
    }
    for name, made in kinds.items():
        if not given.only or name in given.only:
            try:
                yield name, list(inputs.numbered(made())), ""
            except (inputs.Missing, OSError) as missing:
                yield name, [], str(missing)


def table(pairs: Sequence[Pair]) -> Table:
    rows: dict[tuple[str, str], list[Pair]] = defaultdict(list)
    for pair in pairs:
        rows[pair.task.kind, pair.task.what].append(pair)
    out = Table(show_footer=True)
    out.add_column("input", "all")
    out.add_column("command")
    totals = _counts(pairs)
    for name, total in zip(("inputs", "outputs", "not empty", "identical", "different"), totals, strict=True):
        out.add_column(name, str(total), justify="right")
    for (kind, what), mine in rows.items():
        out.add_row(kind, what, *map(str, _counts(mine)))
    return out


def _counts(pairs: Sequence[Pair]) -> tuple[int, ...]:
    same = sum(pair.same for pair in pairs)
    full = sum(bool(pair.old or pair.new) for pair in pairs)
    return len({(pair.task.kind, pair.task.name) for pair in pairs}), len(pairs), full, same, len(pairs) - same


def difference(pair: Pair) -> list[str]:
    """A short unified diff of one output."""
    old, new = ([] if side is None else _lines(side) for side in (pair.old, pair.new))
    rows = [row[:WIDTH] for row in difflib.unified_diff(old, new, "OLD", "NEW", n=1, lineterm="")]
    absent = [f"only {side} has it" for side, other in (("OLD", pair.new), ("NEW", pair.old)) if other is None]
    late = ["not done in time"] if pair.old == pair.new else []
    cut = [f"... {len(rows) - ROWS} more lines"] if len(rows) > ROWS else []
    words = re.sub(r" --output \S+", "", " ".join(pair.task.arguments))
    head = f"{pair.task.kind}: {pair.task.name}: {pair.output}    (reviewbot {words})"
    return [head, *(f"    {row}" for row in (*absent, *late, *rows[:ROWS], *cut)), ""]


def _lines(data: bytes) -> list[str]:
    """The lines; a long one, as of JSON, is broken behind its commas."""
    lines = data.decode("utf-8", "backslashreplace").split("\n")
    return [part for line in lines for part in (re.split(r"(?<=[,{}\[\]])", line) if len(line) > WIDTH else [line])]


def report(pairs: Sequence[Pair], most: int) -> None:
    console = Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH)
    console.print(table(pairs))
    shown: dict[tuple[str, str, str], Pair] = {}
    for pair in pairs:
        if not pair.same:
            folder, _, name = pair.output.rpartition("/")
            shown.setdefault((pair.task.kind, pair.task.what, folder or name), pair)
    for pair in [*shown.values()][:most]:
        console.print("\n".join(difference(pair)), markup=False, soft_wrap=True)
    if len(shown) > most:
        console.print(f"... and {len(shown) - most} more kinds of output differ (--most)")


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", type=Path, metavar="OLD")
    parser.add_argument("new", type=Path, metavar="NEW")
    parser.add_argument("--corpus", type=Path, metavar="DIR", help="with mails in lore/")
    parser.add_argument("--cases", type=Path, metavar="DIR", help="with a cases.jsonl: file and kernel of each")
    parser.add_argument("--repository", type=Path, metavar="DIR", help="a git repository, as of habits.py")
    parser.add_argument("--commits", type=int, default=800, metavar="N", help="of it, the last")
    parser.add_argument("--only", action="append", metavar="KIND", help="only these inputs, such as pages or fixtures")
    parser.add_argument("--most", type=int, default=MOST, metavar="N", help="differences that are shown")
    parser.add_argument("--python", default=sys.executable, help="with what reviewbot depends on")
    return parser.parse_args()


def main() -> int:
    given, begun = options(), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="compare-") as name:
        folder = Path(name)
        try:
            sides = [Side(given.old, folder / "old", given.python), Side(given.new, folder / "new", given.python)]
        except ImportError as error:
            print(f"compare.py: {error}", file=sys.stderr)
            return 2

        def say(*arguments: str) -> str:
            return sides[0].outputs(Task("", "", "", arguments), "asked", None)["stdout"].decode()

        tasks: list[Task] = []
        for kind, found, missing in gathered(given, say, folder):
            tasks += found
            if not found:
                print(f"skipped: {kind}: {missing or 'nothing there'}")
        first = next((task for task in tasks if task.forked), Task("", "", "", ["--help"]))
        each = Pool(sides, first).each(tasks)
        progress = Console(stderr=True)
        found = track(each, total=len(tasks), console=progress, disable=not progress.is_terminal)
        pairs = [pair for some in found for pair in some]
    report(pairs, given.most)
    print(f"{len(tasks)} runs of each side in {time.monotonic() - begun:.0f} s")
    return int(not pairs or not all(pair.same for pair in pairs))


if __name__ == "__main__":
    raise SystemExit(main())
