"""A lock that a function or a macro of another file takes for its caller, and gives back.

Each is asked in the files of a series, in a folder, and with an index of a tree whose files stand in several folders.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from engines import engine
from reviewbot.review.engine import Engine
from reviewbot.review.neighbourhood.tree_source import TreeSource
from trees import Trees, patch
from widths import WIDTHS, Review, reviewer

A, B, C, H = (f"drivers/exfoo/{name}" for name in ("main.c", "lock.c", "pool.c", "exfoo.h"))
APART = {B: "lib/exfoo/lock.c", C: "net/exfoo/pool.c", H: "include/linux/exfoo.h"}
HEADER = """\
struct exfoo {
	spinlock_t lock;
	struct mutex mutex;
	void *p;
};

static inline void exfoo_lock(struct exfoo *ex)
{
	spin_lock_bh(&ex->lock);
}

static inline void exfoo_unlock(struct exfoo *ex)
{
	spin_unlock_bh(&ex->lock);
}
"""
USES = """\
#include "exfoo.h"

int exfoo_fill(struct exfoo *ex)
{
	exfoo_lock(ex);
	ex->p = kzalloc(64, GFP_KERNEL);
	exfoo_unlock(ex);
	return ex->p ? 0 : -ENOMEM;
}
"""
QUIET = USES.replace("GFP_KERNEL", "GFP_ATOMIC")
SHORT = """\
static inline void exfoo_lock(struct exfoo *ex) { spin_lock(&ex->lock); }
static inline void exfoo_unlock(struct exfoo *ex) { spin_unlock(&ex->lock); }
"""
MACROS = """\
#define exfoo_lock(ex) spin_lock(&(ex)->lock)
#define exfoo_unlock(ex) spin_unlock(&(ex)->lock)
"""
GLOBAL = """\
void exfoo_lock(struct exfoo *ex)
{
	spin_lock(&ex->lock);
}
EXPORT_SYMBOL_GPL(exfoo_lock);

void exfoo_unlock(struct exfoo *ex)
{
	spin_unlock(&ex->lock);
}
EXPORT_SYMBOL_GPL(exfoo_unlock);
"""
NESTED = GLOBAL.replace("void exfoo_lock", "static void exfoo_take").replace("(exfoo_lock)", "(exfoo_grab)") + (
    "\nvoid exfoo_lock(struct exfoo *ex)\n{\n\tex->p = NULL;\n\texfoo_take(ex);\n}\n"
)


@pytest.fixture(params=WIDTHS)
def review(request: pytest.FixtureRequest, tmp_path: Path) -> Review:
    return reviewer(request.param, tmp_path, APART, "sleep-in-atomic")


@pytest.fixture
def said(review: Review) -> Callable[..., list[str]]:
    """How sure is what is said of a request that a patch adds to a file, with others beside it."""

    def asked(after: str = USES, before: str = QUIET, **others: str) -> list[str]:
        paths = {"header": H, "other": B, "third": C, "second": "drivers/exfoo/mutex.h"}
        beside = {paths[name]: text for name, text in others.items()}
        return [one.confidence for one in review({A: before, **beside}, {A: after, **beside})]

    return asked


@pytest.mark.parametrize("header", [HEADER, SHORT, MACROS])
def test_a_header_has_the_helper(said, header: str) -> None:
    assert said(header=header) == ["high"]


@pytest.mark.parametrize("other", [GLOBAL, NESTED])
def test_another_file_has_the_helper(said, other: str) -> None:
    assert said(other=other) == ["high"]


def test_of_many_headers_it_is_said_that_not_all_were_looked_at() -> None:
    many = "".join(f"#include <linux/toy{at}.h>\n" for at in range(401))
    files = [{A: many + text, H: HEADER} for text in (QUIET, USES)]
    trees = Trees(dict(zip("01", files, strict=True)))
    made = engine("6.12")
    found = Engine(made.kernel, [rule for rule, _ in made.rules], trees.read, TreeSource(trees)).patch(patch(*files))
    assert [one.reason for one in found.unread] == [
        "more than 400 headers may take locks for it; not all were looked at"
    ]
    assert [one.rule for one in found.findings if one.confidence == "high"] == ["sleep-in-atomic"]


def test_of_many_callers_it_is_said_how_many_were_looked_at() -> None:
    body = USES.partition("\n\n")[2].replace("exfoo_fill", "exfoo_fill%d").replace("exfoo_lock(ex)", "exfoo_begin(ex)")
    body = body.replace("exfoo_unlock(ex);", "exfoo_end(ex);\n\tspin_lock(&ex->other);\n\tspin_unlock(&ex->other);")
    begin = "void exfoo_begin(struct exfoo *ex)\n{{\n{0}\tex->n++;\n}}\n"
    end = "void exfoo_end(struct exfoo *ex)\n{{\n{0}\tex->n--;\n}}\n"
    users = "\n".join(body % at for at in range(41))
    old, new = (
        {A: "\n".join((begin.format(takes), end.format(gives), users))}
        for takes, gives in (("", ""), ("\tspin_lock(&ex->lock);\n", "\tspin_unlock(&ex->lock);\n"))
    )
    trees, made = Trees({"0": old, "1": new}), engine("6.12")
    found = Engine(made.kernel, [rule for rule, _ in made.rules], trees.read).patch(patch(old, new))
    assert [one.rule for one in found.findings] != []
    assert [one.reason for one in found.unread] == [
        "more than 40 functions may ask for memory below the lock of a changed one; 40 were looked at"
    ]


def test_the_row_that_takes_the_lock_is_shown(review: Review) -> None:
    (found,) = review({A: QUIET, H: HEADER}, {A: USES, H: HEADER})
    (shown,) = [one for one in found.evidence if one.path != found.path]
    assert (shown.line, shown.function, shown.text) == (9, "exfoo_lock", "\tspin_lock_bh(&ex->lock);")
    assert found.needs_other_files


def test_helpers_of_helpers_stand_in_several_files(said) -> None:
    outer = USES.replace("exfoo_lock", "exfoo_lock_pool").replace("exfoo_unlock", "exfoo_unlock_pool")
    third = """\
void exfoo_lock_pool(struct exfoo *ex)
{
	exfoo_lock(ex);
}

void exfoo_unlock_pool(struct exfoo *ex)
{
	exfoo_unlock(ex);
}
"""
    assert said(outer, QUIET.replace("lock", "x"), header=HEADER, third=third) == ["high"]


def test_a_request_is_below_the_function(said) -> None:
    below = """\
static void *exfoo_get(void)
{
	return kzalloc(64, GFP_KERNEL);
}

"""
    assert said(below + USES.replace("kzalloc(64, GFP_KERNEL)", "exfoo_get()"), header=HEADER) == ["medium"]


def test_a_request_is_in_a_third_file(said) -> None:
    third = "void *exfoo_get(struct exfoo *ex)\n{\n\treturn kzalloc(64, GFP_KERNEL);\n}\n"
    uses = USES.replace("kzalloc(64, GFP_KERNEL)", "exfoo_get(ex)")
    assert said(uses, header=HEADER, third=third) == ["medium"]


def test_a_request_is_added_in_a_third_file(review: Review) -> None:
    third = "void *exfoo_get(struct exfoo *ex)\n{\n\treturn kzalloc(64, GFP_KERNEL);\n}\n"
    uses = USES.replace("kzalloc(64, GFP_KERNEL)", "exfoo_get(ex)")
    beside = {A: uses, H: HEADER}
    found = review({C: third.replace("GFP_KERNEL", "GFP_ATOMIC"), **beside}, {C: third, **beside})
    assert [one.confidence for one in found] == ["medium"]


TWO = HEADER + HEADER[HEADER.index("static") :].replace("spin_lock_bh(&ex->lock)", "mutex_lock(&ex->mutex)")
NEAR_MISSES = {
    "takes a mutex": {"header": HEADER.replace("spin_", "mutex_").replace("_bh", "")},
    "asserts": {"header": HEADER.replace("spin_lock_bh(", "lockdep_assert_held(").replace("spin_unlock_bh", "use")},
    "takes and gives back": {
        "header": HEADER.replace("spin_lock_bh(&ex->lock);", "spin_lock_bh(&ex->lock);\n\tspin_unlock_bh(&ex->lock);")
    },
    "takes it on one branch": {"header": HEADER.replace("\tspin_lock_bh", "\tif (ex->irq)\n\t\tspin_lock_bh")},
    "two bodies": {"header": f"#ifdef CONFIG_EXFOO\n{HEADER}#else\n{TWO[len(HEADER) :]}#endif\n"},
    "static in another file": {"other": GLOBAL.replace("void exfoo", "static void exfoo")},
    "two files": {"header": HEADER, "other": GLOBAL.replace("spin_lock(", "mutex_lock(")},
    "macro of a sleeping lock": {"header": MACROS.replace("spin_lock", "mutex_lock").replace("spin_un", "mutex_un")},
    "a function and a macro": {"header": HEADER, "second": MACROS.replace("spin", "mutex")},
    "it is only a name": {"header": HEADER.replace("spin_lock_bh(&ex->lock);", "ex->p = spin_lock_bh;")},
}


@pytest.mark.parametrize("files", NEAR_MISSES.values(), ids=NEAR_MISSES.keys())
def test_near_misses(said, files) -> None:
    assert said(**files) == []


OWN = [
    "static void exfoo_lock(struct exfoo *ex)\n{\n\tmutex_lock(&ex->mutex);\n}\n\n",
    "#define exfoo_lock(ex) mutex_lock(&(ex)->mutex)\n",
]


@pytest.mark.parametrize("own", OWN)
def test_a_name_means_what_its_own_file_has(said, own: str) -> None:
    assert said(own + USES, own + QUIET, header=HEADER) == []


GIVING = [
    "void exfoo_put(struct exfoo *ex)\n{\n\tspin_unlock_bh(&ex->lock);\n}\n",
    "void exfoo_put(struct exfoo *ex)\n{\n\texfoo_unlock(ex);\n}\n",
    "void exfoo_put(struct exfoo *ex)\n{\n\tspin_unlock_bh(&ex->lock);\n\tuse(ex);\n\tspin_lock_bh(&ex->lock);\n}\n",
    "void exfoo_put(struct exfoo *ex)\n{\n\tif (ex->p)\n\t\tspin_unlock_bh(&ex->lock);\n"
    + "\tuse(ex);\n" * 400
    + "}\n",
]


@pytest.mark.parametrize("third", GIVING)
def test_it_is_given_back_by_another_one_before(said, third: str) -> None:
    uses = USES.replace("\tex->p = ", "\texfoo_put(ex);\n\tex->p = ").replace("\texfoo_unlock(ex);\n", "")
    assert said(uses, header=HEADER, third=third) == []


def test_what_was_wrong_before_is_no_news(said) -> None:
    assert said(USES.replace("64", "128"), USES, header=HEADER) == []


BEGIN = HEADER.replace("exfoo_lock", "exfoo_begin").replace("exfoo_unlock", "exfoo_end")
IDLE = BEGIN.replace("spin_lock_bh(&ex->lock)", "ex->p = NULL").replace("spin_unlock_bh(&ex->lock)", "ex->p = NULL")
BETWEEN = USES.replace("exfoo_lock", "exfoo_begin").replace("exfoo_unlock", "exfoo_end")


@pytest.mark.parametrize("before", [IDLE, BEGIN.replace("\tspin_lock_bh(&ex->lock);\n", "\tmutex_lock(&ex->mutex);\n")])
def test_a_lock_is_added_to_a_helper(review: Review, before: str) -> None:
    (found,) = review({A: BETWEEN, H: before}, {A: BETWEEN, H: BEGIN})
    assert (found.path.rpartition("/")[2], found.line_text) == ("exfoo.h", "\tspin_lock_bh(&ex->lock);")
    assert "may sleep here" in [one.note for one in found.evidence]


def test_an_unlock_is_removed_from_a_helper(review: Review) -> None:
    uses = BETWEEN.replace("\tex->p = ", "\texfoo_end(ex);\n\tex->p = ", 1)
    after = BEGIN.replace("\tspin_unlock_bh(&ex->lock);\n", "")
    (found,) = review({A: uses, H: BEGIN}, {A: uses, H: after})
    assert found.path.endswith("exfoo.h")
    assert "may sleep here" in [one.note for one in found.evidence]


def test_a_lock_is_added_to_a_helper_of_another_file(review: Review) -> None:
    begin, idle = (text[text.index("static") :].replace("static inline ", "") for text in (BEGIN, IDLE))
    (found,) = review({A: BETWEEN, B: idle}, {A: BETWEEN, B: begin})
    assert found.line_text == "\tspin_lock_bh(&ex->lock);"


SAFE = [BETWEEN.replace("GFP_KERNEL", "GFP_ATOMIC"), BETWEEN.replace("\tex->p = kz", "\texfoo_end(ex);\n\tex->p = kz")]


@pytest.mark.parametrize("uses", SAFE)
def test_no_caller_asks_below_the_lock_that_is_added(review: Review, uses: str) -> None:
    assert review({A: uses, H: IDLE}, {A: uses, H: BEGIN}) == []


def test_a_helper_that_held_a_lock_before_is_no_news(review: Review) -> None:
    before = BEGIN.replace("spin_lock_bh", "spin_lock").replace("spin_unlock_bh", "spin_unlock")
    assert review({A: BETWEEN, H: before}, {A: BETWEEN, H: BEGIN}) == []


@pytest.mark.parametrize(
    ("include", "place"),
    [
        ("<linux/exfoo.h>", "include/linux/exfoo.h"),
        ('"bus/exfoo.h"', "drivers/exfoo/bus/exfoo.h"),
        ('"exfoo.h"', "drivers/exfoo/exfoo.h"),
    ],
)
def test_without_an_index_the_headers_are_those_that_are_included(tmp_path: Path, include: str, place: str) -> None:
    review = reviewer("folder", tmp_path, {}, "sleep-in-atomic")
    uses, quiet = (text.replace('"exfoo.h"', include) for text in (USES, QUIET))
    (found,) = review({A: quiet, place: HEADER}, {A: uses, place: HEADER})
    assert place in [one.path for one in found.evidence]
    other = "arch/exfoo/exfoo.h"
    assert review({A: quiet, other: HEADER}, {A: uses, other: HEADER}) == []
