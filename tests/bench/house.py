"""Measures how the package `reviewbot` is laid out, one column for each checkout, so that before and after stand
side by side.

    house.py [CHECKOUT ...] [--list]

Everything is read from the sources; nothing of the package is imported. Without a checkout it is the one that this
file is in. A function's length is that from `def` to its last line, without decorators; those inside others count
too. Its complexity is McCabe's as ruff defines it (C901): `ruff check` beside this Python or on PATH counts, or the
row says that there is none. Duplicates are runs of six lines or more that stand twice to the letter. An import
counts wherever it stands, but not below `if TYPE_CHECKING`; a circle of packages is one between what stands right
below the top, a folder for all of its modules. --list names what the figures count, for each checkout.
"""

from __future__ import annotations

import argparse
import ast
import re
import shutil
import statistics
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

PACKAGE = "reviewbot"
MODULES = 10  # of a folder, at most
LINES = (150, 400)  # of a file
COMPLEX = 15
RUN = 6  # lines that stand twice
PHRASE = re.compile(r"\bin[,;].*\bout\b", re.DOTALL)  # "X in, Y out", in the first paragraph
# names that modules of one folder have in common by design: the folder as it ends, and why
INTERFACES: Mapping[str, tuple[str, str]] = {
    "render": ("report", "each format is a module that report/registry.py imports by its name and renders with"),
    "add": ("arguments", "each command adds its own options to the command line"),
    "run": ("commands", "each command is run by the command line"),
}
Function = ast.FunctionDef | ast.AsyncFunctionDef
Lists = dict[str, list[str]]


class Module(NamedTuple):
    """A source file; `name` is dotted, `package` the dotted folder."""

    path: Path
    name: str
    package: str
    lines: int
    tree: ast.Module

    def place(self, line: int = 0) -> str:
        return f"{self.path}:{line}" if line else str(self.path)


class House:
    """The package of one checkout. Its figures by name, and what each counts, are in `figures` and `lists`."""

    def __init__(self, checkout: Path) -> None:
        self.top = checkout / PACKAGE
        if not (self.top / "__init__.py").is_file():
            raise FileNotFoundError(f"{checkout}: there is no package {PACKAGE}")
        self.modules = [self._module(path) for path in sorted(self.top.rglob("*.py"))]
        self.figures: dict[str, str] = {}
        self.lists: Lists = {}

    def _module(self, path: Path) -> Module:
        within = path.relative_to(self.top)
        parts = [PACKAGE, *within.with_suffix("").parts]
        own = parts[:-1] if parts[-1] == "__init__" else parts
        text = path.read_text(encoding="utf-8")
        return Module(within, ".".join(own), ".".join(parts[:-1]), len(text.splitlines()), ast.parse(text))

    @cached_property
    def functions(self) -> list[tuple[Module, Function]]:
        return [(one, node) for one in self.modules for node in ast.walk(one.tree) if isinstance(node, Function)]

    def counted(self, name: str, found: Iterable[str]) -> None:
        """A figure that is the length of a list."""
        self.lists[name] = list(found)
        self.figures[name] = str(len(self.lists[name]))


def folders(house: House) -> None:
    sizes = Counter(module.package for module in house.modules if module.path.name != "__init__.py")
    house.figures["modules"] = str(sum(sizes.values()))
    house.counted("packages", sorted({module.package for module in house.modules}))
    house.figures["modules at the top"] = str(sizes[PACKAGE])
    name, most = sizes.most_common(1)[0]
    house.figures["modules of the largest folder"] = f"{most} ({name})"
    crowded = [f"{name}: {count}" for name, count in sizes.most_common() if count > MODULES]
    house.counted(f"folders of over {MODULES} modules", crowded)


def files(house: House) -> None:
    for most in LINES:
        long = sorted((one for one in house.modules if one.lines > most), key=lambda one: -one.lines)
        house.counted(f"files over {most} lines", (f"{one.place()}: {one.lines}" for one in long))
    house.figures["lines of code"] = str(sum(one.lines for one in house.modules))


def functions(house: House) -> None:
    found = [((node.end_lineno or node.lineno) - node.lineno + 1, one, node) for one, node in house.functions]
    lengths = sorted(length for length, _, _ in found)
    cuts = statistics.quantiles(lengths, n=100, method="inclusive") if len(lengths) > 1 else [*lengths * 99]
    named = {"median": cuts[49], "p90": cuts[89], "p99": cuts[98], "max": lengths[-1]} if lengths else {}
    house.figures["functions"] = str(len(found))
    house.figures[f"lines of a function: {', '.join(named)}"] = ", ".join(f"{value:.0f}" for value in named.values())
    longest = sorted(found, key=lambda one: -one[0])[:10]
    house.lists["longest functions"] = [f"{one.place(node.lineno)} {node.name}: {size}" for size, one, node in longest]


def complexity(house: House) -> None:
    beside = Path(sys.executable).with_name("ruff")
    ruff = str(beside) if beside.exists() else shutil.which("ruff")
    if ruff is None:
        house.figures["complexity (C901)"] = "no ruff"
        return
    command = [
        ruff,
        "check",
        "--isolated",
        "--no-cache",
        "--ignore-noqa",
        "--select",
        "C901",
        "--output-format",
        "concise",
    ]
    command += ["--config", "lint.mccabe.max-complexity=0", "."]
    done = subprocess.run(command, cwd=house.top, capture_output=True, text=True)
    said = re.findall(r"^(\S+?:\d+):\d+: C901 `(\S+)` is too complex \((\d+) > 0\)", done.stdout, re.MULTILINE)
    found = sorted(((int(value), f"{place} {name}: {value}") for place, name, value in said), reverse=True)
    if not found:
        raise RuntimeError(f"ruff: {done.stderr or done.stdout}")
    house.figures["complexity (C901), max"] = str(found[0][0])
    house.counted(f"functions of complexity over {COMPLEX}", (row for value, row in found if value > COMPLEX))


def public(tree: ast.Module) -> Iterator[tuple[str, ast.stmt]]:
    """The classes, functions and type aliases that a module defines for others."""
    for node in tree.body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            name = node.name
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and _alias(node):
            name = node.targets[0].id
        elif isinstance(node, ast.AnnAssign) and "TypeAlias" in ast.unparse(node.annotation):
            name = ast.unparse(node.target)
        else:
            continue
        if not name.startswith("_"):
            yield name, node


def _alias(node: ast.Assign) -> bool:
    """Whether it names a type: a name in mixed case, of what is subscripted, joined by |, or another such name."""
    assert isinstance(node.targets[0], ast.Name)
    name, value = node.targets[0].id, node.value
    typed = isinstance(value, (ast.Subscript, ast.Name)) or (
        isinstance(value, ast.BinOp) and isinstance(value.op, ast.BitOr)
    )
    return typed and name[:1].isupper() and not name.isupper()


def docstrings(house: House) -> None:
    bare: dict[str, list[str]] = {"modules": [], "classes": [], "functions": [], "methods": []}
    for module in house.modules:
        if ast.get_docstring(module.tree) is None:
            bare["modules"].append(module.place())
        for name, node in public(module.tree):
            if isinstance(node, ast.ClassDef):
                inside = [one for one in node.body if isinstance(one, Function) and not one.name.startswith("_")]
                bare["methods"] += [f"{module.place(m.lineno)} {name}.{m.name}" for m in inside if _undocumented(m)]
            if isinstance(node, (ast.ClassDef, *Function.__args__)) and _undocumented(node):
                kind = "classes" if isinstance(node, ast.ClassDef) else "functions"
                bare[kind].append(f"{module.place(node.lineno)} {name}")
    for kind, found in bare.items():
        house.counted(f"public {kind} without docstring", found)
    phrased = [module for module in house.modules if PHRASE.search(_first(ast.get_docstring(module.tree) or ""))]
    house.counted('modules that say "... in, ... out"', (module.place() for module in phrased))


def _undocumented(node: ast.ClassDef | Function) -> bool:
    return ast.get_docstring(node) is None


def _first(docstring: str) -> str:
    """The first paragraph."""
    return docstring.partition("\n\n")[0]


def names(house: House) -> None:
    places: dict[str, list[Module]] = defaultdict(list)
    for module in house.modules:
        for name in dict.fromkeys(name for name, _ in public(module.tree)):
            places[name].append(module)
    twice = {name: found for name, found in sorted(places.items()) if len(found) > 1}
    shared = {name: [one for one in found if _interface(name, one)] for name, found in twice.items()}
    interfaces, several = [], []
    for name, found in twice.items():
        others = [one for one in found if one not in shared[name]]
        if len(shared[name]) > 1:
            interfaces.append(f"{name}: {len(shared[name])} modules; {INTERFACES[name][1]}")
        if len(others) + bool(shared[name]) > 1:
            several.append(f"{name}: {', '.join(one.place() for one in (others if shared[name] else found))}")
    house.counted("names that mean two things", several)
    house.counted("interfaces", interfaces)


def _interface(name: str, module: Module) -> bool:
    return name in INTERFACES and INTERFACES[name][0] in module.package.split(".")


def duplicates(house: House) -> None:
    """Runs of lines that stand twice, to the letter; blank lines, comments and imports do not count."""
    places: dict[tuple[str, ...], list[tuple[Module, int]]] = defaultdict(list)
    for module in house.modules:
        nodes = (node for node in ast.walk(module.tree) if isinstance(node, (ast.Import, ast.ImportFrom)))
        passed = {at for node in nodes for at in range(node.lineno, (node.end_lineno or node.lineno) + 1)}
        text = (house.top / module.path).read_text(encoding="utf-8")
        rows = [(at, row.strip()) for at, row in enumerate(text.split("\n"), 1) if at not in passed]
        rows = [(at, row) for at, row in rows if row and not row.startswith("#")]
        for first in range(len(rows) - RUN + 1):
            window = tuple(row for _, row in rows[first : first + RUN])
            if sum(map(len, window)) > RUN * 10:  # brackets alone are no copy
                places[window].append((module, rows[first][0]))
    twice = [found for found in places.values() if len(found) > 1]
    begins = {found[0] for found in twice}
    house.counted(
        f"duplicates of {RUN} lines",
        (
            " ~ ".join(module.place(at) for module, at in found)
            for found in twice
            if (found[0][0], found[0][1] - 1) not in begins  # a longer run is one
        ),
    )


def imports(node: ast.AST, known: Iterable[str], package: str) -> Iterator[str]:
    """The modules of ours that are imported below a node when the program runs."""
    if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
        for one in node.orelse:
            yield from imports(one, known, package)
        return
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names if alias.name in known)
    elif isinstance(node, ast.ImportFrom):
        above = package.split(".")[: len(package.split(".")) + 1 - node.level] if node.level else []
        module = ".".join([*above, *([node.module] if node.module else [])])
        for alias in node.names:
            found = f"{module}.{alias.name}"
            yield from (one for one in (found if found in known else module,) if one in known)
    for child in ast.iter_child_nodes(node):
        yield from imports(child, known, package)


def circles(graph: Mapping[str, set[str]]) -> list[list[str]]:
    """The strongly connected parts of more than one node."""
    reach = {start: _reached(graph, start) for start in graph}
    found = {tuple(sorted(other for other in reach[one] if one in reach[other])) for one in graph}
    return [[*part] for part in sorted(found) if len(part) > 1]


def _reached(graph: Mapping[str, set[str]], start: str) -> set[str]:
    seen, waiting = set[str](), [start]
    while waiting:
        for other in graph.get(waiting.pop(), ()):
            if other not in seen:
                seen.add(other)
                waiting.append(other)
    return seen


def below(name: str) -> str:
    """The folder or the module right below the top that a module is in."""
    return ".".join(name.split(".")[:2])


def circular(house: House) -> None:
    known = {module.name: module.package for module in house.modules}
    graph = {one.name: {*imports(one.tree, known, one.package)} - {one.name} for one in house.modules}
    house.counted("circles of modules", (" <-> ".join(part) for part in circles(graph)))
    # the top itself holds the version, and hands out public names when asked
    folded: dict[str, set[str]] = {below(name): set() for name in graph if name != PACKAGE}
    for name, found in graph.items():
        if name != PACKAGE:
            folded[below(name)] |= {below(other) for other in found - {PACKAGE}} - {below(name)}
    house.counted("circles of packages", (" <-> ".join(part) for part in circles(folded)))


FIGURES: Sequence[Callable[[House], None]] = (
    folders,
    files,
    functions,
    complexity,
    docstrings,
    names,
    duplicates,
    circular,
)


def report(houses: Sequence[tuple[str, House]], listed: bool) -> None:
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
    table = Table("", *(name for name, _ in houses))
    for figure in dict.fromkeys(figure for _, house in houses for figure in house.figures):
        table.add_row(figure, *(house.figures.get(figure, "") for _, house in houses))
    console.print(table)
    for name, house in houses if listed else ():
        for title, rows in house.lists.items():
            if rows:
                console.print("\n".join(["", f"{name}: {title}", *(f"    {row}" for row in rows)]), markup=False)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkouts", type=Path, nargs="*", metavar="CHECKOUT", default=[Path(__file__).parents[2]])
    parser.add_argument("--list", action="store_true", help="name what is counted")
    given = parser.parse_args()
    houses = []
    for checkout in given.checkouts:
        try:
            house = House(checkout.resolve())
        except (FileNotFoundError, SyntaxError) as error:
            parser.error(str(error))
        for figure in FIGURES:
            figure(house)
        houses.append((str(checkout), house))
    report(houses, given.list)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
