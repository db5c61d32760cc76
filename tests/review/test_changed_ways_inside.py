"""A change far from a request that comes to stand below a lock, outside of a scope, or with another mask: it is said.

As the whole file shows it, with a tree beside, and out of a history that is sifted.
"""

from __future__ import annotations

import pytest

from engines import engine
from reviewbot.model.review import Finding
from reviewbot.review.engine import Engine
from reviewbot.review.neighbourhood.tree_source import TreeSource
from reviewbot.review.prefilter.prefilter import Prefilter
from trees import Trees, patch

PATH, TRANS = "drivers/exfoo/core.c", "fs/btrfs/exfoo.c"
FAR = "".join(f"\tex->r[{at}] = {at};\n" for at in range(12))
ASK = "\tex->p = kzalloc(64, GFP_KERNEL);\n"
GFP = "\tex->p = kzalloc(64, gfp);\n"
LOCK, UNLOCK = "\tspin_lock(&ex->lock);\n", "\tspin_unlock(&ex->lock);\n"
SLEEP, RECLAIM = "sleep-in-atomic", "reclaim-recursion"
ONE = "\tex->n++;\n"
SHRINKS = (
    "struct exfoo {\n\tstruct mutex lock;\n\tvoid *p;\n\tint n;\n};\n\n"
    "static unsigned long exfoo_scan(struct shrinker *s, struct shrink_control *sc)\n{\n"
    "\tstruct exfoo *ex = s->private_data;\n\n\tmutex_lock(&ex->lock);\n\tex->n = 0;\n\tmutex_unlock(&ex->lock);\n"
    "\treturn 1;\n}\n\nvoid exfoo_init(struct exfoo *ex)\n{\n\tex->s->scan_objects = exfoo_scan;\n}\n\n"
)
MUTEX, GIVEN = "\tmutex_lock(&ex->lock);\n", "\tmutex_unlock(&ex->lock);\n"
SAVE, RESTORE = "\tunsigned int fl = memalloc_nofs_save();\n\n", "\tmemalloc_nofs_restore(fl);\n"
START, END = "\ttrans = btrfs_start_transaction(root, 1);\n", "\tbtrfs_end_transaction(trans);\n"
PUT = f"static void exfoo_put(struct exfoo *ex)\n{{\n{UNLOCK}}}\n\n"


def inner(text: str) -> str:
    return "".join(f"\t{row}\n" for row in text.splitlines())


def when(condition: str, *rows: str) -> str:
    return f"\tif ({condition}) {{\n{inner(''.join(rows))}\t}}\n"


def step(body: str, args: str = "", above: str = "") -> str:
    return f"{above}int exfoo_step(struct exfoo *ex{args})\n{{\n{body}\treturn 0;\n}}\n"


def called(body: str, arg: tuple[str, str]) -> str:
    """The function of a body with a parameter, and its caller below a lock."""
    call = f"\nvoid exfoo_xfer(struct exfoo *ex)\n{{\n{LOCK}\texfoo_step(ex, {arg[1]});\n{UNLOCK}}}\n"
    return step(body, f", {arg[0]}") + call


def scanned(body: str) -> str:
    """The function of a body, which reclaim runs."""
    return (
        "static unsigned long exfoo_scan(struct shrinker *s, struct shrink_control *sc)\n{\n"
        f"\tstruct exfoo *ex = s->private_data;\n\n{body}\treturn 1;\n}}\n\n"
        "void exfoo_init(struct exfoo *ex)\n{\n\tex->s->scan_objects = exfoo_scan;\n}\n"
    )


def written(body: str) -> str:
    return (
        "static int exfoo_writepage(struct page *page, struct writeback_control *wbc)\n{\n"
        f"\tstruct exfoo *ex = page->private;\n{body}\treturn 0;\n}}\n\n"
        "const struct address_space_operations exfoo_aops = {\n\t.writepage = exfoo_writepage,\n};\n"
    )


def said(old: str, new: str, path: str = PATH) -> tuple[Finding, ...]:
    """What is found that a reader is shown: as each way of reading finds it."""
    trees = Trees({"0": {path: old}, "1": {path: new}})
    made = engine("6.12")
    rules = [rule for rule, _ in made.rules]
    change = patch({path: old}, {path: new})
    whole = Engine(made.kernel, rules, trees.read).patch(change).findings
    kept = Prefilter(made.kernel, rules).kept(path, change.diff.encode(), new.encode())
    assert Engine(made.kernel, rules, trees.read, TreeSource(trees)).patch(change).findings == whole
    assert Engine(made.kernel, rules, trees.read).patch(change, {path: kept}).findings == whole
    return tuple(one for one in whole if one.confidence != "low")


NOWAIT, MAY, MASK = ("bool nowait", "true"), ("bool can_sleep", "false"), ("gfp_t gfp", "GFP_ATOMIC")
OUT = "out:\n\tex->n = 1;\n"
STOP = "\tif (nowait)\n\t\tgoto out;\n"
TRY = when("spin_trylock(&ex->lock)", ONE, UNLOCK)
TRY_MUTEX = when("mutex_trylock(&ex->lock)", ONE, GIVEN)
WRONG = {
    "an unlock moves down": (
        SLEEP,
        step(LOCK + ONE + UNLOCK + FAR + ASK + FAR),
        step(LOCK + ONE + FAR + ASK + FAR + UNLOCK),
    ),
    "so does what unlocks for it": (
        SLEEP,
        step(LOCK + ONE + "\texfoo_put(ex);\n" + FAR + ASK + FAR, above=PUT),
        step(LOCK + ONE + FAR + ASK + FAR + "\texfoo_put(ex);\n", above=PUT),
    ),
    "a lock moves up": (
        SLEEP,
        step(FAR + ASK + FAR + LOCK + ONE + UNLOCK),
        step(LOCK + FAR + ASK + FAR + ONE + UNLOCK),
    ),
    "a lock is tried, and then held": (SLEEP, step(TRY + FAR + ASK), step(LOCK + ONE + FAR + ASK + UNLOCK)),
    "it was tried, and asked for where it was not held": (
        SLEEP,
        step("\tif (!spin_trylock(&ex->lock))\n\t\tgoto slow;\n" + ONE + UNLOCK + "\treturn 0;\nslow:\n" + FAR + ASK),
        step(LOCK + "\tif (ex->x)\n\t\tgoto slow;\n" + ONE + UNLOCK + "\treturn 0;\nslow:\n" + FAR + ASK),
    ),
    "an unlock goes on one of two ways": (
        SLEEP,
        step(LOCK + when("ex->x", UNLOCK) + "\telse {\n" + inner(ONE + UNLOCK) + "\t}\n" + FAR + ASK),
        step(LOCK + when("ex->x", UNLOCK) + "\telse {\n" + inner(ONE) + "\t}\n" + FAR + ASK),
    ),
    "a return goes": (
        SLEEP,
        step(LOCK + when("ex->x", ONE, "return 1;\n") + UNLOCK + FAR + "ask:\n" + ASK),
        step(LOCK + when("ex->x", ONE, "goto ask;\n") + UNLOCK + FAR + "ask:\n" + ASK),
    ),
    "a way leads there with the lock": (
        SLEEP,
        step(LOCK + when("ex->x", ONE) + FAR + UNLOCK + "ask:\n" + FAR + ASK),
        step(LOCK + when("ex->x", ONE, "goto ask;\n") + FAR + UNLOCK + "ask:\n" + FAR + ASK),
    ),
    "a break moves below": (
        SLEEP,
        called("\tfor (;;) {\n\t\tif (!can_sleep)\n\t\t\tbreak;\n" + inner(FAR + ASK + FAR) + "\t}\n", MAY),
        called("\tfor (;;) {\n" + inner(FAR + ASK + FAR) + "\t\tif (!can_sleep)\n\t\t\tbreak;\n\t}\n", MAY),
    ),
    "a goto moves below": (
        SLEEP,
        called(STOP + FAR + ASK + FAR + OUT, NOWAIT),
        called(FAR + ASK + FAR + STOP + OUT, NOWAIT),
    ),
    "what is asked for is set above": (
        SLEEP,
        called(STOP + FAR + ASK + OUT, NOWAIT),
        called("\tnowait = false;\n" + STOP + FAR + ASK + OUT, NOWAIT),
    ),
    "its copy is": (
        SLEEP,
        called("\tbool wait = can_sleep;\n\n\tif (!wait)\n\t\tgoto out;\n" + FAR + ASK + OUT, MAY),
        called("\tbool wait = true;\n\n\tif (!wait)\n\t\tgoto out;\n" + FAR + ASK + OUT, MAY),
    ),
    "a mask is widened above": (
        SLEEP,
        called(FAR + GFP, MASK),
        called("\tgfp |= __GFP_DIRECT_RECLAIM;\n" + FAR + GFP, MASK),
    ),
    "a mask is not narrowed any more": (
        SLEEP,
        step("\tgfp_t gfp = GFP_KERNEL;\n\n" + FAR + "\tgfp = GFP_ATOMIC;\n" + FAR + LOCK + FAR + GFP + UNLOCK),
        step("\tgfp_t gfp = GFP_KERNEL;\n\n" + FAR + FAR + LOCK + FAR + GFP + UNLOCK),
    ),
    "nor by a bit": (
        SLEEP,
        step("\tgfp_t gfp = GFP_KERNEL;\n\n" + FAR + "\tgfp &= ~__GFP_DIRECT_RECLAIM;\n" + LOCK + FAR + GFP + UNLOCK),
        step("\tgfp_t gfp = GFP_KERNEL;\n\n" + FAR + LOCK + FAR + GFP + UNLOCK),
    ),
    "its own lock is not asked for": (
        SLEEP,
        step(when("ex->x", LOCK) + FAR + when("!ex->x", FAR, ASK) + when("ex->x", UNLOCK)),
        step(when("ex->x", LOCK) + FAR + "\t{\n" + inner(FAR + ASK) + "\t}\n" + when("ex->x", UNLOCK)),
    ),
    "a mutex is given back below": (
        RECLAIM,
        step(MUTEX + ONE + GIVEN + FAR + ASK + FAR, above=SHRINKS),
        step(MUTEX + ONE + FAR + ASK + FAR + GIVEN, above=SHRINKS),
    ),
    "on one way": (
        RECLAIM,
        step(MUTEX + when("ex->x", GIVEN, FAR, ASK, FAR, "return 1;\n") + GIVEN, above=SHRINKS),
        step(MUTEX + when("ex->x", FAR, ASK, FAR, GIVEN, "return 1;\n") + GIVEN, above=SHRINKS),
    ),
    "a mutex is tried, and then held": (
        RECLAIM,
        step(TRY_MUTEX + FAR + ASK, above=SHRINKS),
        step(MUTEX + ONE + FAR + ASK + GIVEN, above=SHRINKS),
    ),
    "reclaim tried, and waits now": (
        RECLAIM,
        step(
            MUTEX + FAR + ASK + GIVEN, above=SHRINKS.replace(MUTEX, "\tif (!mutex_trylock(&ex->lock))\n\t\treturn 0;\n")
        ),
        step(MUTEX + FAR + ASK + GIVEN, above=SHRINKS),
    ),
    "reclaim is not told from others": (
        RECLAIM,
        scanned("\tif (current_is_kswapd())\n\t\treturn 0;\n" + FAR + ASK),
        scanned(FAR + ASK),
    ),
    "nor by its mask": (
        RECLAIM,
        scanned("\tif (!(sc->gfp_mask & __GFP_FS))\n\t\treturn 0;\n" + FAR + ASK),
        scanned(FAR + ASK),
    ),
    "a restore moves up": (
        RECLAIM,
        written(SAVE + FAR + ASK + FAR + RESTORE),
        written(SAVE + RESTORE + FAR + ASK + FAR),
    ),
    "on one way of it": (
        RECLAIM,
        written(SAVE + FAR + when("ex->x", FAR, ASK, FAR, RESTORE, "return 1;\n") + RESTORE),
        written(SAVE + FAR + when("ex->x", RESTORE, FAR, ASK, FAR, "return 1;\n") + RESTORE),
    ),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_makes_an_old_request_wrong_is_said_where_it_was_changed(kind: str) -> None:
    rule, old, new = WRONG[kind]
    (finding,) = said(old, new)
    assert finding.rule == rule
    assert ASK.strip() != finding.line_text.strip()


def test_a_transaction_that_ends_below_a_request() -> None:
    old, new = START + ONE + END + FAR + ASK + FAR, START + ONE + FAR + ASK + FAR + END
    (finding,) = said(*(step("\tstruct btrfs_trans_handle *trans;\n\n" + one) for one in (old, new)), TRANS)
    assert (finding.rule, finding.confidence) == (RECLAIM, "medium")


ATOMIC = "\tgfp_t gfp = GFP_ATOMIC;\n\n"
ASIDE = "\tgfp = GFP_KERNEL;\n\tex->q = kmalloc(8, gfp);\n\tgfp = GFP_ATOMIC;\n"
RIGHT = {
    "it is set and set back": (
        step(ATOMIC + LOCK + FAR + GFP + UNLOCK),
        step(ATOMIC + ASIDE + LOCK + FAR + GFP + UNLOCK),
    ),
    "another variable": (
        step(ATOMIC + LOCK + FAR + GFP + UNLOCK),
        step(ATOMIC + "\tgfp_t other = GFP_KERNEL;\n\n\tex->q = kmalloc(8, other);\n" + LOCK + FAR + GFP + UNLOCK),
    ),
    "it was as wrong": (
        step(LOCK + FAR + ASK + FAR + UNLOCK),
        step(LOCK + when("ex->x", ONE) + FAR + ASK + FAR + UNLOCK),
    ),
    "it was as wrong on the way that is left": (
        step(LOCK + "\tif (ex->x)\n\t\tgoto out;\n" + FAR + ASK + FAR + "out:\n" + UNLOCK),
        step(LOCK + FAR + ASK + FAR + "out:\n" + UNLOCK),
    ),
    "the unlock stays above": (
        step(LOCK + ONE + UNLOCK + FAR + ASK + FAR),
        step(LOCK + ONE + ONE + "\tex->m++;\n" + UNLOCK + FAR + ASK + FAR),
    ),
    "who returned had given it back": (
        step(LOCK + when("ex->x", UNLOCK, "return 0;\n") + UNLOCK + FAR + ASK),
        step(LOCK + when("ex->x", ONE) + UNLOCK + FAR + ASK),
    ),
    "another function gives it back": (
        step(LOCK + when("ex->x", UNLOCK) + "\telse {\n" + inner(ONE + UNLOCK) + "\t}\n" + FAR + ASK, above=PUT),
        step(LOCK + when("ex->x", UNLOCK) + "\telse {\n\t\texfoo_put(ex);\n\t}\n" + FAR + ASK, above=PUT),
    ),
    "what is asked for goes with the lock": (
        step(LOCK + when("ex->x", UNLOCK) + when("ex->x", FAR, ASK) + when("!ex->x", UNLOCK)),
        step(LOCK + when("ex->x", ONE, UNLOCK) + when("ex->x", FAR, ASK) + when("!ex->x", UNLOCK)),
    ),
    "it is asked again below": (
        called("\tif (!can_sleep)\n\t\treturn 0;\n" + FAR + when("can_sleep", ASK), MAY),
        called(FAR + when("can_sleep", ASK), MAY),
    ),
    "it is set on one way alone": (
        called(STOP + FAR + ASK + OUT, NOWAIT),
        called(when("ex->x", "\tnowait = false;\n") + STOP + FAR + ASK + OUT, NOWAIT),
    ),
    "it is set to what stops": (
        called(STOP + FAR + ASK + OUT, NOWAIT),
        called(when("ex->x", "\tnowait = true;\n") + STOP + FAR + ASK + OUT, NOWAIT),
    ),
    "another scope ends": (
        written(SAVE + FAR + ASK + FAR + RESTORE),
        written(
            SAVE
            + "\tunsigned int other = memalloc_noio_save();\n\n\tmemalloc_noio_restore(other);\n"
            + FAR
            + ASK
            + FAR
            + RESTORE
        ),
    ),
    "another mutex": (
        step(MUTEX + ONE + GIVEN + FAR + ASK, above=SHRINKS),
        step(
            MUTEX
            + ONE
            + GIVEN
            + "\tmutex_lock(&ex->other->lock);\n"
            + FAR
            + ASK
            + "\tmutex_unlock(&ex->other->lock);\n",
            above=SHRINKS,
        ),
    ),
    "reclaim only tries": (
        step(TRY_MUTEX + FAR + ASK, above=SHRINKS.replace(MUTEX, "\tif (!mutex_trylock(&ex->lock))\n\t\treturn 0;\n")),
        step(
            MUTEX + ONE + FAR + ASK + GIVEN,
            above=SHRINKS.replace(MUTEX, "\tif (!mutex_trylock(&ex->lock))\n\t\treturn 0;\n"),
        ),
    ),
}


@pytest.mark.parametrize("kind", RIGHT)
def test_what_is_right_or_was_as_wrong_is_no_news(kind: str) -> None:
    assert said(*RIGHT[kind]) == ()
