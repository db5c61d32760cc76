"""With a tree, reclaim that comes by in one file of a folder is followed to a request in another one."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from engines import engine
from reviewbot.model.review import Finding
from reviewbot.review.engine import Engine
from reviewbot.review.neighbourhood.tree_source import TreeSource
from trees import Trees, patch

A, B, C = (f"drivers/exfoo/{name}" for name in ("ops.c", "fill.c", "step.c"))
OPS = "static const struct block_device_operations exfoo_ops = {\n\t.submit_bio = exfoo_submit,\n};\n"
BIO = "static void exfoo_submit(struct bio *bio)\n{\n\texfoo_step(bio);\n}\n\n" + OPS
STEP = "void exfoo_step(struct bio *bio)\n{\n\texfoo_fill(bio);\n}\n"
ASKS = "void exfoo_fill(struct bio *bio)\n{\n\tbio->bi_private = kmalloc(64, GFP_KERNEL);\n}\n"
QUIET = ASKS.replace("kmalloc(64, GFP_KERNEL)", "NULL")
FROZEN = """\
void exfoo_resize(struct exfoo *ex)
{
	blk_mq_freeze_queue(ex->q);
	ex->n = 1;
	blk_mq_unfreeze_queue(ex->q);
}
"""


def said(old: Mapping[str, str], new: Mapping[str, str]) -> list[Finding]:
    trees, made = Trees({"0": old, "1": new}), engine("6.12")
    rules = [rule for rule, _ in made.rules]
    found = Engine(made.kernel, rules, trees.read, TreeSource(trees)).patch(patch(old, new)).findings
    return [one for one in found if one.rule == "reclaim-recursion"]


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ({A: BIO, B: QUIET, C: STEP}, {A: BIO, B: ASKS, C: STEP}, (B, 3)),
        ({A: BIO, B: ASKS, C: STEP.replace("exfoo_fill", "exfoo_note")}, {A: BIO, B: ASKS, C: STEP}, (C, 3)),
        ({A: BIO.replace("exfoo_step", "exfoo_note"), B: ASKS, C: STEP}, {A: BIO, B: ASKS, C: STEP}, (A, 3)),
    ],
    ids=["the request", "a call between", "the call"],
)
def test_a_callback_leads_through_files(old: Mapping[str, str], new: Mapping[str, str], place: tuple[str, int]) -> None:
    """What it leads to there was often done before, so that little is said of it."""
    (finding,) = said(old, new)
    assert ((finding.path, finding.line), finding.confidence) == (place, "low")
    notes = [(one.path, one.note) for one in finding.evidence]
    assert notes[:3] == [(A, "registered here"), (A, "called from here"), (C, "called from here")][: len(notes)]


@pytest.mark.parametrize(
    ("member", "calls", "confidence"),
    [("prepare_job", 2, "medium"), ("run_job", 1, "medium"), ("timedout_job", 1, "medium"), ("timedout_job", 2, "low")],
)
def test_what_a_fence_waits_for_stays_sure(member: str, calls: int, confidence: str) -> None:
    """A reset finds most of what it would make, so that only what it calls itself is sure."""
    called = "exfoo_step" if calls == 2 else "exfoo_fill"
    ops = BIO.replace("exfoo_step", called).replace("block_device_operations", "drm_sched_backend_ops")
    other = {A: ops.replace("submit_bio", member), C: STEP}
    (finding,) = said({**other, B: QUIET}, {**other, B: ASKS})
    assert (finding.path, finding.line, finding.confidence) == (B, 3, confidence)


def test_a_frozen_queue_stays_sure() -> None:
    """Of files that one patch changes."""
    call = FROZEN.replace("ex->n = 1;", "exfoo_fill(ex->bio);")
    (finding,) = said({A: FROZEN, B: QUIET}, {A: call, B: ASKS})
    assert (finding.path, finding.line, finding.confidence) == (B, 3, "medium")
    assert [(one.path, one.line) for one in finding.evidence] == [(A, 3), (A, 4)]


def test_what_is_handed_a_mask_far_away_is_said_low() -> None:
    """It may look at the mask alone, or take the bit away: it was not read."""
    call = FROZEN.replace("ex->n = 1;", "exfoo_fill(ex->bio);")
    handed = ASKS.replace("kmalloc(64,", "exfoo_more(bio,")
    (finding,) = said({A: FROZEN, B: QUIET}, {A: call, B: handed})
    assert (finding.path, finding.line, finding.confidence) == (B, 3, "low")
    (near,) = said({A: FROZEN}, {A: FROZEN.replace("ex->n = 1;", "ex->p = exfoo_more(ex, GFP_KERNEL);")})
    assert near.confidence == "medium"


USB = """\
static int exfoo_back(struct usb_interface *intf)
{
	return exfoo_fill(usb_get_intfdata(intf));
}

static struct usb_driver exfoo_driver = {
	.reset_resume = exfoo_back,
	.post_reset = exfoo_back,
};
"""


def test_a_callback_of_which_little_is_wrong_leads_to_nothing_in_another_file() -> None:
    """Those who run it have opened a scope by then; what is asked there is asked about the file that registers it."""
    assert said({A: USB, B: QUIET}, {A: USB, B: ASKS}) == []
    (here,) = said({A: QUIET + USB}, {A: ASKS + USB})
    assert (here.line, here.confidence) == (3, "low")


NO_MATTER = {
    "a mask that stays out": ASKS.replace("GFP_KERNEL", "GFP_NOIO"),
    "inside of a scope": ASKS.replace("\tbio->", "\tunsigned int noio = memalloc_noio_save();\n\n\tbio->").replace(
        ";\n}", ";\n\tmemalloc_noio_restore(noio);\n}"
    ),
    "static": f"static {ASKS}",
    "who calls is asked": ASKS.replace("\tbio->", "\tif (!bio->from_reclaim)\n\t\tbio->"),
}


@pytest.mark.parametrize("why", NO_MATTER)
def test_near_misses(why: str) -> None:
    other = {A: BIO, C: STEP}
    assert said({**other, B: QUIET}, {**other, B: NO_MATTER[why]}) == []


def test_more_calls_than_are_followed() -> None:
    steps = {f"drivers/exfoo/s{n}.c": STEP.replace("exfoo_step", f"exfoo_s{n}") for n in range(1, 5)}
    linked = {
        path: text.replace("exfoo_fill", f"exfoo_s{n + 1}" if n < 4 else "exfoo_fill")
        for n, (path, text) in enumerate(steps.items(), 1)
    }
    far = {A: BIO.replace("exfoo_step", "exfoo_s1"), **linked}
    near = {A: BIO.replace("exfoo_step", "exfoo_s3"), **linked}
    assert said({**far, B: QUIET}, {**far, B: ASKS}) == []
    assert len(said({**near, B: QUIET}, {**near, B: ASKS})) == 1


def test_the_calls_are_kept_in_order() -> None:
    (finding,) = said({A: BIO, B: QUIET, C: STEP}, {A: BIO, B: ASKS, C: STEP})
    shown = finding.chain
    assert shown is not None
    assert shown.functions == ("exfoo_submit", "exfoo_step", "exfoo_fill")
    steps = [(one.path, one.line, one.note, one.level) for one in shown.steps]
    assert steps == [
        (A, 7, "registered here", 0),
        (A, 3, "called from here", 0),
        (C, 3, "called from here", 1),
        (B, 3, "requested here", 2),
    ]
    assert shown.doubts == ("2 calls through several files are a long way",)


def test_what_a_function_holds_itself_makes_no_chain() -> None:
    here = FROZEN.replace("ex->n = 1;", "ex->p = kmalloc(64, GFP_KERNEL);")
    (finding,) = said({A: FROZEN}, {A: here})
    assert finding.chain is None
    assert [one.note for one in finding.evidence] == ["restriction begins here"]


@pytest.mark.parametrize(("given", "found"), [("true", 0), ("false", 1), ("ex->busy", 0)])
def test_conditions_are_settled_through_files(given: str, found: int) -> None:
    call = FROZEN.replace("ex->n = 1;", f"exfoo_step(ex->bio, {given});")
    step = STEP.replace("(struct bio *bio)", "(struct bio *bio, bool nowait)").replace("(bio)", "(bio, nowait)")
    asks = ASKS.replace("bio)\n{\n", "bio, bool nowait)\n{\n\tif (nowait)\n\t\treturn;\n")
    quiet = asks.replace("kmalloc(64, GFP_KERNEL)", "NULL")
    assert len(said({A: call, B: quiet, C: step}, {A: call, B: asks, C: step})) == found


@pytest.mark.parametrize(("more", "found"), [("", 1), ("\tblk_mq_unfreeze_queue(bio->q);\n", 0)])
def test_a_handle_may_end_on_the_way_through_another_file(more: str, found: int) -> None:
    call = FROZEN.replace("ex->n = 1;", "exfoo_step(ex->bio);")
    step = STEP.replace("\texfoo_fill", f"{more}\texfoo_fill")
    assert len(said({A: call, B: QUIET, C: step}, {A: call, B: ASKS, C: step})) == found


@pytest.mark.parametrize(("freezes", "others"), [(1, 0), (3, 2)])
def test_other_chains_are_counted(freezes: int, others: int) -> None:
    call = FROZEN.replace("ex->n = 1;", "exfoo_fill(ex->bio);")
    frozen = "\n".join(call.replace("exfoo_resize", f"exfoo_resize{at}") for at in range(freezes))
    (finding,) = said({A: frozen, B: QUIET}, {A: frozen, B: ASKS})
    assert finding.chain is not None
    assert finding.chain.others == others


TYPES = """\
struct exfoo_ops {
	void (*fill)(struct bio *bio);
};

struct exfoo {
	const struct exfoo_ops *ops;
};
"""


def table(name: str) -> str:
    return f"static const struct exfoo_ops exfoo_{name}_ops = {{\n\t.fill = exfoo_{name}_fill,\n}};\n"


@pytest.mark.parametrize(("more", "confidence"), [(0, "medium"), (2, "medium"), (3, "low")])
def test_a_call_through_a_table_is_followed(more: int, confidence: str) -> None:
    """As long as a reader may look at all functions that the member may be."""
    call = FROZEN.replace("ex->n = 1;", "ex->ops->fill(ex->bio);")
    fill = "static " + ASKS.replace("exfoo_fill", "exfoo_fast_fill")
    others = "".join(
        "static " + QUIET.replace("exfoo_fill", f"exfoo_slow{at}_fill") + table(f"slow{at}") for at in range(more)
    )
    quiet = fill.replace("kmalloc(64, GFP_KERNEL)", "NULL")
    old = {A: TYPES + call + quiet + table("fast") + others}
    (finding,) = said(old, {A: TYPES + call + fill + table("fast") + others})
    assert finding.confidence == confidence
    assert finding.chain is not None
    assert finding.chain.functions == ("exfoo_resize", "exfoo_fast_fill")
    assert "exfoo_fast_fill() stands in a table here" in [one.note for one in finding.chain.steps]
    assert finding.chain.doubts[0].startswith("ex->ops->fill() is exfoo_fast_fill() ")
    atomic = fill.replace("GFP_KERNEL", "GFP_NOIO")
    assert said(old, {A: TYPES + call + atomic + table("fast") + others}) == []
