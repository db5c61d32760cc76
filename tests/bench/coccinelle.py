"""Requests that may sleep below a lock, as Coccinelle's call_kern.cocci and reviewbot see them, and what each misses.

    coccinelle.py [--kernel DIR] [--repository DIR] [--wide] [--timeout N] [FOLDER...]

Runs spatch as scripts/coccicheck does in report mode, in one process, and reviewbot over the same C files as if each
were new: by itself, and with --repository through the whole tree of a repository whose HEAD `reviewbot index` has
noted. Prints each place that only one of them has, with its verdict in tests/kernel/, and the processor time of both. A
place is a line of a function; a call may begin some lines above its mask. --wide: by below_locks.cocci beside this file
instead, which knows more locks, masks and frees.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import tomli

sys.path.insert(0, str(Path(__file__).parents[1] / "helpers"))
from kernel_judge import files, review
from whole_tree import WholeTree

JUDGED = Path(__file__).parents[1] / "kernel"
OF_THE_KERNEL = Path("scripts/coccinelle/locks/call_kern.cocci")
OF_OURS = Path(__file__).with_name("below_locks.cocci").resolve()
RULE = "sleep-in-atomic"
NEAR = 6  # lines from the head of a call to its mask
# the Makefile's LINUXINCLUDE for x86, and the options at the head of the semantic patch
_INCLUDED = (
    *("arch/x86/include", "arch/x86/include/generated", "include", "arch/x86/include/uapi"),
    *("arch/x86/include/generated/uapi", "include/uapi", "include/generated/uapi"),
)
_OPTIONS = (
    *("-D", "report", "--no-show-diff", "--very-quiet", "--no-includes", "--include-headers"),
    *("--include", "include/linux/compiler-version.h", "--include", "include/linux/kconfig.h"),
)
_REPORT = re.compile(
    r"^(\S+?):(\d+):\d+-\d+: ERROR: function (\w+) called on line (\d+) inside lock on line (\d+)", re.M
)


class Place(NamedTuple):
    """A request, and what is said of it."""

    path: str
    function: str
    line: int
    said: str

    def is_of(self, path: str, function: str, line: int) -> bool:
        """Whether it is what stands there."""
        return (self.path, self.function) == (path, function) and abs(self.line - line) <= NEAR


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kernel", type=Path, default=os.environ.get("REVIEWBOT_KERNEL"), help="a 6.12 source tree")
    parser.add_argument("--repository", type=Path, help="a repository with one, and with an index")
    parser.add_argument("--wide", action="store_true", help="ask Coccinelle for more than the kernel's own script does")
    parser.add_argument("--timeout", type=int, default=120, help="seconds that spatch has for a file")
    parser.add_argument("folders", nargs="*", default=["fs", "drivers/usb", "net"])
    options = parser.parse_args()
    if not options.kernel:
        parser.error("name --kernel, or set REVIEWBOT_KERNEL")
    kernel = Path(options.kernel)
    theirs, taken = [], 0.0
    for folder in options.folders:
        begun = _children()
        theirs += _coccinelle(kernel, folder, OF_OURS if options.wide else OF_THE_KERNEL, options.timeout)
        taken += _children() - begun
    paths = [path for path in files(kernel, options.folders) if path.endswith(".c")]
    begun = time.process_time()
    alone = [place for path in paths for place in _alone(kernel, path)]
    mine = time.process_time() - begun
    print(f"{len(paths)} files: spatch {taken:.0f} s, reviewbot {mine:.0f} s of a processor, {taken / mine:.1f} times")
    through = []
    if options.repository is not None:
        begun = time.process_time()
        whole = WholeTree(options.repository)
        through = [place for path in paths for place in _through(whole, path)]
        whole.close()
        print(f"through the tree: reviewbot {time.process_time() - begun:.0f} s")
    _compare(theirs, [*alone, *through])
    return 0


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _coccinelle(kernel: Path, folder: str, semantic_patch: Path, timeout: int) -> list[Place]:
    include = [word for path in _INCLUDED for word in ("-I", path)]
    asked = ("--timeout", str(timeout), "--cocci-file", str(semantic_patch), "--dir", folder)
    command = ["spatch", *_OPTIONS, *include, *asked]
    done = subprocess.run(command, cwd=kernel, capture_output=True, text=True, check=False)
    gave_up = done.stderr.count("EXN")
    print(f"spatch on {folder}: code {done.returncode}, {gave_up} files given up")
    return [
        Place(path.removeprefix("./"), function, int(line), f"called on line {call}, lock on line {lock}")
        for path, line, function, call, lock in _REPORT.findall(done.stdout)
    ]


def _alone(kernel: Path, path: str) -> Iterator[Place]:
    for one in review(kernel, path).remarks:
        if one.rule == RULE:
            yield Place(path, one.function, one.line, f"{one.confidence}: {one.text}")


def _through(whole: WholeTree, path: str) -> Iterator[Place]:
    for one in whole.read(path).findings:
        if one.rule == RULE and one.needs_other_files:
            yield Place(path, one.function, one.line, f"{one.confidence}, other files: {one.line_text.strip()}")


def _compare(theirs: list[Place], mine: list[Place]) -> None:
    read = {
        name: tomli.loads((JUDGED / f"{name}.toml").read_text("utf-8")) for name in ("coccinelle", "folders", "tree")
    }
    known = [*read["coccinelle"]["place"], *read["folders"]["remark"], *read["tree"]["remark"]]
    known = [one for one in known if one.get("rule", RULE) == RULE]

    def verdict(place: Place) -> str:
        found = (one for one in known if place.is_of(one["path"], one["function"], one["line"]))
        return next((f"{one['verdict']}: {one['why']}" for one in found), "not judged yet")

    for name, some, others in (("Coccinelle", theirs, mine), ("reviewbot", mine, theirs)):
        lone = {place for place in some if not any(one.is_of(*place[:3]) for one in others)}
        print(f"\n{name}: {len({place[:3] for place in some})} places, {len({place[:3] for place in lone})} of its own")
        for place in sorted(lone):
            print(f"{place.path}:{place.line} {place.function}() {place.said[:110]}\n    {verdict(place)}")


if __name__ == "__main__":
    raise SystemExit(main())
