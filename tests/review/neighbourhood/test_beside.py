"""With a tree, what a call reaches in another file, and who calls a function from there.

Each is asked in a folder, and with an index of trees whose files stand in several folders.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from msgspec.structs import replace

from engines import engine
from noting import note
from reviewbot.index.tree_index import TreeIndex
from reviewbot.model.review import PatchReview
from reviewbot.review.engine import Engine
from reviewbot.review.neighbourhood.tree_source import TreeSource
from trees import Trees, patch

A, B, C, H = (f"drivers/exfoo/{name}" for name in ("a.c", "b.c", "c.c", "exfoo.h"))
HOLDS = """\
void exfoo_xfer(struct exfoo *ex)
{
	spin_lock(&ex->lock);
	ex->n++;
	spin_unlock(&ex->lock);
}
"""
CALL = HOLDS.replace("ex->n++;", "exfoo_fill(ex, 64);")
ASKS = """\
int exfoo_fill(struct exfoo *ex, int size)
{
	ex->p = kzalloc(size, GFP_KERNEL);
	return ex->p ? 0 : -ENOMEM;
}
"""
QUIET = ASKS.replace("kzalloc(size, GFP_KERNEL)", "ex->spare")


APART = {B: "lib/exfoo/b.c", C: "net/exfoo/core/c.c", H: "include/linux/exfoo.h"}  # where they stand in a tree
FOLDER, TREE = "folder", "tree"


class Width:
    """How far calls are followed, and where the index is."""

    name, index = FOLDER, Path()


@pytest.fixture(autouse=True, params=[FOLDER, TREE])
def width(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    monkeypatch.setattr(Width, "name", request.param)
    monkeypatch.setattr(Width, "index", tmp_path / "words")
    return request.param


def placed(files: Mapping[str, str]) -> dict[str, str]:
    return {APART.get(path, path) if Width.name == TREE else path: text for path, text in files.items()}


def source(trees: Trees) -> TreeSource:
    """With an index it is one of the tree before the patch."""
    if Width.name == FOLDER:
        return TreeSource(trees)
    Width.index.unlink(missing_ok=True)
    note(Width.index, trees, "0")
    return TreeSource(trees, TreeIndex(Width.index, lambda line: pytest.fail(line)))


def reviewed(old: Mapping[str, str], new: Mapping[str, str]) -> PatchReview:
    """The paths of findings are those of the folder, wherever the files stand."""
    old, new = placed(old), placed(new)
    trees = Trees({"0": old, "1": new})
    made = engine("6.12")
    rules = [rule for rule, _ in made.rules]
    review = Engine(made.kernel, rules, trees.read, source(trees)).patch(patch(old, new))
    known = {there: path for path, there in APART.items()}
    return replace(
        review,
        findings=tuple(
            replace(
                one,
                path=known.get(one.path, one.path),
                evidence=tuple(replace(part, path=known.get(part.path, part.path)) for part in one.evidence),
            )
            for one in review.findings
        ),
    )


def said(old: Mapping[str, str], new: Mapping[str, str]) -> list[tuple[str, int, str]]:
    return [(one.path, one.line, one.rule) for one in reviewed(old, new).findings]


DOWN = (A, 4, "sleep-in-atomic")
UP = (B, 3, "sleep-in-atomic")


def down(other: Mapping[str, str], call: str = CALL) -> list[tuple[str, int, str]]:
    """What is said of a call that a patch adds; `other`: the files that it leaves alone."""
    return said({A: HOLDS, **other}, {A: call, **other})


def up(other: Mapping[str, str], asks: str = ASKS) -> list[tuple[str, int, str]]:
    """What is said of a request that a patch adds."""
    return said({B: QUIET, **other}, {B: asks, **other})


def test_a_call_is_followed_down_into_another_file() -> None:
    assert down({B: ASKS}) == [DOWN]
    (finding,) = reviewed({A: HOLDS, B: ASKS}, {A: CALL, B: ASKS}).findings
    assert [(one.path, one.line, one.note) for one in finding.evidence] == [
        (A, 3, "lock taken here"),
        (A, 4, "called from here"),
        (B, 3, "may sleep here"),
    ]
    assert finding.confidence == "medium"


def test_a_request_is_followed_up_into_another_file() -> None:
    assert up({A: CALL}) == [UP]


def test_a_lock_that_is_new_around_an_old_call() -> None:
    bare = CALL.replace("\tspin_lock(&ex->lock);\n", "").replace("\tspin_unlock(&ex->lock);\n", "")
    assert said({A: bare, B: ASKS}, {A: CALL, B: ASKS}) == [(A, 3, "sleep-in-atomic")]


STEP = """\
int exfoo_step(struct exfoo *ex)
{
	return exfoo_fill(ex, ex->size);
}
"""


@pytest.mark.parametrize("path", [C, H])
@pytest.mark.parametrize("static", ["", "static inline "])
def test_a_third_file_lies_between(path: str, static: str) -> None:
    """A function of a header is seen by others, static or not; one of another file is not if it is static."""
    other = {path: static + STEP}
    seen = path == H or not static
    assert down({B: ASKS, **other}, CALL.replace("exfoo_fill(ex, 64)", "exfoo_step(ex)")) == [DOWN] * seen
    assert up({A: CALL.replace("exfoo_fill(ex, 64)", "exfoo_step(ex)"), **other}) == [UP] * seen


def test_the_changed_function_lies_between() -> None:
    before = {A: CALL.replace("exfoo_fill(ex, 64)", "exfoo_step(ex)"), B: ASKS, C: STEP.replace("exfoo_fill", "size")}
    assert said(before, {**before, C: STEP}) == [(C, 3, "sleep-in-atomic")]


def test_what_is_far_is_less_sure() -> None:
    steps = {
        f"drivers/exfoo/step{at}.c": STEP.replace("exfoo_step", f"exfoo_step{at}").replace(
            "exfoo_fill(ex, ex->size)", f"exfoo_step{at + 1}(ex)" if at < 3 else "exfoo_fill(ex, ex->size)"
        )
        for at in range(1, 4)
    }
    (near,) = reviewed(
        {A: HOLDS, B: ASKS, **steps}, {A: CALL.replace("exfoo_fill(ex, 64)", "exfoo_step2(ex)"), B: ASKS, **steps}
    ).findings
    (far,) = reviewed(
        {A: HOLDS, B: ASKS, **steps}, {A: CALL.replace("exfoo_fill(ex, 64)", "exfoo_step1(ex)"), B: ASKS, **steps}
    ).findings
    assert (near.confidence, far.confidence) == ("medium", "low")


NOTHING_WRONG = {
    "the lock is given back": ASKS.replace("\tex->p =", "\tspin_unlock(&ex->lock);\n\tex->p =").replace(
        "\treturn", "\tspin_lock(&ex->lock);\n\treturn"
    ),
    "a constant excludes it": ASKS.replace("\tex->p =", "\tif (size == 64)\n\t\treturn 0;\n\tex->p ="),
    "it does not sleep": ASKS.replace("GFP_KERNEL", "GFP_NOWAIT"),
    "it is static": f"static {ASKS}",
}


@pytest.mark.parametrize("why", NOTHING_WRONG)
def test_near_misses(why: str) -> None:
    assert down({B: NOTHING_WRONG[why]}) == []
    assert up({A: CALL}, NOTHING_WRONG[why]) == []


@pytest.mark.parametrize(
    "other",
    [
        {B: ASKS, C: QUIET},  # two have the name: nobody knows which one is built
        {B: ASKS, H: "#define exfoo_fill(ex, size) exfoo_spare(ex)\n"},
    ],
)
def test_another_function_is_meant(other: Mapping[str, str]) -> None:
    assert down(other) == []


@pytest.mark.parametrize("path", ["drivers/exbar/b.c", "drivers/exfoo/core/b.c"])
def test_a_file_of_another_folder(path: str, width: str) -> None:
    assert down({path: ASKS}) == [DOWN] * (width == TREE)


@pytest.mark.parametrize("path", ["tools/testing/b.c", "scripts/b.c"])
def test_a_file_of_another_program_than_the_kernel(path: str) -> None:
    assert down({path: ASKS}) == []


def test_what_an_empty_function_of_a_header_stands_for() -> None:
    """Without the option that builds the other one it does nothing."""
    empty = "static inline int exfoo_fill(struct exfoo *ex, int size)\n{\n\treturn 0;\n}\n"
    assert down({B: ASKS, H: empty}) == [DOWN]


@pytest.mark.parametrize(
    "call",
    [
        CALL.replace("spin_lock", "mutex_lock").replace("spin_unlock", "mutex_unlock"),
        CALL.replace("\texfoo_fill", "\tspin_unlock(&ex->lock);\n\texfoo_fill").replace(
            "64);\n", "64);\n\tspin_lock(&ex->lock);\n"
        ),
        CALL.replace("exfoo_fill(ex, 64)", "ex->ops->exfoo_fill(ex, 64)"),
        f"static int exfoo_fill(struct exfoo *ex, int size)\n{{\n\treturn size;\n}}\n\n{CALL}",
    ],
)
def test_the_call_is_no_mistake(call: str) -> None:
    assert down({B: ASKS}, call) == []
    assert up({A: call}) == []


TICK = """\
void exfoo_tick(struct timer_list *timer)
{
	struct exfoo *ex = exfoo_of(timer);

	ex->n++;
}
"""
TICKS = TICK.replace("ex->n++", "ex->p = kzalloc(64, GFP_KERNEL)")
STARTS = """\
void exfoo_start(struct exfoo *ex)
{
	timer_setup(&ex->timer, exfoo_tick, 0);
}
"""


def test_a_function_is_handed_to_those_who_run_it_in_another_file() -> None:
    (finding,) = reviewed({B: TICK, C: STARTS}, {B: TICKS, C: STARTS}).findings
    assert (finding.path, finding.line, finding.rule) == (B, 5, "sleep-in-atomic")
    assert [(one.path, one.line, one.note) for one in finding.evidence] == [(C, 3, "registered here")]
    idle = STARTS.replace("exfoo_tick", "exfoo_tock")
    assert said({B: TICKS, C: idle}, {B: TICKS, C: STARTS}) == [(C, 3, "sleep-in-atomic")]
    assert said({B: TICK, C: idle}, {B: TICKS, C: idle}) == []
    own = f"static {TICK}\n{STARTS}"
    assert said({B: TICK, C: own}, {B: TICKS, C: own}) == []


def test_what_is_run_from_another_file_calls_a_third() -> None:
    calls = TICK.replace("ex->n++", "exfoo_fill(ex, 64)")
    assert said({B: QUIET, C: STARTS, A: calls}, {B: ASKS, C: STARTS, A: calls}) == [UP]
    assert said({B: ASKS, C: STARTS, A: TICK}, {B: ASKS, C: STARTS, A: calls}) == [(A, 5, "sleep-in-atomic")]


TABLE = """\
static const struct net_device_ops exfoo_ops = {
	.ndo_start_xmit = exfoo_xmit,
	.ndo_open = exfoo_open,
};
"""
XMIT = "netdev_tx_t exfoo_xmit(struct sk_buff *skb, struct net_device *dev)\n{\n\treturn exfoo_send(skb);\n}\n"
SEND = "int exfoo_send(struct sk_buff *skb)\n{\n\treturn 0;\n}\n"
OPEN = "int exfoo_open(struct net_device *dev)\n{\n\treturn 0;\n}\n"


def test_a_member_of_a_table_in_another_file() -> None:
    asks = "return exfoo_queue(skb_clone(skb, GFP_KERNEL))"
    around = {A: TABLE, C: XMIT}
    assert said({B: SEND, **around}, {B: SEND.replace("return 0", asks), **around}) == [(B, 3, "sleep-in-atomic")]
    assert said({B: OPEN, **around}, {B: OPEN.replace("return 0", asks), **around}) == []


TAKES = """\
int exfoo_put(struct exfoo *ex, gfp_t gfp)
{
	spin_lock(&ex->lock);
	ex->p = kzalloc(64, gfp);
	spin_unlock(&ex->lock);
	return 0;
}
"""
HANDS = "int exfoo_more(struct exfoo *ex)\n{\n\treturn exfoo_put(ex, GFP_KERNEL);\n}\n"


def test_a_mask_is_handed_to_another_file() -> None:
    (finding,) = reviewed({A: QUIET, B: TAKES}, {A: QUIET + HANDS, B: TAKES}).findings
    assert (finding.path, finding.line, finding.function) == (A, 8, "exfoo_more")
    assert [(one.path, one.line, one.note) for one in finding.evidence] == [
        (A, 8, "mask passed here"),
        (B, 3, "lock taken here"),
        (B, 4, "may sleep here"),
    ]
    assert said({A: HANDS, B: QUIET}, {A: HANDS, B: QUIET + TAKES}) == [(B, 9, "sleep-in-atomic")]
    assert said({A: QUIET, B: TAKES}, {A: QUIET + HANDS.replace("KERNEL", "NOWAIT"), B: TAKES}) == []


def test_a_scope_in_another_file() -> None:
    scope = HOLDS.replace("spin_lock(&ex->lock)", "unsigned int flags = memalloc_noreclaim_save()").replace(
        "spin_unlock(&ex->lock)", "memalloc_noreclaim_restore(flags)"
    )
    asks = ASKS.replace("GFP_KERNEL", "GFP_KERNEL | __GFP_NOFAIL")
    calls = scope.replace("ex->n++;", "exfoo_fill(ex, 64);")
    assert [rule for _, _, rule in up({A: calls}, asks)] == ["checked-nofail", "nofail-in-scope"]
    assert [rule for _, _, rule in up({A: scope}, asks)] == ["checked-nofail"]


def test_old_trouble_is_no_news() -> None:
    both = {A: CALL, B: ASKS}
    assert said(both, {**both, A: CALL.replace("void", "/* Does it. */\nvoid")}) == []
    assert said(both, {**both, B: ASKS.replace("\treturn", "\tex->n++;\n\treturn")}) == []


def test_a_function_that_others_run_is_handed_to_them_in_its_own_file() -> None:
    run = """\
static void exfoo_tick(struct timer_list *timer)
{
	exfoo_fill(exfoo_of(timer), 64);
}

void exfoo_start(struct exfoo *ex)
{
	timer_setup(&ex->timer, exfoo_tick, 0);
}
"""
    assert up({A: run}) == [UP]


def test_files_that_cannot_be_had_are_passed_over() -> None:
    class Partial(Trees):
        def contents(self, names):
            return dict.fromkeys(super().contents(names))

    old, new = {A: HOLDS, B: ASKS}, {A: CALL, B: ASKS}
    trees = Partial({"0": old, "1": new})
    made = engine("6.12")
    review = Engine(made.kernel, [rule for rule, _ in made.rules], trees.read, source(trees)).patch(patch(old, new))
    assert review.findings == ()


def test_what_is_not_looked_at_is_said(width: str) -> None:
    """With an index a patch may be to any number of folders."""
    many = {f"drivers/ex{at}/a.c": HOLDS for at in range(9)}
    new = {path: text.replace("n++", "n += 2") for path, text in many.items()}
    reasons = [one.reason for one in reviewed(many, new).unread]
    told = ["it touches 9 folders; calls were followed into none of their files"]
    assert reasons == (told if width == FOLDER else [])


def test_more_files_than_are_read_are_counted(width: str) -> None:
    steps = {f"drivers/exfoo/b{at}.c": ASKS.replace("exfoo_fill", f"exfoo_fill{at}") for at in range(30)}
    calls = "".join(f"\texfoo_fill{at}(ex, 64);\n" for at in range(30))
    review = reviewed({A: HOLDS, **steps}, {A: HOLDS.replace("\tex->n++;\n", calls), **steps})
    assert [one.reason for one in review.unread] == [
        f"its calls lead through 30 more files of the {width}; 24 of them were read"
    ]
    assert len(review.findings) == 24


def test_what_a_bound_leaves_out_of_other_files_is_said_of_the_one_that_is_touched() -> None:
    many = "\n".join(ASKS.replace("exfoo_fill", f"exfoo_fill{at}") for at in range(170))
    calls = "".join(f"\texfoo_fill{at}(ex, 64);\n" for at in range(170))
    review = reviewed({A: HOLDS, B: many}, {A: HOLDS.replace("\tex->n++;\n", calls), B: many})
    assert [(one.path, one.reason) for one in review.unread] == [
        (A, "more than 160 functions call each other around the change; not all were followed")
    ]


def test_a_file_at_the_top_of_the_tree_has_no_folder(width: str) -> None:
    idle = STARTS.replace("exfoo_tick", "exfoo_tock")
    old = {"top.c": idle, B: TICK}
    assert said(old, {"top.c": STARTS, B: TICKS}) == [(B, 5, "sleep-in-atomic")]
    assert said({"top.c": HOLDS, B: ASKS}, {"top.c": CALL, B: ASKS}) == [("top.c", 4, "sleep-in-atomic")] * (
        width == TREE
    )
