"""contexttests.py: which conditions ask for the context, and which constants settle them."""

from __future__ import annotations

import pytest

from reviewbot.config import data_path
from reviewbot.kernel.rules import load
from reviewbot.program.context_tests import asks_context, is_constant, refuted

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
    ("fact", "given", "cannot"),
    [
        (("more", True), "false", True),
        (("more", True), "true", False),
        (("more", False), "1", True),
        (("more", False), "NULL", False),
        (("other", True), "false", False),
        (("more==TOY_A", True), "TOY_B", True),
        (("more==TOY_A", True), "TOY_A", False),
        (("more!=TOY_A", True), "TOY_A", True),
        (("more==TOY_A", False), "TOY_A", True),
        (("more==limit", True), "TOY_A", False),
        (("more&TOY_A", True), "TOY_B", True),
        (("more&TOY_A", True), "TOY_A|TOY_B", False),
        (("more&TOY_A", False), "TOY_A|TOY_B", True),
        (("more&TOY_A", True), "0", True),
        (("more&TOY_A", True), "3", False),
    ],
)
def test_a_constant_settles_a_test(fact, given, cannot):
    assert refuted(fact, {"more": given}) is cannot


@pytest.mark.parametrize("text", ["true", "0", "TOY_A", "TOY_A|TOY_B", "NULL", "-1"])
def test_a_constant(text):
    assert is_constant(text)


@pytest.mark.parametrize("text", ["", "toy", "toy->n", "&TOY", "TOY(1)", "!how", "sizeof(x)"])
def test_no_constant(text):
    assert not is_constant(text)
