"""The ways of tests/rewrites change what they say they change, and the bench counts what they bring to light."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from fixtures import cases
from rewrites import ctext
from rewrites.pair import Pair, pair_of
from rewrites.ways import DESIGN, OLD, WAYS

HERE = Path(__file__).parents[1]
CASES = cases(HERE / "helpers" / "rewrites" / "sleep-in-atomic.md")
# what each way writes into the text of the first case, or of the second
WRITTEN = {
    "mask: variable": "\tgfp_t gfp_flags = GFP_KERNEL | __GFP_NOWARN;\n\tstruct toy_entry *e;",
    "mask: macro": "#define TOY_GFP2 (GFP_KERNEL | __GFP_NOWARN)\n#define TOY_GFP (GFP_KERNEL)\n\nstatic int toy_add(",
    "mask: both sides of ?:": "toy_big ? GFP_KERNEL | __GFP_NOWARN : GFP_KERNEL | __GFP_NOWARN);",
    "mask: built in steps": "\tgfp_flags |= __GFP_NOWARN;\n\tspin_lock(",
    "mask: parenthesised": "(__GFP_NOWARN | GFP_KERNEL));",
    "static helper": "static void *toy_fetch2(size_t a0)\n{\n\treturn kzalloc(a0, GFP_KERNEL | __GFP_NOWARN);\n}",
    "allocating macro": "#define toy_fetch2(a0) kzalloc(a0, GFP_KERNEL | __GFP_NOWARN)\n",
    "tested in line": "\tif (!(t->more = kmalloc(sizeof(*t->more), GFP_KERNEL)))\n\t\treturn -ENOMEM;",
    "variable initialised": "\tstruct toy_mark *m = kmalloc(t->len, GFP_KERNEL);\n\tspin_lock(&t->lock);",
    "unlikely()": "\tif (unlikely(!t->more))\n",
    "result cast": "e = (void *)kzalloc(",
    "other names": "static int widget_add(struct widget *t_w, u32 id_w)\n{\n\tstruct widget_entry *e_w;",
    "guard()": "\tguard(spinlock)(&t->lock);\n\tm->buf = kmalloc(t->len, GFP_NOFS);\n\treturn 0;",
    "lock by pointer": "\tspinlock_t *toy_guard_lock = &t->lock;\n",
    "lock in helpers": "static void toy_hold_unlock(struct toy *t)\n{\n\tspin_unlock(&t->lock);\n}\n",
    "unrelated test": "\tif (toy_count > 3)\n\t\ttoy_count = 0;\n\te = kzalloc(",
    "unrelated call": "\ttoy_chime(toy_count);\n\te = kzalloc(",
    "unrelated loop": "\tfor (toy_i = 0; toy_i < 4; toy_i++)\n\t\ttoy_sum += toy_i;\n\te = kzalloc(",
    "goto out": " {\n\t\ttoy_ret = -ENOMEM;\n\t\tgoto toy_out;\n\t}\n\ttoy_ret = 0;\ntoy_out:\n\treturn toy_ret;",
    "typed allocator": "e = kzalloc_obj(*e, GFP_KERNEL | __GFP_NOWARN);",
    "mask left out": "t->more = kmalloc_obj(*t->more);",
    "split over rows": "e = kzalloc(sizeof(*e),\n\t\t\tGFP_KERNEL | __GFP_NOWARN);",
    "odd layout": "static int\ntoy_add(struct toy *t, u32 id) {\n",
    "#ifdef": "#ifdef CONFIG_TOY\nstatic int toy_add(",
    "through a quiet function": "toy_read_by(struct toy *t, size_t len)\n{\n\treturn toy_read(t, len);\n}",
    "through two quiet functions": "toy_read_byby(struct toy *t, size_t len)\n{\n\treturn toy_read_by(t, len);\n}",
    "arguments swapped": "ret = toy_read(64, my_t);",
    "callee in another file": "\nMODULE_LICENSE(",
    "callee beside the patch": "int toy_read(struct toy *t, size_t len)\n{\n\tt->buf = kmalloc(len, GFP_NOFS);",
}
# what stands before the patch, or after it, in the first case or the second
BEFORE = {
    "old: function": "static int toy_add_was(struct toy *t, u32 id)",
    "old: variable": "e_was = kzalloc(sizeof(*e_was), GFP_KERNEL | __GFP_NOWARN);",
    "old: size": "kzalloc(sizeof(*e) + 8, GFP_KERNEL",
    "old: callee": "e = kmalloc(sizeof(*e), GFP_KERNEL",
    "old: lock": "spin_lock_irq(&t->lock);",
    "old: blank rows": "\tspin_unlock(&t->lock);\n\n\tif (!e)",
}
AFTER = {
    "old: moved to a helper": "static int toy_add(struct toy *t, u32 id)\n{\n\treturn toy_add_body(t, id);\n}",
    "old: moved below": "}\n\nstatic int toy_add(struct toy *t, u32 id)",
}


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    spec = importlib.util.spec_from_file_location("metamorphic_bench", HERE / "bench" / "metamorphic.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclasses look it up there
    spec.loader.exec_module(module)
    return module


def rewritten(way: str) -> list[Pair]:
    pairs = [pair for case in CASES if (pair := pair_of(case))]
    assert len(pairs) == 3
    return [made for pair in pairs if (made := (WAYS | OLD)[way](pair))]


def test_every_way_is_tried_here() -> None:
    shown = {*WRITTEN, *BEFORE, *AFTER}
    others = {"as it is", "old: deeper", *(way for way in OLD if way not in shown)}
    assert others | shown == {*WAYS, *OLD}
    assert all(way in WAYS for way in WRITTEN)


@pytest.mark.parametrize("way", WRITTEN)
def test_a_way_writes_what_it_says_on_both_sides_and_nothing_is_cut_off(way: str) -> None:
    made = rewritten(way)
    assert any(WRITTEN[way] in one.after for one in made), made
    for one in made:
        assert one.before != one.after
        for text in one.texts:
            assert all(text.count(two[0]) == text.count(two[1]) for two in ("()", "{}"))
        assert all(name in one.after for name in one.helpers)


@pytest.mark.parametrize("way", [*BEFORE, *AFTER])
def test_old_trouble_stands_on_both_sides(way: str) -> None:
    made = rewritten(way)
    assert any((BEFORE.get(way) or "") in (one.before or "") and (AFTER.get(way) or "") in one.after for one in made)
    for one in made:
        assert one.before != one.after
        assert all("spin_lock" in text and "alloc(" in text for text in one.texts)


def test_a_condition_goes_around_the_body_of_a_function_that_returns_nothing() -> None:
    pair = Pair("fs/toy/toy.c", "6.12", "", "static void toy(struct toy *t)\n{\n\tint a;\n\n\ta = 1;\n\ttoy_b(a);\n}\n")
    made = OLD["old: deeper"](pair)
    assert made and made.before == pair.after
    assert "\tint a;\n\n\tif (toy_ready) {\n\t\ta = 1;\n\t\ttoy_b(a);\n\t}\n}\n" in made.after


@pytest.mark.parametrize("way", ["as it is", "mask: parenthesised", "split over rows", "result cast"])
def test_what_is_claimed_is_found_in_the_rewritten_patch(bench: ModuleType, way: str) -> None:
    for case in CASES:
        found = [one for one in bench.judge(case, [way]) if one.kind == "positive"]
        assert [(one.good, one.why) for one in found] == [(True, "")]


def test_a_rewrite_that_breaks_a_claim_is_noticed(bench: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(pair: Pair) -> Pair:
        return Pair(pair.path, pair.kernel, pair.before, pair.after.replace("GFP_KERNEL", "GFP_ATOMIC"))

    monkeypatch.setitem(bench.WAYS, "as it is", broken)
    found = [one for one in bench.judge(CASES[0], ["as it is"]) if one.kind == "positive"]
    assert [(one.good, one.why) for one in found] == [(False, "toy_add: high before, nothing now")]
    assert "GFP_ATOMIC" in found[0].diff


def test_two_small_fixtures_run_within_seconds(bench: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    ways = [*WAYS, *OLD]
    listed = [case for name in ("nofs-outside-fs", "legacy-dma-zone") for case in cases(HERE / "rules" / f"{name}.md")]
    results = [one for case in listed for one in bench.judge(case, ways)]
    assert {one.rule for one in results} == {"nofs-outside-fs", "legacy-dma-zone"}
    assert {one.kind for one in results} == {"positive", "near miss", "old"}
    assert all(one.good for one in results if one.way == "as it is")
    bench.report(results, ways, True)
    shown = capsys.readouterr().out
    assert "positives found: " in shown and "old trouble silent: " in shown


def test_the_exit_status_says_whether_a_target_is_missed(bench: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    good = [bench.Result("a-rule", "as it is", kind, "a case", True) for kind in bench.TARGETS]
    assert bench.report(good, ["as it is"], False) == 0
    assert bench.report([*good, bench.Result("a-rule", "as it is", "old", "b", False)], ["as it is"], False) == 1
    assert "falls short: old: a-rule: as it is: b" in capsys.readouterr().out


def test_what_falls_short_by_design_is_named_rightly() -> None:
    for rule, way in DESIGN:
        assert (HERE / "rules" / f"{rule}.md").is_file()
        assert way in WAYS | OLD


def test_every_case_stays_what_it_is_when_it_is_not_rewritten() -> None:
    for path in sorted((HERE / "rules").glob("*.md")):
        for case in cases(path):
            if pair := pair_of(case):
                rows = [row for row in pair.diff().split("\n")[3:] if row[:1] in ("+", " ") and row[:4] != "+++ "]
                assert "\n".join(row[1:] for row in rows).strip() == pair.after.strip()
                assert ("new file" in case.diff) == (pair.before is None)


def test_tokens_leave_out_comments_and_keep_a_preprocessor_line_whole() -> None:
    text = '#define A(x) \\\n\tf(x)\n/* f( */ a->b <<= "\\")"; // g(\n\'"\' c_1'
    assert [one.text for one in ctext.tokens(text)] == [
        "#define A(x) \\\n\tf(x)", "a", "->", "b", "<<=", '"\\")"', ";", "'\"'", "c_1",
    ]  # fmt: skip


def test_functions_are_found_where_one_is_defined() -> None:
    text = (
        "int a(void);\nstruct s t = {a};\nstatic int\nb(int x) {\n\treturn a();\n}\nint (*c)(int);\nvoid d(void) {}\n"
    )
    assert [one.name for one in ctext.functions(text)] == ["b", "d"]


def test_statements_are_read_with_what_governs_them() -> None:
    text = """
int f(struct toy *t)
{
	struct toy *u = t;
	for (i = 0; i < 3; i++)
		if (a)
			b();
		else
			return 1;
	list_for_each_entry(e, &t->list, node) {
		do {
			c();
		} while (d);
	}
out:
	g(h);
	return 0;
}
"""
    (function,) = ctext.functions(text)
    told = [
        (one.kind, one.governed, ctext.source(text, one.first, one.first)) for one in ctext.statements(text, function)
    ]
    assert told == [
        ("declaration", False, "struct"), ("loop", False, "for"), ("if", True, "if"), ("simple", True, "b"),
        ("return", True, "return"), ("loop", False, "list_for_each_entry"), ("block", True, "{"), ("loop", False, "do"),
        ("block", True, "{"), ("simple", False, "c"), ("label", False, "out"), ("simple", False, "g"),
        ("return", False, "return"),
    ]  # fmt: skip
