"""A kernel tree seen through hunks: what is said of them, though not of the whole files.

    hunks.py [--kernel DIR] [--context N] [FOLDER...]

Each line that names a flag, a scope or a lock counts as added, with N lines around it as a diff shows them (3 unless
told). What is said with medium confidence or more of the hunks alone, and of no line of the same function when the
file is whole, is most likely said because something was out of sight: each is printed, then a count by rule.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache, partial
from pathlib import Path

from reviewbot.config import data_path
from reviewbot.kernel import rules
from reviewbot.model.patch import DiffLine, FileChange, Hunk
from reviewbot.review.engine import Engine

sys.path.insert(0, str(Path(__file__).parents[1] / "helpers"))
from kernel_judge import FOLDERS, Remark, files, review

TOUCHED = re.compile(r"GFP_|memalloc_\w+\(|\bgfp_t\b")
HEAD = re.compile(r"^[A-Za-z_][^;]*\(")


@lru_cache
def _engine() -> Engine:
    return Engine(*rules.load((data_path("rules"),), (6, 12)))


def hunks(rows: list[str], context: int) -> tuple[Hunk, ...]:
    """What a diff shows of a file in which the lines that speak of masks are new."""
    touched = [at for at, row in enumerate(rows) if TOUCHED.search(row)]
    spans: list[list[int]] = []
    for at in touched:
        first, last = max(0, at - context), min(len(rows), at + context + 1)
        if spans and first <= spans[-1][1]:
            spans[-1][1] = last
        else:
            spans.append([first, last])
    new = frozenset(touched)
    out, old, head, done = [], 1, "", 0
    for first, last in spans:
        old += first - done
        head = next((row for row in reversed(rows[done:first]) if HEAD.match(row)), head)
        lines = []
        for at in range(first, last):
            fresh = at in new
            lines.append(DiffLine("+" if fresh else " ", rows[at], None if fresh else old, at + 1))
            old += not fresh
        out.append(Hunk("@@", head[:80], tuple(lines)))
        head = next((row for row in reversed(rows[first:last]) if HEAD.match(row)), head)
        done = last
    return tuple(out)


def only_in_hunks(kernel: Path, context: int, path: str) -> list[Remark]:
    """The remarks on a file's hunks in functions of which the whole file has no such remark."""
    rows = (kernel / path).read_text("latin-1").split("\n")
    shown = hunks(rows, context)
    if not shown:
        return []
    findings, _ = _engine().file(FileChange(path, path, shown), frozenset())
    heard = [one for one in findings if one.confidence != "low"]
    if not heard:
        return []
    whole = {(one.function, one.rule) for one in review(kernel, path).remarks}
    return [
        Remark(path, one.line, one.function, one.rule, one.severity, one.confidence, one.line_text.strip())
        for one in heard
        if (one.function, one.rule) not in whole
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kernel", type=Path, default=os.environ.get("REVIEWBOT_KERNEL"), help="a 6.12 source tree")
    parser.add_argument("--context", type=int, default=3)
    parser.add_argument("folders", nargs="*", default=FOLDERS)
    options = parser.parse_args()
    if not options.kernel:
        parser.error("name --kernel, or set REVIEWBOT_KERNEL")
    paths = files(Path(options.kernel), options.folders)
    counts: Counter[tuple[str, str, str]] = Counter()
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for found in pool.map(partial(only_in_hunks, Path(options.kernel), options.context), paths, chunksize=40):
            for one in found:
                counts[one.rule, one.severity, one.confidence] += 1
                where = f"{one.path}:{one.line} {one.function}()"
                print(f"{where}: {one.rule} {one.severity} {one.confidence}: {one.text[:100]}")
    print(f"{len(paths)} files")
    for (rule, severity, confidence), number in sorted(counts.items()):
        print(f"{number:6} {rule} {severity} {confidence}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
