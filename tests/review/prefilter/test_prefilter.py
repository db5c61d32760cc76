"""What a sifted history shows is what reading all of it shows: every fixture of the rules, as a commit."""

from __future__ import annotations

import gc
import time
from functools import lru_cache

import pytest

import sifting
from fixtures import CASES, Case
from reviewbot.review.prefilter.change import Change, ChangedFile
from reviewbot.review.prefilter.prefilter import Prefilter
from sifting import Commit


@lru_cache
def prefilter(version: str) -> Prefilter:
    return sifting.prefilter(version)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.fixture}: {case.name}")
def test_sifting_loses_nothing_that_a_rule_says(case: Case) -> None:
    commit = Commit(case)
    assert commit.found(sieve=prefilter(case.kernel)) == commit.found()


def test_nothing_of_a_file_waits_for_garbage_to_be_looked_for():
    """A long range has thousands of files: what holds each other would stay until then."""
    text = "int toy(void)\n{\n\treturn kmalloc(1, GFP_KERNEL | __GFP_NOFAIL);\n}\n"
    diff = "diff --git a/a.c b/a.c\n--- a/a.c\n+++ b/a.c\n@@ -0,0 +1,4 @@\n" + "".join(
        f"+{row}" for row in text.splitlines(True)
    )
    sift = prefilter("6.12")
    gc.collect()
    gc.disable()
    try:
        assert sift.kept("a.c", diff.encode(), text.encode()).rows
        assert not [one for one in gc.get_objects() if isinstance(one, (ChangedFile, Change))]
    finally:
        gc.enable()


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
    kept = prefilter("6.12").kept("a.c", diff.encode(), text.encode())
    assert kept.rows[-1][1] == text.count("\n") - 1
    assert time.process_time() - start < 30  # a bound against stalls
