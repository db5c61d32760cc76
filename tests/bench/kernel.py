"""A kernel tree read as if every line of it were new: each remark, and how many of each kind.

    kernel.py [--kernel DIR] [--rule ID | --all] [FOLDER...]

Prints the errors of high confidence (--rule: those of one rule; --all: everything), then a table, how much could not
be read, and those errors that tests/kernel/judged.toml does not know.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from pathlib import Path

import tomli

sys.path.insert(0, str(Path(__file__).parents[1] / "helpers"))
from kernel_judge import FOLDERS, everything, files

JUDGED = Path(__file__).parents[1] / "kernel" / "judged.toml"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kernel", type=Path, default=os.environ.get("REVIEWBOT_KERNEL"), help="a 6.12 source tree")
    parser.add_argument("--rule", help="print what this rule says")
    parser.add_argument("--all", action="store_true", help="print every remark")
    parser.add_argument("folders", nargs="*", default=FOLDERS)
    options = parser.parse_args()
    if not options.kernel:
        parser.error("name --kernel, or set REVIEWBOT_KERNEL")
    paths = files(Path(options.kernel), options.folders)
    known = {(one["path"], one["function"], one["rule"]) for one in tomli.loads(JUDGED.read_text())["remark"]}
    counts: Counter[tuple[str, str, str]] = Counter()
    unread = 0
    fresh = set()
    begun = time.monotonic()
    for count, seen in enumerate(everything(Path(options.kernel), paths), 1):
        if sys.stderr.isatty():
            print(f"\r{count}/{len(paths)}", end="", file=sys.stderr)
        unread += len(seen.unread)
        for one in seen.remarks:
            counts[one.rule, one.severity, one.confidence] += 1
            loud = (one.severity, one.confidence) == ("error", "high")
            if loud and one.key not in known:
                fresh.add(one.key)
            if options.all or (one.rule == options.rule if options.rule else loud):
                where = f"{one.path}:{one.line} {one.function}()"
                print(f"{where}: {one.rule} {one.severity} {one.confidence}: {one.text[:100]}")
    print(f"{len(paths)} files in {time.monotonic() - begun:.0f} s; {unread} functions not read")
    for (rule, severity, confidence), number in sorted(counts.items()):
        print(f"{number:6} {rule} {severity} {confidence}")
    for path, function, rule in sorted(fresh):
        print(f"not judged yet: {path} {function}() {rule}")
    return int(bool(fresh))


if __name__ == "__main__":
    raise SystemExit(main())
