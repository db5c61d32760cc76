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

# a package imports those before it alone
ORDER = (
    "model",
    "support",
    "filesystem",
    "frontend",
    "patch",
    "kernel",
    "dataflow",
    "program",
    "interproc",
    "checks",
    "review",
    "index",
    "report",
    "web",
    "mail",
    "git",
    "archive",
    "sources",
    "memory",
    "drafts",
    "watch",
    "integrations",
    "config",
    "cli",
    "__main__",
)
# each of the worlds outside, and who alone may speak to it
OUTSIDE = {
    "starlette": {"reviewbot.cli.mcp.loopback"},
    "uvicorn": {"reviewbot.cli.mcp.loopback"},
    "anyio": {"reviewbot.cli.mcp"},
    "mcp": {"reviewbot.cli.mcp.server"},
    "b4": {"reviewbot.mail.series"},
    "multiprocessing": {"reviewbot.support.workers"},
    "sqlite3": {"reviewbot.filesystem.database"},
    "git": {"reviewbot.git.command"},
    "httpx": {"reviewbot.web", "reviewbot.integrations.patchwork.client"},
    "rich": {"reviewbot.report.terminal.text", "reviewbot.cli.output", "reviewbot.cli.progress"},
    "subprocess": {
        "reviewbot.archive.lei",  # a search that runs as its user has set it up
        "reviewbot.config",
        "reviewbot.git.command",
        "reviewbot.git.objects",
        "reviewbot.integrations.editor",
        "reviewbot.integrations.pager",
        "reviewbot.integrations.mailing.git_send_email",
        "reviewbot.integrations.mailing.imap_settings",
    },
    "imaplib": {"reviewbot.integrations.mailing.imap_folder"},
    "tomli": {"reviewbot.config", "reviewbot.kernel.rules"},
    "tree_sitter": {"reviewbot.frontend"},
    "tree_sitter_c": {"reviewbot.frontend.parse"},
    "unidiff": {"reviewbot.patch.parse"},
}
KERNEL_NAME = re.compile(r"__GFP_|(?<!_)GFP_[A-Z]|PF_MEMALLOC|memalloc_|spin_lock|rcu_read")
HELP = {"cli/arguments/help.py", "cli/arguments/explain.py"}  # whose texts give kernel names as examples
LONGEST = 400


def _module(path: Path) -> str:
    return ".".join(("reviewbot", *path.relative_to(TOP).with_suffix("").parts)).removesuffix(".__init__")


def _within(name: str, package: str) -> bool:
    return name == package or (package != "reviewbot" and name.startswith(f"{package}."))


def _package(name: str) -> str:
    """The package below the top, or the module that stands there; "" for the top itself."""
    return name.split(".")[1] if "." in name else ""


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
        below, package = _package(name), _package(own)
        # the top hands out names when asked, and holds nothing but the version otherwise
        if name.partition(".")[0] == "reviewbot" and below and package and below != package:
            assert ORDER.index(below) < ORDER.index(package), f"{own} imports {name} from above it"
        for world, doors in OUTSIDE.items():
            if _within(name, world):
                assert any(_within(own, door) for door in doors), f"{own} may not import {world}"


@pytest.mark.parametrize("path", [path for path in SOURCES if path.is_relative_to(TOP / "checks")], ids=_module)
def test_no_check_walks_over_successors(path):
    """It asks Cfg, which knows of ways that leave the text, or a solver, which has a bound."""
    for node in ast.walk(ast.parse(path.read_text())):
        assert not (isinstance(node, ast.Attribute) and node.attr == "next"), f"{path.name}:{node.lineno}"


@pytest.mark.parametrize("path", SOURCES, ids=_module)
def test_a_file_stays_short(path):
    assert len(path.read_text().splitlines()) <= LONGEST


@pytest.mark.parametrize("path", SOURCES, ids=_module)
def test_kernel_names_are_data_and_not_code(path):
    """Comments and docstrings may name what they explain; help texts of the command line give examples."""
    text = path.read_text()
    prose = _docstring_lines(text)
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT or token.start[0] in prose or path.relative_to(TOP).as_posix() in HELP:
            continue
        found = KERNEL_NAME.search(token.string)
        assert not found, f"{path.name}:{token.start[0]}: {found and found.group()} belongs in rules/"


def _docstring_lines(text: str) -> set[int]:
    lines: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            lines.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return lines


def test_commands_do_not_import_each_other():
    """What two of them do stands in sources, or in cli beside them."""
    commands = [path for path in SOURCES if path.parent == TOP / "cli" / "commands"]
    assert len(commands) > 5
    for path in commands:
        own = _module(path)
        for name in _imports(path):
            assert name == own or not _within(name, "reviewbot.cli.commands"), f"{own} imports {name}"


# who may give an attribute to an object of another class, and why
SET_FROM_OUTSIDE = {
    "support/workers.py": "an error has no other way to lose what it came from",
    "integrations/b4/settings.py": "shlex has no argument for it",
    "mail/series.py": "b4 and logging are set up through attributes alone",
    "patch/parse.py": "a section, filled line by line by the functions beside its class",
    "report/formats/checkstyle.py": "the text of an XML element is set by its attribute",
    "report/formats/junit.py": "the text of an XML element is set by its attribute",
    "frontend/preprocess/directives.py": "groups of branches, filled row by row by the function that makes them",
}


@pytest.mark.parametrize("path", SOURCES, ids=_module)
def test_objects_are_complete_when_they_are_made(path):
    """No attribute is set but by an object's own methods."""
    found = {
        ast.unparse(node)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load)
        if not (isinstance(node.value, ast.Name) and node.value.id in ("self", "cls"))
    }
    assert bool(found) == (path.relative_to(TOP).as_posix() in SET_FROM_OUTSIDE), f"{_module(path)} sets {found}"
