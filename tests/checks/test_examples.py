"""The examples of each rule, each in a function of a file: its rule speaks of `bad`, and no rule of `good`."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest

from engines import engine
from reviewbot.model.patch import Patch
from reviewbot.model.review import Finding

KERNELS = {"unsafe-scope": "6.10"}  # PF_MEMALLOC_NORECLAIM was there from 6.9 to 6.11
PATHS = {"legacy-dma-zone": "drivers/exfoo/a.c", "nofs-outside-fs": "drivers/exfoo/a.c"}
RULES = {rule.id: rule for at in ("6.12", "6.10") for rule, _ in engine(at).rules}
HEAD = re.compile(r"[ +-]?(?:static|struct|int|void)\b.*\)$")
LEFT_OUT = re.compile(r"^(\s*)\.\.\.$", re.MULTILINE)


def rows_of(example: str) -> list[str]:
    """The rows of a diff's hunk: the example, in a function unless it has one, with what it leaves open closed."""
    rows = LEFT_OUT.sub(r"\1exfoo_more(f);", example.strip("\n")).split("\n")
    if not any(row.startswith(("+", "-")) for row in rows):
        rows = [f"+{row}" for row in rows]
    if not any(HEAD.match(row) for row in rows):
        rows = [" int exfoo(struct exfoo *f)", " {", " \tunsigned long flags, nofs, noio, noreclaim;", *rows]
    missing = sum(row.count("{") - row.count("}") for row in rows if not row.startswith("-"))
    return [*(row or " " for row in rows), *[" }"] * missing]


def found(rule: str, example: str) -> Sequence[Finding]:
    path, rows = PATHS.get(rule, "fs/exfoo/a.c"), rows_of(example)
    old, new = (sum(row[0] in (" ", mark) for row in rows) for mark in "-+")
    body = "\n".join(rows)
    diff = f"diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n@@ -1,{old} +1,{new} @@\n{body}\n"
    review = engine(KERNELS.get(rule, "6.12")).patch(Patch(1, 1, "exfoo: an example", "", diff))
    assert not review.unread
    return review.findings


def test_every_rule_has_both() -> None:
    assert [rule.id for rule in RULES.values() if not rule.bad or not rule.good] == []


@pytest.mark.parametrize(("rule", "example"), [(rule.id, text) for rule in RULES.values() for text in rule.bad])
def test_what_is_bad_is_found(rule: str, example: str) -> None:
    assert rule in {one.rule for one in found(rule, example)}


@pytest.mark.parametrize(("rule", "example"), [(rule.id, text) for rule in RULES.values() for text in rule.good])
def test_what_is_good_is_not(rule: str, example: str) -> None:
    assert [(one.rule, one.message) for one in found(rule, example)] == []
