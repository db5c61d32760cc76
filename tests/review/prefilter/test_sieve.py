"""What a sifted history shows is what reading all of it shows: every fixture of the rules, as a commit."""

from __future__ import annotations

import time
from functools import lru_cache
from pathlib import Path

import pytest

from fixtures import Case, cases
from reviewbot.config import data_path
from reviewbot.kernel.rules import load, parse_version
from reviewbot.model.patch import FileChange, Patch
from reviewbot.patch import parse
from reviewbot.review.engine import Engine
from reviewbot.review.prefilter.sieve import Prefilter

CASES = [case for path in sorted((Path(__file__).parents[2] / "rules").glob("*.md")) for case in cases(path)]


@lru_cache
def tools(version: str):
    kernel, rules = load([data_path("rules")], parse_version(version))
    return Engine(kernel, rules), Prefilter(kernel, rules)


def side(change: FileChange, mark: str) -> bytes:
    """The file that the hunks are of; what they do not show is empty."""
    rows: list[str] = []
    for hunk in change.hunks:
        for line in hunk.lines:
            number = line.old if mark == "-" else line.new
            if number is not None:
                rows += [""] * (number - 1 - len(rows))
                rows.append(line.text)
    return ("\n".join(rows) + "\n").encode()


def found(version: str, patch: Patch, texts: dict[str, bytes], only) -> list:
    known, _ = tools(version)
    engine = Engine(known.kernel, [rule for rule, _ in known.rules], lambda tree, _: texts[tree])
    return [(one.rule, one.line, one.fingerprint) for one in engine.patch(patch, only).findings]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.fixture}: {case.name}")
def test_sifting_loses_nothing_that_a_rule_says(case: Case) -> None:
    (change,), _ = parse.parse_diff(case.diff)
    texts = {"old": side(change, "-"), "new": side(change, "+")}
    patch = Patch(1, 1, case.name, "", case.diff, commit="c" * 40, before="old", after="new")
    _, sieve = tools(case.kernel)
    only = {change.path: sieve.kept(change.path, case.diff.encode(), texts["new"])}
    assert found(case.kernel, patch, texts, only) == found(case.kernel, patch, texts, None)


UNITS = [
    "}\n",
    "}\n\n",
    "kmalloc(",
    "for (;;) kmalloc(8, GFP_NOFS);\n",
    "gfp_t gfp,",
    ".scan_objects = ",
    "#define A \\\n",
    "a:\n",
]


@pytest.mark.parametrize("unit", UNITS)
def test_a_megabyte_of_anything_is_sifted_within_seconds(unit):
    last = "int toy(void)\n{\n\treturn kmalloc(1, GFP_KERNEL | __GFP_NOFAIL);\n}"
    text = f"int many(void)\n{{\n{unit * (1_000_000 // len(unit))}\n}}\n{last}\n"
    added = "".join(f"+{row}\n" for row in text.split("\n"))
    diff = f"diff --git a/a.c b/a.c\n--- a/a.c\n+++ b/a.c\n@@ -0,0 +1,{added.count(chr(10))} @@\n{added}"
    start = time.process_time()
    kept = tools("6.12")[1].kept("a.c", diff.encode(), text.encode())
    assert kept[-1][1] == text.count("\n") - 1
    assert time.process_time() - start < 30  # a bound against stalls
