"""What the files of a folder say, from one tree to the next, and what is said of a function."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from engines import engine
from reviewbot.frontend.cut_functions import ChangedLines
from reviewbot.review.neighbourhood.folder_words import FolderWords
from reviewbot.review.neighbourhood.function_words import ChangedWords, FileWords, FunctionWords, WordReader
from reviewbot.review.prefilter.words import RowWords, known_rules
from reviewbot.support.timeout import TooSlow
from trees import Trees

RULES = [rule for rule, _ in engine("6.12").rules]
READER = WordReader([engine("6.12").kernel], RowWords(known_rules(RULES)))
TEXTS = [
    "int exfoo_one(void)\n{\n\treturn exfoo_two();\n}\n",
    "static int exfoo_two(void)\n{\n\treturn exfoo_three(1);\n}\n",
    "#define exfoo_three(x) exfoo_one()\nint exfoo_four(void)\n{\n\treturn exfoo_one() + exfoo_three(2);\n}\n",
    "int exfoo_two(int a)\n{\n\treturn a;\n}\n",
]
NAMES = [f"exfoo_{name}" for name in ("one", "two", "three", "four")]
FILES = st.dictionaries(st.sampled_from(["a.c", "b.c", "c.h", "Kconfig"]), st.sampled_from(TEXTS))


def folder(trees: Trees) -> FolderWords:
    return FolderWords("drivers/exfoo", trees, READER.read)


def words(text: str, path: str = "a.c") -> dict[str, FunctionWords]:
    return READER.read(path, text.encode()).functions


@given(st.lists(FILES, min_size=1, max_size=6))
def test_from_tree_to_tree_it_says_what_it_says_of_each(states: list[dict[str, str]]) -> None:
    made = {f"{at}": {f"drivers/exfoo/{name}": text for name, text in one.items()} for at, one in enumerate(states)}
    known = folder(Trees(made))
    for tree in made:
        known.turn_to(tree)
        fresh = folder(Trees(made))
        fresh.turn_to(tree)
        for name in NAMES:
            assert known.defining(name) == fresh.defining(name)
            assert known.calling(name) == fresh.calling(name)
            assert known.macros(name) == fresh.macros(name)
            assert known.running(name) == fresh.running(name)
            assert known.locking(name) == fresh.locking(name)
            assert known.waiting(name) == fresh.waiting(name)
        for path in ("drivers/exfoo/a.c", "drivers/exfoo/c.h", "drivers/exfoo/Kconfig"):
            assert known.functions(path) == fresh.functions(path)


TAKES = """\
static void exfoo_drop(struct exfoo *ex)
{
	scoped_guard(mutex, &ex->pool->lock)
		exfoo_put(ex);
}

static void exfoo_fill(struct exfoo *ex)
{
	guard(rwsem_write)(&ex->sem);
	mutex_lock_nested(&ex->inner, 1);
	spin_lock(&ex->spin);
}

static unsigned long exfoo_scan(struct shrinker *shrink, struct shrink_control *sc)
{
	if (mutex_lock_interruptible(&exfoo_mutex))
		return 0;
	exfoo_drop(shrink->private_data);
	return 0;
}

static struct shrinker exfoo_shrinker = {
	.scan_objects = %s,
};
"""


def test_the_locks_that_sleep_and_those_that_reclaim_waits_for() -> None:
    said = words(TAKES % "exfoo_scan")
    assert {name: one.locks for name, one in said.items()} == {
        "exfoo_drop": ("lock",),
        "exfoo_fill": ("sem", "inner"),
        "exfoo_scan": ("exfoo_mutex",),
    }
    file = READER.read("a.c", (TAKES % "exfoo_scan").encode())
    assert file.waits == {"exfoo_mutex", "lock"}
    assert file.locks == {"exfoo_mutex", "inner", "lock", "sem"}
    quiet = TAKES.replace("(struct shrinker *shrink, struct shrink_control *sc)", "(struct exfoo *ex)")
    assert READER.read("a.c", (quiet % "exfoo_other").encode()).waits == frozenset()


def test_only_files_that_are_new_are_read() -> None:
    first = {f"drivers/exfoo/{name}.c": text for name, text in zip("abcd", TEXTS, strict=True)}
    trees = Trees({"0": first, "1": {**first, "drivers/exfoo/a.c": TEXTS[3] + TEXTS[0]}})
    known = folder(trees)
    asked = []
    for tree in ("0", "1", "0", "1"):
        trees.asked.clear()
        known.turn_to(tree)
        asked.append(len(trees.asked))
    assert asked == [4, 1, 0, 0]


def test_where_the_time_is_up_in_the_middle_nothing_half_read_is_left() -> None:
    files = {f"drivers/exfoo/f{at}.c": TEXTS[0].replace("one", f"f{at}") for at in range(9)}
    trees = Trees({"0": files, "1": {**files, "drivers/exfoo/f3.c": TEXTS[1]}})
    at = 0

    def read(path: str, text: bytes, known: Mapping[str, FunctionWords]) -> FileWords:
        nonlocal at
        at += 1
        if at in (5, 15):
            raise TooSlow
        return READER.read(path, text, known)

    known = FolderWords("drivers/exfoo", trees, read)
    for tree in ("0", "0", "1", "1"):  # fails at the first and the third
        with suppress(TooSlow):
            known.turn_to(tree)
    fresh = folder(trees)
    fresh.turn_to("1")
    for path in files:
        assert known.functions(path) == fresh.functions(path)


def test_what_a_function_says() -> None:
    found = words(
        """\
#include <linux/gfp.h>
static inline int exfoo_fill(struct exfoo *ex)
{
	ex->p = kmalloc(8, GFP_KERNEL);
	return exfoo_size(ex);
}

static void exfoo_xfer(struct exfoo *ex)
{
	exfoo_before(ex);
	spin_lock(&ex->lock);
	exfoo_fill(ex);
	spin_unlock(&ex->lock);
	exfoo_after(ex);
}

void exfoo_quick(struct exfoo *ex)
{
	lockdep_assert_held(&ex->lock);
	ex->p = kmalloc(8, GFP_ATOMIC | __GFP_NOWARN);
}

static irqreturn_t exfoo_irq(int irq, void *data)
{
	return IRQ_HANDLED;
}

int exfoo_hand_on(struct exfoo *ex, gfp_t gfp)
{
	return exfoo_more(ex, gfp);
}

int exfoo_release(struct exfoo *ex)
{
	vfree(ex->p);
}
"""
    )
    assert [one.name for one in found.values() if one.own] == ["exfoo_fill", "exfoo_xfer", "exfoo_irq"]
    assert [one.name for one in found.values() if one.asks] == ["exfoo_fill", "exfoo_hand_on", "exfoo_release"]
    assert [one.name for one in found.values() if one.run] == ["exfoo_quick"]
    assert "exfoo_fill" in found["exfoo_xfer"].held
    assert "exfoo_before" not in found["exfoo_xfer"].held
    assert "exfoo_after" not in found["exfoo_xfer"].held
    assert set(found["exfoo_hand_on"].calls) == {"exfoo_more"}


def test_what_a_function_says_whatever_is_around_it() -> None:
    found = words(
        """\
void exfoo_one(struct exfoo *ex)
{
	int ret = exfoo_at_once(ex);

	if (exfoo_asked(ex)) {
		exfoo_maybe(ex);
		ex->p = kmalloc(8, GFP_KERNEL);
	}
	for (; exfoo_next(ex);)
		exfoo_each (ex);
}

void exfoo_two(struct exfoo *ex)
{
	ex->p = kmalloc(8, GFP_KERNEL);
}
"""
    )
    assert found["exfoo_one"].plain == ("exfoo_at_once", "exfoo_asked", "exfoo_next")
    assert found["exfoo_one"].calls == (
        *("exfoo_at_once", "exfoo_asked", "exfoo_maybe", "kmalloc", "exfoo_next", "exfoo_each"),
    )
    assert [(one.asks, one.surely) for one in found.values()] == [(True, False), (True, True)]


def test_what_changed_lines_say() -> None:
    said = READER.changed(ChangedLines(b"\tspin_lock(&ex->lock);\n\tif (exfoo_get (ex))\n\t\treturn;"))
    assert said == ChangedWords(frozenset({"spin_lock", "exfoo_get"}), True, False)
    assert READER.changed(ChangedLines(b"\tguard(spinlock)(&ex->lock);")).locks
    assert READER.changed(ChangedLines(b"\treturn kmalloc(8, GFP_KERNEL);")).asks
    assert not READER.changed(ChangedLines(b"\treturn kmalloc(8, GFP_ATOMIC);")).asks


def test_what_is_put_into_a_member_is_run_by_others() -> None:
    text = "static void exfoo_done(struct bio *bio)\n{\n\texfoo_end(bio);\n}\n\nvoid exfoo_go(struct bio *bio)\n{\n\t"
    assert words(f"{text}bio->bi_end_io = exfoo_done;\n}}\n")["exfoo_done"].run
    assert not words(f"{text}bio->bi_private = exfoo_done;\n}}\n")["exfoo_done"].run


def test_in_a_header_a_static_function_is_everybodys() -> None:
    assert not words(TEXTS[1], "exfoo.h")["exfoo_two"].own


def test_bytes_that_are_no_text_are_words_all_the_same() -> None:
    text = b"int exfoo(void)\n{\n\treturn g\xc3\xa4p(\xff) + \xe2(1);\n}\n"
    assert [*READER.read("a.c", text).functions] == ["exfoo"]


def test_a_folder_that_is_too_large_is_not_read_to_its_end() -> None:
    text = "int exfoo_{}(void)\n{{\n" + "\treturn 1; /* and so on */\n" * 12_000 + "}}\n"
    files = {f"drivers/exfoo/f{at:03}.c": text.format(at) for at in range(150)}
    known = folder(Trees({"0": files}))
    known.turn_to("0")
    assert known.left == "drivers/exfoo has more than 16 MB; not all of it was looked at"
    known.turn_to("0")
    assert known.left == "drivers/exfoo has more than 16 MB; not all of it was looked at"
    assert known.functions("drivers/exfoo/f000.c")
    assert not known.functions("drivers/exfoo/f149.c")
