"""A class is called by a word of the glossary, and the glossary names no class that is gone."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import reviewbot
from reviewbot.config import data_path

TOP = Path(reviewbot.__file__).parent
ENTRY = re.compile(r"^- \*\*.+?(?=^- |^#|\Z)", re.M | re.S)
NAME = re.compile(r"`([A-Z]\w*[a-z]\w*)`")  # GFP_KERNEL is no class
ERRORS = TOP / "model" / "errors.py"  # one entry stands for all of them


def classes() -> set[str]:
    """The public classes at the top of each module."""
    found: set[str] = set()
    for path in TOP.rglob("*.py"):
        tree = ast.parse(path.read_text())
        names = {node.name for node in tree.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_")}
        found |= names & {"ReviewbotError"} if path == ERRORS else names
    return found


def test_the_glossary_has_every_class_and_no_other():
    glossary = data_path("docs/ARCHITECTURE.md").read_text().partition("\n## Glossary\n")[2]
    listed = NAME.findall("".join(ENTRY.findall(glossary)))
    assert classes() - set(listed) == set(), "a class without an entry in docs/ARCHITECTURE.md"
    assert set(listed) - classes() == set(), "an entry for a class that is gone"
    assert len(listed) == len(set(listed)), "a class with two entries"
