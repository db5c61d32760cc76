"""A repository that history.py or habits.py made in, a table out: what `reviewbot range` costs beside `git log -p`.

    range.py DIR [--commits N] [--runs N] [--remarks]

    habits.py /tmp/habits OLD.tar.xz NEW.tar.xz --folders fs mm block && range.py /tmp/habits

All are whole processes, run in turn and timed by the clock; the middle one of --runs counts. The processor's time is
that of all processes; "parent" is the part of a processor that the process has which reads the commits and settles
what becomes of remarks. Memory is the largest sum over the processes of one run: what several of them share is counted
once (Pss, see proc(5)). What one process and several report must be the same. --remarks lists the errors of high
confidence, to be read.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

ROW = "{:<24}{:>10}{:>12}{:>10}{:>10}"
EVERY = 0.05  # seconds
TIMES = 10  # git's time
MEMORY = 400  # MB
PARENT = 0.10  # of a processor
GAIN = 1.7  # of two processes over one
TICKS = os.sysconf("SC_CLK_TCK")


class Cost(NamedTuple):
    """Seconds by the clock and of the processors, MB, and the seconds of the processor that the first process had."""

    wall: float
    busy: float
    memory: float
    parent: float


def pages(pid: int) -> int:
    """kB of a process and of those that it has begun, 0 where it is gone."""
    found = 0
    with suppress(OSError):
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        found = sum(int(line.split()[1]) for line in text.split("\n") if line.startswith("Pss:"))
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            found += pages(int(child))
    return found


def own_time(pid: int) -> float:
    """Seconds of the processor that a process itself had, 0 where it is gone; see proc(5)."""
    with suppress(OSError, IndexError):
        told = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(told[11]) + int(told[12])) / TICKS
    return 0


def run(command: Sequence[str], allowed: Sequence[int], looked_at: bool) -> Cost:
    """One run; memory and the first process's time are 0 where it is not looked at, which would take time."""
    before, begun, most, parent = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter(), 0, 0.0
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        while looked_at and process.poll() is None:
            most, parent = max(most, pages(process.pid)), max(parent, own_time(process.pid))
            time.sleep(EVERY)
        _, said = process.communicate()
    wall, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    if process.returncode not in allowed:
        raise SystemExit(f"{command[0]}: {process.returncode}: {said.decode(errors='replace')}")
    busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(wall, busy, most / 1024, parent)


def middle(costs: Sequence[Cost]) -> Cost:
    return Cost(*(statistics.median(values) for values in zip(*costs, strict=True)))


def row(name: str, cost: Cost) -> str:
    parent = f"{cost.parent / cost.wall:.0%}" if cost.parent else ""
    memory = f"{cost.memory:.0f}" if cost.memory else ""
    return ROW.format(name, f"{cost.wall:.2f}", f"{cost.busy:.2f}", memory, parent)


def remarks(path: Path) -> None:
    """The errors of high confidence in a JSON report, with the commit they are in."""
    found = json.loads(path.read_bytes())
    for patch in found["patches"]:
        for one in patch["findings"]:
            if (one["severity"], one["confidence"]) == ("error", "high") and not one["resolved_by"]:
                place = f"{one['path']}:{one['line']}"
                print(f"{patch['commit'][:12]} {place} {one['function']} [{one['rule']}] {one['message']}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--commits", type=int, default=1000, help="the first so many after the tag base")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--remarks", action="store_true", help="the errors of high confidence")
    given = parser.parse_args()
    git = ["git", "-C", str(given.folder)]
    every = subprocess.run(
        ["git", "-C", given.folder, "rev-list", "--topo-order", "--reverse", "base..main"], capture_output=True
    )
    commits = every.stdout.decode().split()[: given.commits]
    span = f"base..{commits[-1]}"
    with tempfile.TemporaryDirectory() as folder:
        reports = {count: Path(folder) / f"{count}.json" for count in (1, 2)}
        log = [*git, "log", "-p", span]
        costs: dict[str, list[Cost]] = {"git log -p": [], "range, 1 process": [], "range, 2 processes": []}
        for _ in range(given.runs):
            costs["git log -p"].append(run(log, (0,), looked_at=False))
            costs["range, 1 process"].append(run(program(given.folder, span, 1, reports[1]), (0, 1), looked_at=False))
            costs["range, 2 processes"].append(run(program(given.folder, span, 2, reports[2]), (0, 1), looked_at=False))
        seen = run(program(given.folder, span, 2, reports[2]), (0, 1), looked_at=True)
        same = reports[1].read_bytes() == reports[2].read_bytes()
        if given.remarks:
            remarks(reports[2])
    print(f"{len(commits)} commits, {os.cpu_count()} processors, middle of {given.runs} runs")
    print(ROW.format("", "seconds", "processor", "MB", "parent"))
    middles = {name: middle(found) for name, found in costs.items()}
    for name, cost in middles.items():
        print(row(name, cost))
    print(row("the same, looked at", seen))
    theirs, one, two = middles.values()
    ratio, gain, parent = two.wall / theirs.wall, one.wall / two.wall, seen.parent / seen.wall
    print(f"{ratio:.1f} times git's time (at most {TIMES}), {seen.memory:.0f} MB (at most {MEMORY})")
    print(f"{gain:.2f} times as fast as one process (at least {GAIN}), parent {parent:.0%} (at most {PARENT:.0%})")
    print("the same remarks" if same else "OTHER REMARKS with two processes")
    fits = ratio <= TIMES and seen.memory <= MEMORY and gain >= GAIN and parent <= PARENT and same
    raise SystemExit(int(not fits))


def program(folder: Path, span: str, processes: int, report: Path) -> list[str]:
    settings = report.with_suffix(".toml")
    settings.write_text(f"[limits]\nprocesses = {processes}\n")
    command = [sys.executable, "-m", "reviewbot", "range", span, "--tree", str(folder), "--config", str(settings)]
    return [*command, "--min-confidence", "low", "--output", f"json={report}", "-q"]


if __name__ == "__main__":
    main()
