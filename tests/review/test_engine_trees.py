"""Patches whose trees are known: whole functions are seen, lines have the files' own numbers."""

from __future__ import annotations

import difflib
import itertools
from functools import lru_cache

import pytest

from reviewbot.config import data_path
from reviewbot.kernel.rules import load
from reviewbot.model.patch import Patch, Series
from reviewbot.review.engine import Engine

PATH = "fs/toy/toy.c"
FILLER = "".join(f"\ttoy_step(c, {at});\n" for at in range(30))
FUNCTION = (
    "static int toy_fill(struct toy *c)\n{\n\tunsigned int flags;\n\tint err;\n\n\tflags = memalloc_nofs_save();\n"
    + FILLER
    + "\terr = toy_write(c);\n"
    + FILLER
    + "\tmemalloc_nofs_restore(flags);\n\treturn err;\n}\n"
)
RETURN = "\terr = toy_write(c);\n\tif (err)\n\t\treturn err;\n"
LEAKING = FUNCTION.replace("\terr = toy_write(c);\n", RETURN)


@lru_cache
def tables():
    return load((data_path("rules"),), (6, 12))


def patch(old, new, number=1, total=1, numbers_off=0, diff=None):
    """A patch between two trees, each a mapping of path to text; the ids are the places of the trees in `read`."""
    said = ""
    for path in sorted(old.keys() | new.keys()):
        before, after = (side.get(path) for side in (old, new))
        names = (f"a/{path}" if before is not None else "/dev/null", f"b/{path}" if after is not None else "/dev/null")
        rows = difflib.unified_diff((before or "").splitlines(True), (after or "").splitlines(True), *names)
        text = "".join(rows)
        said += f"diff --git a/{path} b/{path}\n{text}" if text else ""
    return Patch(number, total, "toy: a change", "", said if diff is None else diff)


def review(*trees, known=True, diffs=None):
    """One patch from each tree to the next."""
    patches = []
    for at, (old, new) in enumerate(itertools.pairwise(trees)):
        one = patch(old, new, at + 1, len(trees) - 1, diff=(diffs or {}).get(at))
        ids = (str(at), str(at + 1)) if known else (None, None)
        patches.append(Patch(one.number, one.total, one.subject, "", one.diff, before=ids[0], after=ids[1]))

    def read(tree, path):
        text = trees[int(tree)].get(path)
        return None if text is None else text.encode()

    kernel, rules = tables()
    return Engine(kernel, rules, read).review(Series("toy", 1, tuple(patches)))


def said(reviewed):
    return [[(one.rule, one.line, one.line_text.strip()) for one in each.findings] for each in reviewed.patches]


def test_a_leak_that_no_hunk_shows_is_seen_in_the_file():
    old, new = {PATH: FUNCTION}, {PATH: LEAKING}
    assert said(review(old, new, known=False)) == [[]]
    seen = review(old, new)
    assert said(seen) == [[("scope-leak", 39, "return err;")]]
    assert seen.patches[0].depth == "file"
    assert [one.line for one in seen.patches[0].findings[0].evidence] == [6, 39]


def test_lines_have_the_numbers_of_the_file_where_the_patch_applies_off():
    above = "/* nothing */\n" * 9
    diff = patch({PATH: FUNCTION}, {PATH: LEAKING}).diff
    seen = review({PATH: above + FUNCTION}, {PATH: above + LEAKING}, diffs={0: diff})
    assert said(seen) == [[("scope-leak", 48, "return err;")]]
    assert any(line.new == 48 for hunk in seen.patches[0].files[0].hunks for line in hunk.lines)


def test_what_stood_there_before_is_not_raised():
    touched = LEAKING.replace("toy_step(c, 3)", "toy_step(c, 33)")
    assert said(review({PATH: LEAKING}, {PATH: touched})) == [[]]


def test_a_function_that_moves_within_the_file_or_to_another_is_no_news():
    other = "int toy_other(void)\n{\n\treturn 1;\n}\n\n"
    assert said(review({PATH: LEAKING + "\n" + other}, {PATH: other + LEAKING})) == [[]]
    elsewhere = "fs/toy/more.c"
    moved = review({PATH: LEAKING + "\n" + other, elsewhere: other}, {PATH: other, elsewhere: other + LEAKING})
    assert said(moved) == [[]]


def test_a_removed_restore_is_raised_beside_what_is_left():
    new = FUNCTION.replace("\tmemalloc_nofs_restore(flags);\n", "")
    [[(rule, _, text)]] = said(review({PATH: FUNCTION}, {PATH: new}))
    assert (rule, text) == ("scope-leak", "return err;")


def test_a_problem_that_a_later_patch_mends_far_from_it_is_named_as_resolved():
    mended = LEAKING.replace("\t\treturn err;\n", "\t\tgoto out;\n").replace(
        "\tmemalloc_nofs_restore(flags);\n", "out:\n\tmemalloc_nofs_restore(flags);\n"
    )
    unrelated = LEAKING.replace("toy_step(c, 3)", "toy_step(c, 33)")
    seen = review({PATH: FUNCTION}, {PATH: LEAKING}, {PATH: unrelated}, {PATH: mended})
    assert said(seen) == [[("scope-leak", 39, "return err;")], [], []]
    assert seen.patches[0].findings[0].resolved_by == "3/3"


def test_a_problem_whose_line_changes_but_stays_is_not_named_as_resolved():
    renamed = LEAKING.replace("if (err)\n\t\treturn err;", "if (err < 0)\n\t\treturn  err;")
    seen = review({PATH: FUNCTION}, {PATH: LEAKING}, {PATH: renamed})
    assert seen.patches[0].findings[0].resolved_by is None


def test_a_problem_beside_which_a_function_is_added_or_goes_stays():
    other = FUNCTION.replace("toy_fill", "toy_drain")
    for trees in (
        ({PATH: FUNCTION}, {PATH: LEAKING}, {PATH: LEAKING + other}),
        ({PATH: FUNCTION}, {PATH: LEAKING}, {PATH: other + LEAKING}),
        ({PATH: other + FUNCTION}, {PATH: other + LEAKING}, {PATH: LEAKING}),
        ({PATH: FUNCTION + other}, {PATH: LEAKING + other}, {PATH: LEAKING}),
    ):
        assert [one.resolved_by for one in review(*trees).patches[0].findings] == [None]
    (one,) = review({PATH: other}, {PATH: other + LEAKING}, {PATH: other}).patches[0].findings
    assert one.resolved_by == "2/2"


def test_a_new_file_and_a_deleted_one_are_whole_on_their_side():
    assert said(review({}, {PATH: LEAKING})) == [[("scope-leak", 39, "return err;")]]
    gone = review({PATH: LEAKING}, {})
    assert said(gone) == [[]]
    assert gone.patches[0].depth == "file"


def test_a_tree_that_is_not_what_the_hunks_say_leaves_the_hunks_and_says_so():
    diff = patch({PATH: FUNCTION}, {PATH: LEAKING}).diff
    other = {PATH: FUNCTION.replace("toy_write", "toy_send")}
    seen = review(other, other, diffs={0: diff})
    assert seen.patches[0].depth == "diff"
    assert [one.path for one in seen.patches[0].unread] == [PATH]
    assert "only these were read" in seen.patches[0].unread[0].reason


def test_a_broken_function_beside_the_change_is_not_called_unread():
    broken = "static int toy_odd(struct toy *c)\n{\n\tgfp = foo(1 GFP_KERNEL) {{ ;\n}\n\n"
    seen = review({PATH: broken + FUNCTION}, {PATH: broken + LEAKING})
    assert [rule for rule, *_ in said(seen)[0]] == ["scope-leak"]
    assert seen.patches[0].unread == ()


CALLEES = """\
static void *toy_alloc(struct toy *c, gfp_t gfp)
{
	return kvmalloc(c->size, gfp);
}

static int toy_prepare(struct toy *c)
{
	c->buf = kmalloc(c->size, GFP_KERNEL);
	return c->buf ? 0 : -ENOMEM;
}

static int toy_put_down(struct toy *c, gfp_t gfp)
{
	spin_lock(&c->lock);
	c->next = kmalloc(c->size, gfp);
	spin_unlock(&c->lock);
	return c->next ? 0 : -ENOMEM;
}

"""
CALLER = "static int toy_start(struct toy *c)\n{\n" + FILLER + "\tspin_lock(&c->other);\n\tspin_unlock(&c->other);\n"
CALLER += FILLER + "\treturn 0;\n}\n"


@pytest.mark.parametrize(
    ("where", "call", "expected"),
    [
        ("\tspin_lock(&c->other);\n", "\terr = toy_prepare(c);\n", ["sleep-in-atomic"]),
        ("\tspin_unlock(&c->other);\n", "\terr = toy_prepare(c);\n", []),
        ("\tspin_unlock(&c->other);\n", "\terr = toy_put_down(c, GFP_NOFS);\n", ["sleep-in-atomic"]),
        ("\tspin_unlock(&c->other);\n", "\terr = toy_put_down(c, GFP_NOWAIT);\n", []),
        ("\tspin_unlock(&c->other);\n", "\tc->buf = toy_alloc(c, GFP_ATOMIC);\n", ["unsupported-flag"]),
        ("\tspin_unlock(&c->other);\n", "\tc->buf = toy_alloc(c, GFP_KERNEL);\n", []),
    ],
)
def test_a_new_call_of_an_old_function_is_judged_by_what_that_does(where, call, expected):
    old, new = CALLEES + CALLER, CALLEES + CALLER.replace(where, where + call)
    [found] = said(review({PATH: old}, {PATH: new}))
    assert [rule for rule, *_ in found] == expected
    assert all(text == call.strip() for *_, text in found)


MUST = """#define TOY_MUST (GFP_KERNEL | __GFP_NOFAIL)

static void toy_must(struct toy *c)
{
	c->log = kmalloc(c->size, TOY_MUST);
}

"""


def test_a_new_scope_is_judged_by_the_named_mask_of_an_old_function():
    scope = "\tflags = memalloc_noreclaim_save();\n\ttoy_must(c);\n\tmemalloc_noreclaim_restore(flags);\n"
    plain = CALLER.replace("{\n", "{\n\tunsigned int flags;\n\n", 1)
    old = MUST + plain.replace("\tspin_unlock(&c->other);\n", "\tspin_unlock(&c->other);\n\ttoy_must(c);\n")
    new = MUST + plain.replace("\tspin_unlock(&c->other);\n", "\tspin_unlock(&c->other);\n" + scope)
    [found] = said(review({PATH: old}, {PATH: new}))
    assert "nofail-in-scope" in [rule for rule, *_ in found]


WIDE = "static void *toy_get(struct toy *c)\n{\n\treturn kmalloc(c->size, GFP_KERNEL);\n}\n"
NARROW = WIDE.replace("KERNEL", "NOFS")
BESIDE = WIDE.replace("\treturn", "\tc->n++;\n\treturn")


@pytest.mark.parametrize(
    ("later", "by"), [((WIDE, BESIDE), None), ((WIDE, NARROW), "2/2"), ((WIDE, "int x;\n"), "2/2")]
)
def test_a_later_patch_settles_what_it_takes_back_and_no_more(later, by):
    """What a patch made wider stays wider than it was, whatever a later one does beside it."""
    found = review(*({PATH: text} for text in (NARROW, *later)))
    assert [(one.rule, one.resolved_by) for one in found.patches[0].findings] == [("widened-flags", by)]
