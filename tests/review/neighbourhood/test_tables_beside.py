"""A call through a member of a structure, which a table of another file says what it is.

Each is asked in the files of a patch, in a folder, and with an index of a tree whose files stand in several folders.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from engines import engine
from noting import note
from reviewbot.index.tree_index import TreeIndex
from reviewbot.model.review import Finding
from reviewbot.review.engine import Engine
from reviewbot.review.neighbourhood.tree_source import TreeSource
from trees import Trees, patch

A, B, C, D, H = (f"drivers/exfoo/{name}" for name in ("core.c", "fast.c", "slow.c", "init.c", "exfoo.h"))
APART = {B: "lib/exfoo/fast.c", C: "net/exfoo/slow.c", D: "sound/exfoo/init.c", H: "include/linux/exfoo.h"}
HEADER = """\
struct exfoo;

struct exfoo_ops {
	int (*fill)(struct exfoo *ex, int how);
	void (*stop)(struct exfoo *ex);
};

struct exfoo {
	spinlock_t lock;
	const struct exfoo_ops *ops;
	struct exbar *bar;
	void *p;
};
"""
CORE = """\
void exfoo_start(struct exfoo *ex)
{
	spin_lock(&ex->lock);
	ex->ops->fill(ex, 1);
	spin_unlock(&ex->lock);
}
"""
FAST = """\
static int exfoo_fast_fill(struct exfoo *ex, int how)
{
	ex->p = kmalloc(64, GFP_KERNEL);
	return ex->p ? 0 : -ENOMEM;
}

static const struct exfoo_ops exfoo_fast_ops = {
	.fill = exfoo_fast_fill,
	.stop = exfoo_fast_stop,
};
"""
ATOMIC = FAST.replace("kmalloc(64, GFP_KERNEL)", "kmalloc(64, GFP_ATOMIC)")
FREE = FAST.replace("kmalloc(64, GFP_KERNEL)", "NULL")
SLOW = ATOMIC.replace("fast", "slow")
BARE = CORE.replace("ex->ops->fill(ex, 1)", "ex->p = NULL")

Files = Mapping[str, str]
NONE: Files = {}
Review = Callable[[Files, Files], list[Finding]]


@pytest.fixture(params=["series", "folder", "tree"])
def width(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def review(width: str, tmp_path: Path) -> Review:
    def asked(old: Files, new: Files) -> list[Finding]:
        if width == "tree":
            old, new = ({APART.get(path, path): text for path, text in some.items()} for some in (old, new))
        if width == "series":  # which adds all that is there
            old = dict.fromkeys(new, "")
        trees = Trees({"0": old, "1": new})
        made, source = engine("6.12"), None
        if width == "folder":
            source = TreeSource(trees)
        if width == "tree":
            note(tmp_path / "words", trees, "0")
            source = TreeSource(trees, TreeIndex(tmp_path / "words", pytest.fail))
        found = Engine(made.kernel, [rule for rule, _ in made.rules], trees.read, source).patch(patch(old, new))
        return [one for one in found.findings if one.rule == "sleep-in-atomic"]

    return asked


@pytest.fixture
def down(review: Review) -> Callable[..., list[str]]:
    """How sure is what is said of a call through a member that a patch adds below a lock."""

    def asked(others: Files = NONE, core: str = CORE) -> list[str]:
        beside = {H: HEADER, B: FAST, **others}
        return [one.confidence for one in review({A: BARE, **beside}, {A: core, **beside})]

    return asked


@pytest.fixture
def up(review: Review) -> Callable[..., list[str]]:
    """The same of a request that it adds to a function which stands in a table."""

    def asked(others: Files = NONE, body: str = FAST, before: str = ATOMIC) -> list[str]:
        beside = {H: HEADER, A: CORE, **others}
        return [one.confidence for one in review({B: before, **beside}, {B: body, **beside})]

    return asked


def test_a_call_is_followed_down_and_a_request_up(down, up) -> None:
    assert down() == up() == ["medium"]


def test_a_remark_says_what_a_table_shows(review: Review) -> None:
    (found,) = review({H: HEADER, A: BARE, B: FAST}, {H: HEADER, A: CORE, B: FAST})
    assert found.chain is not None
    assert found.chain.functions == ("exfoo_start", "exfoo_fast_fill")
    assert found.chain.doubts == ("ex->ops->fill() is exfoo_fast_fill() as far as tables of functions show",)


def test_of_several_functions_a_remark_says_how_many_there_are(review: Review) -> None:
    beside = {H: HEADER, B: FAST, C: SLOW}
    (found,) = review({A: BARE, **beside}, {A: CORE, **beside})
    assert found.confidence == "medium"
    assert found.chain is not None
    (doubt,) = found.chain.doubts
    assert "tables have 2 functions there" in doubt


def many(count: int) -> str:
    return "\n".join(SLOW.replace("slow", f"slow{at}") for at in range(count))


@pytest.mark.parametrize(("count", "said"), [(2, ["medium"]), (3, ["low"]), (15, ["low"]), (16, [])])
def test_more_functions_make_it_less_sure(down, up, count: int, said: list[str]) -> None:
    assert down({C: many(count)}) == up({C: many(count)}, before=FREE) == said


def test_with_many_functions_the_mask_before_speaks_for_it(up, width: str) -> None:
    assert up({C: many(3)}) == up({C: many(15)}) == ["low" if width == "series" else "medium"]  # which has none before
    assert up({C: many(16)}) == []


VARIABLE = CORE.replace("\tspin_lock", "\tconst struct exfoo_ops *ops = ex->ops;\n\n\tspin_lock").replace(
    "ex->ops->fill", "ops->fill"
)
ARRAY = CORE.replace("ex->ops->fill", "ex->ops[ex->kind]->fill")
RUN_TIME = FAST.partition("static const")[0] + (
    "void exfoo_fast_init(struct exfoo_ops *ops)\n{\n\tops->fill = exfoo_fast_fill;\n}\n"
)
LITERAL = FAST.partition("static const")[0] + (
    "void exfoo_fast_init(struct exfoo *ex)\n{\n"
    "\tex->all = (struct exfoo_ops){\n\t\t.fill = exfoo_fast_fill,\n\t};\n}\n"
)
INSIDE = HEADER.replace("const struct exfoo_ops *ops;", "struct exfoo_ops ops;")
TABLE_ELSEWHERE = {
    B: FAST.partition("static const")[0].removeprefix("static "),
    D: "const struct exfoo_ops exfoo_fast_ops = {\n\t.fill = exfoo_fast_fill,\n};\n",
}


@pytest.mark.parametrize("core", [VARIABLE, ARRAY, CORE.replace("fill(", "fill (")])
def test_however_the_call_is_written(down, core: str) -> None:
    assert down(core=core) == ["medium"]


@pytest.mark.parametrize("body", [RUN_TIME, LITERAL, FAST.replace("= exfoo", "= &exfoo")])
def test_however_the_function_gets_into_the_table(down, body: str) -> None:
    assert down({B: body}) == ["medium"]


def test_a_table_that_stands_within_the_structure(down) -> None:
    assert down({H: INSIDE}, CORE.replace("ex->ops->", "ex->ops.")) == ["medium"]
    whole = FAST.replace("struct exfoo_ops exfoo_fast_ops = {\n", "struct exfoo exfoo_fast = {\n.ops = {\n")
    assert down({H: INSIDE, B: whole.replace("\n};", "\n},\n};")}, CORE.replace("ex->ops->", "ex->ops.")) == ["medium"]


def test_a_table_in_a_third_file(down, up) -> None:
    assert down(TABLE_ELSEWHERE) == ["medium"]
    asks = TABLE_ELSEWHERE[B]
    quiet = asks.replace("GFP_KERNEL);", "GFP_ATOMIC);")
    assert up({D: TABLE_ELSEWHERE[D]}, asks, quiet) == ["medium"]


def test_a_table_that_a_patch_adds(review: Review) -> None:
    beside = {H: HEADER, A: CORE}
    bare = FAST.replace("\t.fill = exfoo_fast_fill,\n", "")
    assert [one.confidence for one in review({B: bare, **beside}, {B: FAST, **beside})] == ["medium"]


def test_a_lock_that_is_new_around_the_call(review: Review) -> None:
    bare = CORE.replace("\tspin_lock(&ex->lock);\n", "").replace("\tspin_unlock(&ex->lock);\n", "")
    beside = {H: HEADER, B: FAST}
    assert [one.confidence for one in review({A: bare, **beside}, {A: CORE, **beside})] == ["medium"]


# -- near misses --

OTHER_TYPE = FAST.replace("struct exfoo_ops", "struct exbar_ops")
TWO_TYPES = HEADER + "\nstruct exbar_ops {\n\tint (*fill)(struct exfoo *ex, int how);\n};\n"
GIVEN_BACK = CORE.replace("\tex->ops->fill", "\tspin_unlock(&ex->lock);\n\tex->ops->fill").replace(
    "1);\n\tspin_unlock", "1);\n\tspin_lock(&ex->lock);\n\tspin_unlock"
)
TRIED = CORE.replace("\tspin_lock(&ex->lock);", "\tif (!spin_trylock(&ex->lock))\n\t\tgoto out;").replace(
    "\tex->ops->fill(ex, 1);\n\tspin_unlock(&ex->lock);",
    "\tspin_unlock(&ex->lock);\nout:\n\tex->ops->fill(ex, 1);",
)
ASKED = FAST.replace("\tex->p = kmalloc", "\tif (!how)\n\t\treturn 0;\n\tex->p = kmalloc")


@pytest.mark.parametrize("core", [GIVEN_BACK, TRIED])
def test_no_lock_is_held_at_the_call(down, core: str) -> None:
    assert down(core=core) == []


def test_a_table_of_another_type_with_the_same_member(down) -> None:
    assert down({H: TWO_TYPES, B: OTHER_TYPE}) == []
    assert down({B: OTHER_TYPE}) == []


def test_a_type_that_is_not_settled(down, up) -> None:
    core = CORE.replace("ex->ops->fill", "exfoo_of(ex)->fill")
    assert down({H: TWO_TYPES}, core) == []
    assert up({H: TWO_TYPES, A: core}) == []


def test_the_only_type_with_such_a_member_of_a_tree(down, width: str) -> None:
    core = CORE.replace("ex->ops->fill", "exfoo_of(ex)->fill")
    assert down(NONE, core) == (["medium"] if width == "tree" else [])  # who knows the rest of the kernel there


def test_a_file_that_puts_a_function_of_its_own_there_calls_that(down, up) -> None:
    core = CORE + SLOW
    assert down({}, core) == []
    assert up({A: core}) == []


def test_a_function_that_the_call_excludes(down) -> None:
    assert down({B: ASKED}) == ["medium"]
    assert down({B: ASKED}, CORE.replace("ex, 1", "ex, 0")) == []


def test_what_is_put_at_run_time_into_another_structure(down) -> None:
    other = RUN_TIME.replace("struct exfoo_ops *ops", "struct exbar_ops *ops")
    assert down({B: other}) == []


def test_a_variable_that_is_put_is_no_function(down) -> None:
    some = FAST.replace(".fill = exfoo_fast_fill", ".fill = exfoo_default")
    assert down({B: some}) == []
