"""contexttests.py: which conditions ask for the context, and which constants settle them."""

from __future__ import annotations

import pytest

from reviewbot.config import data_path
from reviewbot.interproc.context_tests import asks_context, is_constant, truth_under
from reviewbot.kernel.rules import load

WORDS = load([data_path("rules")], (6, 12))[0].words


@pytest.mark.parametrize(
    "text",
    [
        "in_atomic()",
        "gfpflags_allow_blocking(gfp)",
        "gfp&__GFP_DIRECT_RECLAIM",
        "req->base.flags&CRYPTO_TFM_REQ_MAY_SLEEP",
        "iocb->ki_flags&IOCB_NOWAIT",
        "how&TOY_ATOMIC",
        "flags&TOY_F_CANSLEEP",
        "can_sleep",
        "toy->may_sleep",
        "nonblocking",
        "toy->nowait",
        "wait",
        "!toy->xfer_atomic",
        "is_atomic",
        "noblock",
        "toy_can_sleep(toy)",
    ],
)
def test_what_asks_for_the_context(text):
    assert asks_context(text, (), WORDS)


@pytest.mark.parametrize(
    "text",
    [
        "len",
        "toy->n>=toy->block_count",
        "toy_can_merge(toy)",
        "can_dropped_invalid_skb(dev,skb)",
        "dir==TOY_TX",
        "is_slave_direction(dir)",
        "toy->synced",
        "atomic_read(&toy->users)",
        "atomic_dec_and_test(&toy->users)",
        "refcount_dec_and_test(&toy->ref)",
        "toy->block",
        "list_empty(&toy->sleepers)",
        "toy->irq",
        "toy->wait_count",
        "toy->poll_interval",
        "flags&TOY_LOCKED",
        "lock",
    ],
)
def test_what_says_nothing_of_it(text):
    assert not asks_context(text, (), WORDS)


@pytest.mark.parametrize(("name", "asks"), [("locked", True), ("need_lock", True), ("in_irq", True), ("more", False)])
def test_a_parameter_may_say_what_a_caller_holds(name, asks):
    assert asks_context(name, {name}, WORDS) is asks


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("io->in_bh", True),
        ("toy->from_irq", True),
        ("toy->may_block", True),
        ("toy->is_async", True),
        ("toy->bh", False),
        ("toy->irq_enabled", False),
        ("toy->in_use", False),
        ("block==TOY_BLOCK_USB", False),  # which of several, whatever the variable is called
        ("mode==TOY_MODE_ATOMIC", True),
        ("block==1", True),
    ],
)
def test_a_member_asks_by_the_question_in_its_name_and_a_choice_by_what_is_chosen(text, asks):
    assert asks_context(text, {"block"}, WORDS) is asks


@pytest.mark.parametrize(
    ("text", "given", "known"),
    [
        ("more", "false", False),
        ("more", "true", True),
        ("more", "1", True),
        ("more", "NULL", False),
        ("other", "false", None),
        ("more==TOY_A", "TOY_B", False),
        ("more==TOY_A", "TOY_A", True),
        ("more!=TOY_A", "TOY_A", False),
        ("more==limit", "TOY_A", None),
        ("more>3", "4", True),
        ("more&TOY_A", "TOY_B", False),
        ("more&TOY_A", "TOY_A|TOY_B", True),
        ("more&TOY_A", "0", False),
        ("more&TOY_A", "3", None),
        ("more&mask", "0", False),
        ("more&mask", "TOY_A", None),
        ("more&toySYNC", "toyWRITE|toyFREE", False),
        ("more&toySYNC", "toyWRITE|toySYNC", True),
    ],
)
def test_a_constant_settles_a_test(text, given, known):
    assert truth_under(text, {"more": given}) is known


@pytest.mark.parametrize("text", ["true", "0", "TOY_A", "TOY_A|TOY_B", "NULL", "-1", "toyWRITE|toyGC"])
def test_a_constant(text):
    assert is_constant(text)


@pytest.mark.parametrize(
    "text", ["", "toy", "toy->n", "&TOY", "TOY(1)", "!how", "f(x)", "toyID", "toyID|othWRITE", "Toy", "toyWrite"]
)
def test_no_constant(text):
    assert not is_constant(text)
