"""How far calls are followed, and which of those that leave it are counted."""

from __future__ import annotations

import pytest

from engines import engine
from reviewbot.model.patch import Patch, Series
from reviewbot.model.review import PatchReview
from reviewbot.review.engine import Engine
from reviewbot.review.neighbourhood.tree_source import TreeSource
from trees import Trees, patch

PATH = "drivers/exfoo/a.c"
BARE = """\
void exfoo_xfer(struct exfoo *ex)
{
	spin_lock(&ex->lock);
	ex->n++;
	spin_unlock(&ex->lock);
}
"""


def by_hunks(old: str, new: str) -> PatchReview:
    given = patch({PATH: old}, {PATH: new})
    return engine("6.12").patch(Patch(1, 1, given.subject, "", given.diff))


def left(instead: str, old: str = BARE) -> int | None:
    """How many calls count where a mail puts something in the place of a line below the lock."""
    return by_hunks(old, BARE.replace("ex->n++;", instead)).calls_left


@pytest.mark.parametrize(
    ("instead", "count"),
    [
        ("exfoo_fill(ex);", 1),
        ("exfoo_fill(ex, exfoo_size(ex));", 2),
        ("exfoo_fill(ex);\n\tif (ex->n)\n\t\texfoo_fill(ex);", 2),
        ("ex->ops->fill(ex);", 1),
        ("ex->n--;", 0),
        ("spin_unlock(&ex->lock);\n\texfoo_fill(ex);\n\tspin_lock(&ex->lock);", 0),
        ("ex->p = kmalloc(64, GFP_ATOMIC);", 0),
        ("vfree(ex->p);", 0),
        ("mutex_unlock(&ex->mutex);", 0),
        ("EXFOO_CHECK(ex);", 0),
        ("exfoo_xfer(ex);", 0),
    ],
)
def test_a_call_below_a_lock(instead: str, count: int) -> None:
    assert left(instead) == count


def test_a_call_in_a_scope() -> None:
    new = BARE.replace("spin_lock(&ex->lock)", "unsigned int flags = memalloc_nofs_save()").replace(
        "spin_unlock(&ex->lock)", "memalloc_nofs_restore(flags)"
    )
    assert by_hunks(BARE, new.replace("ex->n++", "exfoo_fill(ex)")).calls_left == 1


def test_a_call_that_was_there_counts_if_the_lock_is_new() -> None:
    called = BARE.replace("ex->n++", "exfoo_fill(ex)")
    without = called.replace("\tspin_lock(&ex->lock);\n", "").replace("\tspin_unlock(&ex->lock);\n", "")
    assert by_hunks(without, called).calls_left == 1
    assert by_hunks(called, called.replace("(ex);\n", "(ex);\n\tex->n = 0;\n", 1)).calls_left == 0


def test_a_call_of_what_the_mail_shows_does_not_leave_it() -> None:
    shown = "static void exfoo_fill(struct exfoo *ex)\n{\n\tex->n = 0;\n}\n\n"
    assert by_hunks(BARE, shown + BARE.replace("ex->n++", "exfoo_fill(ex)")).calls_left == 0
    macro = "#define exfoo_fill(ex) ((ex)->n = 0)\n\n"
    assert by_hunks(BARE, macro + BARE.replace("ex->n++", "exfoo_fill(ex)")).calls_left == 0


def test_a_function_of_an_earlier_patch_is_read_as_well() -> None:
    path = "drivers/exfoo/b.c"
    shown = "void exfoo_fill(struct exfoo *ex)\n{\n\tspin_lock(&ex->lock);\n\tspin_unlock(&ex->lock);\n}\n"
    first = patch({}, {path: shown}, 1, 2)
    second = patch({PATH: BARE}, {PATH: BARE.replace("ex->n++", "exfoo_fill(ex)")}, 2, 2)
    patches = tuple(Patch(at, 2, one.subject, "", one.diff) for at, one in enumerate((first, second), 1))
    reviews = engine("6.12").review(Series("exfoo: fill", 1, patches)).patches
    assert [one.calls_left for one in reviews] == [0, 0]
    assert [one.calls_left for one in engine("6.12").review(Series("exfoo", 1, patches[1:])).patches] == [1]


# --- how far ---


def reviewed(new: dict[str, str], *, folders: bool, old: str = BARE) -> PatchReview:
    trees = Trees({"0": {PATH: old}, "1": new})
    made = engine("6.12")
    rules = [rule for rule, _ in made.rules]
    return Engine(made.kernel, rules, trees.read, TreeSource(trees) if folders else None).patch(patch({PATH: old}, new))


CALLS = {PATH: BARE.replace("ex->n++", "exfoo_fill(ex)")}


def test_the_width_is_that_of_the_engine() -> None:
    followed = reviewed(CALLS, folders=True)
    assert (followed.width, followed.calls_left) == ("folder", None)
    alone = reviewed(CALLS, folders=False)
    assert (alone.width, alone.calls_left) == ("series", 1)
    mail = by_hunks(BARE, CALLS[PATH])
    assert (mail.width, mail.calls_left) == ("series", 1)


def test_nothing_to_read_has_no_width() -> None:
    text = patch({"Documentation/a.rst": "a\n"}, {"Documentation/a.rst": "b\n"})
    assert (engine("6.12").patch(text).width, engine("6.12").patch(text).calls_left) == ("", 0)


def test_where_hunks_do_not_fit_the_tree_the_width_is_that_of_a_mail() -> None:
    trees = Trees({"0": {PATH: BARE}, "1": {PATH: BARE}})
    made = engine("6.12")
    rules = [rule for rule, _ in made.rules]
    read = Engine(made.kernel, rules, trees.read, TreeSource(trees)).patch(patch({PATH: BARE}, CALLS))
    assert read.unread
    assert (read.width, read.calls_left) == ("series", 1)
