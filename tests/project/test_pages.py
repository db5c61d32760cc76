"""What the pages name is there, links lead somewhere, and the list of layers is the one that is enforced."""

from __future__ import annotations

import ast
import re

import pytest

from errand import STEP
from pages import PAGES, TOP
from reviewbot.config import data_path

PATH = re.compile(r"`((?:reviewbot|rules|templates|tests|docs|ci)/[^`\s:]*|config\.toml|pyproject\.toml)`")
LINK = re.compile(r"\]\((?!https?:)([^)#]*)(#[^)]+)?\)")
TOLD = re.compile(r"^    .*?((?:tests|ci)/[\w./-]+)", re.M)


def text(page: str) -> str:
    return data_path(page).read_text()


def to_be_added(page: str) -> set[str]:
    """The files that a step tells to add."""
    steps = (" ".join(step.split()) for step in re.findall(r"^\d+\. .*(?:\n   .*)*", text(page), re.MULTILINE))
    heads = (found[2] for step in steps if (found := STEP.match(step)) and "Add `" in step)
    return {path for head in heads for path in re.findall(r"`([^`]+)`", head)}


def headings(page: str) -> set[str]:
    """The anchors that a page has, as GitHub and GitLab make them of its headings."""
    told = re.sub(r"^```.*?^```", "", text(page), flags=re.M | re.S)
    heads = (head.lower() for head in re.findall(r"^#+ (.*)$", told, re.M))
    return {"#" + re.sub(r"[^\w -]", "", head).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES)
def test_every_path_that_a_page_names_is_there(page):
    named = {*PATH.findall(text(page)), *TOLD.findall(text(page))}
    named = {path for path in named - to_be_added(page) if not re.search(r"[<*]", path)}
    assert {path for path in named if not data_path(path).exists()} == set()


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page):
    folder = data_path(page).parent
    for path, anchor in LINK.findall(text(page)):
        target = (folder / path if path else TOP / page).resolve()
        assert target.exists(), f"{path} is not there"
        assert not anchor or anchor in headings(str(target.relative_to(TOP))), f"{path} has no {anchor}"


def test_every_page_is_found_from_the_readme():
    seen, left = set(), ["README.md"]
    while left:
        page = left.pop()
        seen.add(page)
        paths = ((data_path(page).parent / path).resolve() for path, _ in LINK.findall(text(page)) if path)
        left += [name for path in paths if (name := str(path.relative_to(TOP))) in PAGES and name not in seen]
    assert seen == set(PAGES)


def test_what_is_to_be_added_is_not_there_yet():
    added = {path for path in to_be_added("CONTRIBUTING.md") if "<" not in path}
    assert {path for path in added if data_path(path).exists()} == set(), "it exists now: say how to change it instead"


def test_the_list_of_layers_is_the_enforced_one():
    tree = ast.parse(text("tests/project/test_layers.py"))
    (order,) = (node.value for node in tree.body if isinstance(node, ast.Assign) and node.targets[0].id == "ORDER")
    section = text("docs/ARCHITECTURE.md").partition("\n## Layers\n")[2].partition("\n## ")[0]
    assert [*re.findall(r"^\| `(\w+)` \|", section, re.M), "__main__"] == list(ast.literal_eval(order))
