"""A few ends by kill -9 of what writes, as the bench has them by the hundred."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

BENCH = Path(__file__).parents[1] / "bench" / "kills.py"


def test_a_kill_loses_doubles_halves_and_leaves_nothing():
    spec = importlib.util.spec_from_file_location("kills_bench", BENCH)
    bench = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = bench  # where dataclasses look it up
    spec.loader.exec_module(bench)
    told = bench.run(18, 7)
    assert [one.kills + one.early for one in told.values()] == [6, 6, 6]
    assert sum(one.kills for one in told.values()) >= 12
    assert sum(one.leftovers for one in told.values()) > 0
    assert [text for one in told.values() for text in one.wrong] == []
