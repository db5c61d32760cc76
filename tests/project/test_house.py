"""How the package is laid out: tests/bench/house.py measures it, and this holds what was reached."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

TESTS = Path(__file__).parents[1]
CROWDED = {"reviewbot.dataflow", "reviewbot.frontend", "reviewbot.git", "reviewbot.integrations.b4"}  # one subject each
MOST, CROWD, TOP, LINES = 10, 12, 3, 50
# packages without tests of their own folder: which tests hold them
COVERED = {
    "interproc": "checks",  # the fixtures of the rules that ask it
    "model": "review",  # has nothing that runs
    "program": "review",
}
NOTHING = (
    "files over 400 lines",
    "functions of complexity over 15",
    "public modules without docstring",
    "public classes without docstring",
    "public functions without docstring",
    "public methods without docstring",
    'modules that say "... in, ... out"',
    "names that mean two things",
    "duplicates of 6 lines",
    "circles of modules",
    "circles of packages",
)


def _house() -> ModuleType:
    spec = importlib.util.spec_from_file_location("house_bench", TESTS / "bench" / "house.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # NamedTuple looks its module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def lists() -> dict[str, list[str]]:
    bench = _house()
    house = bench.House(TESTS.parent)
    for figure in bench.FIGURES:
        figure(house)
    return house.lists


@pytest.mark.parametrize("name", NOTHING)
def test_there_is_nothing_of_it(lists, name):
    assert lists[name] == []


def test_a_folder_is_taken_in_at_a_glance(lists):
    crowded = dict(row.split(": ") for row in lists[f"folders of over {MOST} modules"])
    assert {name: count for name, count in crowded.items() if name not in CROWDED or int(count) > CROWD} == {}


def test_little_stands_at_the_top():
    assert len([path for path in (TESTS.parent / "reviewbot").glob("*.py") if path.name != "__init__.py"]) <= TOP


def test_a_function_is_taken_in_at_a_glance(lists):
    place, _, size = lists["longest functions"][0].rpartition(": ")
    assert int(size) <= LINES, place


def test_each_package_has_its_tests():
    folders = [path.parent.name for path in (TESTS.parent / "reviewbot").glob("*/__init__.py")]
    for name in folders:
        own, others = TESTS / name, TESTS / COVERED.get(name, name)
        assert [*own.rglob("test_*.py")] or [*others.rglob("test_*.py")], f"tests/{name} has no test"
