"""Loads the rules and the tables of facts for one kernel version.

Input: folders of *.toml, such as rules/. A file whose name starts with "_" is a table of facts (tables.py reads it);
every other one is a rule and named for its id. A later folder adds to an earlier one, or overrides it name by name.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from string import Template
from typing import Any

from reviewbot.filesystem import cache, files
from reviewbot.kernel import roots, schema, serialized
from reviewbot.kernel.probes import ProbeKind, probe_kinds
from reviewbot.kernel.projects import Project, Projects
from reviewbot.kernel.releases import Releases
from reviewbot.kernel.roots import Root
from reviewbot.kernel.schema import DATA, LIFE, TABLES, TEXT, TEXT_OR_TEXTS, TEXTS, Spec
from reviewbot.model.errors import ConfigError
from reviewbot.model.kernel import Data, Kernel, Rule, Version
from reviewbot.model.review import CONFIDENCES, SEVERITIES
from reviewbot.support.escape import visible
from reviewbot.support.patterns import pattern

_File = tuple[Path, Mapping[str, Any]]  # with what it holds
_LARGEST = 10_000_000  # bytes of a file of rules
_KERNEL = pattern(r"v?([0-9]{1,4})\.([0-9]{1,4})(\.[0-9]+)*([-+][\w.+~-]*)?", re.ASCII)
_DAY = pattern(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_RULE_ID = pattern(r"[a-z]+(-[a-z]+)*")
_FLAG = pattern(r"[A-Z0-9_]++")
_CHECK = pattern(r"[a-z_]+(?:\.[a-z_]+)*:[a-z_]+")
_TEXTS = ("summary", "question", "why", "fix")
_FILLED = (*_TEXTS, "ask")
_REQUIRED = ("severity", "confidence", "depth", "check", *_TEXTS)
_RULE: Spec = {
    **LIFE,
    **dict.fromkeys(("check", *_FILLED), TEXT),
    **dict.fromkeys(("bad", "good"), TEXT_OR_TEXTS),
    "severity": SEVERITIES,
    "confidence": CONFIDENCES,
    "depth": ("diff", "file", "tree"),
    "see": TEXTS,
    "yields_to": TEXTS,
    "row": TABLES,
}

_PLAIN = ("_releases.toml", "_projects.toml", "_probes.toml")  # what a run needs of them is kept as it is
_PROJECT: Spec = dict.fromkeys(("tags", "titles", "paths"), TEXTS)


def parse_version(text: str) -> Version:
    """The (major, minor) of "6.12", "v6.12-rc3" or "6.12.117-amd64"; a release candidate counts as its release.

    Raises ConfigError for anything else.
    """
    found = _KERNEL.fullmatch(text.strip())
    if not found:
        raise ConfigError(f"invalid kernel version {text!r} (expected e.g. 6.12, 6.12.117 or v6.12-rc3)")
    return int(found[1]), int(found[2])


def load(folders: Sequence[Path], version: Version) -> tuple[Kernel, tuple[Rule, ...]]:
    """The facts at this version, and the rules that hold at it, by id.

    Raises ConfigError, naming file and key, for a folder or file that cannot be read or breaks its schema. Files that
    were read before, by this run or an earlier one, are not read again.
    """
    name = f"kernel-{version[0]}.{version[1]}"
    key = cache.key(name.encode(), *(os.fsencode(folder) for folder in folders), *_content(folders))
    found = cache.cached(name, key)
    if found is not None:
        with contextlib.suppress(TypeError, ValueError, LookupError):
            return serialized.from_plain(found)
    kernel, rules = _load(folders, version)
    cache.keep(name, key, *serialized.to_plain(kernel, rules))
    return kernel, rules


def load_each(folders: Sequence[Path], versions: Iterable[Version]) -> Iterator[tuple[Kernel, tuple[Rule, ...]]]:
    """The same for each of many versions. The files are read once, and nothing is put into the cache: it is small."""
    files = _read(folders)
    return (_resolved(files, version) for version in versions)


def _load(folders: Sequence[Path], version: Version) -> tuple[Kernel, tuple[Rule, ...]]:
    return _resolved(_read(folders), version)


def _read(folders: Sequence[Path]) -> list[_File]:
    return [(path, _parse(path)) for folder in folders for path in _toml_files(folder)]


def _resolved(files: Sequence[_File], version: Version) -> tuple[Kernel, tuple[Rule, ...]]:
    from reviewbot.kernel import tables  # most runs find all in the cache

    facts = [(str(path), table) for path, table in files if path.name in tables.TOP]
    kernel = tables.kernel(facts, version)
    own = [(path, table) for path, table in files if path.name not in tables.TOP]
    known = roots.read(facts, roots.contexts([table for _, table in own]), version)
    for path, table in own:
        _check_flags(path, table, kernel)
    rules = {path.stem: _rule(path, table, version, known) for path, table in own}
    for path, table in files:
        schema.check_names(table.get("yields_to", ()), rules, f"{path}: yields_to", "rule")
    return kernel, tuple(rules[name] for name in sorted(rules) if _holds(rules[name], version))


def releases(folders: Sequence[Path]) -> Releases:
    """Read on which day each kernel version came out (_releases.toml).

    Raises ConfigError for a folder or file that cannot be read or breaks its schema.
    """
    days: dict[Version, str] = {}
    longterm: set[Version] = set()
    for path in (folder / "_releases.toml" for folder in folders):
        if not path.exists():
            continue
        table = _parse(path)
        longterm.update(map(parse_version, table.get("longterm", ())))
        for name, out in table.get("release", {}).items():
            if not isinstance(out, str) or not _DAY.fullmatch(out):
                raise ConfigError(f'{path}: {name} = {out!r}: allowed is a day like "2024-11-17"')
            days[parse_version(name)] = out
    return Releases(days, frozenset(longterm))


def projects(folders: Sequence[Path]) -> Projects:
    """Read the programs of user space whose patches go to the kernel's lists (_projects.toml).

    Raises ConfigError for a folder or file that cannot be read or breaks its schema.
    """
    kernel: list[str] = []
    found: dict[str, Project] = {}
    for path in (folder / "_projects.toml" for folder in folders):
        table = _parse(path) if path.exists() else {}
        kernel += table.get("kernel", ())
        for name, fields in table.get("project", {}).items():
            schema.check_table(fields, _PROJECT, f"{path}: project.{name}")
            titles, paths = (tuple(fields.get(key, ())) for key in ("titles", "paths"))
            found[name] = Project(name, tuple(fields.get("tags", (name,))), titles, paths)
    return Projects(tuple(kernel), tuple(found.values()))


def probes(folders: Sequence[Path]) -> dict[str, ProbeKind]:
    """Read what can be asked of a function by hand (_probes.toml), by the name of the scope.

    Raises ConfigError for a folder or file that cannot be read or breaks its schema.
    """
    paths = (folder / "_probes.toml" for folder in folders)
    return probe_kinds([(str(path), _parse(path)) for path in paths if path.exists()])


def digest(folders: Sequence[Path]) -> str:
    """12 hex digits over the names and bytes of the folders' files, to tell which rules a report was made with.

    Raises ConfigError for a folder or file that cannot be read.
    """
    total = hashlib.sha256()
    for part in _content(folders):
        total.update(part)
    return total.hexdigest()[:12]


def _content(folders: Sequence[Path]) -> Iterator[bytes]:
    """The name and size, and the bytes, of each file."""
    for folder in folders:
        for path in _toml_files(folder):
            content = _bytes(path)
            yield f"{path.name}\0{len(content)}\0".encode(errors="surrogateescape")
            yield content


def _toml_files(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.suffix == ".toml")
    except OSError as error:
        raise ConfigError(f"rules folder {folder}: {error.strerror}") from None


def _bytes(path: Path) -> bytes:
    try:
        return files.read_file(path, _LARGEST)
    except OSError as error:
        raise ConfigError(f"{path}: {files.reason_of(error)}") from None


def _parse(path: Path) -> dict[str, Any]:
    """A file as a table, its top level checked."""
    text = _bytes(path)
    name, key = path.stem, cache.key(path.name.encode(), text)
    if path.name in _PLAIN and type(found := cache.cached(name, key)) is dict:
        return found
    table = _parsed(path, text)
    if path.name in _PLAIN:
        cache.keep(name, key, table)
    return table


def _parsed(path: Path, text: bytes) -> dict[str, Any]:
    import tomli

    from reviewbot.kernel import tables

    try:
        table = tomli.loads(text.decode())
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: invalid UTF-8 at byte {error.start}") from None
    except (tomli.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"{path}: invalid TOML: {error}") from None
    if path.name in tables.TOP:
        schema.check_table(table, tables.TOP[path.name], str(path))
    elif not _RULE_ID.fullmatch(path.stem):
        allowed = f"a rule named like scope-leak.toml, or {', '.join(tables.TOP)}"
        raise ConfigError(f"{path}: not a name for a file of rules; allowed: {allowed}")
    return table


def _rule(path: Path, table: Mapping[str, Any], version: Version, known: Sequence[Root]) -> Rule:
    schema.check_table(table, _RULE, str(path), _REQUIRED, place=partial(_line_of, path))
    for key in _FILLED:
        if not Template(table.get(key, "")).is_valid():
            raise ConfigError(f"{_line_of(path, key)}: {key}: stray $ (write $name, ${{name}} or $$)")
    if not _CHECK.fullmatch(table["check"]):
        raise ConfigError(f"{path}: check must be module:function, not {table['check']!r}")
    since, until = schema.life(table)
    rows = (
        _row(f"{path}: row {number}", row, version)
        for number, listed in enumerate(table.get("row", ()), 1)
        for row in roots.rows(listed, known)
    )
    return Rule(
        id=path.stem,
        **{key: table[key] for key in _REQUIRED},
        see=tuple(table.get("see", ())),
        since=since,
        until=until,
        rows=tuple(row for row in rows if row is not None),
        yields_to=tuple(table.get("yields_to", ())),
        ask=table.get("ask", ""),
        bad=_listed(table.get("bad", ())),
        good=_listed(table.get("good", ())),
        path=visible(str(path)),
    )


def _check_flags(path: Path, table: Mapping[str, Any], kernel: Kernel) -> None:
    """Raise ConfigError for a flag in a row that no kernel version has had, and that nobody is known to write."""
    names = {**kernel.flags, **kernel.spans}
    stems = tuple(stem for key in ("flag_prefixes", "scope_flag_prefixes") for stem in kernel.words.get(key, ()))
    for row in table.get("row", ()) if names else ():
        for value in row.values() if type(row) is dict else ():
            for word in value if type(value) is list else (value,):
                if type(word) is str and word.startswith(stems) and _FLAG.fullmatch(word):
                    schema.check_names([word], names, _line_with(path, word), "flag")


def _line_with(path: Path, word: str) -> str:
    """The file and the number of the first line that has a word in quotes."""
    lines = enumerate(_bytes(path).decode().split("\n"), 1)
    return next((f"{path}:{number}" for number, line in lines if f'"{word}"' in line), str(path))


def place_of(rule: Rule, key: str, word: str = "") -> str:
    """The file of a rule and the number of the line on which a key begins, or the first from there with `word` in it.

    For errors alone: the file is read once more. Just the file, or the rule's name, where that cannot be done.
    """
    if not rule.path:
        return f"{rule.id}.toml"
    try:
        place = _line_of(Path(rule.path), key)
        lines = _bytes(Path(rule.path)).decode().split("\n")
    except (ConfigError, UnicodeDecodeError):
        return rule.path
    first = int(place.rpartition(":")[2]) if place != rule.path else 1
    at = next((number for number, line in enumerate(lines[first - 1 :], first) if word in line), first)
    return f"{rule.path}:{at}"


def _line_of(path: Path, key: str) -> str:
    """The file and the number of the line on which a key of its top level stands; TOML does not keep it."""
    begins = re.compile(rf"""\s*["']?{re.escape(key)}["']?\s*[=.]|\s*\[+\s*{re.escape(key)}\b""")
    lines = _bytes(path).decode().split("\n")
    return next((f"{path}:{number}" for number, line in enumerate(lines, 1) if begins.match(line)), str(path))


def _listed(value: str | Sequence[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _holds(rule: Rule, version: Version) -> bool:
    return (rule.since is None or version >= rule.since) and (rule.until is None or version < rule.until)


def _row(where: str, table: Mapping[str, Any], version: Version) -> dict[str, Data] | None:
    """A row as a check sees it; None where its life does not hold at this version."""
    schema.check_table(table, {**dict.fromkeys(table, DATA), **LIFE}, where)
    if not schema.holds(table, version):
        return None
    return {key: tuple(value) if isinstance(value, list) else value for key, value in table.items() if key not in LIFE}
