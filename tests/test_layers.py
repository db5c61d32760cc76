"""Who may import whom, how long a file may be, and where kernel names may stand: read from the sources."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest
import reviewbot

TOP = Path(reviewbot.__file__).parent
SOURCES = sorted(TOP.rglob("*.py"))

# a module may import those before it and those of its own row
LAYERS = (
    ("reviewbot",),
    ("reviewbot.patterns", "reviewbot.store"),
    ("reviewbot.model",),
    ("reviewbot.scopes",),
    (
        "reviewbot.schema",
        "reviewbot.dialect",
        "reviewbot.changes",
        "reviewbot.patchtext",
        "reviewbot.mailtext",
        "reviewbot.placed",
        "reviewbot.fixes",
        "reviewbot.heldrows",
        "reviewbot.cuts",
    ),
    ("reviewbot.pieces",),
    ("reviewbot.shown", "reviewbot.renames"),
    ("reviewbot.defines",),
    ("reviewbot.csource",),
    ("reviewbot.flags",),
    ("reviewbot.flow",),
    ("reviewbot.opened",),
    ("reviewbot.sides",),
    ("reviewbot.contexttests",),
    ("reviewbot.callgraph", "reviewbot.bound", "reviewbot.patience"),
    ("reviewbot.checks",),
    ("reviewbot.settled", "reviewbot.sift", "reviewbot.newhits", "reviewbot.functionhunks"),
    ("reviewbot.engine",),
    ("reviewbot.report",),
    ("reviewbot.owned",),
    (
        "reviewbot.pipes",
        "reviewbot.files",
        "reviewbot.temporary",
        "reviewbot.mailhead",
        "reviewbot.mails",
        "reviewbot.postings",
        "reviewbot.facts",
        "reviewbot.ruledata",
        "reviewbot.presence",
        "reviewbot.releases",
        "reviewbot.projects",
        "reviewbot.gate",
        "reviewbot.crew",
        "reviewbot.quarantine",
    ),
    ("reviewbot.maildir", "reviewbot.written"),
    (
        "reviewbot.config",
        "reviewbot.rules",
        "reviewbot.webclient",
        "reviewbot.transfer",
        "reviewbot.lore",
        "reviewbot.patchwork",
        "reviewbot.patchworkhttp",
        "reviewbot.mailbox",
        "reviewbot.series",
        "reviewbot.drafts",
        "reviewbot.gitcommand",
        "reviewbot.repository",
        "reviewbot.kernels",
        "reviewbot.treebase",
        "reviewbot.tree",
        "reviewbot.revisions",
        "reviewbot.commits",
        "reviewbot.history",
        "reviewbot.outcomes",
        "reviewbot.worktree",
        "reviewbot.upstream",
        "reviewbot.patchfiles",
        "reviewbot.editor",
    ),
    ("reviewbot.b4",),
    ("reviewbot.commands",),
    ("reviewbot.cli",),
    ("reviewbot.__main__",),
)
# each of the worlds outside, and who alone may speak to it
OUTSIDE = {
    "b4": {"reviewbot.series"},
    "multiprocessing": {"reviewbot.crew"},
    "git": {"reviewbot.gitcommand"},
    "httpx": {"reviewbot.webclient", "reviewbot.transfer", "reviewbot.patchworkhttp"},
    "rich": {"reviewbot.report.text", "reviewbot.commands.output", "reviewbot.commands.progress"},
    "sqlite3": set(),
    "subprocess": {"reviewbot.b4.objects", "reviewbot.config", "reviewbot.editor", "reviewbot.gitcommand"},
    "tomli": {"reviewbot.config", "reviewbot.rules"},
    "tree_sitter": {"reviewbot.csource"},
    "tree_sitter_c": {"reviewbot.csource"},
    "unidiff": {"reviewbot.changes"},
}
KERNEL_NAME = re.compile(r"__GFP_|(?<!_)GFP_[A-Z]|PF_MEMALLOC|memalloc_|spin_lock|rcu_read")
HELP = {"cli.py", "tableargs.py"}  # whose texts give kernel names as examples
LONGEST = 400


def _module(path: Path) -> str:
    return ".".join(("reviewbot", *path.relative_to(TOP).with_suffix("").parts)).removesuffix(".__init__")


def _within(name: str, package: str) -> bool:
    return name == package or (package != "reviewbot" and name.startswith(f"{package}."))


def _layer(name: str) -> int:
    found = [at for at, row in enumerate(LAYERS) for package in row if _within(name, package)]
    assert found, f"{name} stands in no layer"
    return found[0]


def _imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, anywhere in it."""
    names = {_module(source) for source in SOURCES}
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide which layer is meant"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in names else str(node.module)


@pytest.mark.parametrize("path", SOURCES, ids=_module)
def test_imports_go_downward_and_each_world_has_one_door(path):
    own = _module(path)
    for name in _imports(path):
        if name.partition(".")[0] == "reviewbot" and own != "reviewbot":  # which hands out names when asked
            assert _layer(name) <= _layer(own), f"{own} imports {name} from above it"
        for world, doors in OUTSIDE.items():
            if _within(name, world):
                assert any(_within(own, door) for door in doors), f"{own} may not import {world}"


def test_the_model_imports_nothing_of_ours():
    assert not [name for name in _imports(TOP / "model.py") if name.startswith("reviewbot")]


@pytest.mark.parametrize("path", SOURCES, ids=_module)
def test_a_file_stays_short(path):
    assert len(path.read_text().splitlines()) <= LONGEST


@pytest.mark.parametrize("path", SOURCES, ids=_module)
def test_kernel_names_are_data_and_not_code(path):
    """Comments and docstrings may name what they explain; help texts of the command line give examples."""
    text = path.read_text()
    prose = _docstring_lines(text)
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT or token.start[0] in prose or path.name in HELP:
            continue
        found = KERNEL_NAME.search(token.string)
        assert not found, f"{path.name}:{token.start[0]}: {found and found.group()} belongs in rules/"


def _docstring_lines(text: str) -> set[int]:
    lines: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            lines.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return lines
