"""A repository that history.py or habits.py made in, a table out: what a range costs with an index beside one without.

    indexed.py DIR [--commits N] [--skip N] [--index REV] [--runs N]

    habits.py /tmp/habits OLD.tar.xz NEW.tar.xz --folders fs mm block && indexed.py /tmp/habits --skip 1800

All are whole runs in one process, in turn, and the middle one of --runs counts; the processor's time is compared, for
others may use the machine as well. The index is made anew in a folder of its own, of the end of the range if --index
names no other commit: of what differs from that, each run reads the words first. One run begins without records of
functions, one finds those of the run before, one keeps none: what these say must be the same, byte by byte. What is
found with the index may be more than without, and is counted.
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

MOST = 3.0  # times as much processor with the index and records: what was reached; 1.3 is wanted
NAMES = "with the index, first", "again, with records", "without records", "without the index"
PATIENCE = 600  # seconds of a commit
UNRECORDED = (
    "from reviewbot.index.tree_index import TreeIndex; TreeIndex.records = None;"
    "from reviewbot.__main__ import entry; entry()"
)


def commits(folder: Path) -> list[str]:
    """The ids from the tag base to the branch main, in order."""
    listed = ["git", "-C", str(folder), "rev-list", "--topo-order", "--reverse", "--first-parent", "base..main"]
    return subprocess.run(listed, capture_output=True, check=True, text=True).stdout.split()


def findings(report: Path) -> int:
    return sum(len(patch["findings"]) for patch in json.loads(report.read_bytes())["patches"])


def ways_of(folder: Path, span: str, reports: Sequence[Path]) -> Sequence[list[str]]:
    """The command lines, in the order of NAMES."""
    first, again, unrecorded, without = (program(folder, span, 1, report) for report in reports)
    for report in reports:  # where others use the machine a commit may take long, and what takes too long is said
        with report.with_suffix(".toml").open("a") as settings:
            settings.write(f"seconds = {PATIENCE}\n")
    unrecorded[1:3] = ["-c", UNRECORDED]
    return first, again, unrecorded, [*without, "--no-index"]


def measured(folder: Path, span: str, index: str, runs: int) -> tuple[Sequence[Cost], float]:
    """The middle costs in the order of NAMES and the MB of the records."""
    with tempfile.TemporaryDirectory() as temporary:
        os.environ["XDG_CACHE_HOME"] = temporary
        made = [sys.executable, "-m", "reviewbot", "index", index, "--tree", str(folder), "-q"]
        subprocess.run(made, check=True, stdout=subprocess.DEVNULL)
        reports = [Path(temporary) / f"{number}.json" for number in range(len(NAMES))]
        costs: list[list[Cost]] = []
        for at in range(runs + 1):
            for one in Path(temporary).glob("reviewbot/index/records-*"):
                one.unlink()
            looked_at = at == runs
            costs.append([run(way, (0, 1), looked_at=looked_at) for way in ways_of(folder, span, reports)])
        *timed, seen = costs
        found = [
            middle(some)._replace(memory=one.memory) for some, one in zip(zip(*timed, strict=True), seen, strict=True)
        ]
        size = sum(one.stat().st_size for one in Path(temporary).glob("reviewbot/index/records-*.db*")) / (1 << 20)
        said = [report.read_bytes() for report in reports[:3]]
        counts = [findings(report) for report in reports]
        print(*(f"{name}: {count} findings" for name, count in zip(NAMES, counts, strict=True)), sep="\n")
        if said[0] != said[1] or said[0] != said[2]:
            raise SystemExit("records change what is said")
        return found, size


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--commits", type=int, default=400, help="so many")
    parser.add_argument("--skip", type=int, default=0, help="behind so many after the tag base")
    parser.add_argument("--index", metavar="REV", help="the commit to index")
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    every = ["base", *commits(given.folder)][given.skip : given.skip + given.commits + 1]
    costs, size = measured(given.folder, f"{every[0]}..{every[-1]}", given.index or every[-1], given.runs)
    print(f"{len(every) - 1} commits, one process, middle of {given.runs} runs")
    print(ROW.format("", "seconds", "processor", "MB", ""))
    for name, cost in zip(NAMES, costs, strict=True):
        print(row(name, cost))
    first, again = (one.busy / costs[-1].busy for one in costs[:2])
    print(f"{size:.0f} MB of records; what is said is the same with them and without")
    print(f"{first:.2f} times the processor's time with the index, {again:.2f} with records (at most {MOST})")
    raise SystemExit(int(again > MOST))


if __name__ == "__main__":
    main()
