"""Reads _probes.toml: what is asked of a function by hand, for each scope."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from reviewbot.kernel import schema
from reviewbot.kernel.schema import TEXT, TEXTS, Spec, Table
from reviewbot.model.errors import ConfigError
from reviewbot.model.kernel import Data, Rule

_PROBE: Spec = {**dict.fromkeys(("where", "enter", "leave", "context", "request", "source"), TEXT), "rules": TEXTS}
_REQUIRED = ("where", "rules", "request")


class ProbeKind(Struct, frozen=True):
    """What is asked for one scope.

    `where`: the scope in words; `rules`: the ids of those whose findings are the answers; `enter`, `leave`: statements
    around a call, "" where it stands in a root of `context` instead; `request`: a statement that breaks in the scope.
    """

    name: str
    where: str
    rules: tuple[str, ...]
    request: str
    enter: str = ""
    leave: str = ""
    context: str = ""
    source: str = ""


def probe_kinds(files: Sequence[tuple[str, Table]]) -> dict[str, ProbeKind]:
    """The kinds of all files by name; a later file overrides an earlier one.

    `files`: a path for errors, and what the file holds. Raises ConfigError for whatever a kind may not say.
    """
    found: dict[str, ProbeKind] = {}
    for path, content in files:
        for name, table in content.get("probe", {}).items():
            where = f"{path}: probe.{name}"
            schema.check_table(table, _PROBE, where, _REQUIRED)
            kind = ProbeKind(name, **{**table, "rules": tuple(table["rules"])})
            if bool(kind.enter and kind.leave) == bool(kind.context) or bool(kind.enter) != bool(kind.leave):
                raise ConfigError(f"{where}: it needs either enter and leave, or context")
            for key in ("enter", "leave", "request"):
                if "\n" in getattr(kind, key):
                    raise ConfigError(f"{where}: {key} must be one line")
            found[name] = kind
    return found


def asked_rules(kind: ProbeKind, rules: Sequence[Rule], function: str) -> list[Rule]:
    """The rules of a kind, with a function as one more root of its context, if it has one.

    Raises ConfigError for a rule that does not hold or is switched off, and where no rule knows the context.
    """
    known = {rule.id: rule for rule in rules}
    for name in kind.rules:
        if name not in known:
            raise ConfigError(f"--scope {kind.name} needs the rule {name}, which is off, or not in this version")
    wanted = [known[name] for name in kind.rules]
    if not kind.context:
        return wanted
    rows = {rule.id: list(_rows(rule, kind.context, function)) for rule in wanted}
    if not any(rows.values()):
        raise ConfigError(f"--scope {kind.name}: _roots.toml has no root with the context {kind.context!r}")
    return [replace(rule, rows=(*rule.rows, *rows[rule.id])) for rule in wanted]


def _rows(rule: Rule, context: str, function: str) -> Iterator[dict[str, Data]]:
    """What the rule says of a root of a context, once and for this function."""
    found = next((row for row in rule.rows if row.get("context") == context), None)
    if found is not None:
        said = {key: value for key, value in found.items() if key not in ("file", "note", "source")}
        yield {**said, "functions": (function,)}
