"""A repository with a kernel and its index in, whether records of functions change what is said of its files, out.

    recorded.py DIR [--files N] [--seed N]

Some files of the kernel, in the random order of a seed, are read as if they were new, with calls followed through the
tree: without records, with records that are made on the way, and with these again. Prints the processor's seconds of
each, and fails where anything else is said.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "helpers"))
from reviewbot.index.records import RecordFile
from whole_tree import Read, WholeTree

NAMES = "without records", "with records made on the way", "with these again"


def read(tree: WholeTree, path: str) -> tuple[Read, float]:
    begun = time.process_time()
    return tree.read(path), time.process_time() - begun


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    seconds, findings, slow, other = [0.0] * len(NAMES), 0, 0, []
    with tempfile.TemporaryDirectory() as folder:
        records = [None, *(RecordFile(Path(folder, "records-0.db")) for _ in NAMES[1:])]
        trees = [WholeTree(given.folder, one) for one in records]
        for path in trees[0].files((), given.seed)[: given.files]:
            said = [read(tree, path) for tree in trees]
            seconds = [one + more for one, (_, more) in zip(seconds, said, strict=True)]
            findings += len(said[0][0].findings)
            slow += any(one.slow for one, _ in said)
            if any(one.said != said[0][0].said for one, _ in said) and not any(one.slow for one, _ in said):
                other.append(path)
        size = sum(one.stat().st_size for one in Path(folder).iterdir())
        for tree in trees:
            tree.close()
    for name, one in zip(NAMES, seconds, strict=True):
        print(f"{one:8.1f} s {name}")
    print(f"{findings} findings, {slow} files given up, {size >> 20} MB of records")
    print(*(f"OTHER FINDINGS: {path}" for path in other), sep="\n")
    return int(bool(other))


if __name__ == "__main__":
    raise SystemExit(main())
