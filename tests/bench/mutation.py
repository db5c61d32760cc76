"""Kernel functions that open a memalloc scope in, broken on purpose; how many of the breaks are found out.

    mutation.py [--kernel DIR] [--sites FILE] [-v]

FILE lists where scopes are opened, a tab-separated line each: file:line, the save's name, the function, the lines of
its restores ("-" for none), the source line (REVIEWBOT_FACTS/scope-sites-6.12.txt). Each break is reviewed as a patch
to the whole file. A site that a break makes no sense for is left out of its row, and counted with the reason.
"""

from __future__ import annotations

import argparse
import difflib
import os
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from reviewbot.config import data_path
from reviewbot.kernel import rules
from reviewbot.model.patch import Patch, Series
from reviewbot.model.review import Finding
from reviewbot.review.engine import Engine

LEAKS = frozenset({"scope-leak", "scope-token-lost"})
RESTORES = LEAKS | {"scope-restore-mismatch"}
IN_SCOPE = frozenset({"redundant-scope-flag", "nofail-in-scope"})
LOCKED = frozenset({"sleep-in-atomic"})
REPEATS = {"nofs": "GFP_NOFS", "noio": "GFP_NOIO"}  # what the scope makes of GFP_KERNEL


@dataclass(frozen=True)
class Site:
    """Lines are 1-based; `token` is the variable that keeps what was saved."""

    path: str
    line: int
    kind: str
    function: str
    restores: tuple[int, ...]
    token: str


class NotReal(Exception):
    """Why a break is none at this site."""


Break = Callable[[Site, list[str]], Iterator[list[str]]]


def sites(file: Path, kernel: Path) -> Iterator[Site]:
    for row in file.read_text(encoding="utf-8").splitlines():
        if not row.startswith("#") and (
            found := re.match(r"(\S+):(\d+)\tmemalloc_(\w+)_save\t(\S+)\t(\S+)\t(.*)", row)
        ):
            path, line, kind, function, restores, source = found.groups()
            rows = (kernel / path).read_text("latin-1").split("\n")
            kept = re.search(r"(\S+)\s*=\s*memalloc_", source)
            lines = [int(one) for one in restores.split(",")] if restores != "-" else []
            lines = [one for one in lines if f"_restore({kept.group(1) if kept else ''})" in rows[one - 1]]
            yield Site(path, int(line), kind, function, tuple(lines), kept.group(1) if kept else "")


def _own(site: Site, rows: list[str]) -> None:
    """A scope that its own function ends, and not with the task."""
    if not re.fullmatch(r"\w+", site.token):
        raise NotReal("the state is kept elsewhere")
    if not site.restores:
        raise NotReal("another function restores")
    end = next((at for at in range(site.line, len(rows)) if rows[at].startswith("}")), len(rows))
    if any("kthread_should_stop" in row or "module_put_and_kthread_exit" in row for row in rows[site.line : end]):
        raise NotReal("the function of a thread")


def _statement(rows: list[str], at: int) -> bool:
    """Whether a row is one whole statement that no condition above governs."""
    above = next((row for row in reversed(rows[:at]) if row.strip()), "").rstrip()
    return rows[at].rstrip().endswith(";") and above[-1:] in ";{}:/" and not above.endswith("else")


def drop(site: Site, rows: list[str]) -> Iterator[list[str]]:
    """The restore is taken out; where a condition governs it, an empty statement is left."""
    _own(site, rows)
    for line in site.restores:
        at = line - 1
        yield rows[:at] + ([] if _statement(rows, at) else [re.sub(r"\S.*", ";", rows[at])]) + rows[at + 1 :]


def leave(site: Site, rows: list[str]) -> Iterator[list[str]]:
    """A return in front of the restore."""
    _own(site, rows)
    for line in site.restores:
        if not _statement(rows, line - 1):
            continue
        yield [*rows[: line - 1], "\tif (unlikely(broken_today()))", "\t\treturn 0;", *rows[line - 1 :]]


def other(site: Site, rows: list[str]) -> Iterator[list[str]]:
    """Another variable is restored."""
    _own(site, rows)
    for line in site.restores:
        changed = rows[line - 1].replace(f"_restore({site.token})", "_restore(other_saved)")
        yield [*rows[: line - 1], changed, *rows[line:]]


def within(site: Site, rows: list[str]) -> Iterator[list[str]]:
    """A request that the scope makes redundant, or breaks."""
    if site.kind not in (*REPEATS, "noreclaim"):
        raise NotReal("a scope that does neither")
    _below(site, rows)
    mask = REPEATS.get(site.kind, "GFP_KERNEL | __GFP_NOFAIL")
    yield [*rows[: site.line], f"\ttoday->more = kmalloc(8, {mask});", *rows[site.line :]]


def locked(site: Site, rows: list[str]) -> Iterator[list[str]]:
    """A request that may sleep, below a spinlock."""
    _below(site, rows)
    added = ("\tspin_lock(&today->lock);", "\ttoday->more = kmalloc(8, GFP_KERNEL);", "\tspin_unlock(&today->lock);")
    yield [*rows[: site.line], *added, *rows[site.line :]]


def _below(site: Site, rows: list[str]) -> None:
    if not _statement(rows, site.line - 1):
        raise NotReal("the save is not a statement of its own")
    if rows[site.line - 1].rstrip().endswith("\\"):
        raise NotReal("inside a macro")


BREAKS: dict[str, tuple[Break, frozenset[str]]] = {
    "the restore dropped": (drop, LEAKS),
    "a return before it": (leave, LEAKS),
    "another variable restored": (other, RESTORES),
    "a mask the scope changes": (within, IN_SCOPE),
    "below a spinlock": (locked, LOCKED),
}


class Judge:
    """Reviews a file before and after as one patch."""

    def __init__(self) -> None:
        self.trees: dict[str, bytes] = {}
        kernel, known = rules.load((data_path("rules"),), (6, 12))
        self.engine = Engine(kernel, known, lambda tree, _: self.trees[tree])

    def findings(self, path: str, before: str, after: str) -> tuple[Finding, ...]:
        self.trees = {"before": before.encode("latin-1"), "after": after.encode("latin-1")}
        names = f"a/{path}" if before else "/dev/null", f"b/{path}"
        rows = difflib.unified_diff(before.splitlines(True), after.splitlines(True), *names)
        patch = Patch(1, 1, "a break", "", "".join(rows), before="before", after="after")
        (reviewed,) = self.engine.review(Series("breaks", 1, (patch,))).patches
        return reviewed.findings


def run(kernel: Path, listed: list[Site], verbose: bool) -> int:
    judge = Judge()
    told: Counter[str] = Counter()
    reasons: Counter[tuple[str, str]] = Counter()
    for count, site in enumerate(listed, 1):
        if sys.stderr.isatty():
            print(f"\r{count}/{len(listed)}", end="", file=sys.stderr)
        text = (kernel / site.path).read_text("latin-1")
        rows = text.split("\n")
        original = {one for one in judge.findings(site.path, "", text) if one.function == site.function}
        for one in sorted(original, key=lambda one: one.line):
            if one.severity == "error":
                told["flagged"] += 1
                print(f"original: {site.path}:{one.line} {site.function}(): {one.rule} {one.confidence}")
        for name, (mutate, wanted) in BREAKS.items():
            if any(one.rule in wanted for one in original):
                reasons[name, "wrong already"] += 1
                continue
            try:
                changed = list(mutate(site, rows))
            except NotReal as error:
                reasons[name, str(error)] += 1
                continue
            for new in changed:
                found = judge.findings(site.path, text, "\n".join(new))
                hit = any(one.rule in wanted and one.function == site.function for one in found)
                told[name] += 1
                told[f"{name}: found"] += hit
                if verbose and not hit:
                    print(f"missed: {name}: {site.path}:{site.line} {site.function}(): {[one.rule for one in found]}")
    print(f"{len(listed)} sites, {len({(one.path, one.function) for one in listed})} functions")
    print(f"errors said of the originals: {told['flagged']}")
    for name in BREAKS:
        share = 100 * told[f"{name}: found"] / max(told[name], 1)
        print(f"{name:28} {told[name]:4} real {told[f'{name}: found']:4} found  {share:5.1f} %")
    for (name, reason), number in sorted(reasons.items()):
        print(f"  left out: {name}: {reason}: {number}")
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kernel", type=Path, default=os.environ.get("REVIEWBOT_KERNEL"), help="a 6.12 source tree")
    facts = os.environ.get("REVIEWBOT_FACTS")
    parser.add_argument("--sites", type=Path, default=facts and Path(facts, "scope-sites-6.12.txt"))
    parser.add_argument("-v", "--verbose", action="store_true", help="name what was missed")
    options = parser.parse_args()
    if not options.kernel or not options.sites:
        parser.error("name --kernel and --sites, or set REVIEWBOT_KERNEL and REVIEWBOT_FACTS")
    kernel = Path(options.kernel)
    known = [row.split(":")[0] for row in options.sites.read_text(encoding="utf-8").splitlines() if row[:1] not in "#"]
    if missing := sorted({path for path in known if path and not (kernel / path).is_file()}):
        parser.error(f"not in {kernel}: {len(missing)} of the files, such as {missing[0]}")
    return run(kernel, list(sites(options.sites, kernel)), options.verbose)


if __name__ == "__main__":
    raise SystemExit(main())
