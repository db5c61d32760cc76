"""Reads _roots.toml, functions whose context only those know who maintain them, and makes rows of rules of them.

A rule says with `context` in a row what such a context forbids; the row then holds for each root that has it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from reviewbot.kernel import schema
from reviewbot.kernel.schema import LIFE, TEXT, Spec, Table
from reviewbot.model.errors import ConfigError
from reviewbot.model.kernel import Version
from reviewbot.support.patterns import pattern

_ROOT: Spec = {**LIFE, **dict.fromkeys(("function", "context", "file", "note", "source"), TEXT)}
_NAME = pattern(r"[A-Za-z_]\w*", re.ASCII)
_TEXTS = ("file", "note", "source")


class Root(Struct, frozen=True):
    """A function that is run in a context which its text does not show.

    `file`: its path or a pattern of paths, "" for any; `note`: why it is so, "" if nothing is said; `source`: where
    the kernel says so.
    """

    function: str
    context: str
    file: str = ""
    note: str = ""
    source: str = ""


def read(files: Sequence[tuple[str, Table]], contexts: Mapping[str, object], version: Version) -> tuple[Root, ...]:
    """The roots of all files at a version; a later file overrides an earlier one by function and file.

    `files`: a path for errors, and what the file holds; `contexts`: those that a rule has a row for. Raises ConfigError
    for whatever a root may not say, and for a function that has two contexts.
    """
    found: dict[tuple[str, str], Root] = {}
    for path, content in files:
        own: dict[tuple[str, str], Root] = {}
        for number, table in enumerate(content.get("root", ()), 1):
            where = f"{path}: root {table.get('function') or number!r}"
            root = _root(table, where, contexts)
            if schema.holds(table, version):
                _refuse_twice(root, own, where, version)
                own[root.function, root.file] = root
        everywhere = {function for function, file in own if not file}
        found = {key: root for key, root in found.items() if key[0] not in everywhere} | own
    return tuple(found.values())


def _root(table: Table, where: str, contexts: Mapping[str, object]) -> Root:
    schema.check_table(table, _ROOT, where, ("function", "context"))
    name = table["function"]
    if not _NAME.fullmatch(name):
        raise ConfigError(f"{where}: function must be one name of a function, without * and (), not {name!r}")
    schema.check_names([table["context"]], contexts, where, "context")
    texts = {key: " ".join(table.get(key, "").split()).removesuffix(".") for key in _TEXTS}
    if "file" in table and (not texts["file"] or texts["file"].startswith(("/", ".")) or texts["file"].endswith("/")):
        raise ConfigError(f'{where}: file must be a path in the tree or a pattern like "drivers/exfoo/*.c"')
    return Root(name, table["context"], **texts)


def _refuse_twice(root: Root, known: Mapping[tuple[str, str], Root], where: str, version: Version) -> None:
    """Refuse one of a function that has another root for the same file, or another context for any file."""
    for other in (one for (function, _), one in known.items() if function == root.function):
        if root.file == other.file or (root.context != other.context and not (root.file and other.file)):
            same = "stands twice" if root.context == other.context else f"has the context {other.context} as well"
            at = f"{version[0]}.{version[1]}"
            raise ConfigError(f"{where}: {same} for {at}; one of them must go, or file, since or until must part them")


def contexts(tables: Sequence[Table]) -> dict[str, None]:
    """The contexts that the rows of some rules are about."""
    rows = (row for table in tables for row in table.get("row", ()) if type(row) is dict)
    return {row["context"]: None for row in rows if type(row.get("context")) is str}


def rows(table: Table, roots: Sequence[Root]) -> Iterator[Table]:
    """A row of a rule as it is; one with a `context` once for each root that has it."""
    if "context" not in table:
        yield table
        return
    for root in roots:
        if root.context == table["context"]:
            told = {key: text for key in _TEXTS if (text := getattr(root, key))}
            yield {**table, "functions": [root.function], **told}
