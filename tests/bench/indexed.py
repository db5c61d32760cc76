"""A repository that history.py or habits.py made in, a table out: what a range costs with an index beside one without.

    indexed.py DIR [--commits N] [--skip N] [--index REV] [--runs N]

    habits.py /tmp/habits OLD.tar.xz NEW.tar.xz --folders fs mm block && indexed.py /tmp/habits --skip 1800

Both are whole runs in one process, in turn, and the middle one of --runs counts; the processor's time is compared, for
others may use the machine as well. The index is made anew in a folder of its own, of the end of the range if --index
names no other commit: of what differs from that, each run reads the words first. What is found with the index may be
more, and is counted.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from range import ROW, Cost, middle, program, row, run

MOST = 4.0  # times as much processor with the index: what was reached where calls lead far; 1.3 is wanted


def commits(folder: Path) -> list[str]:
    """The ids from the tag base to the branch main, in order."""
    listed = ["git", "-C", str(folder), "rev-list", "--topo-order", "--reverse", "--first-parent", "base..main"]
    return subprocess.run(listed, capture_output=True, check=True, text=True).stdout.split()


def findings(report: Path) -> int:
    return sum(len(patch["findings"]) for patch in json.loads(report.read_bytes())["patches"])


def measured(folder: Path, span: str, index: str, runs: int) -> tuple[Sequence[Cost], Sequence[int]]:
    """The middle costs with the index and without, and how much each finds."""
    with tempfile.TemporaryDirectory() as temporary:
        os.environ["XDG_CACHE_HOME"] = temporary
        made = [sys.executable, "-m", "reviewbot", "index", index, "--tree", str(folder), "-q"]
        subprocess.run(made, check=True, stdout=subprocess.DEVNULL)
        reports = [Path(temporary) / f"{name}.json" for name in ("with", "without")]
        ways = [program(folder, span, 1, report) for report in reports]
        ways[1].append("--no-index")
        costs = [[run(way, (0, 1), looked_at=False) for way in ways] for _ in range(runs)]
        seen = [run(way, (0, 1), looked_at=True).memory for way in ways]
        found = [
            middle(some)._replace(memory=memory) for some, memory in zip(zip(*costs, strict=True), seen, strict=True)
        ]
        return found, [findings(report) for report in reports]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--commits", type=int, default=400, help="so many")
    parser.add_argument("--skip", type=int, default=0, help="behind so many after the tag base")
    parser.add_argument("--index", metavar="REV", help="the commit to index")
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    every = ["base", *commits(given.folder)][given.skip : given.skip + given.commits + 1]
    costs, found = measured(given.folder, f"{every[0]}..{every[-1]}", given.index or every[-1], given.runs)
    print(f"{len(every) - 1} commits, one process, middle of {given.runs} runs")
    print(ROW.format("", "seconds", "processor", "MB", ""))
    for name, cost, some in zip(("with the index", "without"), costs, found, strict=True):
        print(row(name, cost), f"{some} findings")
    ratio = costs[0].busy / costs[1].busy
    print(f"{ratio:.2f} times the processor's time with the index (at most {MOST})")
    raise SystemExit(int(ratio > MOST))


if __name__ == "__main__":
    main()
