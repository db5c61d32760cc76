"""The shapes of functions of other files that take a lock for their caller: a token, a result that says so, a guard."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from widths import WIDTHS, Review, reviewer

A, H = "drivers/exfoo/main.c", "drivers/exfoo/exfoo.h"
APART = {H: "include/linux/exfoo.h"}
FILL = "\tex->p = kzalloc(64, GFP_KERNEL);\n"


@pytest.fixture(params=WIDTHS)
def review(request: pytest.FixtureRequest, tmp_path: Path) -> Review:
    return reviewer(request.param, tmp_path, APART, "sleep-in-atomic")


@pytest.fixture
def said(review: Review) -> Callable[..., list[str]]:
    """How sure is what is said of a request that a patch adds to a function, with a header beside it."""

    def asked(header: str, body: str) -> list[str]:
        text = f"int exfoo_fill(struct exfoo *ex)\n{{\n{body}\treturn 0;\n}}\n"
        before = text.replace("GFP_KERNEL", "GFP_ATOMIC")
        return [one.confidence for one in review({A: before, H: header}, {A: text, H: header})]

    return asked


def function(head: str, *rows: str) -> str:
    return f"static inline {head}\n{{\n" + "".join(f"\t{row}\n" for row in rows) + "}\n\n"


RESULT = function(
    "unsigned long exfoo_lock(struct exfoo *ex)",
    *("unsigned long flags;", "", "spin_lock_irqsave(&ex->lock, flags);", "return flags;"),
) + function("void exfoo_unlock(struct exfoo *ex, unsigned long flags)", "spin_unlock_irqrestore(&ex->lock, flags);")
POINTER = function(
    "void exfoo_lock(struct exfoo *ex, unsigned long *flags)", "spin_lock_irqsave(&ex->lock, *flags);"
) + function("void exfoo_unlock(struct exfoo *ex, unsigned long *flags)", "spin_unlock_irqrestore(&ex->lock, *flags);")


@pytest.mark.parametrize(
    ("header", "take", "give"),
    [
        (RESULT, "flags = exfoo_lock(ex)", "exfoo_unlock(ex, flags)"),
        (POINTER, "exfoo_lock(ex, &flags)", "exfoo_unlock(ex, &flags)"),
    ],
)
def test_a_token(said, header: str, take: str, give: str) -> None:
    head = "\tunsigned long flags;\n\n"
    assert said(header, f"{head}\t{take};\n{FILL}\t{give};\n") == ["high"]
    assert said(header, f"{head}\t{take};\n\t{give};\n{FILL}") == []
