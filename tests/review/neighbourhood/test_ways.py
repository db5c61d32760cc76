"""Files by their words and what a change says in a function: on which ways it matters."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from engines import engine
from noting import READER
from reviewbot.frontend.cut_functions import ChangedLines
from reviewbot.review.neighbourhood.function_words import ChangedWords
from reviewbot.review.neighbourhood.graph.word_graph import ChangedFunctions, WordGraph
from reviewbot.review.neighbourhood.visibility import Layout
from reviewbot.review.neighbourhood.ways import ways_of
from reviewbot.review.neighbourhood.word_tables import WordTables

PATH = "drivers/exfoo/{}.c"
FILES = {
    "top": """\
void exfoo_top(struct exfoo *ex)
{
	spin_lock(&ex->lock);
	exfoo_mid(ex);
	spin_unlock(&ex->lock);
}
""",
    "mid": """\
void exfoo_mid(struct exfoo *ex)
{
	exfoo_count(ex);
	exfoo_low(ex);
}
""",
    "low": "void exfoo_low(struct exfoo *ex)\n{\n\tex->p = kmalloc(8, GFP_KERNEL);\n}\n",
    "count": "void exfoo_count(struct exfoo *ex)\n{\n\tex->n++;\n}\n",
}


def led(said: str, name: str = "mid", gone: str = "", **files: str) -> set[str]:
    """The files on ways where lines of a function were changed. `gone`: conditions that were taken away."""
    tables = WordTables()
    for where, text in (FILES | files).items():
        tables.add(PATH.format(where), READER.read(PATH.format(where), text.encode()))
    key = PATH.format(name), f"exfoo_{name}"
    change = ChangedFunctions({key: READER.changed(ChangedLines(said.encode(), gone.encode()))})
    graph = WordGraph([tables], Layout.of(engine("6.12").kernel), change, whole=True)
    found = {path for path, _ in ways_of(graph, change.functions, [])}
    return {where for where in FILES if PATH.format(where) in found}


WAY = {"top", "mid", "low"}


@pytest.mark.parametrize("gone", ["if (!can_sleep)", "if (gfp & __GFP_DIRECT_RECLAIM) {", "if (in_atomic())"])
def test_a_condition_on_the_context_that_went_matters_to_all_ways_through(gone: str) -> None:
    assert led(f"\t{gone}\n", gone=gone) == WAY


def test_a_condition_on_anything_else_that_went_says_nothing() -> None:
    assert led("\tif (ex->n)\n\t\treturn;\n", gone="if (ex->n)") == set()


@pytest.mark.parametrize(
    "said", ["\tex->n = 1;\n", "\tif (ex->n)\n\t\treturn;\n", "\texfoo_count(ex);\n", "\tkfree(ex->p);\n"]
)
def test_a_change_that_no_way_depends_on(said: str) -> None:
    assert led(said) == set()


def test_a_changed_call_leads_on() -> None:
    assert led("\texfoo_low(ex);\n") == WAY


def test_what_may_give_back_the_callers_lock_matters_to_all_ways_through() -> None:
    assert led("\tspin_unlock(&ex->lock);\n\texfoo_count(ex);\n\tspin_lock(&ex->lock);\n") == WAY
    assert led("\tmemalloc_nofs_save();\n") == WAY


@pytest.mark.parametrize(
    "said",
    [
        "\tspin_lock(&ex->lock);\n",
        "\tguard(spinlock)(&ex->lock);\n",
        "\tgoto out;\n",
        "\tlockdep_assert_held(&ex->lock);\n",
    ],
)
def test_a_lock_or_jump_matters_to_ways_that_begin_in_its_function(said: str) -> None:
    assert led(said) == set()
    taking = FILES["mid"].replace("\texfoo_low(ex);\n", "\tspin_lock(&ex->lock);\n\texfoo_low(ex);\n")
    locked = taking.replace("low(ex);\n", "low(ex);\n\tspin_unlock(&ex->lock);\n")
    assert led(said, mid=locked) == {"mid", "low"}


def test_a_lock_that_is_taken_for_callers_matters_to_these() -> None:
    body = "exfoo_mid(ex);\n\texfoo_count(ex);\n\tex->p = kmalloc(8, GFP_KERNEL);"
    top = f"void exfoo_top(struct exfoo *ex)\n{{\n\t{body}\n}}\n"
    mid = "void exfoo_mid(struct exfoo *ex)\n{\n\tspin_lock(&ex->lock);\n}\n"
    assert led("\tspin_lock(&ex->lock);\n", top=top, mid=mid) == {"top"}
    assert led("\tex->n = 1;\n", top=top, mid=mid) == set()


def test_a_request_is_the_end_of_a_way() -> None:
    asks = FILES["mid"].replace("exfoo_count(ex)", "kmalloc(8, GFP_KERNEL)")
    assert led("\tkmalloc(8, GFP_KERNEL);\n", mid=asks) == {"top", "mid"}
    assert led("\tkmalloc(8, GFP_KERNEL);\n", "low") == WAY


def test_words_of_changed_lines() -> None:
    assert READER.changed(ChangedLines(b"\tspin_lock(&ex->lock);\n")) == ChangedWords(frozenset({"spin_lock"}), True)
    assert READER.changed(ChangedLines(b"\tspin_unlock(&ex->lock);\n\tspin_lock(&ex->lock);\n")).drops
    assert not READER.changed(ChangedLines(b"\tspin_lock(&ex->lock);\n\tspin_unlock(&ex->lock);\n")).drops
    assert READER.changed(ChangedLines(b"\tcontinue;\n")) == ChangedWords(frozenset(), True)


def test_a_function_whose_text_is_known_is_not_read_again() -> None:
    text = "\n".join(FILES.values())
    known = READER.read("a.c", text.encode()).functions
    other = {name: replace(one, text=one.text + 1, asks=not one.asks) for name, one in known.items()}
    assert READER.read("a.c", text.encode(), known).functions == known
    assert READER.read("a.c", text.encode(), other).functions == known
    header = READER.read("a.h", text.encode(), known).functions
    assert header == READER.read("a.h", text.encode()).functions
