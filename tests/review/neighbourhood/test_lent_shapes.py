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


TRY = function("bool exfoo_trylock(struct exfoo *ex)", "return spin_trylock(&ex->lock);")
TRY_ROWS = function(
    "bool exfoo_trylock(struct exfoo *ex)",
    *("if (!spin_trylock(&ex->lock)) {", "\tex->missed++;", "\treturn false;", "}", "return true;"),
)
TRY_IF = function(
    "int exfoo_trylock(struct exfoo *ex)",
    *("if (ex->dead)", "\treturn 0;", "spin_lock(&ex->lock);", "return 1;"),
)
TRY_MACRO = "#define exfoo_trylock(ex) spin_trylock(&(ex)->lock)\n"
GIVE = "\tspin_unlock(&ex->lock);\n"
TAKING = [
    "\tif (!exfoo_trylock(ex))\n\t\treturn -EBUSY;\n{}",
    "\tif (exfoo_trylock(ex)) {{\n\t{}\t}}\n",
    "\tbool ok;\n\n\tok = exfoo_trylock(ex);\n\tif (!ok)\n\t\treturn -EBUSY;\n{}",
    "\tbool ok = exfoo_trylock(ex);\n\n\tif (ok) {{\n\t{}\t}}\n",
]


@pytest.mark.parametrize("header", [TRY, TRY_ROWS, TRY_IF, TRY_MACRO])
@pytest.mark.parametrize("body", TAKING)
def test_it_may_fail_to_take_it(said, header: str, body: str) -> None:
    assert said(header, body.format(FILL + GIVE)) == ["high"]
    assert said(header, body.format(GIVE + FILL)) == []


FAILED = [
    "\tif (!exfoo_trylock(ex)) {{\n\t{}\t\treturn -EBUSY;\n\t}}\n" + GIVE,
    "\tbool ok = exfoo_trylock(ex);\n\n\tif (!ok) {{\n\t{}\t\treturn -EBUSY;\n\t}}\n" + GIVE,
    "\tbool ok = exfoo_trylock(ex);\n\n\tif (ok)\n\t" + GIVE + "\tif (ok)\n\t{}",
    "\tint ok = ex->n;\n\n\tif (ex->p)\n\t\tok = exfoo_trylock(ex);\n\tif (ok)\n\t{}",
    "\tbool ok = exfoo_trylock(ex);\n\n\tif (ok)\n\t" + GIVE + "\tok = ex->n;\n\tif (ok)\n\t{}",
]


@pytest.mark.parametrize("header", [TRY, TRY_ROWS, TRY_IF])
@pytest.mark.parametrize("body", FAILED)
def test_it_has_not_taken_it(said, header: str, body: str) -> None:
    assert said(header, body.format(FILL)) == []


FOUND = function(
    "struct exbar *exfoo_get_locked(struct exfoo *ex, int id)",
    *("struct exbar *p = find(ex, id);", "", "if (!p)", "\treturn NONE;"),
    *("spin_lock(&p->lock);", "if (p->dead) {", "\tspin_unlock(&p->lock);", "\treturn NONE;", "}", "return p;"),
) + function("void exfoo_put_unlocked(struct exbar *p)", "spin_unlock(&p->lock);")
GET = "\tstruct exbar *p = exfoo_get_locked(ex, 1);\n\n\tif ({test})\n\t\treturn -ENOENT;\n"


@pytest.mark.parametrize(
    ("header", "test"),
    [
        (FOUND.replace("NONE", "NULL"), "!p"),
        (FOUND.replace("NONE", "NULL"), "p == NULL"),
        (FOUND.replace("NONE", "ERR_PTR(-ENOENT)"), "IS_ERR(p)"),
        (FOUND.replace("NONE", "ERR_PTR(-ENOENT)"), "IS_ERR_OR_NULL(p)"),
    ],
)
def test_it_is_held_where_something_was_found(said, header: str, test: str) -> None:
    get, put = GET.format(test=test), "\texfoo_put_unlocked(p);\n"
    assert said(header, get + FILL + put) == ["high"]
    assert said(header, get + put + FILL) == []
    assert said(header, get.replace("\t\treturn", "{\n\t" + FILL + "\t\treturn").replace("ENOENT;", "1;}") + put) == []


NULL = FOUND.replace("NONE", "NULL")
BALANCED = [
    NULL.replace("return p;", "spin_unlock(&p->lock);\n\treturn p;"),
    NULL.replace("return p;", "if (p->up)\n\t\tspin_unlock(&p->lock);\n\treturn p;"),
    NULL.replace("\t\tspin_unlock(&p->lock);\n\t\treturn NULL;", "\t\treturn NULL;"),
]


@pytest.mark.parametrize("header", BALANCED)
def test_it_is_not_always_held_where_something_was_found(said, header: str) -> None:
    assert said(header, GET.format(test="!p") + FILL) == []


LOCK = function("void exfoo_lock(struct exfoo *ex)", "spin_lock(&ex->lock);")
GUARDS = [
    "DEFINE_GUARD(exfoo, struct exfoo *, spin_lock(&_T->lock), spin_unlock(&_T->lock))\n",
    LOCK + "DEFINE_GUARD(exfoo, struct exfoo *, exfoo_lock(_T), spin_unlock(&_T->lock))\n",
    "DEFINE_LOCK_GUARD_1(exfoo, struct exfoo,\n\t\t    spin_lock_irqsave(&_T->lock->lock, _T->flags),\n\t\t    "
    "spin_unlock_irqrestore(&_T->lock->lock, _T->flags),\n\t\t    unsigned long flags)\n",
    "DEFINE_LOCK_GUARD_0(exfoo, local_bh_disable(), local_bh_enable())\n",
]
SCOPED = f"\tscoped_guard(exfoo, ex) {{\n\t{FILL}\t}}\n"


@pytest.mark.parametrize("header", GUARDS)
def test_a_guard_of_a_class(said, header: str) -> None:
    assert said(header, f"\tguard(exfoo)(ex);\n{FILL}") == ["high"]
    assert said(header, SCOPED) == ["high"]
    assert said(header, f"{SCOPED.replace(FILL, '')}{FILL}") == []
    assert said(header, f"\tguard(exbar)(ex);\n{FILL}") == []


def test_a_guard_that_may_fail(said) -> None:
    header = GUARDS[0] + "DEFINE_GUARD_COND(exfoo, _try, spin_trylock(&_T->lock))\n"
    body = SCOPED.replace("scoped_guard(exfoo, ex)", "scoped_cond_guard(exfoo_try, return -EBUSY, ex)")
    assert said(header, body) == ["high"]
    assert said(header.replace("spin", "mutex"), body) == []


MUTEX = GUARDS[0].replace("spin", "mutex")
SLEEPING = [
    MUTEX,
    GUARDS[1].replace("spin", "mutex"),
    GUARDS[0] + MUTEX,
    "#define DEFINE(exfoo) spin_lock(exfoo)\n",
]


@pytest.mark.parametrize("header", SLEEPING)
def test_a_guard_that_lets_sleep(said, header: str) -> None:
    assert said(header, f"\tguard(exfoo)(ex);\n{FILL}") == []
    assert said(header, SCOPED) == []
