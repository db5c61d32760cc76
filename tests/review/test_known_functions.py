"""Functions that stand alike in several texts are read and analysed once: where the rest of the file allows it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from reviewbot.config import data_path
from reviewbot.kernel import rules
from reviewbot.program import unit as unit_module
from reviewbot.program.reader import Reader
from reviewbot.program.unit import FunctionUnit
from reviewbot.support.timeout import TooSlow

KERNEL = rules.load([data_path("rules")], (6, 12))[0]
ASKS = "int exfoo_fill(struct exfoo *ex)\n{\n\texfoo_get(ex);\n\tex->p = kmalloc(8, EXFOO_MASK);\n\treturn 0;\n}\n"
TAKES = "static void exfoo_get(struct exfoo *ex)\n{\n\tspin_lock(&ex->lock);\n}\n"
QUIET = "static void exfoo_get(struct exfoo *ex)\n{\n\tex->n++;\n}\n"
HELD = "int exfoo_fill(struct exfoo *ex)\n{\n\tspin_lock(&ex->lock);\n\tex_unlock_one(ex);\n\tex->p = kmalloc(8);\n}\n"


@pytest.fixture
def reader() -> Reader:
    return Reader(KERNEL)


def asking(reader: Reader, text: str) -> FunctionUnit:
    """The function that asks, of a file with a text."""
    side = reader.unchanged("fs/exfoo/a.c", text)
    (found,) = [unit for part in side.named["exfoo_fill"] for unit in side.read(part)]
    return found


def held(unit: FunctionUnit) -> Iterator[tuple[str, ...]]:
    """The scopes that are open at its request, for each state there."""
    at = next(at for at, step in enumerate(unit.steps) if step.name == "kmalloc")
    yield from (tuple(one.scope for one in state.open) for state in unit.flow.at[at])


def test_a_function_is_analysed_once_wherever_it_stands(reader):
    first, below = (asking(reader, f"{above}{QUIET}\n{ASKS}") for above in ("", "int ex;\n\n"))
    assert below.function.lines == tuple(row + 2 for row in first.function.lines)
    assert below.steps[1].lines == tuple(row + 2 for row in first.steps[1].lines)
    assert below.flow is first.flow


def test_each_text_has_units_of_its_own(reader):
    """Checks tell functions by their identity, and ask whether one was analysed."""
    first = asking(reader, f"{ASKS}\n")
    assert not first.flow.lost
    other = asking(reader, f"{ASKS}\nint ex;\n")
    assert first.function == other.function and first.function is not other.function
    assert first.analysed and not other.analysed


def test_a_mask_of_the_file_is_not_that_of_another(reader):
    texts = (f"#define EXFOO_MASK {mask}\n\n{QUIET}\n{ASKS}" for mask in ("GFP_KERNEL", "GFP_NOWAIT", "GFP_KERNEL"))
    may = [asking(reader, text).flow.given["EXFOO_MASK"].may for text in texts]
    assert ["__GFP_DIRECT_RECLAIM" in one for one in may] == [True, False, True]


def test_a_helper_of_the_file_is_not_that_of_another(reader):
    texts = (f"{TAKES}\n{ASKS}", f"{QUIET}\n{ASKS}", f"{TAKES}\n{ASKS}\n")
    assert [[*held(asking(reader, text))] for text in texts] == [[("spinlock",)], [()], [("spinlock",)]]


def test_what_only_sounds_as_if_it_gave_back_a_lock(reader):
    plain = "static void ex_unlock_one(struct exfoo *ex)\n{\n\tex->n--;\n}\n"
    gives = "static void ex_unlock_one(struct exfoo *ex)\n{\n\tif (ex->n)\n\t\tspin_unlock(&ex->lock);\n}\n"
    found = [[*held(asking(reader, f"{text}\n{HELD}"))] for text in (plain, gives, "", plain)]
    assert found == [[("spinlock",)], [()], [()], [("spinlock",)]]


def test_nothing_half_read_stays_where_the_time_is_up(reader, monkeypatch):
    whole = unit_module.FunctionAnalysis

    def stopped(*_: object) -> None:
        raise TooSlow

    unit = asking(reader, ASKS)
    monkeypatch.setattr(unit_module, "FunctionAnalysis", stopped)
    with pytest.raises(TooSlow):
        _ = unit.flow
    monkeypatch.setattr(unit_module, "FunctionAnalysis", whole)
    assert not unit.analysed
    assert asking(reader, f"{ASKS}\n").flow.at[1]


def test_no_more_are_kept_than_may_be(reader, monkeypatch):
    monkeypatch.setattr(unit_module, "_MOST_KNOWN", 3)

    def others(*numbers: int) -> None:
        for number in numbers:
            _ = asking(reader, ASKS.replace("return 0", f"return {number}")).flow

    first = asking(reader, ASKS).flow
    others(1, 2)
    assert asking(reader, f"{ASKS}\n").flow is first  # used again, so that it is not the next to go
    others(3, 4)
    assert asking(reader, f"{ASKS}\n\n").flow is first
    others(5, 6, 7)
    assert asking(reader, f"{ASKS}\n\n\n").flow is not first
