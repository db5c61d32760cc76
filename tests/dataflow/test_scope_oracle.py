"""Every combination of open scopes on every mask that matters in, what current_gfp_context() makes of it out.

The kernel's logic stands beside this file as a C program of a page, built with the system's cc.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable, Iterator
from itertools import combinations
from pathlib import Path
from random import Random

import pytest
from msgspec.structs import replace

from reviewbot.dataflow.mask_algebra import apply_scopes
from reviewbot.kernel.rules import load
from reviewbot.model.kernel import Kernel, Mask, ScopeKind, Version

HERE = Path(__file__).parents[1]
RULES = HERE.parent / "rules"
WAYS: dict[Version, tuple[str, ...]] = {
    (5, 4): ("-DNOCMA_CLEARS",),
    (5, 10): (),
    (5, 15): ("-DPIN",),
    (6, 8): ("-DPIN",),
    (6, 9): ("-DPIN", "-DNOWAIT"),
    (6, 11): ("-DPIN", "-DNOWAIT"),
    (6, 12): ("-DPIN",),
    (7, 1): ("-DPIN",),
}
# those a scope touches, and those that say what touching them breaks
MATTER = (
    "__GFP_IO",
    "__GFP_FS",
    "__GFP_DIRECT_RECLAIM",
    "__GFP_KSWAPD_RECLAIM",
    "__GFP_MOVABLE",
    "__GFP_NOWARN",
    "__GFP_NOFAIL",
)


class Oracle:
    """The C program of one kernel version; it is asked for many masks at once."""

    def __init__(self, program: Path) -> None:
        self.program = program
        marks, bits = self._run("").splitlines()
        self.marks, self.bits = marks.split(), bits.split()

    def _run(self, text: str) -> str:
        done = subprocess.run([self.program], input=text, capture_output=True, text=True, check=True, timeout=60)
        return done.stdout

    def ask(self, questions: list[tuple[frozenset[str], frozenset[str]]]) -> list[frozenset[str]]:
        """What is left of each (marks, mask)."""
        lines = [f"{_number(marks, self.marks):x} {_number(mask, self.bits):x}" for marks, mask in questions]
        answers = self._run("\n".join(lines)).splitlines()[2:]
        assert len(answers) == len(questions)
        return [frozenset(name for i, name in enumerate(self.bits) if int(left, 16) >> i & 1) for left in answers]


def _number(names: Iterable[str], order: list[str]) -> int:
    return sum(1 << order.index(name) for name in names)


@pytest.fixture(scope="module", params=WAYS, ids=lambda version: f"{version[0]}.{version[1]}")
def version(request) -> Version:
    return request.param


@pytest.fixture(scope="module")
def oracle(version, tmp_path_factory) -> Oracle:
    cc = shutil.which("cc")
    if cc is None:
        pytest.skip("no cc on this machine to build the oracle with")
    program = tmp_path_factory.mktemp("oracle") / "gfp_context"
    subprocess.run(
        [cc, "-std=c11", "-Wall", "-Wextra", "-Werror", *WAYS[version], "-o", program, HERE / "oracle/gfp_context.c"],
        check=True,
        timeout=60,
    )
    return Oracle(program)


@pytest.fixture(scope="module")
def kernel(version) -> Kernel:
    return load([RULES], version)[0]


def memalloc(kernel: Kernel) -> list[ScopeKind]:
    """The scopes that mark the task; one that a file system opens stands for its like, all of one effect."""
    kinds = [kind for kind in kernel.scopes.values() if kind.family == "memalloc" and kind.flag]
    return [*kinds, kernel.scopes["jbd2-handle"]]


def subsets(items: Iterable) -> Iterator[tuple]:
    pool = list(items)
    return (chosen for size in range(len(pool) + 1) for chosen in combinations(pool, size))


def masks(kernel: Kernel) -> list[frozenset[str]]:
    """Every mask over the bits that matter, every single bit, every compound, and all bits at once."""
    combined = [frozenset(chosen) for chosen in subsets(bit for bit in MATTER if bit in kernel.bits)]
    return list(dict.fromkeys([*combined, *(flag.bits for flag in kernel.flags.values()), kernel.bits]))


def test_every_combination_of_scopes_on_every_mask(kernel, oracle):
    asked = [(kinds, mask) for kinds in subsets(memalloc(kernel)) for mask in masks(kernel)]
    answers = oracle.ask([(frozenset(kind.flag for kind in kinds), mask) for kinds, mask in asked])
    ours = [apply_scopes(Mask(mask, mask), kinds) for kinds, mask in asked]
    wrong = [
        f"{[kind.name for kind in kinds]} on {sorted(mask)}: kernel {sorted(left)}, ours {sorted(mine.must)}"
        for (kinds, mask), left, mine in zip(asked, answers, ours, strict=True)
        if not mine.must == mine.may == left
    ]
    assert not wrong, f"{len(wrong)} of {len(asked)}, such as {wrong[0]}"


def test_no_scope_that_changes_a_mask_is_missed(kernel, oracle):
    touching = {kind.flag for kind in memalloc(kernel) if kind.clears or kind.sets}
    everything = [frozenset(), kernel.bits]
    answers = oracle.ask([(frozenset({mark}), mask) for mark in oracle.marks for mask in everything])
    changed = {mark for i, mark in enumerate(oracle.marks) if answers[2 * i : 2 * i + 2] != everything}
    assert changed == touching


def test_every_bit_of_the_table_is_known_to_the_oracle(kernel, oracle):
    assert kernel.bits <= set(oracle.bits)


def test_what_must_and_what_may_be_set_hold_the_kernels_answers(kernel, oracle):
    """For a mask known in part: what all its masks keep must be set, what any of them keeps may be."""
    drawn = Random(7)
    for kinds in subsets(memalloc(kernel)):
        may = frozenset(bit for bit in MATTER if drawn.random() < 0.7)
        must = frozenset(bit for bit in sorted(may) if drawn.random() < 0.4)
        between = [must | frozenset(extra) for extra in subsets(sorted(may - must))]
        left = oracle.ask([(frozenset(kind.flag for kind in kinds), mask) for mask in between])
        ours = apply_scopes(Mask(must, may), kinds)
        assert ours.must == frozenset.intersection(*left), [kind.name for kind in kinds]
        assert ours.may == frozenset.union(*left), [kind.name for kind in kinds]


def test_a_scope_opened_twice_or_in_another_order_is_the_same(kernel):
    kinds = memalloc(kernel)
    full = Mask(kernel.bits, kernel.bits)
    assert apply_scopes(full, kinds) == apply_scopes(full, [*reversed(kinds), *kinds])
    assert apply_scopes(full, ()) == full


def test_hiding_is_what_makes_the_else_branch():
    """Without it the table would take __GFP_IO away where 6.9 to 6.11 did not."""
    scopes = load([RULES], (6, 10))[0].scopes
    nowait, noio = scopes["nowait"], scopes["noio"]
    bits = frozenset({"__GFP_DIRECT_RECLAIM", "__GFP_IO", "__GFP_FS"})
    assert apply_scopes(Mask(bits, bits), (noio, nowait)).must == {"__GFP_IO", "__GFP_FS"}
    assert apply_scopes(Mask(bits, bits), (noio, replace(nowait, hides=()))).must == frozenset()
