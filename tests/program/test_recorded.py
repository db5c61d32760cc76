"""Functions and analyses that are kept from run to run are those that would be worked out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from engines import engine
from fixtures import cases
from reviewbot.dataflow.analysis import FunctionAnalysis
from reviewbot.frontend.preprocess.rewrite import sorted_words
from reviewbot.frontend.stitch import Stretch, show
from reviewbot.model.kernel import Kernel
from reviewbot.program.reader import Reader
from reviewbot.program.recorded.records import FunctionRecords
from reviewbot.program.recorded.shown import shown_from_bytes, shown_to_bytes
from reviewbot.program.recorded.solved import (
    functions_from_bytes,
    functions_to_bytes,
    solved_from_bytes,
    solved_to_bytes,
)
from reviewbot.program.unit import FunctionUnit

RULES = Path(__file__).parents[1] / "rules"
TEXT = """static int exfoo_fill(struct exfoo *ex, gfp_t gfp)
{
	unsigned int flags = memalloc_nofs_save();

	if (ex->atomic) {
		spin_lock(&ex->lock);
		ex->p = kzalloc(64, GFP_ATOMIC);
	} else {
		ex->p = kzalloc(64, gfp | GFP_KERNEL);
	}
	if (!ex->p)
		goto out;
	ex->n++;
out:
	if (ex->atomic)
		spin_unlock(&ex->lock);
	memalloc_nofs_restore(flags);
	return 0;
}
"""
HELPER = """static void exfoo_take(struct exfoo *ex)
{
	spin_lock(&ex->lock);
}

"""
CALLS = "int exfoo_run(struct exfoo *ex)\n{\n\texfoo_take(ex);\n\tex->p = kzalloc(64, GFP_KERNEL);\n\treturn 0;\n}\n"


class Kept:
    """Records in memory, which count what they were asked for in vain."""

    def __init__(self) -> None:
        self.data: dict[bytes, bytes] = {}
        self.missed = 0

    def find(self, key: bytes) -> bytes | None:
        self.missed += key not in self.data
        return self.data.get(key)

    def keep(self, key: bytes, data: bytes) -> None:
        self.data[key] = data

    def settle(self) -> None:
        pass


KERNEL = engine("6.12").kernel


def units(text: str, kept: Kept | None, kernel: Kernel = KERNEL) -> tuple[FunctionUnit, ...]:
    reader = Reader(kernel, None if kept is None else FunctionRecords(kept, kernel))
    return reader.read(text, "", True).units


def said(some: tuple[FunctionUnit, ...]) -> list[tuple[object, ...]]:
    flows = ((unit.function, unit.flow) for unit in some)
    return [(one, flow.at, flow.lost, flow.events, flow.made, flow.given, flow.within) for one, flow in flows]


def texts() -> Iterator[str]:
    for case in (one for path in sorted(RULES.glob("*.md")) for one in cases(path)):
        yield "\n".join(line[1:] for line in case.diff.split("\n") if line[:1] in ("+", " ") and line[:3] != "+++")


@pytest.mark.parametrize("text", [TEXT, HELPER + CALLS, "", "no C at all {{{", "int exfoo(void)\n{\n\tif (\n}\n"])
def test_the_second_run_says_the_same(text: str) -> None:
    kept = Kept()
    plain, first = said(units(text, None)), said(units(text, kept))
    kept.missed = 0
    assert plain == first == said(units(text, kept))
    assert kept.missed == 0


def test_the_second_run_works_nothing_out(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Kept()
    plain = said(units(TEXT, kept))
    monkeypatch.setattr(FunctionAnalysis, "_run", None)
    assert said(units(TEXT, kept)) == plain


def test_whole_files_come_back_as_they_were() -> None:
    words = sorted_words(KERNEL.words)
    for text in (*texts(), TEXT + "#define exfoo_get(x) \\\n\tkzalloc(x, GFP_KERNEL)\n" + HELPER + CALLS):
        (one,) = show([Stretch(text, "", 0)], True, words)
        data = shown_to_bytes(one)
        assert data is not None
        assert shown_from_bytes(data, one.stretch) == one


def test_all_fixtures_come_back_as_they_were() -> None:
    count = 0
    for text in texts():
        for unit in units(text, None):
            if unit.function.macro:
                continue
            count += 1
            assert functions_from_bytes(functions_to_bytes((unit.function,))) == (unit.function,)
            found = solved_from_bytes(solved_to_bytes(unit.flow))
            assert (found.at, found.lost, found.events) == (unit.flow.at, unit.flow.lost, unit.flow.events)
            assert found.made == unit.flow.made
            assert [[*(one.masks or ())] for some in found.at for one in some] == [
                [*(one.masks or ())] for some in unit.flow.at for one in some
            ]
    assert count > 500


@pytest.mark.parametrize(
    "other",
    [
        TEXT.replace("ex->n++", "ex->n--"),
        "\n" + TEXT,  # on other rows
        "#define exfoo_x(y) spin_lock(y)\n" + TEXT.replace("spin_lock(", "exfoo_x("),
    ],
)
def test_another_text_is_read_itself(other: str) -> None:
    kept = Kept()
    units(TEXT, kept)
    assert said(units(other, kept)) == said(units(other, None))


def test_what_the_rest_of_the_file_says_counts() -> None:
    """The same function beside a helper that takes a lock, and beside one of that name that takes none."""
    kept, quiet = Kept(), HELPER.replace("spin_lock", "exfoo_note")
    for text in (HELPER + CALLS, quiet + CALLS, HELPER + CALLS):
        found = units(text, kept)
        assert said(found) == said(units(text, None))
    held = [bool(unit.flow.within) for text in (HELPER + CALLS, quiet + CALLS) for unit in units(text, kept)]
    assert held[1] != held[-1]


def test_what_is_known_of_the_kernel_counts() -> None:
    kept = Kept()
    fewer = replace(KERNEL, scopes={name: one for name, one in KERNEL.scopes.items() if not one.atomic})
    for one in (KERNEL, fewer, KERNEL, engine("5.10").kernel):
        assert said(units(TEXT, kept, one)) == said(units(TEXT, None, one))
    assert said(units(TEXT, kept)) != said(units(TEXT, kept, fewer))


def test_damaged_records_are_worked_out_again() -> None:
    kept = Kept()
    plain = said(units(TEXT, kept))
    for data in (b"", b"x", functions_to_bytes(())[:-2], solved_to_bytes(units(TEXT, None)[0].flow)[:-1]):
        kept.data = dict.fromkeys(kept.data, data)
        assert said(units(TEXT, kept)) == plain


def test_text_that_is_no_unicode_is_not_kept() -> None:
    kept, text = Kept(), TEXT.replace("ex->n++", 'exfoo_note("\udcff", ex->n)')
    assert said(units(text, kept)) == said(units(text, None))
    assert kept.data == {} or all(kept.data.values())
