"""Nothing in, a table of times out: whole processes, and the review of single patches inside one.

    python tests/bench/startup.py [RUNS]

With REVIEWBOT_CORPUS set, its mails are reviewed as well as the threads beside the tests. With REVIEWBOT_KERNEL set to
a kernel tree, the check of one mail is compared with that tree's checkpatch.pl on the same mail, in turn, by processor
time: the ratio should be at most 1.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from reviewbot import config
from reviewbot.kernel import rules
from reviewbot.mail import mailbox, series
from reviewbot.model.errors import InputError
from reviewbot.model.patch import Patch
from reviewbot.review.engine import Engine

TESTS = Path(__file__).parents[1]
MAIL_IN = ["-m", "reviewbot", "thread", str(TESTS / "threads" / "demo.mbox"), "--format", "json"]
PROCESSES = {
    "python itself": ["-c", ""],
    "reviewbot --help": ["-m", "reviewbot", "--help"],
    "importing b4": ["-c", "import b4"],
    "thread in, JSON out": MAIL_IN,
    "check of b4, one mail": ["-m", "reviewbot", "check", "--protocol", "review"],
}
ROW = "{:<28}{:>8}{:>10}{:>10}{:>10}"


def timed(work: Callable[[], object]) -> float:
    """Milliseconds."""
    begin = time.perf_counter()
    work()
    return (time.perf_counter() - begin) * 1000


def row(name: str, times: list[float]) -> str:
    shown = (f"{value:.1f}" for value in (min(times), statistics.median(times), max(times)))
    return ROW.format(name, len(times), *shown)


def process(arguments: list[str], given: bytes) -> None:
    done = subprocess.run([sys.executable, *arguments], input=given, capture_output=True)
    if done.returncode not in (0, 1):
        raise SystemExit(done.stderr.decode())


def cost(command: list[str], given: bytes, folder: str) -> float:
    """Milliseconds of processor time of a whole process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, input=given, capture_output=True, cwd=folder, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime) * 1000


def against_checkpatch(kernel: str, mail: bytes, runs: int) -> None:
    check = [sys.executable, *PROCESSES["check of b4, one mail"]]
    checkpatch = ["perl", f"{kernel}/scripts/checkpatch.pl", "--no-tree", "-"]
    here = str(TESTS.parent)
    pairs = [(cost(check, mail, here), cost(checkpatch, mail, kernel)) for _ in range(runs + 1)][1:]
    print(row("check, processor time", [ours for ours, _ in pairs]))
    print(row("checkpatch.pl, the same", [theirs for _, theirs in pairs]))
    ratios = [ours / theirs for ours, theirs in pairs]
    print(ROW.format("check / checkpatch.pl", runs, *(f"{f(ratios):.2f}" for f in (min, statistics.median, max))))


def patches(folder: Path, pattern: str) -> Iterator[Patch]:
    for path in sorted(folder.glob(pattern)):
        try:
            mails, _ = mailbox.read_mails(str(path), sys.stdin.buffer, 10_000_000)
            yield from series.newest(mails).patches
        except InputError:  # a reply, or a cover letter alone
            continue


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    print(ROW.format("ms", "runs", "min", "median", "max"))
    (_, mail, *_), _ = mailbox.read_mails(str(TESTS / "threads" / "demo.mbox"), sys.stdin.buffer, 10_000_000)
    for name, arguments in PROCESSES.items():
        print(row(name, [timed(lambda given=arguments: process(given, mail)) for _ in range(runs)]))
    if os.environ.get("REVIEWBOT_KERNEL"):
        against_checkpatch(os.environ["REVIEWBOT_KERNEL"], mail, runs)
    engine = Engine(*rules.load((config.data_path("rules"),), (6, 12)))
    found = [("patch of tests/threads", patches(TESTS / "threads", "*.mbox"))]
    if os.environ.get("REVIEWBOT_CORPUS"):
        found.append(("patch of the labelled mails", patches(Path(os.environ["REVIEWBOT_CORPUS"]), "lore/*.eml")))
    for name, each in found:
        print(row(name, [timed(lambda one=patch: engine.patch(one)) for patch in each]))


if __name__ == "__main__":
    main()
