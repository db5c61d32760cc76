"""The rule fixtures written in other ways that leave what is wrong as it is: what is still found, what is still silent.

    metamorphic.py [--rule ID]... [--way NAME]... [-v] [--json FILE]

A positive is a case that claims a finding of its fixture's rule, a near miss one that claims none. Both are rewritten
in each way; a positive also becomes old trouble, both sides of a patch that only renames or moves it. A claim is met
when the rule speaks of the same function (or of what a rewrite made of it) at most one step less sure than before; of
a static helper, however sure. A near miss is silent when the rule is, and so are the functions of a positive that
nothing is claimed of; old trouble, when it says nothing of medium or high confidence. Cases that show pieces of a file
are left out.

The exit status is 1 where less than 95 % of the positives is found, or less than 99 % of the rest silent.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "helpers"))
from fixtures import Case, cases
from reviewbot.config import data_path
from reviewbot.kernel import rules
from reviewbot.model.patch import Patch
from reviewbot.model.review import CONFIDENCES, Finding
from reviewbot.review.engine import Engine
from reviewbot.review.neighbourhood.tree_source import TreeSource
from rewrites.ctext import functions
from rewrites.pair import Pair, pair_of
from rewrites.ways import DESIGN, OLD, WAYS
from trees import Trees

FIXTURES = Path(__file__).parents[1] / "rules"
TARGETS = {"positive": 95.0, "near miss": 99.0, "old": 99.0}
ASKED = {"positive": "positives found", "near miss": "near misses silent", "old": "old trouble silent"}

Said = dict[str, str]  # function: the highest confidence with which the rule spoke of it


@dataclass(frozen=True)
class Result:
    """One case written in one way. `good`: found, or silent; `why`: what is not as it should be."""

    rule: str
    way: str
    kind: str  # positive, near miss or old
    case: str
    good: bool
    lowered: bool = False
    why: str = ""
    diff: str = ""


@lru_cache
def engine(version: str) -> Engine:
    kernel, known = rules.load([data_path("rules")], rules.parse_version(version))
    return Engine(kernel, known)


def review(pair: Pair | Case, diff: str) -> tuple[tuple[Finding, ...], str]:
    """The findings, and what was not read."""
    around = pair.around if isinstance(pair, Pair) else None
    if isinstance(pair, Pair) and around is not None:
        old, new = (dict([around, (pair.path, text or "")]) for text in (pair.before, pair.after))
        trees, made = Trees({"0": old, "1": new}), engine(pair.kernel)
        whole = Engine(made.kernel, [rule for rule, _ in made.rules], trees.read, TreeSource(trees))
        found = whole.patch(Patch(1, 1, "rewritten", "", diff, before="0", after="1"))
    else:
        found = engine(pair.kernel).patch(Patch(1, 1, "rewritten", "", diff))
    return found.findings, "; ".join(one.reason for one in found.unread)


def said(findings: Iterable[Finding], rule: str) -> Said:
    out: Said = {}
    for one in findings:
        if one.rule == rule:
            out[one.function] = max(out.get(one.function, "low"), one.confidence, key=CONFIDENCES.index)
    return out


def kind_of(case: Case) -> str:
    """Positive or near miss; nothing for a known miss, which may well be found in another form."""
    mine = [claim for claim in case.claims if claim.rule == case.fixture]
    if any(not claim.todo for claim in mine):
        return "positive"
    return "" if mine else "near miss"


def met(claimed: Said, heard: Said, pair: Pair) -> tuple[str, bool]:
    """What is missing of the claims, and whether any is said less surely."""
    missing, lowered = [], False
    for function, sure in claimed.items():
        now = heard.get(pair.name(function)) or heard.get(f"{pair.name(function)}_body")
        helped = [heard[one] for one in pair.helpers if one in heard]
        step = CONFIDENCES.index(sure)
        if helped or (now and CONFIDENCES.index(now) >= step - 1):
            best = max((CONFIDENCES.index(one) for one in (*helped, *([now] if now else []))), default=0)
            lowered |= best < step
        else:
            elsewhere = ", ".join(f"{name or 'the file'}: {one}" for name, one in heard.items() if name not in claimed)
            missing.append(f"{function or 'the file'}: {sure} before, {now or elsewhere or 'nothing'} now")
    return "; ".join(missing), lowered


def judge(case: Case, ways: Sequence[str]) -> list[Result]:
    """A case in every way that applies."""
    kind, pair = kind_of(case), pair_of(case)
    if not kind or pair is None:
        return []
    claimed = said(review(case, case.diff)[0], case.fixture)
    out: list[Result] = []
    for way in ways:
        made = None if way in OLD and kind != "positive" else (WAYS | OLD)[way](pair)
        if made is not None:
            out += _judged(case, way, "old" if way in OLD else kind, claimed, made)
    return out


def _judged(case: Case, way: str, kind: str, claimed: Said, made: Pair) -> Iterator[Result]:
    diff = made.diff()
    findings, unread = review(made, diff)
    heard, lowered = said(findings, case.fixture), False
    if kind == "positive":
        why, lowered = met(claimed, heard, made)
        other = {one.name for one in functions(made.after)} - {made.name(one) for one in claimed} - {*made.helpers}
        if other:
            extra = "; ".join(f"{name}: {sure}" for name, sure in heard.items() if name in other)
            yield Result(
                case.fixture, way, "near miss", f"{case.name} (beyond the claims)", not extra, False, extra, diff
            )
    else:
        why = "; ".join(f"{name}: {sure}" for name, sure in heard.items() if kind != "old" or sure != "low")
    why = "; ".join(filter(None, (why, unread and f"unread: {unread}")))
    yield Result(case.fixture, way, kind, case.name, not why, lowered, why, diff)


def share(results: Sequence[Result]) -> float:
    return 100 * sum(one.good for one in results) / len(results)


def table(results: Sequence[Result], ways: Sequence[str]) -> list[str]:
    """A row for each way: positives, those said less surely, and what should be silent."""
    out = [f"{'way':26} {'found/tried':>12} {'lowered':>8} {'silent/tried':>13}"]
    for way in ways:
        mine = [one for one in results if one.way == way]
        loud = [one for one in mine if one.kind == "positive"]
        quiet = [one for one in mine if one.kind != "positive"]
        cells = [f"{sum(one.good for one in part)}/{len(part)}" if part else "-" for part in (loud, quiet)]
        out.append(f"{way:26} {cells[0]:>12} {sum(one.lowered for one in loud) or '':>8} {cells[1]:>13}")
    return out


def grid(results: Sequence[Result], ways: Sequence[str]) -> list[str]:
    """Rule by way, as found/tried and silent/tried; the ways by their numbers."""
    cells: dict[tuple[str, str], list[Result]] = defaultdict(list)
    for one in results:
        cells[one.rule, one.way].append(one)
    out = [f"{at:3} {way}" for at, way in enumerate(ways, 1)]
    for part, quiet in (("found / tried", False), ("silent / tried", True)):
        out += ["", f"{part:28}" + "".join(f"{at:6}" for at in range(1, len(ways) + 1))]
        for rule in sorted({one.rule for one in results}):
            row = []
            for way in ways:
                mine = [one for one in cells[rule, way] if (one.kind != "positive") == quiet]
                row.append(f"{sum(one.good for one in mine)}/{len(mine)}" if mine else "")
            out.append(f"{rule:28}" + "".join(f"{cell:>6}" for cell in row))
    return out


def report(results: Sequence[Result], ways: Sequence[str], verbose: bool) -> int:
    counted = [one for one in results if one.good or (one.rule, one.way) not in DESIGN]
    print("\n".join([*grid(results, ways), "", *table(results, ways), ""]))
    for one in results:
        if not one.good:
            reason = DESIGN.get((one.rule, one.way))
            mark = f"by design ({reason})" if reason else "falls short"
            print(f"{mark}: {one.kind}: {one.rule}: {one.way}: {one.case}: {one.why}")
            if verbose and not reason:
                print("\n".join(f"    {row}" for row in one.diff.split("\n")[3:]))
    missed = 0
    for kind, target in TARGETS.items():
        mine = [one for one in counted if one.kind == kind]
        if not mine:
            continue
        missed |= share(mine) < target
        print(
            f"{ASKED[kind]}: {sum(one.good for one in mine)}/{len(mine)} {share(mine):.1f} % (at least {target:.0f} %)"
        )
    print(f"by design: {len(results) - len(counted)}")
    return int(missed)


def run(listed: Sequence[Case], ways: Sequence[str]) -> list[Result]:
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        return [one for found in pool.map(partial(judge, ways=ways), listed, chunksize=8) for one in found]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rule", action="append", help="only this rule's fixture; may be given again")
    parser.add_argument("--way", action="append", choices=[*WAYS, *OLD], metavar="NAME", help="only this way")
    parser.add_argument(
        "-v", "--verbose", action="store_true", help="show the rewritten patch of each that falls short"
    )
    parser.add_argument("--json", type=Path, help="write every result there")
    options = parser.parse_args()
    listed = [case for path in sorted(FIXTURES.glob("*.md")) for case in cases(path)]
    if unknown := set(options.rule or ()) - {case.fixture for case in listed}:
        parser.error(f"no fixture: {', '.join(sorted(unknown))}")
    listed = [case for case in listed if not options.rule or case.fixture in options.rule]
    ways = options.way or [*WAYS, *OLD]
    left = sum(pair_of(case) is None for case in listed)
    results = run(listed, ways)
    if options.json:
        options.json.write_text(json.dumps([asdict(one) for one in results], indent=1), encoding="utf-8")
    print(f"{len(listed)} cases, {left} of them left out: they show pieces of a file\n")
    return report(results, ways, options.verbose)


if __name__ == "__main__":
    raise SystemExit(main())
