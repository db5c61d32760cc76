"""Every way that foreign bytes take through the program, with bytes that somebody has been at.

REVIEWBOT_FUZZ says how many inputs each way gets; tests/fuzz/run.py goes on where this ends.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[1] / "fuzz"))

import paths
from edits import KINDS, Edit, edited

INPUTS = int(os.environ.get("REVIEWBOT_FUZZ", "300"))  # of each way, in
PARTS = 5  # tests, which run side by side
SLOW = 2.0  # seconds of the processor: a hundred times what such an input takes
PLACE = st.integers(0, 65535)
EDITS = st.lists(st.builds(Edit, st.sampled_from(KINDS), PLACE, PLACE, st.integers(0, 255)), max_size=8)


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("name", [*paths.WAYS])
def test_nothing_breaks_and_nothing_hangs(name, part):
    way, seeds = paths.WAYS[name]
    known = [*seeds()]
    slowest = 0.0

    @seed(part)
    @settings(
        max_examples=INPUTS // PARTS,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example, HealthCheck.data_too_large],
    )
    @given(st.sampled_from(known), EDITS)
    def goes_through(begin: bytes, edits: list[Edit]) -> None:
        nonlocal slowest
        begun = time.process_time()
        way(edited(begin, edits))
        slowest = max(slowest, time.process_time() - begun)
        assert slowest < SLOW

    goes_through()
    print(f"{name}, {part}: {INPUTS // PARTS} inputs, the slowest {slowest:.2f} s")
