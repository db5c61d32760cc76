"""Markdown with C in, what the engine believes at its lines out: which scopes are open, which bits a mask has.

`//=` at the end of a line says what holds when the line is reached, before it has done anything:

    //= scopes: nofs rcu?     nofs is open on every path to the line, rcu on some; nothing else is
    //= scopes: none
    //= gfp: +A -B ?C         of the mask in the variable gfp, A is surely set, B surely clear, C either way
    //= never                 no path leads to the line

Claims of one line are divided by ";". `<!-- kernel: 6.14 -->` under a heading names the version.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pytest

from reviewbot.config import data_path
from reviewbot.dataflow.state import State
from reviewbot.kernel.rules import load, parse_version
from reviewbot.model.kernel import Mask
from reviewbot.program.reader import Reader
from reviewbot.program.unit import FunctionUnit

FOLDER = Path(__file__).parents[1] / "facts"
CLAIM = re.compile(r"//=\s*(.+?)\s*$")
KERNEL = re.compile(r"<!-- kernel: (\S+) -->")


@dataclass(frozen=True)
class Fact:
    file: str
    heading: str
    kernel: str
    code: str
    row: int
    claim: str


def facts(path: Path) -> Iterator[Fact]:
    """One for each claim; a block's language is c."""
    for section in re.split(r"^# ", path.read_text(), flags=re.MULTILINE)[1:]:
        heading = section.split("\n", 1)[0]
        kernel = KERNEL.search(section)
        for code in re.findall(r"^```c\n(.*?)^```$", section, re.MULTILINE | re.DOTALL):
            rows = [(row, CLAIM.search(line)) for row, line in enumerate(code.split("\n"))]
            assert any(found for _, found in rows), f"{path.name}: {heading}: a block without a claim"
            for row, found in rows:
                for claim in found.group(1).split(";") if found else ():
                    yield Fact(path.stem, heading, kernel.group(1) if kernel else "6.12", code, row, claim.strip())


FACTS = [fact for path in sorted(FOLDER.glob("*.md")) for fact in facts(path)]


@lru_cache
def reader(version: str) -> Reader:
    kernel, _ = load([data_path("rules")], parse_version(version))
    return Reader(kernel)


@lru_cache
def units(version: str, code: str) -> tuple[FunctionUnit, ...]:
    found = reader(version).read(code, "", True)
    assert not found.unread
    return found.units


def states(fact: Fact) -> tuple[State, ...]:
    """Those of the first step on the line that any path reaches."""
    inside = [
        unit for unit in units(fact.kernel, fact.code) if unit.function.lines[0] <= fact.row <= unit.function.lines[1]
    ]
    inside = [unit for unit in inside if not unit.function.macro] or inside
    assert len(inside) == 1, "the line lies in no function, or in two"
    [unit] = inside
    assert not unit.flow.lost
    here = [unit.flow.at[index] for index, step in enumerate(unit.steps) if step.lines[0] == fact.row]
    assert here, "nothing happens on the line"
    return next((found for found in here if found), ())


def said_scopes(found: tuple[State, ...]) -> str:
    """The open scopes as a claim names them."""
    sets = [{one.scope for one in state.open} for state in found]
    sure, maybe = set.intersection(*sets), set.union(*sets)
    return " ".join(name if name in sure else f"{name}?" for name in sorted(maybe)) or "none"


def said_bit(masks: list[Mask], bit: str) -> str:
    if all(bit in mask.must for mask in masks):
        return f"+{bit}"
    return f"-{bit}" if all(mask.lacks(bit) for mask in masks) else f"?{bit}"


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: f"{fact.file}: {fact.heading}: {fact.row}: {fact.claim}")
def test_fact(fact: Fact) -> None:
    found = states(fact)
    if fact.claim == "never":
        assert not found
        return
    assert found, "no path leads here"
    subject, _, rest = fact.claim.partition(":")
    if subject == "scopes":
        assert said_scopes(found) == " ".join(sorted(rest.split()))
        return
    bits = rest.split()
    assert bits, f"{fact.claim!r} claims nothing"
    anything = Mask(frozenset(), reader(fact.kernel).kernel.bits)
    masks = [(state.masks or {}).get(subject, anything) for state in found]
    assert [said_bit(masks, bit[1:]) for bit in bits] == bits


def test_every_file_claims_something_and_says_what() -> None:
    assert {fact.file for fact in FACTS} == {path.stem for path in FOLDER.glob("*.md")}
    assert {fact.claim.partition(":")[0] for fact in FACTS} >= {"scopes", "gfp", "never"}
