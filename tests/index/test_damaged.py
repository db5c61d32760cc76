"""An index that is damaged while a review asks it."""

from __future__ import annotations

from pathlib import Path

import pytest

from engines import engine
from noting import note
from reviewbot.index.tree_index import TreeIndex
from reviewbot.model.errors import DamagedDatabase
from reviewbot.review.engine import Engine
from reviewbot.review.neighbourhood.tree_source import TreeSource
from reviewbot.review.neighbourhood.word_tables import SourceWords
from trees import Trees, patch

A, B = "drivers/exfoo/a.c", "drivers/exfoo/b.c"
HOLDS = "void exfoo_xfer(struct exfoo *ex)\n{\n\tspin_lock(&ex->lock);\n\tex->n++;\n\tspin_unlock(&ex->lock);\n}\n"
CALL = HOLDS.replace("ex->n++;", "exfoo_fill(ex);")
ASKS = "int exfoo_fill(struct exfoo *ex)\n{\n\tex->p = kzalloc(64, GFP_KERNEL);\n\treturn 0;\n}\n"


@pytest.mark.parametrize("good", range(0, 60, 3))
def test_an_index_that_is_damaged_on_the_way(good: int, tmp_path: Path) -> None:
    """After so many answers: the folder is read then, and where files were found before, nothing is taken for sure."""
    answers = 0

    class Failing:
        def __init__(self, words: SourceWords) -> None:
            self._words = words

        def __getattr__(self, name: str) -> object:
            nonlocal answers
            answers += 1
            if answers > good:
                raise DamagedDatabase("the disk is gone")
            return getattr(self._words, name)

    class Damaged(TreeIndex):
        def words(self, *asked):
            found = super().words(*asked)
            return None if found is None else Failing(found)

    old, new = {A: HOLDS, B: ASKS}, {A: CALL, B: ASKS}
    trees, lines = Trees({"0": old, "1": new}), list[str]()
    note(tmp_path / "words", trees, "0")
    made = engine("6.12")
    tree = TreeSource(trees, Damaged(tmp_path / "words", lines.append))
    review = Engine(made.kernel, [rule for rule, _ in made.rules], trees.read, tree).patch(patch(old, new))
    assert [one.rule for one in review.findings] in ([], ["sleep-in-atomic"])
    assert bool(lines) == (answers > good)
    if not lines:
        assert review.findings
