"""Every mail of a folder and as many hostile ones as are asked for in; what crashed, what was slow, how long they took.

    mails.py [--folder DIR] [--made N] [--seed N] [--processes N]

Each is reviewed as `thread` and `check` would, with b4, and has 30 seconds. A hostile mail is known by its seed:
tests/hostile.py makes it again.
"""

from __future__ import annotations

import argparse
import faulthandler
import multiprocessing
import os
import sys
import traceback
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "helpers"))

from hostile import hostile, roots
from reading import Reader, desk
from reviewbot.support.workers import WorkerDied, each

LIMIT = 30  # seconds
SLOW = 2.0
SPAM = b"From x Thu Jan  1 00:00:00 1970\n"


class _Work:
    """What a process does: made once in each."""

    def __init__(self) -> None:
        self.reader, self.roots = Reader(desk()), roots()

    def __call__(self, task: tuple[str, bytes | None, int]) -> tuple[float, str, str]:
        _, raw, seed = task
        if raw is None:
            raw = hostile(seed, self.roots)
        mails = [raw] if seed % 2 == 0 else [raw, *self.roots[:3]]
        data = b"\n\n".join(SPAM + one for one in mails)
        faulthandler.dump_traceback_later(LIMIT, exit=True)
        try:
            became = self.reader(data)
        except BaseException:  # noqa: BLE001 - whatever it is, it is a finding
            return 0.0, "crash", traceback.format_exc()
        finally:
            faulthandler.cancel_dump_traceback_later()
        if len(mails) > 1 and not became.patches:
            return 0.0, "lost", became.said
        return became.seconds, became.stage, became.said


_work: _Work


def _begin() -> None:
    global _work
    multiprocessing.current_process()._config["daemon"] = False  # it makes processes of its own, as the program does
    _work = _Work()


def _do(task: tuple[str, bytes | None, int]) -> tuple[float, str, str]:
    return _work(task)


def tasks(folder: Path | None, made: int, seed: int) -> Iterator[tuple[str, bytes | None, int]]:
    if folder is not None:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                yield str(path), path.read_bytes(), 0
    yield from ((f"seed {one}", None, one) for one in range(seed, seed + made))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    corpus = os.environ.get("REVIEWBOT_CORPUS")
    parser.add_argument("--folder", type=Path, default=Path(corpus) / "lore" if corpus else None)
    parser.add_argument("--made", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    options = parser.parse_args()
    times: list[tuple[float, str, str]] = []
    bad: list[tuple[str, str, str]] = []
    given = tasks(options.folder, options.made, options.seed)
    for (name, *_), made in each(_do, given, options.processes, _begin):
        seconds, stage, said = (float(LIMIT), "held", "ended") if isinstance(made, WorkerDied) else made
        times.append((seconds, name, stage))
        if stage in ("crash", "lost", "held"):
            bad.append((name, stage, said))
            print(f"{name}: {stage}\n{said}", flush=True)
        elif seconds > SLOW:
            print(f"{name}: {seconds:.1f} s in {stage}", flush=True)
    times.sort()
    count = Counter(stage for _, stage, _ in bad)
    slow = Counter(stage for seconds, _, stage in times if seconds > SLOW)
    parts = ", ".join(f"{share} % {times[len(times) * share // 100][0] * 1000:.0f} ms" for share in (50, 90, 99))
    print(f"{len(times)} mails: {count['crash']} crashed, {count['lost']} lost others, {count['held']} held it up")
    print(f"over {SLOW:g} s: {dict(slow)}; {parts}; slowest {times[-1]}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
