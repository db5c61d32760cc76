"""A mask that is left out, against every check that reads masks: each allocator that has one of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

import pytest

from reviewbot.config import data_path
from reviewbot.kernel.rules import load
from reviewbot.model.kernel import Allocator, Kernel
from reviewbot.model.patch import Patch
from reviewbot.review.engine import Engine

VERSION = (7, 1)
RECLAIM, IO, FS = "__GFP_DIRECT_RECLAIM", "__GFP_IO", "__GFP_FS"


@lru_cache
def engine() -> Engine:
    return Engine(*load([data_path("rules")], VERSION))


def kernel() -> Kernel:
    return engine().kernel


def call(one: Allocator) -> str:
    """A call without a mask: an allocator's arguments up to where that would stand."""
    count = 2 if one.gfp is None else one.gfp
    return f"{one.name}({', '.join(f'toy->arg{at}' for at in range(count))})"


def bits(one: Allocator) -> frozenset[str]:
    names = [name.strip() for name in one.implicit.split("|")]
    return frozenset().union(*(kernel().flags[name].bits for name in names))


def given(one: Allocator, mask: str) -> str:
    assert one.gfp is not None
    return f"{call(one)[:-1]}, {mask})"


# By the rule that has to speak of the request, what it stands in. CALL is the call, WITH(...) one with a mask.

WHERE: Mapping[str, str] = {
    "sleep-in-atomic": """
|+int toy_get(struct toy *toy)
|+{
|+    spin_lock(&toy->lock);
|+    toy->p = CALL;
|+    spin_unlock(&toy->lock);
|+    return 0;
|+}""",
    "reclaim-recursion": """
|+static int toy_queue(struct Scsi_Host *host, struct scsi_cmnd *cmd)
|+{
|+    struct toy *toy = shost_priv(host);
|+
|+    toy->p = CALL;
|+    return 0;
|+}
|+static const struct scsi_host_template toy_template = {
|+    .queuecommand = toy_queue,
|+};""",
    "ignored-gfp-argument": """
|+int toy_get(struct toy *toy, gfp_t gfp)
|+{
|+    toy->q = kmalloc(8, gfp);
|+    toy->p = CALL;
|+    return 0;
|+}""",
    "blocking-in-nowait": """
|+int toy_get(struct toy *toy, struct kiocb *iocb)
|+{
|+    if (iocb->ki_flags & IOCB_NOWAIT)
|+        toy->p = CALL;
|+    return 0;
|+}""",
    "mixed-reclaim-flags": """
|+int toy_get(struct toy *toy)
|+{
|+    toy->q = kmalloc(8, GFP_NOFS);
|+    toy->p = CALL;
|+    return 0;
|+}""",
    "unneeded-atomic": """
| int toy_get(struct toy *toy)
| {
|+    toy->q = kmalloc(8, GFP_ATOMIC);
|     toy->p = CALL;
|     return 0;
| }""",
    "open-coded-nofail": """
|+void *toy_get(struct toy *toy)
|+{
|+    void *p;
|+
|+    do {
|+        p = CALL;
|+    } while (!p);
|+    return p;
|+}""",
    "alloc-under-raw-lock": """
|+int toy_get(struct toy *toy)
|+{
|+    raw_spin_lock(&toy->lock);
|+    toy->p = CALL;
|+    raw_spin_unlock(&toy->lock);
|+    return 0;
|+}""",
    "scope-around-one-allocation": """
|+int toy_get(struct toy *toy)
|+{
|+    unsigned int flags = memalloc_nofs_save();
|+    toy->p = CALL;
|+    memalloc_nofs_restore(flags);
|+    return 0;
|+}""",
    "widened-flags": """
| int toy_get(struct toy *toy)
| {
|-    toy->p = WITH(GFP_NOWAIT);
|+    toy->p = CALL;
|     return 0;
| }""",
    "lost-nofail": """
| int toy_get(struct toy *toy)
| {
|     struct toy *p;
|
|-    p = WITH(GFP_KERNEL | __GFP_NOFAIL);
|+    p = CALL;
|     p->users = 1;
|     return 0;
| }""",
}


def speaks(rule: str, one: Allocator) -> bool:
    """Whether the rule has a reason to speak of a request with the allocator's own mask, by what the rule is about."""
    sleeps = RECLAIM in bits(one) and one.sleeps != "never"
    pointer = one.returns == "pointer"
    if rule in ("sleep-in-atomic", "unneeded-atomic"):
        return sleeps
    if rule == "ignored-gfp-argument":  # __GFP_NOWARN says that a failure is provided for
        takes = one.gfp is not None or one.name in ("alloc_percpu", "__alloc_percpu")  # alloc_percpu_gfp() does
        return takes and RECLAIM in bits(one) and "__GFP_NOWARN" not in one.implicit
    if rule == "blocking-in-nowait":
        return RECLAIM in bits(one)
    if rule == "reclaim-recursion":
        return {RECLAIM, IO} <= bits(one)
    if rule == "mixed-reclaim-flags":
        return one.implicit.split(" ")[0] in ("GFP_KERNEL", "GFP_KERNEL_ACCOUNT")
    if rule == "open-coded-nofail":
        return pointer and RECLAIM in bits(one)
    if rule == "alloc-under-raw-lock":
        return RECLAIM not in bits(one) and one.family != "nolock"
    if rule == "scope-around-one-allocation":
        return one.family in ("slab", "page")
    if rule == "lost-nofail":
        return one.gfp is not None and pointer and one.family in ("slab", "slab-cache", "page", "kvmalloc")
    return one.gfp is not None and RECLAIM in bits(one)


def diff(rule: str, one: Allocator) -> str:
    """What adds a call of the allocator, or takes its mask away, as the rule's text has it."""
    body = "\n".join(row[1:2].ljust(1) + row[2:].replace("    ", "\t") for row in WHERE[rule].strip().split("\n"))
    body = re.sub(r"WITH\((.*?)\)", lambda found: given(one, found[1]), body.replace("CALL", call(one)))
    old, new = (sum(row[:1] in (" ", mark) for row in body.split("\n")) for mark in "-+")
    head = "diff --git a/drivers/toy/a.c b/drivers/toy/a.c\n--- a/drivers/toy/a.c\n+++ b/drivers/toy/a.c\n"
    return f"{head}@@ -{min(old, 1)},{old} +1,{new} @@\n{body}\n"


ALL = [one for one in kernel().allocators.values() if one.implicit and one.allocates]


def test_the_usual_form_is_among_them():
    names = {one.name for one in ALL if one.gfp is not None}
    family = {f"k{v}{z}alloc_{kind}" for v in ("", "v") for z in "mz" for kind in ("obj", "objs", "flex")}
    assert family <= names
    assert len(ALL) > 150


@pytest.mark.parametrize("rule", WHERE)
def test_each_allocator_is_seen_by_each_check_that_reads_masks(rule):
    wrong = []
    for one in ALL:
        if rule in ("widened-flags", "lost-nofail") and one.gfp is None:
            continue
        found = engine().patch(Patch(1, 1, "toy", "", diff(rule, one))).findings
        said = any(finding.rule == rule for finding in found)
        if said != speaks(rule, one):
            wrong.append((one.name, said))
    assert wrong == []
