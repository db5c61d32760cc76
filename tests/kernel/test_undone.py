"""undone.toml, the fixes that tests/bench/undone.py takes back: each says all that it must, once."""

from __future__ import annotations

from pathlib import Path

import tomli

FIXES = tomli.loads((Path(__file__).parents[1] / "bench" / "undone.toml").read_text("utf-8"))["fix"]
KEYS = {"path", "function", "call", "right", "wrong", "source", "reason", "in"}


def test_each_says_all() -> None:
    assert [one for one in FIXES if set(one) != KEYS or not all(one.values())] == []


def test_each_stands_once() -> None:
    places = [(one["path"], one["function"], one["call"]) for one in FIXES]
    assert sorted(set(places)) == sorted(places)


def test_where_reasons_stand() -> None:
    """Thirty at least are of the kind that it is about: what forbids the flag stands in another file."""
    assert {one["in"] for one in FIXES} == {"file", "folder", "tree", "nowhere"}
    assert len([one for one in FIXES if one["in"] in ("folder", "tree")]) >= 30
