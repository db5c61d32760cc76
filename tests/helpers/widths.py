"""A review of some files, read as a series, in their folder, or with an index of their tree in, its remarks out."""

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

Files = Mapping[str, str]
Review = Callable[[Files, Files], list[Finding]]
WIDTHS = ["series", "folder", "tree"]


def reviewer(width: str, place: Path, apart: Mapping[str, str], rule: str) -> Review:
    """Reviews a change of some files by one rule. `apart`: where they stand in a tree, which has several folders."""

    def asked(old: Files, new: Files) -> list[Finding]:
        if width == "tree":
            old, new = ({apart.get(path, path): text for path, text in some.items()} for some in (old, new))
        if width == "series":  # which has all files that are there
            old = {path: f"{text}\n\n" if text == new.get(path) else text for path, text in old.items()}
        trees = Trees({"0": old, "1": new})
        made, source = engine("6.12"), None
        if width == "folder":
            source = TreeSource(trees)
        if width == "tree":
            note(place / "words", trees, "0")
            source = TreeSource(trees, TreeIndex(place / "words", pytest.fail))
        found = Engine(made.kernel, [one for one, _ in made.rules], trees.read, source).patch(patch(old, new))
        return [one for one in found.findings if one.rule == rule]

    return asked
