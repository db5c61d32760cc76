"""What the pages for contributors name is there, and their list of layers is the one that is enforced."""

from __future__ import annotations

import ast
import re

import pytest

from errand import STEP
from reviewbot.config import data_path

PAGES = ("CONTRIBUTING.md", "README.md", "docs/ARCHITECTURE.md", "docs/pages.md")
PATH = re.compile(r"`((?:reviewbot|rules|templates|tests|docs|ci)/[^`\s:]*|config\.toml|pyproject\.toml)`")
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)\)")
TOLD = re.compile(r"^    .*?((?:tests|ci)/[\w./-]+)", re.M)


def text(page: str) -> str:
    return data_path(page).read_text()


def to_be_added(page: str) -> set[str]:
    """The files that a step tells to add."""
    steps = (" ".join(step.split()) for step in re.findall(r"^\d+\. .*(?:\n   .*)*", text(page), re.MULTILINE))
    heads = (found[2] for step in steps if (found := STEP.match(step)) and "Add `" in step)
    return {path for head in heads for path in re.findall(r"`([^`]+)`", head)}


@pytest.mark.parametrize("page", PAGES)
def test_every_path_that_a_page_names_is_there(page):
    named = {*PATH.findall(text(page)), *TOLD.findall(text(page))}
    named = {path for path in named - to_be_added(page) if not re.search(r"[<*]", path)}
    assert named
    assert {path for path in named if not data_path(path).exists()} == set()
    folder = data_path(page).parent
    assert {link for link in LINK.findall(text(page)) if not (folder / link).exists()} == set()


def test_what_is_to_be_added_is_not_there_yet():
    added = {path for path in to_be_added("CONTRIBUTING.md") if "<" not in path}
    assert {"reviewbot/watch/state.py", "reviewbot/watch/poll.py"} <= added
    assert {path for path in added if data_path(path).exists()} == set(), "it exists now: say how to change it instead"


def test_the_list_of_layers_is_the_enforced_one():
    tree = ast.parse(text("tests/project/test_layers.py"))
    (order,) = (node.value for node in tree.body if isinstance(node, ast.Assign) and node.targets[0].id == "ORDER")
    section = text("docs/ARCHITECTURE.md").partition("\n## Layers\n")[2].partition("\n## ")[0]
    assert [*re.findall(r"^\| `(\w+)` \|", section, re.M), "__main__"] == list(ast.literal_eval(order))
