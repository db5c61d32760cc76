"""A kernel tree read as if every line of it were new: each remark, and how many of each kind.

    kernel.py [--kernel DIR] [--rule ID | --all] [FOLDER...]
    kernel.py --repository DIR [--rule ID | --all] [--seed N [--from N] | FOLDER...]

Prints the errors of high confidence (--rule: those of one rule; --all: everything) as they are found, and the
functions by which each is reached where it takes calls to see it. Then come a table, how much could not be read, and
those errors that tests/kernel/judged.toml does not know.

With a repository whose HEAD `reviewbot index` has noted, prints those remarks that take other files, found through the
whole tree, with the calls that lead there: of medium and high confidence, unless --all or --rule says otherwise. --seed
takes the files of all the kernel in a random order that is the same each time, --from begins at a later one.
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
from reviewbot.model.review import Finding

JUDGED = Path(__file__).parents[1] / "kernel" / "judged.toml"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kernel", type=Path, default=os.environ.get("REVIEWBOT_KERNEL"), help="a 6.12 source tree")
    parser.add_argument("--repository", type=Path, help="a repository with one, and with an index")
    parser.add_argument("--rule", help="print what this rule says")
    parser.add_argument("--all", action="store_true", help="print every remark")
    parser.add_argument("--seed", type=int, help="all files of the repository in a random order")
    parser.add_argument("--from", type=int, default=0, dest="first", metavar="N", help="leave so many of them out")
    parser.add_argument("folders", nargs="*", default=FOLDERS)
    options = parser.parse_args()
    if options.repository is not None:
        return through_the_tree(options)
    if not options.kernel:
        parser.error("name --kernel, or set REVIEWBOT_KERNEL")
    return alone(options)


def alone(options: argparse.Namespace) -> int:
    """Each file by itself; the code is 1 where an error of high confidence has not been judged."""
    paths = files(Path(options.kernel), options.folders)
    known = {(one["path"], one["function"], one["rule"]) for one in tomli.loads(JUDGED.read_text())["remark"]}
    counts: Counter[tuple[str, ...]] = Counter()
    unread = 0
    fresh = set()
    begun = time.monotonic()
    for count, seen in enumerate(everything(Path(options.kernel), paths), 1):
        progress(count, len(paths))
        unread += len(seen.unread)
        for one in seen.remarks:
            counts[one.rule, one.severity, one.confidence, "through calls" if one.calls else "in one function"] += 1
            loud = (one.severity, one.confidence) == ("error", "high")
            if loud and one.key not in known:
                fresh.add(one.key)
            if options.all or (one.rule == options.rule if options.rule else loud):
                where = f"{one.path}:{one.line} {one.function}()"
                print(f"{where}: {one.rule} {one.severity} {one.confidence}: {one.text[:100]}", flush=True)
                if one.calls:
                    print(f"    by {'() > '.join(one.calls)}()")
    print(f"{len(paths)} files in {time.monotonic() - begun:.0f} s; {unread} functions not read")
    table(counts)
    for path, function, rule in sorted(fresh):
        print(f"not judged yet: {path} {function}() {rule}")
    return int(bool(fresh))


def through_the_tree(options: argparse.Namespace) -> int:
    """Each file with all others of the tree; the code is 0."""
    from whole_tree import WholeTree

    counts: Counter[tuple[str, ...]] = Counter()
    slow = 0
    begun = time.process_time()
    whole = WholeTree(options.repository)
    paths = whole.files(options.folders, options.seed)[options.first :]
    for count, path in enumerate(paths, 1):
        progress(count, len(paths))
        read = whole.read(path)
        slow += read.slow
        for one in read.findings:
            if not one.needs_other_files:
                continue
            counts[one.rule, one.severity, one.confidence] += 1
            if options.all or (one.rule == options.rule if options.rule else one.confidence != "low"):
                print("\n".join(shown(one)), flush=True)
    whole.close()
    print(f"{len(paths)} files in {time.process_time() - begun:.0f} s of a processor; {slow} given up")
    table(counts)
    return 0


def shown(one: Finding) -> list[str]:
    """A remark and the calls that lead to it."""
    where = f"{one.path}:{one.line} {one.function}()"
    lines = [f"{where}: {one.rule} {one.severity} {one.confidence}: {one.line_text.strip()[:100]}"]
    if one.chain is None:
        return lines + [f"    {each.path}:{each.line} {each.text.strip()[:80]}  ({each.note})" for each in one.evidence]
    steps = one.chain.steps
    lines += [f"    {'  ' * each.level}{each.path}:{each.line} {each.text.strip()[:80]}" for each in steps]
    return lines + [f"    doubt: {each}" for each in one.chain.doubts]


def progress(count: int, of: int) -> None:
    """Say how far it is: always to a terminal, now and then to a file."""
    if sys.stderr.isatty():
        print(f"\r{count}/{of}", end="", file=sys.stderr)
    elif count % 100 == 0:
        print(f"{count}/{of}", file=sys.stderr, flush=True)


def table(counts: Counter[tuple[str, ...]]) -> None:
    """Print how many there are of each kind."""
    for kind, number in sorted(counts.items()):
        print(f"{number:6} {' '.join(kind)}")


if __name__ == "__main__":
    raise SystemExit(main())
