"""A repository that history.py made in, a table out: what `reviewbot range` costs beside `git log -p` of the same.

    range.py DIR [--commits N] [--runs N] [--processes N] [--remarks]

    history.py /tmp/history OLD.tar.xz NEW.tar.xz --folders fs mm && range.py /tmp/history

Both are whole processes, run in turn and timed by the clock; the middle one of --runs counts. The processor's time is
that of all processes. Memory is the largest sum over the processes of one run: what several of them share is
counted once (Pss, see proc(5)). --remarks lists the errors of high confidence, to be read.
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

ROW = "{:<24}{:>10}{:>12}{:>10}"
EVERY = 0.05  # seconds
TIMES = 6  # git's time
MEMORY = 500  # MB


class Cost(NamedTuple):
    """Seconds by the clock and of the processors, and MB."""

    wall: float
    busy: float
    memory: float


def pages(pid: int) -> int:
    """kB of a process and of those that it has begun, 0 where it is gone."""
    found = 0
    with suppress(OSError):
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        found = sum(int(line.split()[1]) for line in text.split("\n") if line.startswith("Pss:"))
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            found += pages(int(child))
    return found


def run(command: Sequence[str], allowed: Sequence[int], looked_at: bool) -> Cost:
    """One run; memory is 0 where it is not looked at, which would take time."""
    before, begun, most = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter(), 0
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        while looked_at and process.poll() is None:
            most = max(most, pages(process.pid))
            time.sleep(EVERY)
        _, said = process.communicate()
    wall, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    if process.returncode not in allowed:
        raise SystemExit(f"{command[0]}: {process.returncode}: {said.decode(errors='replace')}")
    busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(wall, busy, most / 1024)


def middle(costs: Sequence[Cost]) -> Cost:
    return Cost(*(statistics.median(values) for values in zip(*costs, strict=True)))


def row(name: str, cost: Cost) -> str:
    return ROW.format(name, f"{cost.wall:.2f}", f"{cost.busy:.2f}", f"{cost.memory:.0f}" if cost.memory else "")


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
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--processes", type=int, default=0, help="0: as the config says")
    parser.add_argument("--remarks", action="store_true", help="the errors of high confidence")
    given = parser.parse_args()
    git = ["git", "-C", str(given.folder)]
    every = subprocess.run(["git", "-C", given.folder, "rev-list", "--reverse", "base..main"], capture_output=True)
    commits = every.stdout.decode().split()[: given.commits]
    span = f"base..{commits[-1]}"
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        settings = Path(folder) / "own.toml"
        settings.write_text(f"[limits]\nprocesses = {given.processes}\n" if given.processes else "")
        program = [sys.executable, "-m", "reviewbot", "range", span, "--tree", str(given.folder)]
        program += ["--config", str(settings), "--output", f"json={report}", "-q"]
        costs: dict[str, list[Cost]] = {"git log -p": [], "reviewbot range": []}
        for _ in range(given.runs):
            costs["git log -p"].append(run([*git, "log", "-p", span], (0,), looked_at=False))
            costs["reviewbot range"].append(run(program, (0, 1), looked_at=False))
        seen = run(program, (0, 1), looked_at=True)
        print(f"{len(commits)} commits, {os.cpu_count()} processors, middle of {given.runs} runs")
        print(ROW.format("", "seconds", "processor", "MB"))
        theirs, ours = (middle(costs[name]) for name in costs)
        print(row("git log -p", theirs))
        print(row("reviewbot range", ours._replace(memory=seen.memory)))
        ratio = ours.wall / theirs.wall
        print(f"{ratio:.1f} times git's time (at most {TIMES}), {seen.memory:.0f} MB (at most {MEMORY})")
        if given.remarks:
            remarks(report)
    raise SystemExit(int(ratio > TIMES or seen.memory > MEMORY))


if __name__ == "__main__":
    main()
