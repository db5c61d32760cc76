"""With a tree, a lock that is held in one file and waited for in another one, in what reclaim runs.

Each is asked in a folder, and with an index of a tree whose files stand in several folders.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from engines import engine
from noting import note
from reviewbot.index.tree_index import TreeIndex
from reviewbot.model.review import Finding
from reviewbot.review.engine import Engine
from reviewbot.review.neighbourhood.tree_source import TreeSource
from trees import Trees, patch

A, B, C, H = (f"drivers/exfoo/{name}" for name in ("add.c", "shrink.c", "fill.c", "exfoo.h"))
APART = {B: "mm/exfoo/shrink.c", C: "lib/exfoo/fill.c", H: "include/linux/exfoo.h"}
HEADER = "struct exfoo {\n\tstruct mutex pool_lock;\n\tstruct shrinker *shrinker;\n};\nvoid *exfoo_fill(int size);\n"
SHRINK = """\
static unsigned long exfoo_scan(struct shrinker *shrink, struct shrink_control *sc)
{
	struct exfoo *ex = shrink->private_data;

	mutex_lock(&ex->pool_lock);
	exfoo_evict(ex, sc->nr_to_scan);
	mutex_unlock(&ex->pool_lock);
	return 0;
}

void exfoo_register(struct exfoo *ex)
{
	ex->shrinker->scan_objects = exfoo_scan;
}
"""
ADDS = """\
int exfoo_add(struct exfoo *ex)
{
	mutex_lock(&ex->pool_lock);
	ex->item = exfoo_spare(ex);
	mutex_unlock(&ex->pool_lock);
	return 0;
}
"""
ASKS = ADDS.replace("exfoo_spare(ex)", "kmalloc(64, GFP_KERNEL)")
CALLS = ADDS.replace("exfoo_spare(ex)", "exfoo_fill(64)")
FILL = "void *exfoo_fill(int size)\n{\n\treturn kmalloc(size, GFP_KERNEL);\n}\n"
OTHERS = {H: HEADER, B: SHRINK}


@pytest.fixture(params=["folder", "tree"])
def width(request):
    return request.param


@pytest.fixture
def sure(width):
    """Of two folders each may have a structure of one name."""
    return "medium" if width == "folder" else "low"


@pytest.fixture
def said(width, tmp_path):
    def review(old: Mapping[str, str], new: Mapping[str, str]) -> list[Finding]:
        if width == "tree":
            old, new = ({APART.get(path, path): text for path, text in some.items()} for some in (old, new))
        trees, made = Trees({"0": old, "1": new}), engine("6.12")
        source = TreeSource(trees)
        if width == "tree":
            note(tmp_path / "words", trees, "0")
            source = TreeSource(trees, TreeIndex(tmp_path / "words", lambda line: pytest.fail(line)))
        rules = [rule for rule, _ in made.rules if rule.id == "reclaim-recursion"]
        return list(Engine(made.kernel, rules, trees.read, source).patch(patch(old, new)).findings)

    return review


def test_the_request_is_new(said, sure) -> None:
    (finding,) = said({**OTHERS, A: ADDS}, {**OTHERS, A: ASKS})
    assert (finding.path, finding.line, finding.confidence) == (A, 4, sure)
    assert [one.note for one in finding.evidence] == [
        *("registered here", "reclaim waits for the lock here", "taken here"),
    ]


def test_the_call_is_new_and_the_request_elsewhere(said) -> None:
    others = {**OTHERS, C: FILL}
    (finding,) = said({**others, A: ADDS}, {**others, A: CALLS})
    assert (finding.path, finding.line) == (A, 4)


def test_the_lock_in_the_shrinker_is_new(said, sure) -> None:
    quiet = SHRINK.replace("\tmutex_lock(&ex->pool_lock);\n", "").replace("\tmutex_unlock(&ex->pool_lock);\n", "")
    others = {H: HEADER, A: ASKS}
    (finding,) = said({**others, B: quiet}, {**others, B: SHRINK})
    assert Path(finding.path).name == "shrink.c"
    assert (finding.line, finding.confidence) == (5, sure)


NO_MATTER = {
    "another structure": SHRINK.replace("struct exfoo *ex = shrink", "struct exbar *ex = shrink"),
    "only tried": SHRINK.replace("mutex_lock(&ex->pool_lock);", "if (!mutex_trylock(&ex->pool_lock))\n\t\treturn 0;"),
    "not run by reclaim": SHRINK.replace("scan_objects = exfoo_scan", "step = exfoo_scan").replace(
        "(struct shrinker *shrink, struct shrink_control *sc)", "(struct exfoo_shrink *shrink, struct exfoo_sc *sc)"
    ),
}


@pytest.mark.parametrize("why", NO_MATTER)
def test_near_misses(said, why: str) -> None:
    others = {H: HEADER, B: NO_MATTER[why]}
    assert said({**others, A: ADDS}, {**others, A: ASKS}) == []


def test_a_structure_that_each_file_has_for_itself(said) -> None:
    own = "struct exfoo {\n\tstruct mutex pool_lock;\n};\n\n"
    assert said({A: own + ADDS, B: own + SHRINK}, {A: own + ASKS, B: own + SHRINK}) == []
