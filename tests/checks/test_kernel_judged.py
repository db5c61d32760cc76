"""Linux-6.12 as if new: no error nobody has judged in its file systems, mm, block layer, network and some drivers.

Of the other folders the files are read in which something was found.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest
import tomli

from kernel_judge import FOLDERS, VERSION, beside, everything, files, review
from tree_judge import through

LIST = Path(__file__).parents[1] / "kernel" / "judged.toml"
REMARKS = tomli.loads(LIST.read_text(encoding="utf-8"))["remark"]
CHAINS = tomli.loads(LIST.with_name("chains.toml").read_text(encoding="utf-8"))["chain"]
BESIDE = tomli.loads(LIST.with_name("folders.toml").read_text(encoding="utf-8"))["remark"]
LOCKED = tomli.loads(LIST.with_name("locks.toml").read_text(encoding="utf-8"))["remark"]
THROUGH = tomli.loads(LIST.with_name("tree.toml").read_text(encoding="utf-8"))["remark"]
BOTH_TOOLS = tomli.loads(LIST.with_name("coccinelle.toml").read_text(encoding="utf-8"))["place"]
MOST_WRONG = 1 / 20  # of the errors that are said with high confidence


@pytest.fixture(scope="module")
def kernel() -> Path:
    tree = Path(os.environ.get("REVIEWBOT_KERNEL", ""))
    if "REVIEWBOT_KERNEL" not in os.environ:
        pytest.skip("REVIEWBOT_KERNEL names no kernel tree")
    makefile = (tree / "Makefile").read_text(encoding="utf-8")
    if f"VERSION = {VERSION[0]}\nPATCHLEVEL = {VERSION[1]}\n" not in makefile:
        pytest.skip(f"REVIEWBOT_KERNEL names a tree that is not {VERSION[0]}.{VERSION[1]}")
    missing = [folder for folder in FOLDERS if not (tree / folder).is_dir()]
    if missing:
        pytest.skip(f"REVIEWBOT_KERNEL names a tree without {', '.join(missing)}")
    return tree


@pytest.fixture(scope="module")
def remarks(kernel):
    return [one for seen in everything(kernel, [*files(kernel), *named_beside(kernel)]) for one in seen.remarks]


def named_beside(kernel: Path) -> list[str]:
    """The files of the list that stand in other folders, as far as the tree has them."""
    named = {one["path"] for one in REMARKS if not one["path"].startswith(tuple(f"{one}/" for one in FOLDERS))}
    return sorted(path for path in named if (kernel / path).is_file())


def test_each_error_of_high_confidence_has_been_judged(remarks):
    known = {(one["path"], one["function"], one["rule"]) for one in REMARKS}
    loud = {one.key for one in remarks if (one.severity, one.confidence) == ("error", "high")}
    assert loud - known == set()


def test_what_was_found_is_still_found(kernel, remarks):
    missing = [one["path"] for one in REMARKS if not (kernel / one["path"]).is_file()]
    if missing:
        pytest.skip(f"REVIEWBOT_KERNEL names a part of a tree, without {missing[0]}")
    said = {one.key for one in remarks}
    real = {(one["path"], one["function"], one["rule"]) for one in REMARKS if one["verdict"] != "wrong"}
    assert real - said == set()


def test_few_of_the_errors_are_wrong():
    assert {one["verdict"] for one in REMARKS} <= {"real", "arguable", "wrong"}
    assert all(one["why"] for one in REMARKS)
    wrong = sum(one["verdict"] == "wrong" for one in REMARKS)
    assert wrong <= MOST_WRONG * len(REMARKS)


@pytest.mark.parametrize("path", sorted({one["path"] for one in CHAINS}))
def test_a_chain_that_was_found_is_still_found(kernel, path):
    if not (kernel / path).is_file():
        pytest.skip(f"REVIEWBOT_KERNEL names a part of a tree, without {path}")
    said = {(one.function, one.line) for one in review(kernel, path).remarks if one.rule == "sleep-in-atomic"}
    assert {(one["function"], one["line"]) for one in CHAINS if one["path"] == path} - said == set()


@pytest.mark.parametrize("path", sorted({one["path"] for one in BESIDE}))
def test_what_other_files_of_the_folder_show_is_still_found(kernel, path):
    if not (kernel / path).is_file():
        pytest.skip(f"REVIEWBOT_KERNEL names a part of a tree, without {path}")
    said = {(one.function, one.line, one.rule) for one in beside(kernel, path)}
    mine = [one for one in BESIDE if one["path"] == path]
    assert {(one["function"], one["line"], one.get("rule", "sleep-in-atomic")) for one in mine} - said == set()


@pytest.mark.parametrize("path", sorted({one["path"] for one in LOCKED}))
def test_a_lock_that_reclaim_waits_for_is_still_found(kernel, path):
    if not (kernel / path).is_file():
        pytest.skip(f"REVIEWBOT_KERNEL names a part of a tree, without {path}")
    every = (*review(kernel, path).remarks, *beside(kernel, path))
    said = {(one.function, one.line) for one in every if one.rule == "reclaim-recursion"}
    assert {(one["function"], one["line"]) for one in LOCKED if one["path"] == path} - said == set()


@pytest.mark.parametrize("one", THROUGH, ids=lambda one: f"{one['path']}:{one['line']}")
def test_what_files_of_other_folders_show_is_still_found(kernel, one):
    missing = [path for path in (one["path"], *one["through"]) if not (kernel / path).is_file()]
    if missing:
        pytest.skip(f"REVIEWBOT_KERNEL names a part of a tree, without {missing[0]}")
    said = {(found.function, found.line, found.rule) for found in through(kernel, one["path"], one["through"])}
    assert (one["function"], one["line"], one["rule"]) in said


@pytest.mark.parametrize("path", sorted({one["path"] for one in BOTH_TOOLS}))
def test_what_coccinelle_does_not_see_is_still_found_and_no_mistake_of_its_is_made(kernel, path):
    if not (kernel / path).is_file():
        pytest.skip(f"REVIEWBOT_KERNEL names a part of a tree, without {path}")
    said = {(one.function, one.line) for one in review(kernel, path).remarks if one.rule == "sleep-in-atomic"}
    mine = [one for one in BOTH_TOOLS if one["path"] == path]
    assert {(one["function"], one["line"]) for one in mine if one["by"] == "reviewbot"} <= said
    assert said.isdisjoint((one["function"], one["line"]) for one in mine if one["verdict"] == "wrong")


@pytest.mark.parametrize("remarks", [BESIDE, THROUGH])
def test_nothing_that_other_files_show_is_wrong_and_two_thirds_are_real(remarks):
    counts = Counter(one["verdict"] for one in remarks)
    assert counts.keys() == {"real", "arguable"}
    assert counts["real"] >= 2 * counts["arguable"]
    assert all(one["why"] for one in remarks)


def test_where_two_tools_differ_this_one_is_not_wrong():
    mine = Counter(one["verdict"] for one in BOTH_TOOLS if one["by"] == "reviewbot")
    assert mine.keys() == {"real", "arguable"}
    assert mine["real"] > 2 * mine["arguable"]
    assert {one["by"] for one in BOTH_TOOLS} == {"reviewbot", "call_kern", "below_locks"}
    assert all(one["why"] for one in BOTH_TOOLS)


def test_no_chain_is_wrong_and_most_are_real():
    counts = Counter(one["verdict"] for one in CHAINS)
    assert counts.keys() == {"real", "arguable"}
    assert counts["real"] > 2 * counts["arguable"]
    assert all(one["why"] for one in CHAINS)
