"""Files of a kernel tree and one of them in, what calls through the others show of it as if it were new, out."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from kernel_judge import VERSION, Remark
from noting import note
from reviewbot.config import data_path
from reviewbot.index.tree_index import TreeIndex
from reviewbot.kernel import rules
from reviewbot.review.engine import Engine
from reviewbot.review.neighbourhood.tree_source import TreeSource
from trees import Trees, patch


def through(kernel: Path, path: str, others: Sequence[str]) -> list[Remark]:
    """The remarks in one file that take others; an index of these few files is made, and of no more."""
    texts = {one: (kernel / one).read_text("utf-8", "replace") for one in (path, *others)}
    old = {one: text for one, text in texts.items() if one != path}
    trees = Trees({"0": old, "1": texts})
    with tempfile.TemporaryDirectory() as folder:
        note(Path(folder, "words"), trees, "0")
        index = TreeIndex(Path(folder, "words"), print)
        made = Engine(*rules.load((data_path("rules"),), VERSION), trees.read, TreeSource(trees, index))
        found = made.patch(patch(old, texts)).findings
    return [
        Remark(one.path, one.line, one.function, one.rule, one.severity, one.confidence, one.line_text.strip())
        for one in found
        if one.needs_other_files
    ]
