"""The chain of a finding: which calls it has, in which order, and what is said of it."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from engines import engine
from reviewbot.model.review import Finding, ShownChain
from reviewbot.review.engine import Engine
from reviewbot.review.neighbourhood.tree_source import TreeSource
from trees import Trees, patch

A, B, C = (f"drivers/exfoo/{name}" for name in ("a.c", "b.c", "c.c"))
LOCKED = """\
void exfoo_xfer(struct exfoo *ex)
{
	spin_lock(&ex->lock);
	exfoo_step(ex);
	spin_unlock(&ex->lock);
}
"""
STEP = """\
void exfoo_step(struct exfoo *ex)
{
	exfoo_fill(ex, 64);
}
"""
QUIET = """\
int exfoo_fill(struct exfoo *ex, int size)
{
	ex->p = ex->spare;
	return ex->p ? 0 : -ENOMEM;
}
"""
ASKS = QUIET.replace("ex->spare", "kzalloc(size, GFP_KERNEL)")


def found(old: Mapping[str, str], new: Mapping[str, str], rule: str = "sleep-in-atomic") -> Finding:
    trees = Trees({"0": old, "1": new})
    made = engine("6.12")
    rules = [rule for rule, _ in made.rules]
    findings = Engine(made.kernel, rules, trees.read, TreeSource(trees)).patch(patch(old, new)).findings
    (finding,) = [one for one in findings if one.rule == rule]
    return finding


def chain(old: Mapping[str, str], new: Mapping[str, str]) -> ShownChain:
    shown = found(old, new).chain
    assert shown is not None
    return shown


def places(shown: ShownChain) -> list[tuple[str, int, str, int]]:
    return [(one.path, one.line, one.function, one.level) for one in shown.steps]


def test_through_three_files() -> None:
    others = {A: LOCKED, C: STEP}
    shown = chain({B: QUIET, **others}, {B: ASKS, **others})
    assert shown.functions == ("exfoo_xfer", "exfoo_step", "exfoo_fill")
    assert places(shown) == [
        (A, 3, "exfoo_xfer", 0),
        (A, 4, "exfoo_xfer", 0),
        (C, 3, "exfoo_step", 1),
        (B, 3, "exfoo_fill", 2),
    ]
    assert [one.note for one in shown.steps] == [
        "lock taken here",
        "called from here",
        "called from here",
        "may sleep here",
    ]
    assert shown.steps[-1].text == "\tex->p = kzalloc(size, GFP_KERNEL);"
    assert (shown.others, shown.doubts) == (0, ())


def test_in_one_file_which_is_out_of_order_there() -> None:
    shown = chain({A: QUIET + LOCKED + STEP}, {A: ASKS + LOCKED + STEP})
    assert [(one.line, one.level) for one in shown.steps] == [(8, 0), (9, 0), (14, 1), (3, 2)]


def test_the_remark_may_stand_at_a_step_further_up() -> None:
    others = {B: ASKS, C: STEP}
    finding = found({A: LOCKED.replace("exfoo_step(ex)", "ex->n++"), **others}, {A: LOCKED, **others})
    assert (finding.path, finding.line) == (A, 4)
    assert finding.chain is not None
    assert places(finding.chain)[-1] == (B, 3, "exfoo_fill", 2)


def test_a_lock_of_the_function_itself_makes_no_chain() -> None:
    own = LOCKED.replace("exfoo_step(ex)", "ex->p = kzalloc(64, GFP_KERNEL)")
    finding = found({A: LOCKED}, {A: own})
    assert finding.chain is None
    assert [one.note for one in finding.evidence] == ["lock taken here"]


@pytest.mark.parametrize(
    ("more", "others"),
    [
        ("", 0),
        (LOCKED.replace("exfoo_xfer", "exfoo_poll"), 1),
        (LOCKED.replace("exfoo_xfer", "exfoo_poll") + LOCKED.replace("exfoo_xfer", "exfoo_tick"), 2),
    ],
)
def test_other_chains_are_counted(more: str, others: int) -> None:
    assert chain({A: LOCKED + STEP + QUIET + more}, {A: LOCKED + STEP + ASKS + more}).others == others


def test_one_chain_below_two_locks_is_one() -> None:
    both = LOCKED.replace("\tspin_lock(", "\tspin_lock(&ex->other);\n\tspin_lock(").replace(
        "\tspin_unlock(&ex->lock);\n", "\tspin_unlock(&ex->lock);\n\tspin_unlock(&ex->other);\n"
    )
    assert chain({A: both + STEP + QUIET}, {A: both + STEP + ASKS}).others == 0


def test_the_shortest_is_shown() -> None:
    direct = LOCKED.replace("exfoo_xfer", "exfoo_poll").replace("exfoo_step(ex)", "exfoo_fill(ex, 1)")
    shown = chain({A: LOCKED + STEP + direct + QUIET}, {A: LOCKED + STEP + direct + ASKS})
    assert (shown.functions, shown.others) == (("exfoo_poll", "exfoo_fill"), 1)


def test_a_long_way_is_not_certain() -> None:
    steps = "".join(
        STEP.replace("exfoo_step", f"exfoo_step{at}").replace("exfoo_fill(ex, 64)", f"exfoo_step{at + 1}(ex)")
        for at in range(2)
    ).replace("exfoo_step2(ex)", "exfoo_step(ex)")
    others = {A: LOCKED.replace("exfoo_step", "exfoo_step0") + steps, C: STEP}
    assert chain({B: QUIET, **others}, {B: ASKS, **others}).doubts == ("4 calls through several files are a long way",)


def test_what_is_set_up_once_is_not_certain() -> None:
    once = "\tif (!ex->p)\n\t\tex->p = kzalloc(size, GFP_KERNEL);"
    asks = QUIET.replace("\tex->p = ex->spare;", once)
    (doubt,) = chain({A: LOCKED + STEP + QUIET}, {A: LOCKED + STEP + asks}).doubts
    assert "set up" in doubt


def test_a_mask_that_is_handed_to_something_unknown_is_not_certain() -> None:
    asks = QUIET.replace("ex->spare", "exfoo_more(ex, GFP_KERNEL)")
    assert chain({A: LOCKED + STEP + QUIET}, {A: LOCKED + STEP + asks}).doubts == (
        "what exfoo_more() does with the mask was not read",
    )


@pytest.mark.parametrize(
    ("asks", "sure"),
    [
        ("exfoo_more(ex, GFP_KERNEL)", "low"),  # it may look at the mask alone, or take the bit away
        ("kzalloc(size, GFP_KERNEL)", "medium"),
    ],
)
def test_a_mask_that_is_handed_to_something_unknown_far_away_is_said_low(asks: str, sure: str) -> None:
    others = {A: LOCKED, C: STEP}
    assert found({B: QUIET, **others}, {B: QUIET.replace("ex->spare", asks), **others}).confidence == sure
    near = LOCKED + STEP + QUIET
    assert found({A: near}, {A: near.replace("ex->spare", asks)}).confidence == "medium"


GIVEN = """\
void exfoo_locked(struct exfoo *ex, gfp_t gfp)
{
	spin_lock(&ex->lock);
	ex->p = kzalloc(64, gfp);
	spin_unlock(&ex->lock);
}
"""
HANDS_ON = """\
void exfoo_middle(struct exfoo *ex, gfp_t gfp)
{
	exfoo_locked(ex, gfp);
}
"""
NAMES = """\
void exfoo_top(struct exfoo *ex)
{
	exfoo_middle(ex, GFP_ATOMIC);
}
"""


def test_a_mask_is_handed_down() -> None:
    others = {B: HANDS_ON, C: GIVEN}
    shown = chain({A: NAMES, **others}, {A: NAMES.replace("GFP_ATOMIC", "GFP_KERNEL"), **others})
    assert shown.functions == ("exfoo_top", "exfoo_middle", "exfoo_locked")
    assert [(*place, one.note) for place, one in zip(places(shown), shown.steps, strict=True)] == [
        (A, 3, "exfoo_top", 0, "mask passed here"),
        (B, 3, "exfoo_middle", 1, "and handed on here"),
        (C, 3, "exfoo_locked", 2, "lock taken here"),
        (C, 4, "exfoo_locked", 2, "may sleep here"),
    ]


def test_a_scope_that_a_caller_opens() -> None:
    scope = LOCKED.replace("\tspin_lock(&ex->lock);", "\tunsigned int flags = memalloc_noreclaim_save();\n").replace(
        "spin_unlock(&ex->lock)", "memalloc_noreclaim_restore(flags)"
    )
    never = QUIET.replace("ex->spare", "kzalloc(size, GFP_KERNEL | __GFP_NOFAIL)")
    shown = found({A: scope + STEP + QUIET}, {A: scope + STEP + never}, "nofail-in-scope").chain
    assert shown is not None
    assert shown.functions == ("exfoo_xfer", "exfoo_step", "exfoo_fill")
    assert [one.note for one in shown.steps] == [
        "scope entered here",
        "called from here",
        "called from here",
        "requested here",
    ]


def test_a_callback_is_entered_where_it_is_run_and_not_called_from_where_it_is_set_up() -> None:
    runs = """\
static void exfoo_tick(struct timer_list *t)
{
	exfoo_fill(container_of(t, struct exfoo, timer), 64);
}

void exfoo_init(struct exfoo *ex)
{
	timer_setup(&ex->timer, exfoo_tick, 0);
}
"""
    shown = chain({A: runs, B: QUIET}, {A: runs, B: ASKS})
    assert shown.functions == ("exfoo_tick", "exfoo_fill")
    assert [(one.line, one.level) for one in shown.steps] == [(8, 0), (3, 0), (3, 1)]
