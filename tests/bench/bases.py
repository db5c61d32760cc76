"""A repository that history.py made in, a table out: how long it takes to find the commit a series is made for.

    bases.py DIR [--seconds N] [--patches N]

Each series are commits of `main` some way back, as git format-patch writes them. It is looked for with its trailer, by
the blob ids of its diffs, and in vain: with ids that no file has, and with two files that stood together in no
commit, for which all of history has to be walked. The last rows give the search less time than it needs.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from reviewbot.git import apply
from reviewbot.git.repository import Repository
from reviewbot.mail import series
from reviewbot.model.patch import Patch, Series

BACK = (10, 500, 3000)
ROW = "{:<44}{:>9}{:>9}  {}"


class Case(NamedTuple):
    name: str
    series: Series
    seconds: float
    applies: bool = True


def git(folder: Path, *arguments: str) -> str:
    env = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull}
    done = subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True, env=env)
    return done.stdout.decode("utf-8", "surrogateescape")


def posted(folder: Path, revs: str, *options: str) -> Series:
    """Commits as their mails would be."""
    text = git(folder, "format-patch", "--stdout", "--no-signature", *options, revs)
    mails = [f"{part}\n".encode("utf-8", "surrogateescape") for part in f"\n{text}".split("\nFrom ")[1:]]
    return series.newest([mail.partition(b"\n")[2] for mail in mails])


def odd(found: Series) -> Series:
    """With ids of files that nobody has."""
    patches = (replace(one, diff=one.diff.replace("\nindex ", "\nindex 1234567")) for one in found.patches)
    return replace(found, patches=tuple(patches))


def together_never(folder: Path, far: int) -> Series:
    """A file as it was before a commit, and one as it was made by a later commit."""
    wanted = git(folder, "log", "--format=%H", "--diff-filter=M", f"main~{far}..main").split()
    later, earlier = wanted[0], wanted[-1]
    diffs = [git(folder, "diff", *options) for options in ([f"{earlier}^", earlier], ["-R", f"{later}^", later])]
    patches = tuple(Patch(at, 2, "toy", "", diff) for at, diff in enumerate(diffs, 1))
    return Series("toy", 1, patches)


def cases(folder: Path, seconds: float, patches: int) -> Iterator[Case]:
    for back in BACK:
        revs = f"main~{back}..main~{max(0, back - patches)}"
        base = git(folder, "rev-parse", f"main~{back}").strip()
        yield Case(f"{back:,} commits back, trailer", posted(folder, revs, f"--base={base}"), seconds)
        found = posted(folder, revs)
        yield Case(f"{back:,} commits back, blob ids", found, seconds)
        yield Case(f"{back:,} commits back, ids nobody has", odd(found), seconds)
    never = together_never(folder, BACK[-1])
    yield Case("two files that never stood together", never, seconds, False)
    for short in (1.0, 0.3, 0.1):
        yield Case(f"the same in {short} s", never, short, False)
        yield Case(f"{BACK[-1]:,} commits back in {short} s", found, short)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--seconds", type=float, default=60, help="as [tree] seconds")
    parser.add_argument("--patches", type=int, default=3, help="of each series")
    given = parser.parse_args()
    print(ROW.format("ms", "open", "place", "base"))
    for case in cases(given.folder, given.seconds, given.patches):
        begun = time.perf_counter()
        with Repository(given.folder) as repository:
            opened = time.perf_counter()
            repository.allow(case.seconds)
            placed = apply.apply_series(repository, case.series, None, ("main",))
            done = time.perf_counter()
        how = f"{placed.base.how}, {sum(one.after is not None for one in placed.series.patches)}" if placed.base else ""
        times = (f"{(end - start) * 1000:.0f}" for start, end in ((begun, opened), (opened, done)))
        print(ROW.format(case.name, *times, how or placed.reason[:90]), flush=True)


if __name__ == "__main__":
    main()
